package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

const (
	loadEvents      = 100_000 / slowdown
	loadMaxInFlight = 16
	maxRSS          = 37 << 20 // bytes beyond an idle awf-hook's 27 MiB: 64 MiB in all
)

// loadFile writes the events of the load test. Half of them are workflow_end, which the webhook wants.
func loadFile(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "events.jsonl")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(f)
	for i := range loadEvents {
		typ := "workflow_end"
		if i%2 == 1 {
			typ = "workflow_start"
		}
		fmt.Fprintf(w, `{"id":"e%d","event":%q,"workflow_id":"run-%[1]d","workflow_name":"deploy-production",`+
			`"timestamp":"2026-11-24T01:24:00.053Z","payload":{"status":"success","duration":12.5,"exit_code":0,"step":"build",`+
			`"note":"a payload of an ordinary size, with some text and a number or two: 3.14159, 2.71828, 1.41421"}}`+"\n", i, typ)
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return file
}

// counter is a receiver that counts requests by delivery id, and the connections that are open at once.
type counter struct {
	mu          sync.Mutex
	deliveries  map[string]int
	open        int
	connections int           // the largest number open at once
	first       chan struct{} // closed with the first request
}

func startCounter(t testing.TB) (*counter, string) {
	t.Helper()
	c := &counter{deliveries: map[string]int{}, first: make(chan struct{})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: c, ConnState: func(_ net.Conn, state http.ConnState) {
		c.mu.Lock()
		defer c.mu.Unlock()
		switch state {
		case http.StateNew:
			c.open++
			c.connections = max(c.connections, c.open)
		case http.StateClosed:
			c.open--
		}
	}}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(ln) })
	t.Cleanup(func() {
		_ = server.Shutdown(context.Background())
		serving.Wait()
	})
	return c, "http://" + ln.Addr().String()
}

func (c *counter) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.deliveries) == 0 {
		close(c.first)
	}
	c.deliveries[r.Header.Get("X-AWF-Delivery")]++
}

// 100,000 envelopes on stdin (a tenth under the race detector), half of them wanted: each wanted one arrives once, over a few
// connections, in little memory.
//
//test:alone it measures memory and connections
func TestLoad(t *testing.T) {
	in := loadFile(t)
	nothing := filepath.Join(t.TempDir(), "nothing")
	if err := os.WriteFile(nothing, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, url := startCounter(t)
	idle := loadCosts(t, url, nothing, "awf-hook: 0 events, 0 deliveries: 0 delivered, 0 to retry, 0 dead\n")
	var trouble string
	for range 3 { // on a full machine net/http replaces a connection that was written to slowly, and garbage is collected late
		receiver, url := startCounter(t)
		const report = "awf-hook: %d events, %d deliveries: %[2]d delivered, 0 to retry, 0 dead\n"
		took := loadCosts(t, url, in, fmt.Sprintf(report, loadEvents, loadEvents/2))
		trouble = receiver.load(t, took.Memory-idle.Memory)
		t.Logf("RSS %d MiB, of them %d while idle, %d connections, CPU %v", took.Memory>>20, idle.Memory>>20, receiver.connections, took.CPU)
		if trouble == "" || t.Failed() {
			break
		}
	}
	if trouble != "" {
		t.Error(trouble)
	}
}

// loadCosts runs awf-hook on a file of events, and returns what it took.
func loadCosts(t *testing.T, url, file, want string) (took costs) {
	t.Helper()
	config := writeConfig(t, `webhooks:
  - url: %q
    events: [workflow_end]
    filter: payload.status == "success"
    secret: %q
    max_in_flight: %d`, url, secret, loadMaxInFlight)
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	cmd := exec.Command("measured", "awf-hook", "run", "-c", config, "--drain-timeout", (30 * slowdown * time.Second).String())
	cmd.Stdin = in
	out, err := cmd.Output()
	if err != nil || json.Unmarshal(out, &took) != nil || took.Code != exitOK {
		t.Fatalf("%v, exit code %d: %s", err, took.Code, took.Said)
	}
	if took.Said != want {
		t.Errorf("said %q, want %q", took.Said, want)
	}
	return took
}

// arrived is how many deliveries came.
func (c *counter) arrived() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.deliveries)
}

// load checks what arrived of the load test, and says what it took too much of.
func (c *counter) load(t *testing.T, memory int64) (trouble string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if got := len(c.deliveries); got != loadEvents/2 {
		t.Errorf("%d deliveries arrived, want %d", got, loadEvents/2)
	}
	for id, n := range c.deliveries {
		if n != 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
	switch { // under the race detector both are about its own slowness and memory
	case raceEnabled:
	case c.connections > loadMaxInFlight:
		return fmt.Sprintf("%d connections at once, want at most %d", c.connections, loadMaxInFlight)
	case memory > maxRSS:
		return fmt.Sprintf("%d bytes of memory more than while idle, want at most %d", memory, maxRSS)
	}
	return ""
}
