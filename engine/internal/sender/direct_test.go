package sender_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
)

// A receiver without TLS gets the bytes that net/http would send.
func TestDirectRequestsAreThoseOfNetHTTP(t *testing.T) {
	arrived := make(chan string, 1)
	receiver := startFaulty(t, true, func(p *peer) {
		for {
			var raw bytes.Buffer
			p.from = bufio.NewReader(io.TeeReader(p.Conn, &raw))
			if !p.read() {
				return
			}
			arrived <- raw.String()
			p.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	})
	defer receiver.end()
	for name, change := range map[string]func(*sender.Webhook, *delivery.Delivery){
		"plain": func(*sender.Webhook, *delivery.Delivery) {},
		"a path": func(w *sender.Webhook, _ *delivery.Delivery) {
			w.URL.Path, w.URL.RawPath = "/a b/ü/c/d", "/a%20b/%C3%BC/c%2Fd"
		},
		"a query":        func(w *sender.Webhook, _ *delivery.Delivery) { w.URL.RawQuery = "a=b+c&d=%20&e" },
		"an empty query": func(w *sender.Webhook, _ *delivery.Delivery) { w.URL.ForceQuery = true },
		"a suffix":       func(_ *sender.Webhook, d *delivery.Delivery) { d.URLSuffix = "/sendMessage?wait=true" },
		"userinfo":       func(w *sender.Webhook, _ *delivery.Delivery) { w.URL.User = url.UserPassword("a", "b") },
		"a name":         func(w *sender.Webhook, _ *delivery.Delivery) { w.URL.Host = "LOCALHOST:" + w.URL.Port() },
		"no user agent":  func(w *sender.Webhook, _ *delivery.Delivery) { w.UserAgent = "" },
		"its own agent":  func(w *sender.Webhook, _ *delivery.Delivery) { w.Headers = [][2]string{{"User-Agent", "mine"}} },
		"headers": func(w *sender.Webhook, _ *delivery.Delivery) {
			w.Headers = [][2]string{{"b", " x\t"}, {"A", ""}, {"C", "é"}}
		},
		"event's headers": func(_ *sender.Webhook, d *delivery.Delivery) {
			d.Header = [][2]string{{"Z-First", "1"}, {"a-last", "ü"}}
		},
		"PUT":             func(w *sender.Webhook, _ *delivery.Delivery) { w.Method = http.MethodPut },
		"GET":             func(w *sender.Webhook, _ *delivery.Delivery) { w.Method = http.MethodGet },
		"DELETE":          func(w *sender.Webhook, _ *delivery.Delivery) { w.Method = http.MethodDelete },
		"an empty body":   func(_ *sender.Webhook, d *delivery.Delivery) { d.Body = nil },
		"an empty PATCH":  func(w *sender.Webhook, d *delivery.Delivery) { w.Method, d.Body = http.MethodPatch, nil },
		"an empty DELETE": func(w *sender.Webhook, d *delivery.Delivery) { w.Method, d.Body = http.MethodDelete, nil },
		"a large body":    func(_ *sender.Webhook, d *delivery.Delivery) { d.Body = bytes.Repeat([]byte("x"), 100_000) },
		"a bad value":     func(w *sender.Webhook, _ *delivery.Delivery) { w.Headers = [][2]string{{"A", "b\r\nC: d"}} },
		"a bad name":      func(w *sender.Webhook, _ *delivery.Delivery) { w.Headers = [][2]string{{"A: b\r\nC", "d"}} },
	} {
		t.Run(name, func(t *testing.T) {
			var outcomes []string
			for _, transport := range []http.RoundTripper{nil, &http.Transport{DisableCompression: true}} {
				w, d := webhook(t, "http://"+receiver.addr), newDelivery()
				change(&w, d)
				s := sender.New(w, transport)
				a := s.Send(t.Context(), d)
				s.Close()
				if a.Outcome != delivery.Delivered {
					outcomes = append(outcomes, a.Reason)
					continue
				}
				outcomes = append(outcomes, <-arrived)
			}
			if outcomes[0] != outcomes[1] {
				t.Errorf("%.500q, want\n%.500q", outcomes[0], outcomes[1])
			}
			if sent := strings.Contains(outcomes[0], "X-Awf-Event"); sent == strings.HasPrefix(name, "a bad") {
				t.Errorf("sent: %v", sent)
			}
		})
	}
}

// An answer that comes before the request was read is taken, whatever the size of the request; its connection is not used again.
func TestEarlyAnswersToLargeRequests(t *testing.T) {
	var connections atomic.Int64
	end := make(chan struct{})
	receiver := startFaulty(t, false, func(p *peer) {
		connections.Add(1)
		_, _ = p.from.ReadByte()
		p.write("HTTP/1.1 413 X\r\nContent-Length: 0\r\n\r\n")
		<-end
	})
	w, d := webhook(t, "http://"+receiver.addr), newDelivery()
	d.Body = bytes.Repeat([]byte("x"), 32<<20)
	s := newSender(t, w)
	for range 2 {
		if a := s.Send(t.Context(), d); a.Status != http.StatusRequestEntityTooLarge || a.Took > 5*time.Second {
			t.Errorf("%+v, want 413 at once", a)
		}
	}
	close(end)
	receiver.end()
	if n := connections.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// Idle connections are closed after a while, each in its time.
func TestIdleConnectionsAreClosed(t *testing.T) {
	const idle = 200 * time.Millisecond
	ended := make(chan time.Time, 2)
	receiver := startFaulty(t, false, func(p *peer) {
		for p.read() {
			time.Sleep(idle / 10) // so that both attempts are under way at once
			p.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
		ended <- time.Now()
	})
	defer receiver.end()
	s := newSender(t, webhook(t, "http://"+receiver.addr))
	s.KeepIdle(idle)
	sendMany(t, s, 2, 2)
	time.Sleep(idle / 2)
	sendMany(t, s, 1, 1)
	used := time.Now()
	<-ended
	if after := (<-ended).Sub(used); after < idle {
		t.Errorf("the connection that was used last was closed %v after that, want at least %v", after, idle)
	}
}

// Whatever a receiver answers, an attempt without TLS ends as it would through net/http.
func FuzzDirectAnswers(f *testing.F) {
	for _, answer := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "HTTP/1.0 200 OK\r\n\r\nok", "HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nA: b\r\n\r\n",
		"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 503 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: a\r\nConnection: Upgrade\r\n\r\n", "HTTP/1.1 000 X\r\n\r\n", "HTTP/1.1 99 X\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/2.0 200 OK\r\n\r\n", "\r\n\r\n", "", "HTTP/1.1 200",
		"HTTP/1.1 429 X\r\nA b\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", "220 mail ESMTP\r\n",
	} {
		f.Add(answer)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		receiver := startFaulty(t, false, func(p *peer) {
			if p.read() {
				_, _ = io.WriteString(p, answer)
			}
		})
		defer receiver.end()
		var ends []string
		for _, throughNetHTTP := range []bool{false, true} {
			s := newSender(t, webhook(t, "http://"+receiver.addr))
			if throughNetHTTP {
				s.UseNetHTTP()
			}
			ends = append(ends, fmt.Sprintf("%+v", timeless(s.Send(t.Context(), newDelivery()))))
		}
		if ends[0] != ends[1] {
			t.Errorf("%q:\n%s, want\n%s", answer, ends[0], ends[1])
		}
	})
}

// timeless returns an attempt without what differs between two that end alike.
func timeless(a delivery.Attempt) delivery.Attempt {
	a.At, a.Took, a.Phases, a.Skew = time.Time{}, 0, delivery.Phases{}, 0
	return a
}
