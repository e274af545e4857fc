// Package listen is a local receiver for experiments: it verifies requests, shows them, and answers according to a
// script.
package listen

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/signature"
)

// MaxBody is the largest body that is read, in bytes.
const MaxBody = 8 << 20

// Receiver answers HTTP requests according to a script and shows each of them.
type Receiver struct {
	Secrets []string // under which signatures are verified
	Script  Script
	Show    func(*Request) // is called with each request, one at a time, before the reply

	mu      sync.Mutex
	n       int // of requests
	replied int // of the script's replies
}

// errTooLarge is the result of verifying a body that was not read to its end.
var errTooLarge = fmt.Errorf("not verified: the body has more than %d MiB", MaxBody>>20)

// Request is a request that arrived.
type Request struct {
	Number     int         `json:"number"` // from 1
	At         time.Time   `json:"at"`
	Method     string      `json:"method"`
	Path       string      `json:"path"`
	Header     http.Header `json:"headers"`
	Signatures Signatures  `json:"signatures"` // of the schemes whose headers the request has
	Reply      Reply       `json:"reply"`
	Body       []byte      `json:"body"` // nil if it was too large
}

// Signature is the result of verifying one scheme.
type Signature struct {
	Scheme signature.Scheme
	Err    error // nil if it is good
}

// Signatures are the results of verifying several schemes.
type Signatures []Signature

// MarshalJSON writes an object with each scheme and "good", or what is wrong with its signature.
func (list Signatures) MarshalJSON() ([]byte, error) {
	o := jsonbytes.Object("{}")
	for _, s := range list {
		o.Text(string(s.Scheme), s.String())
	}
	return o, nil
}

func (s Signature) String() string {
	if s.Err != nil {
		return s.Err.Error()
	}
	return "good"
}

// Verified reports whether there are signatures and all of them are good.
func (r *Request) Verified() bool {
	for _, s := range r.Signatures {
		if s.Err != nil {
			return false
		}
	}
	return len(r.Signatures) > 0
}

// Serve answers requests that arrive at ln until ctx ends, and closes ln.
func (r *Receiver) Serve(ctx context.Context, ln net.Listener) error {
	server := &http.Server{
		Handler:           r,
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
		BaseContext:       func(net.Listener) context.Context { return ctx },
	}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	err := server.Serve(ln)
	if ctx.Err() != nil && errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, MaxBody))
	_, isTooLarge := errors.AsType[*http.MaxBytesError](err)
	if err != nil && !isTooLarge {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply := r.receive(req, body, isTooLarge)
	if reply.Delay > 0 {
		select {
		case <-time.After(reply.Delay):
		case <-req.Context().Done():
			reply.Reset = true // a plain return would answer 200
		}
	}
	if reply.Reset {
		reset(w)
		return
	}
	if reply.RetryAfter != "" {
		w.Header().Set("Retry-After", reply.RetryAfter)
	}
	if reply.Status < 200 || reply.Status > 299 || reply.Status == http.StatusNoContent {
		w.WriteHeader(reply.Status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(reply.Status)
	_, _ = io.WriteString(w, taken) // the client may be gone
}

// taken is an answer that means success to the senders of Slack's and Telegram's messages. Other senders ignore it.
const taken = `{"ok":true}`

// receive counts, verifies and shows the request, and returns its reply. A request that is too large gets 413 instead of the script's
// next reply.
func (r *Receiver) receive(req *http.Request, body []byte, isTooLarge bool) Reply {
	now := time.Now()
	got := &Request{At: now, Method: req.Method, Path: req.URL.RequestURI(), Header: req.Header, Body: body}
	for _, scheme := range signature.Schemes {
		err := signature.Verify(req.Header, body, scheme, now, r.Secrets...)
		if isTooLarge && err != nil && !errors.Is(err, signature.ErrUnsigned) {
			err = errTooLarge
		}
		if !errors.Is(err, signature.ErrUnsigned) {
			got.Signatures = append(got.Signatures, Signature{scheme, err})
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	got.Number = r.n
	if isTooLarge {
		got.Reply, got.Body = Reply{Status: http.StatusRequestEntityTooLarge}, nil
	} else {
		got.Reply = r.Script.reply(r.replied)
		r.replied++
	}
	if r.Show != nil {
		r.Show(got)
	}
	return got.Reply
}

// reset breaks the connection without a response.
func reset(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2: the stream is reset
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	conn.Close()
}
