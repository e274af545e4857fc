package main

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// mostAhead is the most that may wait while run keeps to the pace of its receivers.
const mostAhead = 1024 + 2048 + 1024

// collecting counts the arrivals of events, and tells when there are enough.
type collecting struct {
	takes time.Duration // for an answer

	mu      sync.Mutex
	arrived map[string]map[string]bool // delivery ids by event
	number  int
	enough  int
	reached chan struct{} // receives a value at enough arrivals
}

func (c *collecting) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	time.Sleep(c.takes)
	var body bytes.Buffer
	_, _ = body.ReadFrom(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := c.arrived[body.String()]
	if ids == nil {
		ids = map[string]bool{}
		c.arrived[body.String()] = ids
	}
	ids[r.Header.Get("X-AWF-Delivery")] = true
	if c.number++; c.number == c.enough {
		c.reached <- struct{}{}
	}
}

// await waits until n more have arrived since after.
func (c *collecting) await(t *testing.T, n int) {
	t.Helper()
	select {
	case <-c.reached:
	case <-time.After(time.Minute):
		t.Fatalf("%d events arrived in a minute, want %d more", c.count(), n)
	}
}

// after asks for a message when n more have arrived.
func (c *collecting) after(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.enough = c.number + n
}

func (c *collecting) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.number
}

// readsFile starts run with a file of n events as its stdin.
func readsFile(t *testing.T, receiver *collecting, n int) (begin func(env ...string) *exec.Cmd, queue string) {
	t.Helper()
	receiver.arrived, receiver.reached = map[string]map[string]bool{}, make(chan struct{}, 1)
	config := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, receiver))
	events := filepath.Join(t.TempDir(), "events.jsonl")
	if err := os.WriteFile(events, []byte(envelopes("e", n)), 0o600); err != nil {
		t.Fatal(err)
	}
	queue = filepath.Join(t.TempDir(), "queue.db")
	return func(env ...string) *exec.Cmd {
		in, err := os.Open(events)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = in.Close() })
		hook := exec.Command("awf-hook", "run", "-c", config, "--queue", queue, "--drain-timeout", "2m")
		hook.Stdin, hook.Stderr, hook.Env = in, new(bytes.Buffer), append(os.Environ(), env...)
		start(t, hook)
		return hook
	}, queue
}

// run is killed while it reads a file. The same file, read again, gives each receiver the rest, and nothing a new id.
func TestKilledRunReadsItsFileAgain(t *testing.T) {
	t.Parallel()
	const events = 5000
	receiver := &collecting{}
	begin, queue := readsFile(t, receiver, events)
	for _, n := range []int{300, 1000, 2000} {
		receiver.after(n)
		hook := begin()
		receiver.await(t, n)
		_ = hook.Process.Kill()
		_ = hook.Wait()
	}
	hook := begin()
	if err := hook.Wait(); err != nil {
		t.Fatalf("%v: %s", err, hook.Stderr)
	}
	if len(receiver.arrived) != events {
		t.Errorf("%d events arrived, want %d: %s", len(receiver.arrived), events, hook.Stderr)
	}
	for event, ids := range receiver.arrived {
		if len(ids) != 1 {
			t.Errorf("%s arrived with %d ids", event, len(ids))
		}
	}
	checkIntegrity(t, queue)
}

// After a signal, a file is read to its end at once, whatever waits.
func TestSignalledRunReadsItsFileAtOnce(t *testing.T) {
	t.Parallel()
	receiver := &collecting{takes: 1500 * time.Microsecond}
	const events = 12000
	begin, queue := readsFile(t, receiver, events)
	receiver.after(300)
	hook := begin()
	defer func() {
		_ = hook.Process.Kill()
		_ = hook.Wait()
	}()
	receiver.await(t, 300)
	if err := hook.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for {
		arrived := receiver.count() // before, so that the difference is not too large
		if accepted := len(deliveryIDs(t, queue, "state < 10")); accepted > arrived+mostAhead {
			return
		}
		if arrived > events-mostAhead {
			t.Fatal("run read no faster than its deliveries arrived")
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// A small heap is not collected again and again, unless the user wants that.
func TestHeapGrowsBeforeItIsCollected(t *testing.T) {
	t.Parallel()
	begin, queue := readsFile(t, &collecting{}, 5000)
	collections := func(env string) int {
		hook := begin(env, "GODEBUG=gctrace=1")
		if err := hook.Wait(); err != nil {
			t.Fatalf("%v: %s", err, hook.Stderr)
		}
		if err := os.Remove(queue); err != nil {
			t.Fatal(err)
		}
		return strings.Count(hook.Stderr.(*bytes.Buffer).String(), "\ngc ")
	}
	floor := collections("GOGC=")
	for _, chosen := range []string{"GOGC=100", "GOMEMLIMIT=1GiB"} {
		if user := collections(chosen); floor > user/2 {
			t.Errorf("%d collections, %d with %s: want half as many at most", floor, user, chosen)
		}
	}
}
