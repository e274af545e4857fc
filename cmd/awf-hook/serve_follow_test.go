package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// serve names the place of a followed file's line that it cannot read, such as an end whose status is not a text, and counts it where an
// alert sees it. It reads the lines beside it.
func TestServeSaysWhatItCannotFollow(t *testing.T) {
	t.Parallel()
	receiver := newCounted()
	config := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, receiver))
	audit := filepath.Join(t.TempDir(), "audit.jsonl")
	line := func(run, event, more string) string {
		return fmt.Sprintf(`{"event":"workflow.%s","execution_id":%q,"timestamp":"2026-03-01T12:00:00Z","workflow_name":"deploy"%s}`+"\n",
			event, run, more)
	}
	var text strings.Builder
	for i := range maxBadLines + 20 {
		run := fmt.Sprint("r", i)
		text.WriteString(line(run, "started", "") + line(run, "completed", `,"status":["vanished"],"duration_ms":1`))
	}
	text.WriteString(line("last", "started", "") + line("last", "completed", `,"status":"success","duration_ms":1`))
	if err := os.WriteFile(audit, []byte(text.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startServeIn(t, []string{"XDG_STATE_HOME=" + t.TempDir()}, "-c", config, "--listen", "127.0.0.1:0", "--follow", audit, "--from-start",
		"--queue", filepath.Join(t.TempDir(), "queue.db"))
	const counter = `awf_hook_events_refused_total{reason="bad",source="follow"}`
	waitFor(t, "the bad lines", func() bool { return series(scrape(t, s.url), counter) == fmt.Sprint(maxBadLines+20) })
	waitFor(t, "the last run", func() bool {
		receiver.mu.Lock()
		defer receiver.mu.Unlock()
		return len(receiver.runs["last"]) == 2
	})
	for _, want := range []string{audit + `:2: status: want a string`, "further bad lines are counted for the rest of the hour"} {
		if !strings.Contains(s.talk(), want) {
			t.Errorf("it does not say %q: %s", want, s.talk())
		}
	}
	if n := strings.Count(s.talk(), "status: want a string"); n != maxBadLines {
		t.Errorf("it says %d of them, want %d", n, maxBadLines)
	}
	s.end(t, syscall.SIGTERM)
}
