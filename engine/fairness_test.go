package engine_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// The size and the bounds of the test of fairness. make soak takes ten times the events and the strict bound.
const (
	goodHooks   = 48
	fairEvents  = 120
	fairPairs   = 6 // of runs without the bad receivers and with them
	strictBound = 1.1
	maxRoutines = 80 // for the workers of two lanes, both ends of their connections, and the engine
	ballast     = 32 << 20
	maxHeld     = 8 << 20 // bytes of heap for the events that lanes have ready
)

// good is a set of receivers that answer at once.
type good struct {
	arrived atomic.Int64
	want    int64
	all     chan struct{} // receives a value when all wanted requests have arrived
}

func (g *good) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	if g.arrived.Add(1) == g.want {
		g.all <- struct{}{}
	}
}

// blackHole is a receiver that accepts connections and requests and never answers.
func blackHole(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	return "http://" + ln.Addr().String()
}

// trickle is a receiver that answers with a byte per second.
func trickle(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Length", "1000")
		for tick := time.NewTicker(time.Second); ; {
			_, _ = w.Write([]byte("."))
			_ = http.NewResponseController(w).Flush()
			select {
			case <-tick.C:
			case <-r.Context().Done():
				tick.Stop()
				return
			}
		}
	}))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// start runs an engine with a queue in a new folder.
func start(t *testing.T, yaml string) (e *engine.Engine, end func()) {
	t.Helper()
	cfg, err := config.Parse("awf-hook.yaml", []byte(yaml), nil)
	if err != nil {
		t.Fatal(err)
	}
	if e, err = engine.Open(cfg, engine.Options{Queue: filepath.Join(t.TempDir(), "queue.db")}); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(context.Background()) })
	return e, func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		running.Wait()
	}
}

// payloadOf returns a JSON object of about size bytes.
func payloadOf(size int) []byte { return []byte(`{"note":"` + strings.Repeat("x", size) + `"}`) }

// run returns how long it takes until the good receivers have all events.
func (g *good) run(t *testing.T, yaml string, events int) time.Duration {
	t.Helper()
	g.arrived.Store(0)
	g.want = int64(goodHooks * events)
	runtime.GC()
	e, end := start(t, yaml)
	defer end()
	begun := time.Now()
	for i := range events {
		ev := newEvent(fmt.Sprint(i))
		ev.Payload = payloadOf(1000)
		submit(t, e, ev)
	}
	select {
	case <-g.all:
	case <-time.After(time.Minute):
		t.Errorf("%d of %d arrived within a minute", g.arrived.Load(), g.want)
	}
	return time.Since(begun)
}

// compare returns the ratio of the shortest times with and without the bad receivers. Other programs can only make times longer.
func (g *good) compare(t *testing.T, without, with string, pairs, events int) float64 {
	t.Helper()
	var alone, beside []time.Duration
	for range pairs {
		alone, beside = append(alone, g.run(t, without, events)), append(beside, g.run(t, with, events))
	}
	t.Logf("%d deliveries: %v without the bad receivers, %v with them", g.want, alone, beside)
	return float64(slices.Min(beside)) / float64(slices.Min(alone))
}

// Of 50 receivers, one never answers and one answers with a byte per second. The other 48 get all their deliveries as soon as without
// these two.
//
//test:alone it measures what bad receivers cost the others
func TestBadReceiversTakeNoTimeFromTheOthers(t *testing.T) {
	events, pairs, bound := fairEvents, fairPairs, float64(fairBound)
	if os.Getenv("SOAK") != "" {
		events, pairs, bound = 10*fairEvents, fairPairs, strictBound
	}
	g := &good{all: make(chan struct{}, 1)}
	var without strings.Builder
	without.WriteString("webhooks:\n")
	for range goodHooks {
		server := httptest.NewServer(g)
		defer server.Close()
		fmt.Fprintf(&without, "  - {url: %q}\n", server.URL)
	}
	with := fmt.Sprintf("%s  - {url: %q}\n  - {url: %q}\n", without.String(), blackHole(t), trickle(t))

	g.run(t, without.String(), events) // warm up
	ratio := g.compare(t, without.String(), with, pairs, events)
	t.Logf("ratio %.3f", ratio)
	if ratio > bound {
		t.Errorf("it takes %.2f times as long as without the bad receivers, want %.2f at most", ratio, bound)
	}
}

// If receivers accept nothing, 32 MiB of events stay in the file and not in memory, and no goroutine waits for a delivery.
//
//test:alone it measures the process's memory and goroutines
func TestBadReceiversTakeLittleMemory(t *testing.T) {
	const size = 16 << 10
	routines := runtime.NumGoroutine()
	e, end := start(t, fmt.Sprintf("webhooks:\n  - {url: %q}\n  - {url: %q}\n", blackHole(t), trickle(t)))
	defer end()
	before := heap()
	for i := range ballast / size {
		ev := newEvent(fmt.Sprint(i))
		ev.Payload = payloadOf(size)
		submit(t, e, ev)
	}
	held := heap() - before
	more := runtime.NumGoroutine() - routines
	t.Logf("%d KiB of heap, %d goroutines", held>>10, more)
	if held > maxHeld {
		t.Errorf("%d KiB of heap for %d KiB of events, want %d at most", held>>10, ballast>>10, maxHeld>>10)
	}
	if more > maxRoutines {
		t.Errorf("%d goroutines, want %d at most", more, maxRoutines)
	}
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	return int64(mem.HeapAlloc)
}
