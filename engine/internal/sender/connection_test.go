package sender_test

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
)

var silent = log.New(io.Discard, "", 0)

// countingServer answers with the handler and counts accepted connections.
func countingServer(t *testing.T, handler http.HandlerFunc) (url string, accepted *atomic.Int64) {
	t.Helper()
	accepted = new(atomic.Int64)
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			accepted.Add(1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, accepted
}

// sendMany makes n attempts from a number of goroutines, and returns how many were delivered.
func sendMany(t *testing.T, s *sender.Sender, goroutines, n int) int64 {
	t.Helper()
	var started, delivered atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for started.Add(1) <= int64(n) {
				if a := s.Send(t.Context(), newDelivery()); a.Outcome == delivery.Delivered {
					delivered.Add(1)
				} else if a.Status == 0 {
					t.Errorf("no answer: %s", a.Reason)
				}
			}
		})
	}
	wg.Wait()
	return delivered.Load()
}

// countStalls counts how often a goroutine of this process had to wait for a processor nearly as long as net/http waits for its own.
func countStalls(t *testing.T) (end func() int64) {
	t.Helper()
	var stalls int64
	var watching sync.WaitGroup
	done := make(chan struct{})
	watching.Go(func() {
		for {
			began := time.Now()
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
			if time.Since(began) > 30*time.Millisecond {
				stalls++
			}
		}
	})
	return func() int64 {
		close(done)
		watching.Wait()
		return stalls
	}
}

func TestConnectionsAreReused(t *testing.T) {
	answer := bytes.Repeat([]byte("x"), 8<<10)
	tests := []struct {
		name                 string
		status               int
		body                 []byte
		maxInFlight, sending int
		n                    int
		maxConns             int64
	}{
		{"16 in flight", 200, nil, 16, 16, 10_000, 16},
		{"16 in flight, answers with a body", 200, []byte("ok"), 16, 16, 10_000, 16},
		{"one in flight", 200, nil, 1, 1, 200, 1},
		{"more wait than may fly", 200, []byte("ok"), 4, 16, 500, 4},
		{"failures with a body", 503, answer, 4, 4, 200, 4},
	}
	for i := range 2 * len(tests) {
		tt, throughNetHTTP := tests[i/2], i%2 > 0
		t.Run(fmt.Sprint(tt.name, ", net/http ", throughNetHTTP), func(t *testing.T) {
			target, accepted := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(tt.status)
				_, _ = w.Write(tt.body)
			})
			w := webhook(t, target)
			w.MaxInFlight = tt.maxInFlight
			stalls := countStalls(t)
			s := newSender(t, w)
			if throughNetHTTP {
				s.UseNetHTTP()
			}
			delivered := sendMany(t, s, tt.sending, tt.n)
			if tt.status == 200 && delivered != int64(tt.n) {
				t.Errorf("%d delivered, want %d", delivered, tt.n)
			}
			// On a machine that is too busy to run net/http's writing goroutine for 50 ms, net/http gives up a connection
			// and opens another. A quiet machine does not use the slack.
			slack := int64(tt.n/2500) + min(stalls()*tt.maxConns, int64(tt.n/20))
			if got := accepted.Load(); got > tt.maxConns+slack {
				t.Errorf("%d connections for %d attempts, want at most %d", got, tt.n, tt.maxConns)
			} else if got > tt.maxConns {
				t.Logf("%d connections for %d attempts, want at most %d: a busy machine", got, tt.n, tt.maxConns)
			}
		})
	}
}

func TestCloseLeavesNoGoroutine(t *testing.T) {
	target, accepted := countingServer(t, func(http.ResponseWriter, *http.Request) { time.Sleep(10 * time.Millisecond) })
	before := runtime.NumGoroutine()
	s := sender.New(webhook(t, target), nil)
	sendMany(t, s, 8, 8)
	if accepted.Load() < 2 {
		t.Fatalf("%d connections, want several", accepted.Load())
	}
	s.Close()
	deadline := time.Now().Add(2 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before:\n%s", after, before, stacks[:runtime.Stack(stacks, true)])
	}
}

// A POST that meets the end of an idle connection may have arrived, so it counts as an attempt; the next one must not
// meet it again.
func TestClosedIdleConnectionCostsOneAttemptAtMost(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	w := webhook(t, server.URL)
	w.MaxInFlight = 1
	s := newSender(t, w)
	for range 20 {
		a := s.Send(t.Context(), newDelivery())
		if a.Outcome == delivery.Retry {
			a = s.Send(t.Context(), newDelivery())
		}
		if a.Outcome != delivery.Delivered {
			t.Fatalf("%v: %s, want delivered", a.Outcome, a.Reason)
		}
		server.CloseClientConnections()
	}
}

// Connections that died unnoticed, for example behind a router that forgot them, cost one attempt together and not one
// each.
func TestSilentlyDeadConnectionsCostOneAttempt(t *testing.T) {
	const conns = 4
	var first sync.WaitGroup
	first.Add(conns)
	var dead atomic.Bool
	receiver := startFaulty(t, true, func(p *peer) {
		born := dead.Load()
		for n := 0; p.read(); n++ {
			if dead.Load() != born {
				p.hang()
				return
			}
			if n == 0 && !born { // so that as many connections are made
				first.Done()
				first.Wait()
			}
			p.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	defer receiver.end()
	w := webhook(t, "http://"+receiver.addr)
	w.MaxInFlight, w.Timeout = conns, 500*time.Millisecond
	s := newSender(t, w)
	if n := sendMany(t, s, conns, conns); n != conns {
		t.Fatalf("%d delivered, want %d", n, conns)
	}
	dead.Store(true)
	for _, want := range []delivery.Outcome{delivery.Retry, delivery.Delivered, delivery.Delivered} {
		if a := s.Send(t.Context(), newDelivery()); a.Outcome != want {
			t.Errorf("%v: %s, want %v", a.Outcome, a.Reason, want)
		}
	}
}

// The same holds for the one connection of HTTP/2, whichever attempts use it.
func TestSilentlyDeadHTTP2ConnectionIsLeft(t *testing.T) {
	ca := newAuthority(t)
	config := ca.http2(t)
	var dead atomic.Bool
	receiver := startFaulty(t, true, func(p *peer) {
		conn := tls.Server(p.Conn, config)
		if conn.Handshake() != nil {
			return
		}
		born := dead.Load()
		serveHTTP2(func(p *peer, stream uint32) bool { return dead.Load() != born || answer200(p, stream) })(&peer{Conn: conn,
			from: newReader(conn), of: p.of})
	})
	defer receiver.end()
	w := webhook(t, "https://"+receiver.addr)
	w.MaxInFlight, w.Timeout, w.TLS = 4, 500*time.Millisecond, &tls.Config{RootCAs: ca.pool}
	s := newSender(t, w)
	if n := sendMany(t, s, 1, 1); n != 1 {
		t.Fatal("not delivered")
	}
	dead.Store(true)
	var failed sync.WaitGroup
	for range 4 {
		failed.Go(func() {
			if a := s.Send(t.Context(), newDelivery()); a.Outcome != delivery.Retry {
				t.Errorf("%v: %s, want retry", a.Outcome, a.Reason)
			}
		})
	}
	failed.Wait()
	pause() // as a lane does
	if n := sendMany(t, s, 4, 8); n != 8 {
		t.Errorf("%d delivered afterwards, want 8", n)
	}
}
