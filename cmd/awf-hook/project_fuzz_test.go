package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The limits of a command in any small checkout. Processor time counts, not wall time, since other programs run too.
const (
	fuzzTime   = 2 * time.Second
	fuzzMemory = 512 << 20 // bytes allocated, most of them freed at once
	fuzzWait   = 30 * time.Second
)

// fuzzPaths are the places where a fuzzed checkout can have something, fuzzTargets the targets of its links.
var (
	fuzzPaths = []string{
		".awf", ".awf/settings.yaml", ".awf/workflows", ".awf/workflows/deploy.yaml", ".awf/workflows/n.yml", ".awf/m.wasm", ".awf/events",
		".awf/workflows/m.wasm", "awf-hook.yaml", "m.wasm", ".awf/secret", ".git", "events", ".awf/workflows/.yaml", "transform.c",
		"package.json",
	}
	fuzzTargets = []string{
		"/dev/stdin", "/dev/zero", "/dev/tty", "/dev/fd/0", "/proc/self/mem", "/etc/passwd", ".", "..", "settings.yaml", "workflows", "../..",
		"/", "/proc",
		"/dev/null", "m.wasm", "../awf-hook.yaml", "nowhere", "/proc/kmsg",
	}
	fuzzTexts = []string{
		"webhooks:\n", "  - url: https://a.example/\n", "    filter: ", "payload.error matches \"(a+)+$\"\n", "    transform:\n", "      - map: ",
		"{text: \"=payload\"}\n",
		"      - wasm: ./m.wasm\n", "      - format: slack\n", "name: deploy\n", "x: &x ", "*x", "    secret: ${SECRET}\n",
		"tests:\n  - event: {event: workflow_end}\n",
		"    order_by: payload\n", "network: {allow: [0.0.0.0/0]}\n", "queue: {path: /dev/stdin}\n", "    secret_file: .awf/secret\n",
		"\x00asm\x01\x00\x00\x00", "[", "- ",
		"? ", "!!binary ", "<<: *x\n", "    events: ['*']\n", "  - events: events\n",
		`{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}` + "\n",
	}
)

// fuzzCommands are commands that a user may type in a checkout. None of them reaches a network: requests go nowhere.
var fuzzCommands = [][]string{
	{"run", "--queue", "memory:", "--drain-timeout", "0s"},
	{"run", "--queue", "memory:", "--drain-timeout", "0s", "--trust-project"},
	{"emit", "--queue", "memory:", "--drain-timeout", "0s", "--event", "workflow_end", "--workflow", "deploy"},
	{"check"}, {"check", "--print", "--no-env"}, {"check", "awf-hook.yaml", ".awf/settings.yaml", ".awf/workflows/deploy.yaml"},
	{"preview", "events"}, {"preview", "--trust-project", "events"}, {"explain", "events"}, {"test"}, {"trust"}, {"trust", "--yes"},
	{"trust", "--list"},
	{"deliveries", "--queue", "events"}, {"transform", "inspect", "m.wasm"}, {"sign", "--secret", "0123456789abcdef", "events"},
	{"run", "-c", "awf-hook.yaml", "--queue", ".awf/events", "--drain-timeout", "0s"},
}

// plant makes the checkout that code describes: kind, place and target or text, three bytes each. Its links may lead
// anywhere, but plant writes through none of them: nothing outside dir changes.
func plant(t testing.TB, dir string, code []byte) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	for ; len(code) >= 3; code = code[3:] {
		path, which := fuzzPaths[int(code[1])%len(fuzzPaths)], int(code[2])
		_ = root.MkdirAll(filepath.Dir(path), 0o700) // a part of the path may be a file
		const write = os.O_WRONLY | os.O_CREATE | syscall.O_NONBLOCK | syscall.O_NOFOLLOW
		switch code[0] % 8 {
		case 0:
			if folder, err := root.OpenRoot(filepath.Dir(path) + "/."); err == nil { // a Root makes no FIFO, and would wait for one
				fifo := filepath.Join(t.TempDir(), "fifo")
				if syscall.Mkfifo(fifo, 0o600) == nil {
					_ = os.Rename(fifo, filepath.Join(folder.Name(), filepath.Base(path)))
				}
				folder.Close()
			}
		case 1:
			_ = root.Symlink(fuzzTargets[which%len(fuzzTargets)], path)
		case 2:
			_ = root.Mkdir(path, 0o700)
		case 3:
			if f, err := root.OpenFile(path, write, 0o600); err == nil {
				_ = f.Truncate(int64(which) << 25)
				f.Close()
			}
		case 4:
			_ = root.Chmod(path, os.FileMode(which))
		default: // more of a file
			f, err := root.OpenFile(path, write|os.O_APPEND, 0o600)
			if err != nil {
				continue
			}
			if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
				_, _ = f.WriteString(strings.Repeat(fuzzTexts[which%len(fuzzTexts)], 1<<(code[0]%8-5)*(1+which/len(fuzzTexts))))
			}
			f.Close()
		}
	}
}

