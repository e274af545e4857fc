package main

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A command that waits for another process's lock on the queue says so on a terminal, within its width, and then removes the text.
func TestProgressOfReplay(t *testing.T) {
	t.Parallel()
	url, _ := startListen(t)
	h := newHome(t, "")
	config := writeConfig(t, "webhooks: [{name: a, url: %q}]", url)
	h.run(h.command(h.hook, "emit", "-c", config, "--event", "workflow_error"), exitOK)
	lock, err := os.OpenFile(h.dir+"/state/awf-hook/queue.db.lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	turn := func(how int) {
		t.Helper()
		if err := unix.Flock(int(lock.Fd()), how); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct{ term, opening, replaying string }{ // what shows while each waits
		{"xterm", "\r\x1b[Kwaiting …\r\x1b[K", "\r\x1b[Kreplayin…\r\x1b[K"},
		{"dumb", "", ""},
	} {
		turn(unix.LOCK_EX)
		cmd := h.command(h.hook, "deliveries", "replay", "--all", "--state", "delivered")
		cmd.Env = append(cmd.Env, "TERM="+tt.term)
		term := onTerminalOf(t, cmd, 10)
		await := func(progress string) { // where nothing is to show, until it would have
			t.Helper()
			if progress == "" {
				time.Sleep(1200 * time.Millisecond)
			}
			waitFor(t, "the progress", func() bool { return strings.Contains(term.text(), strings.TrimSuffix(progress, "\r\x1b[K")) })
		}
		await(tt.opening)
		turn(unix.LOCK_UN)
		waitFor(t, "the question", func() bool { return strings.Contains(term.text(), "[y/N] ") })
		turn(unix.LOCK_EX)
		if _, err := io.WriteString(term.pty, "yes\n"); err != nil {
			t.Fatal(err)
		}
		await(tt.replaying)
		turn(unix.LOCK_UN)
		_ = term.wait()
		text := term.text()
		if !strings.Contains(text, tt.opening) || !strings.Contains(text, tt.replaying) ||
			!strings.HasSuffix(text, "1 replayed: awf-hook deliveries send delivers them\r\n") {
			t.Errorf("%s: %q", tt.term, text)
		}
		if tt.term == "dumb" && strings.ContainsAny(text, "\x1b…") {
			t.Errorf("%s: %q", tt.term, text)
		}
		h.run(h.command(h.hook, "deliveries", "send", "-c", config), exitOK)
	}
}

// The compilation of a large module shows on a terminal, before what is previewed.
func TestProgressOfCompilation(t *testing.T) {
	t.Parallel()
	h := homeWithLargeModule(t)
	if err := os.WriteFile(h.dir+"/event.json", []byte(`{"event": "workflow_error"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		term  string
		shown bool
	}{{"xterm", true}, {"dumb", false}} {
		cmd := h.command(h.hook, "preview", "-c", "awf-hook.yaml", "event.json")
		cmd.Env = append(cmd.Env, "TERM="+tt.term, "XDG_CACHE_HOME="+t.TempDir())
		term := onTerminalOf(t, cmd, 30)
		err := term.wait()
		text := term.text()
		if err != nil || strings.Contains(text, "\r\x1b[Kcompiling the modules of tra…\r\x1b[K") != tt.shown ||
			!strings.Contains(text, "dropped") {
			t.Errorf("TERM=%s: %v: %q", tt.term, err, text)
		}
	}
}

// run passes on the output of the command before it while a module still compiles.
func TestStdinIsReadWhileModulesCompile(t *testing.T) {
	t.Parallel()
	h := homeWithLargeModule(t)
	cmd := h.command(h.hook, "run", "-c", "awf-hook.yaml")
	cache := t.TempDir()
	cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+cache)
	feed, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	passed, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, cmd)
	const line = "AWF's own line\n"
	io.WriteString(feed, line)
	got := make([]byte, len(line))
	_, err = io.ReadFull(passed, got)
	compiled, _ := filepath.Glob(cache + "/awf-hook/wasm/*/wazero-*/*")
	if err != nil || string(got) != line || len(compiled) > 0 {
		t.Errorf("passed %q, %v, when %q was compiled, want the line before", got, err, compiled)
	}
	feed.Close()
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if compiled, _ := filepath.Glob(cache + "/awf-hook/wasm/*/native/wazero-*/*"); len(compiled) == 0 {
		t.Error("the module was not compiled at all")
	}
}

// homeWithLargeModule is a home whose awf-hook.yaml names a module that takes a while to compile.
func homeWithLargeModule(t *testing.T) *home {
	t.Helper()
	h := newHome(t, "")
	if err := os.WriteFile(h.dir+"/large.wasm", largeModule(), 0o600); err != nil {
		t.Fatal(err)
	}
	config := "webhooks: [{name: a, url: 'http://127.0.0.1:1/', transform: {wasm: large.wasm}}]\n"
	if err := os.WriteFile(h.dir+"/awf-hook.yaml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return h
}

// largeModule is a module of nearly 8 MB that drops each event and takes a while to compile.
func largeModule() []byte {
	const functions, instructions = 650, 2000
	section := func(id byte, content []byte) []byte {
		return append(binary.AppendUvarint([]byte{id}, uint64(len(content))), content...)
	}
	body := func(code []byte) []byte {
		code = append(append([]byte{0}, code...), 0x0b)
		return append(binary.AppendUvarint(nil, uint64(len(code))), code...)
	}
	types := []byte{3, 0x60, 0, 0, 0x60, 1, 0x7f, 1, 0x7f, 0x60, 2, 0x7f, 0x7f, 1, 0x7e} // (), (i32) i32, (i32, i32) i64
	count := binary.AppendUvarint(nil, functions+2)
	declared := append(bytes.Clone(count), 1, 2)
	code := append(bytes.Clone(count), append(body([]byte{0x41, 0x80, 0x08}), body([]byte{0x42, 0})...)...)
	work := body(bytes.Repeat([]byte{0x41, 1, 0x41, 2, 0x6a, 0x1a}, instructions)) // 1 + 2, dropped
	for range functions {
		declared, code = append(declared, 0), append(code, work...)
	}
	exports := append([]byte{3, 6}, "memory\x02\x00\x05alloc\x00\x00\x09transform\x00\x01"...)
	module := []byte("\x00asm\x01\x00\x00\x00")
	for _, s := range [][]byte{section(1, types), section(3, declared), section(5, []byte{1, 0, 1}), section(7, exports), section(10, code)} {
		module = append(module, s...)
	}
	return module
}
