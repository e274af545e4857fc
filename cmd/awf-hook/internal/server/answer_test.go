package server_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
)

// pipes is a listener whose connections are in memory, so that a test's clock governs their deadlines.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
	close  func()
}

func newPipes() *pipes {
	p := &pipes{dialed: make(chan net.Conn), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.dialed:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.close()
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.dialed <- theirs
	return ours
}

// Every request is answered, whatever its client does not send. A refusal waits only a moment for the rest of a body.
func TestEveryRequestIsAnswered(t *testing.T) {
	const soon, minute = 5 * time.Second, time.Minute
	tokens := server.Access{Tokens: []server.Token{{Name: "ci", Sends: true}}}
	post := func(path, headers string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + asJSON + "\r\n" + headers + "\r\n\r\n"
	}
	chunk := func(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }
	large := strings.Repeat(chunk(strings.Repeat(" ", 1<<20)), 16) + chunk(" ")
	good := envelope("", "deploy")
	whole := post("/v1/events", fmt.Sprintf("Content-Length: %d", len(good)))
	half, late := post("/v1/events", "Content-Length: 1000")+"{", strings.Repeat(" ", 999)
	endless := post("/v1/events", "Transfer-Encoding: chunked")
	for name, tt := range map[string]struct {
		access server.Access
		text   string
		wait   time.Duration // before the rest
		rest   string
		store  time.Duration // how long the queue takes
		want   int
		within time.Duration
	}{
		"a body that stops":                     {text: half, want: 408, within: minute},
		"chunks that stop":                      {text: endless + chunk("{"), want: 408, within: minute},
		"no token, a body that stops":           {access: tokens, text: half, want: 401, within: soon},
		"no token, chunks that stop":            {access: tokens, text: endless + chunk("{"), want: 401, within: soon},
		"chunks that stop behind the limit":     {text: endless + large, want: 413, within: soon},
		"chunks that stop far behind the limit": {text: endless + large + chunk(strings.Repeat(" ", 1<<20)), want: 413},
		"a length over the limit":               {text: post("/v1/events", "Content-Length: 20000000"), want: 413},
		"another path, a body that stops":       {text: post("/v2/events", "Content-Length: 1000"), want: 404, within: soon},
		"another method, a body that stops":     {text: "PUT" + half[len("POST"):], want: 405, within: soon},
		"another host, a body that stops":       {text: strings.Replace(half, "localhost", "evil.example", 1), want: 421, within: soon},
		"no token, a rest that comes late":      {access: tokens, text: half, wait: time.Second, rest: late, want: 401, within: time.Second},
		"a slow body, a slow queue": {text: whole, wait: 59 * time.Second, rest: good, store: 29 * time.Second, want: 202,
			within: 88 * time.Second},
		"a slow body, a queue that hangs": {text: whole, wait: 59 * time.Second, rest: good, store: time.Hour, want: 503,
			within: 89 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				commit := func(ctx context.Context, events []event.Event) ([]engine.Fate, error) {
					select {
					case <-time.After(tt.store):
						return make([]engine.Fate, len(events)), nil
					case <-ctx.Done():
						return nil, ctx.Err()
					}
				}
				ln := newPipes()
				ctx, stop := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() {
					if err := server.New(server.Options{Commit: commit}, tt.access).Run(ctx, ln, nil); err != nil {
						t.Error(err)
					}
				})
				conn := ln.dial()
				began := time.Now()
				running.Go(func() {
					_, _ = io.WriteString(conn, tt.text)
					time.Sleep(tt.wait)
					_, _ = io.WriteString(conn, tt.rest)
				})
				resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
				if err != nil {
					t.Errorf("no answer after %v: %v", time.Since(began), err)
				} else if took := time.Since(began); resp.StatusCode != tt.want || took > tt.within {
					t.Errorf("%s after %v, want %d within %v", resp.Status, took, tt.want, tt.within)
				}
				conn.Close()
				stop()
				running.Wait()
			})
		})
	}
}

// A refusal closes no connection whose request came whole, and spoils no later request on it.
func TestRefusalKeepsTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := newPipes()
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		api := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			if err := r.Context().Err(); err != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		options := server.Options{API: api, Commit: func(context.Context, []event.Event) ([]engine.Fate, error) {
			return nil, errors.New("full")
		}}
		running.Go(func() { _ = server.New(options, server.Access{Page: 1}).Run(ctx, ln, nil) })
		conn := ln.dial()
		answers := bufio.NewReader(conn)
		for _, tt := range []struct {
			text string
			want int
		}{
			{request(asJSON, envelope("", "deploy")), 503},
			{request("Content-Type: text/html", envelope("", "deploy")), 415},
			{"GET /v1/things HTTP/1.1\r\nHost: localhost\r\n\r\n", 200},
		} {
			running.Go(func() { _, _ = io.WriteString(conn, tt.text) })
			resp, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode != tt.want || resp.Close {
				t.Errorf("%s, closes: %t; want %d", resp.Status, resp.Close, tt.want)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			time.Sleep(time.Minute)
		}
		conn.Close()
		stop()
		running.Wait()
	})
}
