//go:build linux || darwin

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lockedQueue makes a folder with a configuration and a queue that this process locks.
func lockedQueue(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, filepath.Join(dir, "c.yaml"), "webhooks: [{url: 'http://127.0.0.1:9'}]")
	lock, err := os.Create(filepath.Join(dir, "l.db.lock"))
	must(t, err)
	t.Cleanup(func() { lock.Close() })
	must(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	return dir
}

// The second signal ends a command that waits for the queue's lock.
func TestSecondSignalEndsTheWaitForTheLock(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"run"}, {"follow", "none"}, {"serve", "--listen", "127.0.0.1:0"}} {
		t.Run(args[0], func(t *testing.T) {
			t.Parallel()
			dir := lockedQueue(t)
			cmd := exec.Command("awf-hook", append(args, "-c", "c.yaml", "--queue", "l.db")...)
			cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_STATE_HOME="+dir)
			said, err := cmd.StderrPipe()
			must(t, err)
			in, err := cmd.StdinPipe()
			must(t, err)
			defer in.Close()
			start(t, cmd)
			t.Cleanup(func() { _ = cmd.Process.Kill() })
			waitFor(t, "the wait for the lock", func() bool {
				_, err := os.Stat(filepath.Join(dir, "l.db.next"))
				return err == nil
			})
			must(t, cmd.Process.Signal(syscall.SIGINT))
			for lines := bufio.NewScanner(said); lines.Scan() && !strings.Contains(lines.Text(), "a second signal stops at once"); {
			}
			second := time.Now()
			must(t, cmd.Process.Signal(syscall.SIGINT))
			_ = cmd.Wait()
			if took := time.Since(second); took > 5*time.Second {
				t.Errorf("%s ends %v after the second signal", args[0], took)
			}
		})
	}
}

// --drain-timeout bounds the wait for the queue's lock, and nothing is lost.
func TestDrainTimeoutBoundsTheWaitForTheLock(t *testing.T) {
	t.Parallel()
	dir := lockedQueue(t)
	cmd := exec.Command("awf-hook", "emit", "-c", "c.yaml", "--queue", "l.db", "--event", "workflow_end", "--workflow", "w",
		"--drain-timeout", "0s")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_STATE_HOME="+dir)
	out, err := cmd.CombinedOutput()
	if said := string(out); err != nil || strings.Contains(said, "held the lock for 10s") || !strings.Contains(said, "has the lock") ||
		!strings.Contains(said, "1 kept") {
		t.Errorf("%v; emit said %s", err, said)
	}
}
