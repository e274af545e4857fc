package main

import (
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// A table is as wide as the terminal at most, and what was delivered is sent again only after a yes.
func TestDeliveriesOnATerminal(t *testing.T) {
	url, end := startListen(t, "--json")
	config := writeConfig(t, "webhooks: [{name: a-name-that-takes-some-room, url: %q}]", url)
	queue := filepath.Join(t.TempDir(), "queue.db")
	runHook(t, exitOK, strings.NewReader(envelopes("table", 1)), "run", "-c", config, "--queue", queue)
	show := func(answer string, args ...string) string {
		cmd := exec.Command("awf-hook", append([]string{"deliveries", "--queue", queue, "-c", config}, args...)...)
		term := onTerminalOf(t, cmd, 60)
		if answer != "" {
			waitFor(t, "the question", func() bool { return strings.Contains(term.text(), "[y/N]") })
			if _, err := io.WriteString(term.pty, answer); err != nil {
				t.Fatal(err)
			}
		}
		_ = term.wait() // a no is an error
		return term.text()
	}
	wide := exec.Command("awf-hook", "deliveries", "--queue", queue, "-c", config)
	out, err := wide.Output()
	if err != nil || !strings.Contains(string(out), "a-name-that-takes-some-room") || strings.Contains(string(out), "…") {
		t.Errorf("in a pipe: %s, %v, want it whole", out, err)
	}
	text := strings.ReplaceAll(show("", "list"), "\r", "")
	for line := range strings.Lines(text) {
		if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 60 || !strings.Contains(text, "…") {
			t.Errorf("on a terminal of 60 columns: %q", text)
		}
	}
	if text := show("n\n", "replay", "--state", "delivered", "--all"); !strings.Contains(text, "replay what was delivered, 1 in all? [y/N]") || !strings.Contains(text, "nothing changed") {
		t.Errorf("after a no: %q", text)
	}
	if text := show("y\n", "replay", "--state", "delivered", "--all"); !strings.Contains(text, "1 replayed") {
		t.Errorf("after a yes: %q", text)
	}
	runHook(t, exitOK, strings.NewReader(""), "deliveries", "send", "--queue", queue, "-c", config)
	if got := len(received(t, end())); got != 2 {
		t.Errorf("%d requests arrived, want 2", got)
	}
}
