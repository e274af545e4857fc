package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// A drain shows what it waits for as one line on a terminal, within its width, and removes the line afterwards. Elsewhere
// it shows nothing.
func TestProgress(t *testing.T) {
	t.Parallel()
	const progress = "delivering what is left: 1"
	for _, tt := range []struct {
		name, command string
		shown         bool
		stops         bool // it says that Ctrl-C stops it
	}{
		{"run", "TERM=xterm awf-hook run -c CONFIG <EVENTS", true, false},
		{"run on a terminal that cannot redraw", "TERM=dumb awf-hook run -c CONFIG <EVENTS", false, false},
		{"run with messages in a file", "TERM=xterm awf-hook run -c CONFIG <EVENTS 2>talk", false, false},
		{"send", "TERM=xterm; awf-hook run -c CONFIG --drain-timeout 1ms <EVENTS; awf-hook deliveries send -c CONFIG", true, true},
		{"exec", "TERM=xterm awf-hook exec -c CONFIG -- sh -c 'sleep 0.8; cat EVENTS >$AWF_AUDIT_LOG; echo the command is through'", true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, _ := startListen(t, "--respond", "slow:1200ms")
			h := newHome(t, "")
			events := h.dir + "/events.jsonl"
			if err := os.WriteFile(events, []byte(envelopes("progress", 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			script := strings.NewReplacer("CONFIG", writeConfig(t, "webhooks: [{name: a, url: %q, timeout: 5s}]", url), "EVENTS",
				events).Replace(tt.command)
			term := onTerminalOf(t, h.command("sh", "-c", script), 48)
			if err := term.wait(); err != nil {
				t.Errorf("%v: %q", err, term.text())
			}
			text := term.text()
			if got := strings.Contains(text, "\r\x1b[K"+progress); got != tt.shown {
				t.Errorf("%q: progress shows: %v", text, got)
			}
			if strings.Contains(text, progress) && !strings.Contains(text, "\r\x1b[K\x1b") &&
				!regexp.MustCompile(`at most?[^\n]*\r\x1b\[K`).MatchString(text) {
				t.Errorf("%q: the line is not taken away", text)
			}
			for _, line := range strings.Split(text, "\r\x1b[K") {
				if strings.HasPrefix(line, progress) && utf8.RuneCountInString(strings.TrimRight(line, "\r\n")) > 47 {
					t.Errorf("%q is wider than the terminal", line)
				}
			}
			before, _, _ := strings.Cut(text, "the command is through")
			if tt.name == "exec" && strings.Contains(before, "\x1b[K") {
				t.Errorf("%q: progress shows while the terminal is the command's", text)
			}
		})
	}
}

// The first Ctrl-C says what awf-hook waits for, for how long at most, and that a second one ends it. The second ends it.
func TestCtrlC(t *testing.T) {
	t.Parallel()
	url, _ := startListen(t, "--respond", "slow:20s")
	h := newHome(t, "")
	config := writeConfig(t, "webhooks: [{name: a, url: %q, timeout: 30s}]", url)
	term := onTerminal(t, h.command(h.hook, "run", "-c", config, "--drain-timeout", "19s"))
	press := func(want string) {
		t.Helper()
		if _, err := term.pty.Write([]byte{3}); err != nil {
			t.Fatal(err)
		}
		waitFor(t, want, func() bool { return strings.Contains(term.text(), want) })
	}
	if _, err := io.WriteString(term.pty, envelopes("ctrlc", 1)); err != nil {
		t.Fatal(err)
	}
	time.Sleep(300 * time.Millisecond) // until it is read
	press("awf-hook: delivering what is left, for 19s at most; a second signal stops at once\r\n")
	waitFor(t, "the progress", func() bool { return strings.Contains(term.text(), "delivering what is left: 1, for 1") })
	press("1 event, 1 delivery: 0 delivered, 1 waiting")
	if err := term.wait(); err != nil {
		t.Errorf("%v: %q", err, term.text())
	}
}

// Logs are sentences on a terminal, key=value elsewhere, and JSON on request.
func TestLogFormats(t *testing.T) {
	t.Parallel()
	config := writeConfig(t, "webhooks: [{name: a, url: 'http://127.0.0.1:%s', retry: {delay: 1h}}]", freePort())
	show := func(env string, flags ...string) string {
		h := newHome(t, "")
		cmd := h.command(h.hook, append([]string{"emit", "-c", config, "--event", "workflow_end", "--log-level", "info"}, flags...)...)
		cmd.Env = append(cmd.Env, "TERM=xterm", env)
		term := onTerminalOf(t, cmd, 200)
		_ = term.wait()
		return term.text()
	}
	for env, word := range map[string]string{"LANG=C": "\x1b[2minfo:\x1b[0m", "NO_COLOR=1": "info:", "TERM=dumb": "info:"} {
		text := show(env)
		want := regexp.QuoteMeta("awf-hook: "+word+" a: attempt 1: ") +
			`.*refused after .*, next in \S+ \(delivery msg_\w+, event workflow_end\)\r\n`
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("%s: %q, want %s", env, text, want)
		}
	}
	var record struct{ Level, Msg, Delivery, Event string }
	text := show("LANG=C", "--log-format", "json")
	line, _, _ := strings.Cut(text[strings.IndexByte(text, '{'):], "\n")
	if err := json.Unmarshal([]byte(line), &record); err != nil || record.Level != "INFO" || record.Event != "workflow_end" {
		t.Errorf("%q: %v, %+v", text, err, record)
	}
	h := newHome(t, "")
	cmd := h.command(h.hook, "emit", "-c", config, "--event", "workflow_end", "--log-level", "info")
	if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), `level=INFO msg="a: attempt 1: `) {
		t.Errorf("in a pipe: %s", out)
	}
	if text := show("LANG=C", "--log-format", "xml"); !strings.Contains(text, `--log-format: want text or json, got "xml"`) {
		t.Errorf("%q", text)
	}
}

