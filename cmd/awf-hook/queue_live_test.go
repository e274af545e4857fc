package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// While a serve delivers from both queues, a move leaves no delivery behind and doubles none.
func TestQueueMovesWhileOthersDeliver(t *testing.T) {
	if os.Getenv("CLUSTER") == "" {
		t.Skip("make cluster runs it")
	}
	url := databases.New(t)
	const events = 1500
	receiver := newCounted()
	var held atomic.Bool
	held.Store(true)
	target := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if held.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		time.Sleep(2 * time.Millisecond)
		receiver.ServeHTTP(w, r)
	}))
	config := writeConfig(t, `queue: {namespace: test}
webhooks: [{name: hook, url: %q, max_in_flight: 8, retry: {delay: 1s, max_attempts: 50}}]`, target)
	file := filepath.Join(t.TempDir(), "queue.db")
	runHook(t, exitOK, strings.NewReader(envelopes("r", events)), "run", "-c", config, "--queue", file, "--drain-timeout", "0s")
	held.Store(false)
	old := startServe(t, "-c", config, "--listen", "127.0.0.1:"+freePort(), "--queue", file)
	current := startServe(t, "-c", config, "--listen", "127.0.0.1:"+freePort(), "--queue", url)
	until(t, "some are delivered from the file", func() bool { return receiver.count() > 20 })
	runHook(t, exitOK, nil, "webhooks", "enable", "hook", "-c", config, "--queue", file) // the breaker may be open
	_, talk := runHook(t, exitOK, nil, "queue", "move", "-c", config, "--from", file, "--to", url)
	runHook(t, exitOK, nil, "webhooks", "enable", "hook", "-c", config, "--queue", url)
	until(t, "all are delivered", func() bool { return receiver.count() == events })
	old.end(t, syscall.SIGTERM)
	current.end(t, syscall.SIGTERM)
	for id, n := range receiver.ids {
		if n > 1 {
			t.Errorf("%s arrived %d times", id, n)
		}
	}
	for _, queue := range []string{file, url} {
		runHook(t, exitOK, nil, "queue", "check", "-c", config, "--queue", queue)
	}
	t.Logf("%d events; %s", events, talk)
}
