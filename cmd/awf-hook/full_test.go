package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const fullEvents = 50_000

// paced reads lines of events, at most pacedAhead more than have arrived: what a queue cannot hold memory must, and a full machine
// delivers slowly.
type paced struct {
	lines    *strings.Reader
	receiver *counter
	read     int
}

const pacedAhead = 8000

func (p *paced) Read(b []byte) (int, error) {
	for begun := time.Now(); p.read-p.receiver.arrived() > pacedAhead && time.Since(begun) < 10*time.Second; {
		time.Sleep(5 * time.Millisecond)
	}
	n, err := p.lines.Read(b)
	p.read += bytes.Count(b[:n], []byte("\n"))
	return n, err
}

// deliverFull runs 50,000 events into a queue that cannot hold them, and says why. Whatever becomes of them is in the report:
// accepted events are delivered or kept, the others are refused, and the exit code says so.
func deliverFull(t *testing.T, receiver *counter, why string, args ...string) {
	t.Helper()
	hook := exec.Command("awf-hook", append(args, "--json", "--log-level", "error", "--drain-timeout", (30*slowdown*time.Second).String())...)
	hook.Stdin = &paced{lines: strings.NewReader(envelopes("e", fullEvents)), receiver: receiver}
	said := new(bytes.Buffer)
	hook.Stderr = said
	exit := exitCode(t, hook.Run())
	report := lastReport(t, said.String())
	t.Logf("exit code %d, %s", exit, said)
	if report.Events+report.Refused != fullEvents {
		t.Errorf("%d events and %d refused, want %d together", report.Events, report.Refused, fullEvents)
	}
	if !strings.Contains(said.String(), "deliveries are kept in memory") || !strings.Contains(said.String(), why) {
		t.Errorf("it does not say that the queue is full: %s", why)
	}
	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	if arrived := int64(len(receiver.deliveries)); arrived != report.Events-report.Kept-report.Spilled {
		t.Errorf("%d arrived, %d are kept and %d spilled, want %d together", arrived, report.Kept, report.Spilled, report.Events)
	}
	want := exitOK
	if report.Refused > 0 {
		want = exitFailure
	}
	if exit != want {
		t.Errorf("exit code %d, want %d", exit, want)
	}
}

// deliverRest runs awf-hook on the rest, and returns how much arrived in all.
func deliverRest(t *testing.T, receiver *counter, file string, args ...string) int {
	t.Helper()
	_, said := runHook(t, exitOK, strings.NewReader(envelopes("later", 10)),
		append(args, "--log-level", "error", "--drain-timeout", (30*slowdown*time.Second).String())...)
	if !strings.Contains(said, " 0 to retry, 0 dead\n") {
		t.Errorf("the next run said %s", said)
	}
	checkIntegrity(t, file)
	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	return len(receiver.deliveries) - 10
}

func TestQueueReachesItsSize(t *testing.T) {
	t.Parallel()
	receiver, url := startCounter(t)
	file := filepath.Join(t.TempDir(), "queue.db")
	config := writeConfig(t, "queue: {max_size: 1MiB}\nwebhooks: [{url: %q}]", url)
	args := []string{"run", "-c", config, "--queue", file}
	deliverFull(t, receiver, "the queue has reached its max_size", args...)
	if got := deliverRest(t, receiver, file, args...); got != fullEvents {
		t.Errorf("%d arrived, want %d: there was room in memory", got, fullEvents)
	}
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 3<<20 {
		t.Errorf("the file has %d bytes, want about its max_size of 1 MiB", info.Size())
	}
}

// A real disk is full: at first all of its 6 MB, later 64 MB.
func TestDiskIsFull(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=6m,mode=0700", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("a tmpfs cannot be mounted: %s", out)
	}
	defer func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	}()
	receiver, url := startCounter(t)
	file := filepath.Join(dir, "queue.db")
	config := writeConfig(t, "webhooks: [{url: %q}]", url)
	args := []string{"run", "-c", config, "--queue", file}
	deliverFull(t, receiver, "disk is full", args...)
	if out, err := exec.Command("mount", "-o", "remount,size=64m", dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %s", out)
	}
	arrived := deliverRest(t, receiver, file, args...)
	if arrived != fullEvents {
		t.Errorf("%d arrived, want all of %d: none was refused", arrived, fullEvents)
	}
}

// If the queue's file cannot be used at all, everything is delivered from memory, and awf-hook says why.
func TestQueueFileCannotBeUsed(t *testing.T) {
	receiver, url := startCounter(t)
	dir := t.TempDir()
	config := writeConfig(t, "webhooks: [{url: %q}]", url)
	write := func(name string, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	newer := filepath.Join(dir, "newer.db")
	runHook(t, exitOK, strings.NewReader(""), "run", "-c", config, "--queue", newer)
	setSchema(t, newer, 999)
	for i, tt := range []struct{ file, want string }{
		{write("corrupt.db", strings.Repeat("this is not a database. ", 1000)), "file is not a database (26); put a backup in its place"},
		{newer, "a newer awf-hook made the file: its schema is 999, and this one knows up to"},
		{filepath.Join(write("file", ""), "queue.db"), "not a directory"},
		{"/proc/queue.db", "no such file or directory"},
	} {
		before, _ := os.ReadFile(tt.file)
		_, said := runHook(t, exitOK, strings.NewReader(envelopes(fmt.Sprint(i), 5)), "run", "-c", config, "--queue", tt.file)
		if !strings.Contains(said, "5 delivered, 0 to retry") || !strings.Contains(said, tt.want) || !strings.Contains(said, "kept in memory") {
			t.Errorf("%s: said %s, want %q", tt.file, said, tt.want)
		}
		if after, _ := os.ReadFile(tt.file); !bytes.Equal(before, after) {
			t.Errorf("%s was changed", tt.file)
		}
	}
	receiver.mu.Lock()
	defer receiver.mu.Unlock()
	if got := len(receiver.deliveries); got != 20 {
		t.Errorf("%d deliveries arrived, want 20", got)
	}
}
