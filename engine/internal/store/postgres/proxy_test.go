package postgres_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/rand/v2"
	"net"
	"net/url"
	"sync/atomic"
	"testing"
	"time"
)

// proxy is between a store and its server, and cuts connections. It counts the COMMITs of transactions that name the table of
// deliveries, and not those that a store makes in the background.
type proxy struct {
	net.Listener
	skip  atomic.Int32 // how many of the next COMMITs pass
	cut   atomic.Int32 // how many of those after them reach the server without their answer coming back
	often atomic.Int32 // how many of 100 COMMITs do besides
	fatal atomic.Value // a string: the SQLSTATE with which the connection ends in place of that answer; "" says nothing

	undo atomic.Pointer[func()] // runs in place of the next COMMIT of a house keeper, whose transaction the server rolls back
	mute atomic.Pointer[string] // a text after which the server gets and says no more
}

// behindProxy starts a proxy for a database, and returns the database's URL through it.
func behindProxy(t *testing.T, database string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{Listener: l}
	target := u.Host
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			go p.join(client, target)
		}
	}()
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) join(client net.Conn, target string) {
	defer client.Close()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	var deaf, undone atomic.Bool
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if undone.Load() {
				return // the client learns it later
			}
			if err != nil || deaf.Load() {
				if code, _ := p.fatal.Load().(string); err == nil && code != "" {
					_, _ = client.Write(ending(code))
				}
				_ = client.Close()
				return
			}
			_, _ = client.Write(buf[:n])
		}
	}()
	buf := make([]byte, 64<<10)
	var said []byte // in the transaction
	for {
		n, err := client.Read(buf)
		if err != nil {
			return
		}
		if mute := p.mute.Load(); mute != nil && bytes.Contains(buf[:n], []byte(*mute)) {
			_, _ = io.Copy(io.Discard, client)
			time.Sleep(time.Minute) // the server does not learn that the client is gone
			return
		}
		said = append(said, buf[:n]...)
		commits := bytes.Contains(buf[:n], []byte("COMMIT\x00"))
		if commits && bytes.Contains(said, []byte("awf_hook.keepers")) {
			if undo := p.undo.Swap(nil); undo != nil {
				undone.Store(true)
				_ = server.Close()
				(*undo)()
				return
			}
		}
		counts := commits && bytes.Contains(said, []byte("awf_hook.deliveries"))
		if commits {
			said = nil
		}
		if counts && p.skip.Add(-1) < 0 && p.cut.Add(-1) >= 0 || commits && rand.Int32N(100) < p.often.Load() {
			deaf.Store(true)
			_, _ = server.Write(buf[:n])
			<-answered // it has committed
			return
		}
		if _, err := server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// ending is the error with which a server or a pooler ends a connection.
func ending(code string) []byte {
	fields := "SFATAL\x00VFATAL\x00C" + code + "\x00Mthe connection ends\x00\x00"
	return append(binary.BigEndian.AppendUint32([]byte{'E'}, uint32(4+len(fields))), fields...)
}