// A sentence contains everything in a record, and cannot control the terminal.
func TestSentences(t *testing.T) {
	var b bytes.Buffer
	c := command{err: &b, sentences: true, logFormat: "text"}
	log := c.logger().With("webhook", "a").WithGroup("g").With("n", 1)
	log.Error("it broke", "err", errors.New("a disk"), slog.Group("in", "x", "\x1b[31m"))
	log.Debug("not said")
	log.Warn("only this")
	want := `awf-hook: error: "it broke (webhook a, g.n 1, g.err a disk, g.in [x=\x1b[31m])"` + "\n" +
		"awf-hook: warning: only this (webhook a, g.n 1)\n"
	if got := b.String(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	b.Reset()
	c.logger().Warn("not kept", "err", errors.New("no room"))
	if got := b.String(); got != "awf-hook: warning: not kept: no room\n" {
		t.Errorf("%q", got)
	}
}

// top and --watch take over the terminal, draw within its size, and restore it at Ctrl-C; elsewhere they print one
// snapshot.
func TestWatching(t *testing.T) {
	t.Parallel()
	h := newHome(t, "")
	config := writeConfig(t, "webhooks: [{name: a-webhook-with-a-long-name, url: 'http://127.0.0.1:%s', retry: {delay: 1h}}]", freePort())
	fill := h.command(h.hook, "run", "-c", config, "--drain-timeout", "1ms")
	fill.Stdin = strings.NewReader(envelopes("watch", 30))
	h.run(fill, exitOK)
	for _, args := range [][]string{{"top", "-c", config, "--interval", "100ms"}, {"deliveries", "--watch", "-c", config}} {
		cmd := h.command(h.hook, args...)
		cmd.Env = append(cmd.Env, "TERM=xterm")
		term := onTerminalSized(t, cmd, 40, 12)
		waitFor(t, "a picture", func() bool { return strings.Count(term.text(), "\x1b[J") >= len(args)/2 })
		if _, err := term.pty.Write([]byte{3}); err != nil {
			t.Fatal(err)
		}
		if err := term.wait(); err != nil {
			t.Errorf("%s: %v", args[0], err)
		}
		text := term.text()
		if !strings.HasPrefix(text, takeTerminal) || !strings.HasSuffix(strings.TrimSuffix(text, "^C"), giveTerminal) {
			t.Errorf("%s: %q does not take and give back the terminal", args[0], text)
		}
		for _, picture := range strings.Split(text, toCorner)[1:] {
			picture, _, _ = strings.Cut(picture, clearRest)
			lines := strings.Split(picture, clearLine+"\r\n")
			if len(lines) > 12 {
				t.Errorf("%s: %d lines on a terminal of 12", args[0], len(lines))
			}
			for _, line := range lines[2:] {
				if line = regexp.MustCompile(`\x1b\[[0-9]*[mK]`).ReplaceAllString(line, ""); utf8.RuneCountInString(line) > 40 {
					t.Errorf("%s: %q is wider than 40", args[0], line)
				}
			}
		}
		cmd = h.command(h.hook, args...)
		cmd.Env = append(cmd.Env, "TERM=dumb")
		dumb := onTerminal(t, cmd)
		if err := dumb.wait(); err != nil || strings.Contains(dumb.text(), "\x1b") ||
			!strings.Contains(dumb.text(), "a-webhook-with-a-long-name") {
			t.Errorf("%s on a dumb terminal: %v, %q", args[0], err, dumb.text())
		}
		out, err := h.command(h.hook, args...).Output()
		if err != nil || strings.Contains(string(out), "\x1b") || !strings.Contains(string(out), "a-webhook-with-a-long-name") {
			t.Errorf("%s in a pipe: %v, %q", args[0], err, out)
		}
	}
	var lane struct {
		Webhook   string
		Waiting   int
		PerMinute *float64 `json:"per_minute"`
	}
	out, err := h.command(h.hook, "top", "-c", config, "--json").Output()
	if err != nil || json.Unmarshal(out, &lane) != nil || lane.Webhook != "a-webhook-with-a-long-name" || lane.Waiting != 30 ||
		lane.PerMinute == nil {
		t.Errorf("--json: %v, %s", err, out)
	}
}
