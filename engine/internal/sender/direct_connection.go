package sender

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	smallRequest = 16 << 10              // bytes that a connection takes at once
	writeWait    = 50 * time.Millisecond // how long the end of an answer waits for the end of its request
)

// connection is a connection of a [direct], for one attempt at a time.
type connection struct {
	net.Conn
	place     place
	release   func(keep bool)
	from      *bufio.Reader // reads limited
	limited   limited
	out       []byte      // memory for a request
	names     []string    // memory for the names of its headers
	wrote     chan error  // gets the result of a write that goes on beside the read; nil if there is none
	interrupt func()      // breaks off reads and writes
	stop      func() bool // keeps the end of the attempt from calling interrupt
	since     time.Time   // when it became idle

	raw   syscall.RawConn
	looks func(fd uintptr) bool // sets seen
	seen  error
}

func newConnection(conn net.Conn, where place) *connection {
	c := &connection{Conn: conn, place: where, limited: limited{from: conn}}
	c.from = bufio.NewReader(&c.limited)
	c.interrupt = func() { _ = conn.SetDeadline(time.Unix(1, 0)) }
	c.raw, _ = conn.(syscall.Conn).SyscallConn()
	c.looks = func(fd uintptr) bool {
		c.seen = look(fd)
		return true
	}
	return c
}

// limited reads up to a number of bytes.
type limited struct {
	from io.Reader
	left int
}

func (l *limited) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, fmt.Errorf("server response headers exceeded %d bytes; aborted", maxHeader)
	}
	n, err := l.from.Read(p[:min(len(p), l.left)])
	l.left -= n
	return n, err
}

// look returns nil if the receiver has sent something, and EAGAIN if it has neither done so nor closed the connection.
func (c *connection) look() error { return cmp.Or(c.raw.Read(c.looks), c.seen) }

// exchange sends the request and reads the header of the answer.
func (c *connection) exchange(req *http.Request, trace *httptrace.ClientTrace) (*http.Response, error) {
	if err := c.fill(req); err != nil {
		return nil, err
	}
	out := c.out
	if c.wrote = nil; len(out) <= smallRequest {
		if err := c.send(out, trace); err != nil {
			return nil, err
		}
	} else { // the receiver may answer before it has read all
		c.out = nil
		wrote := make(chan error, 1)
		c.wrote = wrote
		go func() { wrote <- c.send(out, trace) }()
	}
	res, err := c.answer(req)
	if err != nil {
		return nil, err
	}
	switch {
	case res.StatusCode < http.StatusOK: // the connection no longer speaks HTTP
		c.end(false)
		res.Body = http.NoBody
	case res.Body == http.NoBody:
		c.end(!res.Close)
	default:
		res.Body = &answerBody{res.Body, c, !res.Close}
	}
	return res, nil
}

func (c *connection) send(out []byte, trace *httptrace.ClientTrace) error {
	_, err := c.Write(out)
	if err == nil {
		trace.WroteRequest(httptrace.WroteRequestInfo{})
	}
	return err
}

// answer reads the header of the answer and skips the 1xx ones before it.
func (c *connection) answer(req *http.Request) (*http.Response, error) {
	c.limited.left = maxHeader
	for {
		res, err := http.ReadResponse(c.from, req)
		switch {
		case err != nil && c.limited.left == 0:
			_, err = c.limited.Read(nil)
			return nil, err
		case err != nil:
			return nil, err
		case res.StatusCode < http.StatusContinue || res.StatusCode >= http.StatusOK || res.StatusCode == http.StatusSwitchingProtocols:
			c.limited.left = math.MaxInt
			return res, nil
		}
	}
}

// end ends an attempt's use of the connection. whole says that the answer was read to its end and others may follow.
func (c *connection) end(whole bool) {
	stopped := c.stop()
	c.release(stopped && whole && c.isWritten() && c.from.Buffered() == 0)
}

// isWritten reports whether the whole request was written. It waits for that a little.
func (c *connection) isWritten() bool {
	if c.wrote == nil {
		return true
	}
	select {
	case err := <-c.wrote:
		return err == nil
	case <-time.After(writeWait):
		return false
	}
}

// answerBody is the body of an answer. It ends the use of its connection.
type answerBody struct {
	io.ReadCloser
	on   *connection // nil once it was read or closed
	keep bool
}

func (b *answerBody) Read(p []byte) (int, error) {
	if b.on == nil {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.on.end(b.keep && err == io.EOF)
		b.on = nil
	}
	return n, err
}

func (b *answerBody) Close() error {
	if b.on != nil {
		b.on.end(false)
		b.on = nil
	}
	return nil
}

// fill puts the request into out, in the form that net/http gives it.
func (c *connection) fill(req *http.Request) error {
	uri := c.place.uri
	if req.URL != c.place.url {
		uri = req.URL.RequestURI()
	}
	out := append(append(append(c.out[:0], req.Method...), ' '), uri...)
	out = append(append(append(out, " HTTP/1.1\r\nHost: "...), req.Host...), "\r\n"...)
	if agent := req.Header.Get("User-Agent"); agent != "" {
		out = appendHeader(out, "User-Agent", agent)
	}
	if n := req.ContentLength; n > 0 || slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch}, req.Method) {
		out = append(strconv.AppendInt(append(out, "Content-Length: "...), n, 10), "\r\n"...)
	}
	c.names = c.names[:0]
	for name, values := range req.Header {
		if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
			return fmt.Errorf("invalid header field name %q", name)
		}
		for _, value := range values {
			if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
				return fmt.Errorf("invalid header field value for %q", name)
			}
		}
		if name != "User-Agent" {
			c.names = append(c.names, name)
		}
	}
	slices.Sort(c.names)
	for _, name := range c.names {
		for _, value := range req.Header[name] {
			out = appendHeader(out, name, value)
		}
	}
	out = append(out, "\r\n"...)
	n := len(out)
	c.out = slices.Grow(out, int(req.ContentLength))[:n+int(req.ContentLength)]
	_, err := io.ReadFull(req.Body, c.out[n:])
	return err
}

func appendHeader(out []byte, name, value string) []byte {
	return append(append(append(append(out, name...), ": "...), textproto.TrimString(value)...), "\r\n"...)
}
