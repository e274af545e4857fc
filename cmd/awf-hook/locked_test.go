package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// piped is an awf-hook with a pipe as stdin, whose output is read line by line.
type piped struct {
	t     *testing.T
	cmd   *exec.Cmd
	in    *os.File
	lines chan string
	mu    sync.Mutex
	said  bytes.Buffer
}

func (p *piped) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.Write(b)
}

func (p *piped) saidSoFar() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

func startPiped(t *testing.T, args ...string) *piped {
	t.Helper()
	p := &piped{t: t, cmd: exec.Command("awf-hook", args...), lines: make(chan string)}
	in, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.in, p.cmd.Stdin, p.cmd.Stderr = writer, in, p
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, p.cmd)
	in.Close()
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	return p
}

// passes writes a text and a line after it, and expects the line to come out at once.
func (p *piped) passes(text, line string) {
	p.t.Helper()
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = p.in.WriteString(text + line + "\n")
	}()
	const atOnce = 3 * time.Second // on a busy machine
	select {
	case got := <-p.lines:
		if got != line {
			p.t.Errorf("passed %q, want %q", got, line)
		}
	case <-time.After(atOnce):
		p.t.Fatalf("%q did not come out in %v; it said %s", line, atOnce, p.saidSoFar())
	}
	<-written
}

// end closes the pipe, checks the exit code, and returns how long awf-hook still ran.
func (p *piped) end(exit int) time.Duration {
	p.t.Helper()
	begun := time.Now()
	p.in.Close()
	for range p.lines {
	}
	if got := exitCode(p.t, p.cmd.Wait()); got != exit {
		p.t.Errorf("exit code %d, want %d; it said %s", got, exit, p.saidSoFar())
	}
	return time.Since(begun)
}

// Whoever holds the queue's lock, for however long: text through the pipe flows at once, and the events are delivered
// from memory after ten seconds at most, with a message that names the lock.
func TestPipeDoesNotWaitForTheQueue(t *testing.T) {
	t.Parallel()
	hold := func(t *testing.T, queue string) {
		t.Helper()
		f, err := os.OpenFile(queue+".lock", os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name          string
		before, later func(t *testing.T, queue string)
	}{
		{"held from the beginning", hold, nil},
		{"held later", nil, hold},
		{"by a stopped awf-hook", func(t *testing.T, queue string) { stopInside(t, queue) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, received := startListen(t)
			config := writeConfig(t, "webhooks: [{url: %q, events: [workflow_end]}]", url)
			queue := filepath.Join(t.TempDir(), "queue.db")
			if tt.before != nil {
				tt.before(t, queue)
			}
			p := startPiped(t, "run", "-c", config, "--queue", queue, "--drain-timeout", "20s")
			p.passes("", "first")
			if tt.later != nil {
				p.passes(envelopes("early", 1), "second")
				waitFor(t, "the queue", func() bool { _, err := os.Stat(queue + ".owners"); return err == nil })
				time.Sleep(300 * time.Millisecond)
				tt.later(t, queue)
			}
			p.passes(envelopes("one", 1), "behind an event")
			p.passes(envelopes("many", 3000), "behind many") // more than may wait for a working queue
			waitFor(t, "the word", func() bool { return strings.Contains(p.saidSoFar(), "has held the lock for") })
			p.passes(envelopes("last", 1), "behind the word")
			if took := p.end(exitOK); took > 30*time.Second {
				t.Errorf("it went on for %v", took)
			}
			if said := p.saidSoFar(); !strings.Contains(said, "queue.db.") || !strings.Contains(said, "kept in memory") {
				t.Errorf("it said %s", said)
			}
			if said := p.saidSoFar(); strings.Contains(said, "deadline exceeded") {
				t.Errorf("it does not say why in its report: %s", said)
			}
			got := received()
			for _, id := range []string{"one-0", "many-2999", "last-0"} {
				if !strings.Contains(got, id) {
					t.Errorf("%s did not arrive; it said %s", id, p.saidSoFar())
				}
			}
		})
	}
}

// stopInside stops an awf-hook while it has the queue's lock, and returns it.
func stopInside(t *testing.T, queue string) *os.Process {
	t.Helper()
	other := exec.Command("awf-hook", "run", "-c", writeConfig(t, "webhooks: [{url: 'http://127.0.0.1:1/'}]"), "--queue", queue)
	in, err := other.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	start(t, other)
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	go func() {
		for n := 0; ; n++ {
			if _, err := fmt.Fprint(in, envelopes(fmt.Sprint("other", n), 20)); err != nil {
				return
			}
		}
	}()
	waitFor(t, "its lock while it is stopped", func() bool {
		f, err := os.Open(queue + ".lock")
		if err != nil {
			return false
		}
		defer f.Close()
		_ = other.Process.Signal(syscall.SIGSTOP)
		time.Sleep(time.Millisecond)
		if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
			return true
		}
		_ = other.Process.Signal(syscall.SIGCONT)
		return false
	})
	return other.Process
}
