package main

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// terminal is a command on a terminal of its own, as the first foreground job of its session.
type terminal struct {
	cmd     *exec.Cmd
	pty     *os.File
	mu      sync.Mutex
	shown   bytes.Buffer
	reading sync.WaitGroup
}

func onTerminal(t *testing.T, cmd *exec.Cmd) *terminal {
	t.Helper()
	return onTerminalOf(t, cmd, 120)
}

// onTerminalOf is onTerminal with a number of columns.
func onTerminalOf(t *testing.T, cmd *exec.Cmd, columns uint16) *terminal {
	t.Helper()
	return onTerminalSized(t, cmd, columns, 40)
}

// onTerminalSized is onTerminal with a number of columns and lines.
func onTerminalSized(t *testing.T, cmd *exec.Cmd, columns, lines uint16) *terminal {
	t.Helper()
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: lines, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	term := &terminal{cmd: cmd, pty: master}
	term.reading.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := master.Read(buf)
			term.mu.Lock()
			term.shown.Write(buf[:n])
			term.mu.Unlock()
			if err != nil { // EIO once the last process has closed the terminal
				return
			}
		}
	})
	return term
}

func (term *terminal) text() string {
	term.mu.Lock()
	defer term.mu.Unlock()
	return term.shown.String()
}

func (term *terminal) wait() error {
	err := term.cmd.Wait()
	term.reading.Wait()
	term.pty.Close()
	return err
}

// A command under exec has the same terminal as without: its size, its colours, its input, and nothing of ours.
func TestExecTerminal(t *testing.T) {
	script := `test -t 0 && test -t 1 && test -t 2 && printf '\033[31mred\033[0m\n' && ` +
		`stty size && stty -a | head -2; read line; echo "read $line"`
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	h := newHome(t, "")
	show := func(cmd *exec.Cmd) string {
		term := onTerminal(t, cmd)
		waitFor(t, "stty's answer", func() bool { return strings.Contains(term.text(), "intr = ") })
		if _, err := io.WriteString(term.pty, "typed\n"); err != nil {
			t.Fatal(err)
		}
		if err := term.wait(); err != nil {
			t.Errorf("%v: %s", err, term.text())
		}
		return term.text()
	}
	want := show(h.command("sh", "-c", script))
	got := show(h.command(h.hook, "exec", "-c", config, "--", "sh", "-c", script))
	if got != want || !strings.Contains(got, "\x1b[31mred\x1b[0m") || !strings.Contains(got, "40 120") ||
		!strings.Contains(got, "read typed") {
		t.Errorf("shown %q, without awf-hook %q", got, want)
	}
	end()
}

