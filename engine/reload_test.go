package engine_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

// board is a receiver that records which events came, by path and event id.
type board struct {
	*httptest.Server
	mu     sync.Mutex
	came   map[string]int
	status func(r *http.Request) int
}

func newBoard(t *testing.T) *board {
	b := &board{came: map[string]int{}}
	b.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if b.status != nil {
			if status := b.status(r); status != http.StatusOK {
				w.WriteHeader(status)
				return
			}
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		b.came[r.URL.Path+" "+r.Header.Get("X-Awf-Delivery")]++
	}))
	t.Cleanup(b.Close)
	return b
}

func (b *board) count(path string) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for key, times := range b.came {
		if strings.HasPrefix(key, path+" ") {
			n += times
		}
	}
	return n
}

func parse(t *testing.T, yaml string) *config.Config {
	t.Helper()
	cfg, err := config.Parse("/etc/awf-hook.yaml", []byte(yaml), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 20 s in vain: %s", what)
		}
	}
}

func openBoard(t *testing.T, yaml string, opts engine.Options) *engine.Engine {
	t.Helper()
	e, err := engine.Open(parse(t, yaml), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	run(t, e)
	return e
}

// A new configuration applies to new events, and its URL also to waiting ones.
func TestReloadTakesUpWhatChanged(t *testing.T) {
	b := newBoard(t)
	entry := "webhooks: [{name: one, url: '" + b.URL + "%s'%s}]"
	e := openBoard(t, fmt.Sprintf(entry, "/a", ""), engine.Options{})
	submitTexts(t, e, 1, "")
	eventually(t, "at /a", func() bool { return b.count("/a") == 1 })

	b.status = func(r *http.Request) int {
		if r.URL.Path == "/a" {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
	fast := ", retry: {delay: 50ms}"
	if err := e.Reload(parse(t, fmt.Sprintf(entry, "/a", fast))); err != nil {
		t.Fatal(err)
	}
	submitTexts(t, e, 1, "")
	if err := e.Reload(parse(t, fmt.Sprintf(entry, "/b", fast))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what waited at /b", func() bool { return b.count("/b") == 1 })
	if err := e.Reload(parse(t, fmt.Sprintf(entry, "/c", ", events: [workflow_start]"))); err != nil {
		t.Fatal(err)
	}
	submitTexts(t, e, 1, "")
	time.Sleep(20 * time.Millisecond)
	if n := b.count("/c"); n != 0 {
		t.Errorf("%d events arrived that the new configuration does not want", n)
	}
}

// A configuration with mistakes changes nothing.
func TestReloadRefusesMistakes(t *testing.T) {
	b := newBoard(t)
	e := openBoard(t, "webhooks: [{name: one, url: '"+b.URL+"/a'}]", engine.Options{})
	var mistakes config.Errors
	err := e.Reload(parse(t, "webhooks: [{name: two, url: '"+b.URL+"/b', filter: 'no_such > 1'}]"))
	if !errors.As(err, &mistakes) || len(mistakes) != 1 {
		t.Fatalf("Reload = %v, want the mistake in the filter", err)
	}
	submitTexts(t, e, 1, "")
	eventually(t, "at /a", func() bool { return b.count("/a") == 1 })
}

// A removed webhook keeps its deliveries, and sends them if it comes back.
func TestReloadKeepsWhatWaitsForAGoneWebhook(t *testing.T) {
	b := newBoard(t)
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	with := "webhooks: [{name: one, url: '" + b.URL + "/a', max_in_flight: 1, rate: 1/h}, {name: two, url: '" + b.URL + "/b'}]"
	without := "webhooks: [{name: two, url: '" + b.URL + "/b'}]"
	e := openBoard(t, with, engine.Options{Logger: logger, Queue: filepath.Join(t.TempDir(), "queue.db")})
	submitTexts(t, e, 3, "")
	eventually(t, "the first", func() bool { return b.count("/a") == 1 && b.count("/b") == 3 })
	if err := e.Reload(parse(t, without)); err != nil {
		t.Fatal(err)
	}
	if names := e.Webhooks(); !slices.Equal(names, []string{"two"}) {
		t.Errorf("webhooks %v, want only two: the lane of the other must not send", names)
	}
	submitTexts(t, e, 1, "")
	eventually(t, "the other webhook's", func() bool { return b.count("/b") == 4 })
	if err := e.Reload(parse(t, strings.Replace(with, ", rate: 1/h", "", 1))); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what waited", func() bool { return b.count("/a") == 3 })
	drain(t, e)
}

// While the configuration is reloaded again and again, no delivery is lost or sent twice, and no goroutine or descriptor leaks.
func TestThousandReloads(t *testing.T) {
	b := newBoard(t)
	module, err := filepath.Abs("../testdata/wasm/guests/echo.wasm")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	yaml := func(i int) string {
		text := "webhooks:\n  - {name: same, url: '" + b.URL + "/same'}\n" +
			fmt.Sprintf("  - {name: changes, url: '%s/changes', timeout: %ds}\n", b.URL, 10+i%7) +
			"  - {name: module, url: '" + b.URL + "/module', transform: {wasm: " + module + "}}\n"
		if i%2 == 0 {
			text += "  - {name: sometimes, url: '" + b.URL + "/sometimes'}\n"
		}
		return text
	}
	e := openBoard(t, yaml(0), engine.Options{Queue: filepath.Join(dir, "queue.db"), ModuleCache: filepath.Join(dir, "modules")})
	const events, reloads = 300, 1000
	var feeding sync.WaitGroup
	feeding.Go(func() {
		for range events {
			submitTexts(t, e, 1, "")
			time.Sleep(time.Millisecond)
		}
	})
	submitTexts(t, e, 1, "")
	goroutines, files := 0, 0
	for i := range reloads {
		if err := e.Reload(parse(t, yaml(i+1))); err != nil {
			t.Fatal(err)
		}
		if i == 20 {
			goroutines, files = runtime.NumGoroutine(), descriptors(t)
		}
	}
	feeding.Wait()
	if err := e.Reload(parse(t, yaml(0))); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := e.Drain(ctx); err != nil {
		t.Fatal(err)
	}
	b.mu.Lock()
	for delivery, times := range b.came {
		if times != 1 {
			t.Errorf("delivery %s arrived %d times, want once", delivery, times)
		}
	}
	b.mu.Unlock()
	for _, path := range []string{"/same", "/changes", "/module"} {
		if n := b.count(path); n != events+1 {
			t.Errorf("%d deliveries arrived at %s, want %d", n, path, events+1)
		}
	}
	const noise = 20 // room for connections that are closing, and their goroutines
	eventually(t, "as few goroutines and descriptors as after the first reloads", func() bool {
		return runtime.NumGoroutine() <= goroutines+noise && descriptors(t) <= files+noise
	})
}

func descriptors(t *testing.T) int {
	t.Helper()
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// closes counts how often a webhook that was opened with it is closed.
type closes struct {
	roundTripper
	n *atomic.Int64
}

func (c closes) CloseIdleConnections() { c.n.Add(1) }

// Each webhook is closed, whether the engine is closed before, during or after a reload.
func TestCloseDuringAReload(t *testing.T) {
	for i := range 300 {
		transport := closes{func(*http.Request) (*http.Response, error) { return answer(200) }, new(atomic.Int64)}
		e, err := engine.Open(parse(t, oneHook()), engine.Options{Transport: transport})
		if err != nil {
			t.Fatal(err)
		}
		next := parse(t, oneHook("timeout: 3s"))
		var reloading sync.WaitGroup
		want := int64(1)
		reloading.Go(func() {
			if e.Reload(next) == nil {
				want = 2
			}
		})
		time.Sleep(time.Duration(i) * time.Microsecond)
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if reloading.Wait(); transport.n.Load() != want {
			t.Fatalf("round %d: %d webhooks closed, want %d", i, transport.n.Load(), want)
		}
	}
}
