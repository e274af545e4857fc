package server

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"
	"time"
)

// maxConns is how many connections may be open at once. A further one replaces the one that was idle longest. If none is
// idle, it replaces the one whose request takes longest, so that clients that hold connections cannot keep others out.
const maxConns = 1024

// conns is a listener that counts its connections.
type conns struct {
	net.Listener
	slots chan struct{} // one value for each open connection

	mu   sync.Mutex
	idle list.List // of net.Conn without a request, longest idle first
	busy list.List // of net.Conn with a request, longest busy first
	at   map[net.Conn]*list.Element
}

func newConns(ln net.Listener, most int) *conns {
	return &conns{Listener: ln, slots: make(chan struct{}, most), at: map[net.Conn]*list.Element{}}
}

// slotWait is how long Accept waits for a slot before it looks for another connection to close.
const slotWait = 10 * time.Millisecond

// Accept waits for a connection, and makes room for it.
func (c *conns) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	made := &counted{Conn: conn, close: sync.OnceFunc(func() { <-c.slots })}
	for {
		select {
		case c.slots <- struct{}{}:
			return made, nil
		default:
		}
		c.closeOne()
		select {
		case c.slots <- struct{}{}:
			return made, nil
		case <-time.After(slotWait):
		}
	}
}

// closeOne closes the connection that has been idle longest, else the one that has been busy longest.
func (c *conns) closeOne() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range []*list.List{&c.idle, &c.busy} {
		if first := of.Front(); first != nil {
			conn := of.Remove(first).(net.Conn)
			delete(c.at, conn)
			closeNow(conn)
			return
		}
	}
}

// closeNow closes a connection without TLS's farewell, which would wait for a client that reads nothing.
func closeNow(conn net.Conn) {
	if secure, is := conn.(*tls.Conn); is {
		conn = secure.NetConn()
	}
	_ = conn.Close()
}

// closeIdle closes all connections without a request.
func (c *conns) closeIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.idle.Front(); e != nil; e = c.idle.Front() {
		conn := c.idle.Remove(e).(net.Conn)
		delete(c.at, conn)
		closeNow(conn)
	}
}

// state is the ConnState of an [http.Server].
func (c *conns) state(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[conn]; e != nil {
		c.idle.Remove(e)
		c.busy.Remove(e)
		delete(c.at, conn)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.at[conn] = c.idle.PushBack(conn)
	case http.StateActive:
		c.at[conn] = c.busy.PushBack(conn)
	}
}

// counted is a connection that frees its slot once.
type counted struct {
	net.Conn
	close func()
}

func (c *counted) Close() error {
	defer c.close()
	return c.Conn.Close()
}