// Ctrl-C reaches the command once, and so does each signal that is sent only to awf-hook, on a terminal or not.
func TestExecSignalsOnce(t *testing.T) {
	awf := buildStandin(t)
	config := writeConfig(t, "webhooks: []")
	recording := abs(t, recordings+"/killed.jsonl")
	tests := []struct {
		name     string
		terminal bool
		send     func(cmd *exec.Cmd, term *terminal) error
		want     string
	}{
		{"Ctrl-C", true, func(_ *exec.Cmd, term *terminal) error { _, err := term.pty.Write([]byte{3}); return err }, "interrupt\n"},
		{"SIGTERM to awf-hook on a terminal", true, func(cmd *exec.Cmd, _ *terminal) error { return cmd.Process.Signal(syscall.SIGTERM) },
			"terminated\n"},
		{"SIGINT to awf-hook without a terminal", false, func(cmd *exec.Cmd, _ *terminal) error { return cmd.Process.Signal(syscall.SIGINT) },
			"interrupt\n"},
		{"SIGTERM to awf-hook without a terminal", false, func(cmd *exec.Cmd, _ *terminal) error { return cmd.Process.Signal(syscall.SIGTERM) },
			"terminated\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, awf)
			cmd := h.exec(config, recording, "--signals", h.dir+"/signals")
			var term *terminal
			if tt.terminal {
				term = onTerminal(t, cmd)
			} else {
				cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
				start(t, cmd)
			}
			waitFor(t, "the transcript", func() bool { return transcripts(h) == 1 })
			time.Sleep(100 * time.Millisecond)
			if err := tt.send(cmd, term); err != nil {
				t.Fatal(err)
			}
			var err error
			if term != nil {
				err = term.wait()
			} else {
				err = cmd.Wait()
			}
			if err != nil {
				t.Errorf("awf-hook: %v", err)
			}
			got, err := os.ReadFile(h.dir + "/signals")
			if string(got) != tt.want || errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the command got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

// The prompt of eval completes names with Tab, recalls earlier lines, and ends with Ctrl-D.
func TestEvalPrompt(t *testing.T) {
	h := newHome(t, "")
	term := onTerminal(t, h.command(h.hook, "eval", "--event", "workflow_error"))
	typed := func(keys, want string) {
		t.Helper()
		if _, err := io.WriteString(term.pty, keys); err != nil {
			t.Fatal(err)
		}
		waitFor(t, want, func() bool { return strings.Contains(term.text(), want) })
	}
	typed("payload.dur\t > 60\r", "workflow_error     true\r\n")
	typed("\x1b[A + 1\r", "payload.duration > 60 + 1")
	typed("upper(workflow_n\t)\r", `"DEPLOY"`)
	typed("nonsense(\r", "^\r\n")
	typed("\x04", "")
	if err := term.wait(); err != nil {
		t.Errorf("%v: %q", err, term.text())
	}
}

// Mistakes have colours on a terminal, except with NO_COLOR or on a terminal without colours. Their place stays at the
// beginning of the line.
func TestCheckColours(t *testing.T) {
	h := newHome(t, "")
	config := writeConfig(t, "webhooks:\n  - name: a\n    urk: %s\n", "http://127.0.0.1/")
	for _, tt := range []struct {
		env      string
		coloured bool
	}{{"TERM=xterm", true}, {"TERM=dumb", false}, {"NO_COLOR=1", false}} {
		cmd := h.command(h.hook, "check", config)
		cmd.Env = append(cmd.Env, "TERM=xterm", tt.env)
		term := onTerminalOf(t, cmd, 40)
		_ = term.wait() // exit code 3
		text := term.text()
		if strings.Contains(text, "\x1b[31m") != tt.coloured || strings.Contains(text, "\x1b[") != tt.coloured {
			t.Errorf("%s: %q", tt.env, text)
		}
		if !strings.Contains(text, ":3:5:") || !strings.Contains(text, "^") {
			t.Errorf("%s: %q has no place", tt.env, text)
		}
	}
}

// On a terminal, preview dims headers and indents bodies, and explain and test use colours. In a pipe, with NO_COLOR, and
// on a terminal without colours there are none, and bodies are exact.
func TestColoursOfTheDryRuns(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	config := writeConfig(t, `webhooks:
  - {name: a, url: %q, events: [workflow_error], filter: payload.n == 1}
tests:
  - {name: passes, event: {event: workflow_error, payload: {n: 1}}, want: [{webhook: a}]}
  - {name: fails, event: {event: workflow_error, payload: {n: 1}}, want: [{webhook: a, body: {payload: {n: 2}}}]}
  - {name: silent, event: {event: workflow_start}, want: [{webhook: a}]}
`, "http://127.0.0.1/")
	events := h.dir + "/events.jsonl"
	if err := os.WriteFile(events, []byte(`{"event":"workflow_error","payload":{"n":1}}`+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args     []string
		coloured []string // on a terminal
		anyway   []string
	}{
		{[]string{"preview", "-c", config, events}, []string{"\x1b[2mContent-Type: application/json\x1b[0m", "\x1b[1ma\x1b[0m: POST"}, nil},
		{[]string{"explain", "-c", config, events}, []string{"\x1b[1mpayload.n == 1", "\x1b[2m  └─ \x1b[0m", "\x1b[32msent\x1b[0m"},
			[]string{"◀ decided"}},
		{[]string{"test", "-c", config}, []string{"\x1b[32mpassed\x1b[0m", "\x1b[31mfailed\x1b[0m", "\x1b[31m-      \"n\": 2\x1b[0m",
			"\x1b[32m+      \"n\": 1"},
			[]string{"wanted a request of a, none was made: other type"}},
		{[]string{"check", "-c", config}, []string{"\x1b[32mgood\x1b[0m"}, nil},
	} {
		for _, env := range []string{"TERM=xterm", "TERM=dumb", "NO_COLOR=1"} {
			cmd := h.command(h.hook, tt.args...)
			cmd.Env = append(cmd.Env, "TERM=xterm", env)
			term := onTerminal(t, cmd)
			_ = term.wait() // test exits with 1
			text := strings.ReplaceAll(term.text(), "\r", "")
			for _, want := range tt.coloured {
				if strings.Contains(text, want) != (env == "TERM=xterm") {
					t.Errorf("%s %s: %q, which has %q or not", env, tt.args[0], text, want)
				}
			}
			if tt.args[0] == "preview" && !strings.Contains(text, "\n      \"payload\": {\n        \"n\": 1\n") {
				t.Errorf("%s: the body is not indented: %q", env, text)
			}
			if env != "TERM=xterm" && strings.Contains(text, "\x1b[") {
				t.Errorf("%s %s: %q has colours", env, tt.args[0], text)
			}
			for _, want := range tt.anyway {
				if !strings.Contains(text, want) {
					t.Errorf("%s %s: %q lacks %q", env, tt.args[0], text, want)
				}
			}
		}
		out, _ := h.command(h.hook, tt.args...).Output()
		if strings.Contains(string(out), "\x1b[") || tt.args[0] == "preview" && !strings.Contains(string(out), `"payload":{"n":1}}`) {
			t.Errorf("%s in a pipe: %q", tt.args[0], out)
		}
	}
}
