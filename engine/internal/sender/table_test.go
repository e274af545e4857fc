package sender_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
	"github.com/awf-project/awf-hook/engine/signature"
)

// Texts that must not be seen in anything that comes back.
const (
	hiddenUser   = "hidden-user"
	hiddenPass   = "hidden+pass/word"
	hiddenPath   = "hidden-path%2Fof-the%20url"
	hiddenQuery  = "hidden-query=1&<2>"
	hiddenHeader = "hidden-header-value"
	hiddenSecret = "whsec_aGlkZGVuLXNlY3JldC1vZi0yNC1ieXRlcw=="
	hiddenKnown  = `hidden "variable"`
)

var allHidden = []string{hiddenUser, hiddenPass, hiddenPath, hiddenQuery, hiddenHeader, hiddenSecret, hiddenKnown,
	hiddenUser + ":" + hiddenPass}

// maxAttempts is how often the tests' lane tries.
const maxAttempts = 3

// hideAll puts everything that must not be seen into a webhook.
func hideAll(t *testing.T, addr string) sender.Webhook {
	w := webhook(t, "http://"+addr+"/"+hiddenPath+"?key="+url.QueryEscape(hiddenQuery))
	w.URL.User = url.UserPassword(hiddenUser, hiddenPass)
	w.Headers = [][2]string{{"X-Api-Key", hiddenHeader}, {"X-Token", "Bearer " + hiddenHeader}}
	w.Secrets, w.Signing = []sender.Secret{{Value: hiddenSecret}}, signature.Schemes
	w.Custom = []signature.Custom{{Header: "Stripe-Signature", Template: "{timestamp}.{body}", Prefix: "t={timestamp},v1=", Separator: ","}}
	w.Known = []string{hiddenKnown}
	return w
}

// leaks finds traces of secrets: all of them contain "hidden", encoded or not.
func leaks(text string) string {
	lower := strings.ToLower(text)
	for _, trace := range []string{
		"hidden", fmt.Sprintf("%x", "hidden"), "aGlkZGVu", "aglkzgvu", "whsec_", // the base64 of texts that begin with it
		base64.StdEncoding.EncodeToString([]byte(hiddenUser + ":" + hiddenPass))[:12],
	} {
		if strings.Contains(lower, trace) || strings.Contains(text, trace) {
			return trace
		}
	}
	return ""
}

// deliver does what a lane does, without its waits: it tries until the delivery is settled, and returns the result.
func deliver(t *testing.T, s *sender.Sender, id string, spare bool) (what string, attempts []delivery.Attempt) {
	d := &delivery.Delivery{ID: id, Event: "workflow_end", Content: delivery.Content{Body: []byte(`{"event":"workflow_end"}`)}}
	for len(attempts) < maxAttempts {
		a := s.Send(t.Context(), d)
		attempts = append(attempts, a)
		if trace := leaks(fmt.Sprintf("%+v %s", a, a)); trace != "" {
			t.Errorf("%q shows in %+v", trace, a)
		}
		if strings.ContainsFunc(a.Reason, func(r rune) bool { return r < ' ' || r >= 0x7f }) || a.Reason == "" {
			t.Errorf("reason %q is not a line of text", a.Reason)
		}
		if len(a.Response) > 1<<10 {
			t.Errorf("a response of %d bytes", len(a.Response))
		}
		switch {
		case a.Outcome == delivery.Delivered:
			return isDelivered, attempts
		case a.Outcome == delivery.Dead:
			return isDead, attempts
		case a.Free && len(attempts) == maxAttempts:
			return isFree, attempts
		case !a.Free:
			d.Attempts++
		}
		if spare {
			pause() // as a lane does, so that the end of a kept connection is noticed
		}
	}
	return isDead, attempts
}

// The table of faults: FAULTS deliveries for each row, two by default; "make faults" sets 100.
func TestFaults(t *testing.T) {
	deliveries := 2
	if n, err := strconv.Atoi(os.Getenv("FAULTS")); err == nil {
		deliveries = n
	}
	quieten(t)
	warm(t)
	memory := watchMemory(t)
	for _, rows := range []func(*testing.T) []faultRow{plainFaults, limited, echoes, named, secured} {
		for _, row := range rows(t) {
			t.Run(row.name, func(t *testing.T) { row.run(t, deliveries, false) })
		}
	}
	for _, row := range slices.Concat(plainFaults(t), limited(t), echoes(t)) {
		t.Run("net/http: "+row.name, func(t *testing.T) { row.run(t, deliveries, true) })
	}
	if peak, limit := memory(), int64(32<<20); peak > limit && !raceEnabled {
		t.Errorf("%d MiB over the base, want at most %d", peak>>20, limit>>20)
	} else {
		t.Logf("%d KiB over the base", peak>>10)
	}
}

