package sender

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// direct exchanges requests and answers with a receiver that is reached without TLS and without a proxy, over HTTP/1.1. An attempt's own
// goroutine does all of it. net/http has two more for each connection and hands requests and answers over to them, which takes a fifth of a
// delivery's processor time. What the receiver gets, and what becomes of its answer, is as with net/http.
type direct struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	address string
	place   place
	idleFor time.Duration
	room    chan struct{} // has a value for each connection in use

	mu    sync.Mutex
	idle  []*connection // in the order of their last use
	sweep *time.Timer   // closes idle ones; nil if there are none
}

// place is where most requests go.
type place struct {
	url *url.URL
	uri string // in a request to url
}

// newDirect returns nil if the receiver needs net/http.
func newDirect(target *url.URL, maxInFlight int, t *http.Transport) *direct {
	isOdd := func(r rune) bool { // it must be encoded
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && !strings.ContainsRune(".-_:[]", r)
	}
	if !canLook || target.Scheme != "http" || strings.ContainsFunc(target.Host, isOdd) {
		return nil
	}
	return &direct{
		dial: t.DialContext, address: net.JoinHostPort(target.Hostname(), portOf(target)),
		place: place{target, target.RequestURI()}, idleFor: t.IdleConnTimeout,
		room: make(chan struct{}, max(1, maxInFlight)),
	}
}

// RoundTrip implements [http.RoundTripper].
func (d *direct) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	ctx := req.Context()
	select {
	case d.room <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	trace := httptrace.ContextClientTrace(ctx)
	c, err := d.take(ctx, trace)
	if err != nil {
		<-d.room
		return nil, cmp.Or(ctx.Err(), err)
	}
	c.stop = context.AfterFunc(ctx, c.interrupt)
	res, err := c.exchange(req, trace)
	if err != nil {
		c.end(false)
		return nil, cmp.Or(ctx.Err(), err)
	}
	return res, nil
}

// take returns the connection that was used last, or a new one.
func (d *direct) take(ctx context.Context, trace *httptrace.ClientTrace) (*connection, error) {
	for c := d.takeIdle(); c != nil; c = d.takeIdle() {
		if c.from.Buffered() == 0 && c.look() == syscall.EAGAIN {
			trace.GotConn(httptrace.GotConnInfo{Conn: c.Conn, Reused: true, WasIdle: true})
			return c, nil
		}
		c.Close() // by the receiver too, or it sent something unasked
	}
	conn, err := d.dial(ctx, "tcp", d.address)
	if err != nil {
		return nil, err
	}
	c := newConnection(conn, d.place)
	c.release = func(keep bool) { d.release(c, keep) }
	if c.look() == nil {
		c.Close()
		return nil, &Fault{Reason: "the receiver answered before the request was sent"}
	}
	trace.GotConn(httptrace.GotConnInfo{Conn: conn})
	return c, nil
}

func (d *direct) takeIdle() *connection {
	d.mu.Lock()
	defer d.mu.Unlock()
	last := len(d.idle) - 1
	if last < 0 {
		return nil
	}
	c := d.idle[last]
	d.idle = slices.Delete(d.idle, last, last+1)
	return c
}

// release takes back a connection, and keeps it for the next attempt or closes it.
func (d *direct) release(c *connection, keep bool) {
	if keep {
		d.keep(c)
	} else {
		c.Close()
	}
	<-d.room
}

func (d *direct) keep(c *connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c.since = time.Now()
	d.idle = append(d.idle, c)
	if d.sweep == nil {
		d.sweep = time.AfterFunc(d.idleFor, d.closeOld)
	}
}

// closeOld closes connections that have been idle for long.
func (d *direct) closeOld() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for len(d.idle) > 0 && time.Since(d.idle[0].since) >= d.idleFor {
		d.idle[0].Close()
		d.idle = slices.Delete(d.idle, 0, 1)
	}
	if d.sweep = nil; len(d.idle) > 0 {
		d.sweep = time.AfterFunc(d.idleFor-time.Since(d.idle[0].since), d.closeOld)
	}
}

// CloseIdleConnections closes those that no attempt uses.
func (d *direct) CloseIdleConnections() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.idle {
		c.Close()
	}
	if d.idle = nil; d.sweep != nil {
		d.sweep.Stop()
		d.sweep = nil
	}
}
