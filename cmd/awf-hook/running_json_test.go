package main

import (
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// The commands that run until a signal print JSON as their schemas say: listen whatever a client sends, follow and serve their reports.
func TestJSONOfRunningCommands(t *testing.T) {
	id := everyCommand(t)
	listening, end := startListen(t, "--json", "--secret", secret, "--respond", "503,reset,200")
	for i, header := range []http.Header{
		{"X-Awf-Delivery": {id}, "X-Awf-Event": {"workflow_end"}, "X-Awf-Attempt": {"1"}, "X-Awf-Signature": {"00"}},
		{"Webhook-Id": {"msg_1"}, "Webhook-Timestamp": {"x"}, "Webhook-Signature": {"v1,x v1a,y"}, "X-Awf-Attempt": {"\u00e9"}},
		{"Content-Type": {"text/plain", "x"}, "X-Hub-Signature-256": {strings.Repeat("a", 9000)}},
		{},
	} {
		body := []string{"{}", "\xff\x00", "", strings.Repeat("[", 100_000)}[i]
		r, err := http.NewRequest([]string{"POST", "PUT", "DELETE", "GET"}[i], listening+"/a?b=%00", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = header
		if resp, err := http.DefaultTransport.RoundTrip(r); err == nil { // one of the answers is a reset
			resp.Body.Close()
		}
	}
	validLines(t, compiled(t, "listen"), end(), 4)

	served := startServe(t, "-c", "hook.yaml", "--json", "--queue", "serve.db", "--listen", "127.0.0.1:0")
	if status := send(http.DefaultClient, served.url, envelopes("r", 3)); status != http.StatusAccepted {
		t.Fatal(status)
	}
	if code := served.end(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("serve: exit code %d", code)
	}
	validLines(t, compiled(t, "serve"), report(served.talk()), 1)

	following := startPiped(t, "follow", "-c", "hook.yaml", "--json", "--from-start", "--queue", "follow.db", "audit.jsonl")
	audit := `{"event":"workflow.started","execution_id":"9","timestamp":"2026-11-24T02:19:35.859Z",` +
		`"user":"ada","workflow_name":"deploy","schema_version":1}` + "\n"
	write(t, "audit.jsonl", audit)
	waitFor(t, "the followed event", func() bool {
		_, list, _ := invoked(t, "deliveries", "list", "--queue", "follow.db", "--json")
		return strings.Contains(list, `"dead"`)
	})
	if err := following.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	following.end(exitOK)
	validLines(t, compiled(t, "follow"), report(following.saidSoFar()), 1)
}

// report is what a command printed from its report on.
func report(said string) string { return said[max(0, strings.Index(said, `{"events"`)):] }

// validLines checks lines of JSON by a schema.
func validLines(t *testing.T, s *jsonschema.Schema, lines string, want int) {
	t.Helper()
	n := 0
	for line := range strings.Lines(lines) {
		n++
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err == nil {
			err = s.Validate(value)
		}
		if err != nil {
			t.Errorf("%v: %s", err, line)
		}
	}
	if n != want {
		t.Errorf("%d lines, want %d: %s", n, want, lines)
	}
}