// Whatever a checkout contains, every command in it ends soon, uses little, and passes on what comes through its pipe.
func FuzzProject(f *testing.F) {
	for i := range fuzzCommands {
		for j := range 3 { // the worst ones
			f.Add(uint8(i), []byte{1, 1, byte(j), 1, 3, byte(j), 1, 5, byte(j), 1, 8, byte(j), 1, 12, byte(j)})
		}
		f.Add(uint8(i), []byte{0, 1, 0, 0, 3, 0, 0, 5, 0, 0, 8, 0, 0, 12, 0})
		f.Add(uint8(i), []byte{5, 1, 0, 7, 1, 1, 5, 3, 9, 5, 3, 0, 5, 3, 1, 5, 1, 2, 5, 1, 3, 5, 1, 4, 5, 1, 7, 5, 5, 18, 5, 12, 26})
		f.Add(uint8(i), []byte{3, 1, 255, 3, 3, 255, 3, 5, 255, 3, 8, 255, 3, 12, 255, 3, 6, 255})
		f.Add(uint8(i), []byte{5, 1, 10, 5, 1, 19, 7, 1, 20, 7, 1, 11, 5, 8, 0, 5, 8, 1, 5, 8, 6, 0, 2, 0})
	}
	home, err := os.MkdirTemp("", "awf-hook-fuzz")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { os.RemoveAll(home) })
	f.Setenv("HOME", home)
	f.Setenv("XDG_STATE_HOME", filepath.Join(home, "state"))
	f.Setenv("AWF_CONFIG_HOME", filepath.Join(home, "none"))
	n := 0
	f.Fuzz(func(t *testing.T, which uint8, code []byte) {
		n++
		dir := filepath.Join(home, fmt.Sprint("project", n))
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		defer os.RemoveAll(filepath.Join(home, "state"))
		plant(t, dir, code[:min(len(code), 3*100)])
		t.Chdir(dir)
		args := fuzzCommands[int(which)%len(fuzzCommands)]
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		used := processorTime()
		out, said, ended := runPiped(args)
		if !ended {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%q did not end: %s", args, stacks[:runtime.Stack(stacks, true)])
		}
		took := processorTime() - used
		runtime.ReadMemStats(&after)
		if allocated := after.TotalAlloc - before.TotalAlloc; took > fuzzTime || allocated > fuzzMemory {
			t.Errorf("%q took %v and %d MiB: %.300s", args, took, allocated>>20, said)
		}
		if args[0] == "run" && strings.Count(out, "a line\n") != 2 {
			t.Errorf("%q passed %q on: %.300s", args, out, said)
		}
		if strings.Contains(said+out, "root:x:0") || strings.Contains(said, "runtime error") {
			t.Errorf("%q says %s, prints %s", args, said, out)
		}
	})
}

// runPiped runs a command with a pipe as stdin, which has two lines with an event between them. It reports whether the
// command ended in time.
func runPiped(args []string) (out, said string, ended bool) {
	stdin, writer, err := os.Pipe()
	if err != nil {
		panic(err)
	}
	defer stdin.Close()
	go func() {
		defer writer.Close()
		_, _ = io.WriteString(writer, "a line\n"+
			`{"event":"workflow_end","workflow_id":"w","workflow_name":"deploy","timestamp":"2026-11-24T01:24:00Z","payload":{}}`+"\na line\n")
	}()
	var stdout, stderr bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		run(args, stdin, &stdout, &stderr)
	}()
	select {
	case <-done:
		return stdout.String(), stderr.String(), true
	case <-time.After(fuzzWait):
		return "", "", false
	}
}

// processorTime returns the processor time that this process has used.
func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
