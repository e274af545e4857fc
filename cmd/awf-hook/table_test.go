package main

import (
	"bytes"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/rivo/uniseg"
)

// The output of a module cannot control the terminal; a program gets the exact bytes.
func TestModulesSteerNoTerminal(t *testing.T) {
	module, err := filepath.Abs("../../examples/transforms/wat-minimal/transform.wasm")
	if err != nil {
		t.Fatal(err)
	}
	const sequence = "\u009b31m"
	script := `printf '{"a":"\302\23331m"}' | awf-hook transform run --raw ` + module
	term := onTerminal(t, exec.Command("sh", "-c", script))
	_ = term.wait()
	if text := term.text(); strings.Contains(text, sequence) || !strings.Contains(text, `\u009b31m`) {
		t.Errorf("on a terminal: %q", text)
	}
	if out, err := exec.Command("sh", "-c", script).Output(); err != nil || !strings.Contains(string(out), sequence) {
		t.Errorf("in a pipe: %q, %v", out, err)
	}
}

// A table is at most as wide as the terminal, and delivered deliveries are sent again only after a yes.
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
		_ = term.wait() // no is an error
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
	if text := show("n\n", "replay", "--state", "delivered", "--all"); !strings.Contains(text, "replay 1 delivered ones? [y/N]") ||
		!strings.Contains(text, "nothing changed") {
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

// Columns stand below each other on a terminal, however wide the characters of a value are.
func TestColumnsOfWideTexts(t *testing.T) {
	var out bytes.Buffer
	(&command{out: &out}).printValues("  ", []config.Value{
		{Key: "a", Text: "日本語", Place: "X"}, {Key: "headers.été", Text: "e\u0301", Place: "X"},
		{Key: "b", Text: "👩‍👩‍👧", Place: "X"}, {Key: "c", Text: "c", Place: "X"},
	})
	for line := range strings.Lines(out.String()) {
		if at := uniseg.StringWidth(line[:strings.IndexByte(line, 'X')]); at != 2+20+1+40+1 {
			t.Errorf("the place begins at column %d: %s", at, line)
		}
	}
}
