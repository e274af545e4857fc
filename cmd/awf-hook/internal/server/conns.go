package server

import (
	"container/list"
	"net"
	"net/http"
	"sync"
)

// maxConns is how many connections may be open at once. A further one replaces the one that was idle longest, so that
// idle connections keep nobody out.
const maxConns = 1024

// conns is a listener that counts its connections.
type conns struct {
	net.Listener
	slots chan struct{} // one value for each open connection

	mu   sync.Mutex
	idle list.List // of net.Conn without a request, longest idle first
	at   map[net.Conn]*list.Element
}

func newConns(ln net.Listener, most int) *conns {
	return &conns{Listener: ln, slots: make(chan struct{}, most), at: map[net.Conn]*list.Element{}}
}

// Accept waits for a connection, and for a free slot.
func (c *conns) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	select {
	case c.slots <- struct{}{}:
	default:
		c.closeIdle()
		c.slots <- struct{}{} // wait: a request ends within its timeout
	}
	return &counted{Conn: conn, close: sync.OnceFunc(func() { <-c.slots })}, nil
}

// closeIdle closes the connection that has been idle longest.
func (c *conns) closeIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first := c.idle.Front(); first != nil {
		conn := c.idle.Remove(first).(net.Conn)
		delete(c.at, conn)
		_ = conn.Close()
	}
}

// closeAll closes all connections without a request.
func (c *conns) closeAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.at {
		_ = conn.Close()
	}
	c.idle.Init()
	clear(c.at)
}

// state is the ConnState of an [http.Server].
func (c *conns) state(conn net.Conn, state http.ConnState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.at[conn]; e != nil {
		c.idle.Remove(e)
		delete(c.at, conn)
	}
	if state == http.StateNew || state == http.StateIdle {
		c.at[conn] = c.idle.PushBack(conn)
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
