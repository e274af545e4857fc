package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A process that stopped while it held the queue's lock makes serve unready, not dead: /healthz answers at once, and an event that comes
// meanwhile is taken as soon as the lock is free.
func TestServeLivesWhileItsQueueHangs(t *testing.T) {
	t.Parallel()
	receiver := newCounted()
	config := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, receiver))
	queue := filepath.Join(t.TempDir(), "queue.db")
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", queue)
	status := func(path string) (int, time.Duration) {
		began := time.Now()
		resp, err := http.Get(s.url + path)
		if err != nil {
			t.Error(err)
			return 0, 0
		}
		resp.Body.Close()
		return resp.StatusCode, time.Since(began)
	}
	if got, _ := status("/readyz"); got != http.StatusOK {
		t.Fatalf("readyz answers %d", got)
	}
	lock, err := os.OpenFile(queue+".lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // what /readyz asked is not good any more
	var sending sync.WaitGroup
	sending.Go(func() {
		if got := send(http.DefaultClient, s.url, envelopes("meanwhile", 1)); got != http.StatusAccepted {
			t.Errorf("the event is answered %d", got)
		}
	})
	sending.Go(func() {
		if got, took := status("/readyz"); got != http.StatusServiceUnavailable {
			t.Errorf("readyz answers %d after %v", got, took)
		}
	})
	for range 20 {
		if got, took := status("/healthz"); got != http.StatusOK || took > time.Second*slowdown {
			t.Errorf("healthz answers %d after %v", got, took)
		}
	}
	time.Sleep(5200 * time.Millisecond)
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_UN); err != nil {
		t.Fatal(err)
	}
	sending.Wait()
	waitFor(t, "readiness", func() bool { got, _ := status("/readyz"); return got == http.StatusOK })
	waitFor(t, "the event", func() bool { return receiver.count() == 1 })
	if code := s.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, said %s", code, s.talk())
	}
}

// While a stopped process holds the queue's lock, serve refuses events with a time to wait, and says whom it waits for. It goes on as soon
// as that process does.
func TestServeNamesTheProcessThatItWaitsFor(t *testing.T) {
	t.Parallel()
	receiver := newCounted()
	config := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, receiver))
	queue := filepath.Join(t.TempDir(), "queue.db")
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", queue)
	stopped := stopInside(t, queue)
	resp, err := http.Post(s.url+"/v1/events", "application/json", strings.NewReader(envelopes("refused", 1)))
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" {
		t.Errorf("answered %d, Retry-After %q", resp.StatusCode, resp.Header.Get("Retry-After"))
	}
	want := "another process has held the lock"
	if runtime.GOOS == "linux" {
		want = fmt.Sprintf("process %d, which is stopped (kill -CONT %[1]d continues it), has held the lock", stopped.Pid)
	}
	waitFor(t, "the word", func() bool { return strings.Contains(s.talk(), want) })
	if err := stopped.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "room", func() bool { return send(http.DefaultClient, s.url, envelopes("taken", 1)) == http.StatusAccepted })
	waitFor(t, "the event", func() bool { return receiver.count() == 1 })
	if code := s.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, said %s", code, s.talk())
	}
}
