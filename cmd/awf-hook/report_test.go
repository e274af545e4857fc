package main

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine"
)

// The report and its JSON hold the receiver's answer to a dead letter, as text that cannot control the terminal.
func TestReportSaysWhatAReceiverAnswered(t *testing.T) {
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no such channel\x1b[2J", http.StatusBadRequest)
	}))
	config := writeConfig(t, "webhooks: [{name: chat, url: %q}]", url)
	queue := filepath.Join(t.TempDir(), "queue.db")
	_, said := runHook(t, exitOK, strings.NewReader(envelopes("answer", 2)), "run", "-c", config, "--queue", queue, "--log-level", "error")
	if want := `awf-hook: chat: 2 dead: 400 Bad Request: "no such channel`; !strings.Contains(said, want) || strings.Contains(said, "\x1b") {
		t.Errorf("said %q, want %q", said, want)
	}
	_, said = runHook(t, exitFailure, strings.NewReader(envelopes("json", 1)), "run", "-c", config, "--queue", "memory:", "--log-level",
		"error", "--json")
	report := lastReport(t, said)
	if len(report.Webhooks) != 1 || report.Webhooks[0].Dead != 1 || !strings.HasPrefix(report.Webhooks[0].Last.Answer, "no such channel") {
		t.Errorf("reported %s", said)
	}
}

// exec and emit, which say nothing if all is well, say what will be sent again.
func TestReportOfWhatIsSentAgain(t *testing.T) {
	var said strings.Builder
	s := &session{quiet: true}
	s.printReport(&command{err: &said}, &engine.Report{Events: 1, Deliveries: 1, Delivered: 1, Again: 1, Trouble: "the disk is full"})
	want := "1 delivered will be sent again, since their outcomes could not be stored: the disk is full"
	if !strings.Contains(said.String(), want) {
		t.Errorf("said %q, want %q", &said, want)
	}
}