// run tries a row, with net/http's transport instead of a [direct] if throughNetHTTP.
func (row faultRow) run(t *testing.T, deliveries int, throughNetHTTP bool) {
	before := runtime.NumGoroutine()
	serve := row.serve
	if serve == nil {
		serve = func(p *peer) { p.read() }
	}
	receiver := startFaulty(t, row.want == isDelivered, serve)
	w := hideAll(t, receiver.addr)
	w.MaxInFlight = 8
	if row.spare {
		w.MaxInFlight = 1
	}
	if row.tune != nil {
		row.tune(&w)
	}
	s := sender.New(w, nil)
	if throughNetHTTP {
		s.UseNetHTTP()
	}
	var next atomic.Int64
	var workers sync.WaitGroup
	for range w.MaxInFlight {
		workers.Go(func() {
			for n := next.Add(1); n <= int64(deliveries); n = next.Add(1) {
				what, attempts := deliver(t, s, fmt.Sprint("msg_", n), row.spare)
				last := attempts[len(attempts)-1]
				if what != row.want || !strings.Contains(last.Reason, row.reason) {
					t.Errorf("%s: %+v, want %s: %q", what, last, row.want, row.reason)
				}
				if len(attempts) != row.attempts && !(row.spare && len(attempts) <= row.attempts+1) {
					t.Errorf("%d attempts, want %d: %+v", len(attempts), row.attempts, attempts)
				}
				if rest := attempts[0].RetryAfter; rest != row.rest {
					t.Errorf("rest = %v, want %v", rest, row.rest)
				}
				if gone := row.name == "gone"; last.Gone != gone {
					t.Errorf("gone: %v, want %v", last.Gone, gone)
				}
			}
		})
	}
	workers.Wait()
	s.Close()
	receiver.end()
	if want := int64(row.requests * deliveries); row.requests >= 0 && receiver.requests.Load() != want && !row.spare {
		t.Errorf("%d requests arrived, want %d", receiver.requests.Load(), want)
	}
	if receiver.again > 0 {
		t.Errorf("%d requests came behind their delivery's 2xx", receiver.again)
	}
	checkGoroutines(t, before)
}

// quieten discards the log, to which net/http writes what receivers send unasked.
func quieten(t *testing.T) {
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
}

// warm makes the runtime and net/http allocate what they keep for ever.
func warm(t *testing.T) {
	receiver := startFaulty(t, true, answerAll("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	s := sender.New(hideAll(t, receiver.addr), nil)
	deliver(t, s, "msg_0", false)
	s.Close()
	receiver.end()
}

// checkGoroutines waits until there are no more goroutines than before.
func checkGoroutines(t *testing.T, before int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
		time.Sleep(time.Millisecond)
	}
	if after := runtime.NumGoroutine(); after > before {
		stacks := make([]byte, 1<<16)
		t.Errorf("%d goroutines, %d before:\n%s", after, before, stacks[:runtime.Stack(stacks, true)])
	}
}

// watchMemory watches the process's resident memory, if the system reports it. peak returns the most over the base.
func watchMemory(t *testing.T) (peak func() int64) {
	runtime.GC()
	base := resident()
	var most atomic.Int64
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for tick := time.NewTicker(5 * time.Millisecond); ; {
			most.Store(max(most.Load(), resident()-base))
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() int64 { stop(); <-ended; return most.Load() }
}

// resident returns the process's resident memory in bytes; 0 without /proc.
func resident() int64 {
	text, _ := os.ReadFile("/proc/self/statm")
	var size, pages int64
	_, _ = fmt.Sscan(string(text), &size, &pages)
	return pages * int64(os.Getpagesize())
}

func pause() { time.Sleep(20 * time.Millisecond) }

// drip writes text byte by byte.
func (p *peer) drip(text string) {
	for i := range len(text) {
		if _, err := p.Write([]byte{text[i]}); err != nil {
			return
		}
		pause()
	}
}

// flood writes n MiB.
func (p *peer) flood(n int) {
	for range n * 16 {
		if _, err := p.Write(floodChunk); err != nil {
			return
		}
	}
}

var floodChunk = bytes.Repeat([]byte("x"), 64<<10)

// closedPort returns an address at which nobody listens.
func closedPort() string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func resolverAt(addr string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", addr)
	}}
}

func newReader(r io.Reader) *bufio.Reader { return bufio.NewReader(r) }
