package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Whatever happens to awf-hook, the program that writes to its stdin is not disturbed.
func TestPipeIsNeverBroken(t *testing.T) {
	t.Parallel()
	url, _ := startListen(t)
	good := writeConfig(t, "webhooks: [{url: %q, events: [workflow_end], max_in_flight: 16}]", url)
	bad := writeConfig(t, "webhooks: [{url: nowhere}]")
	down := writeConfig(t, "webhooks: [{url: 'http://127.0.0.1:%s', events: [workflow_end], retry: {max_attempts: 1}}]", freePort())
	none := good + ".none"
	tests := []struct {
		name   string
		args   []string
		head   bool // "| head -1" follows awf-hook
		signal os.Signal
		exit   int
	}{
		{"good", []string{"run", "-c", good}, false, nil, exitOK},
		{"bad configuration", []string{"run", "-c", bad}, false, nil, exitConfig},
		{"no configuration file", []string{"run", "-c", none}, false, nil, exitConfig},
		{"no settings", []string{"run", "--no-project"}, false, nil, exitOK},
		{"unknown flag", []string{"run", "-c", good, "--what"}, false, nil, exitUsage},
		{"bad log level", []string{"run", "-c", good, "--log-level", "loud"}, false, nil, exitUsage},
		{"receiver down", []string{"run", "-c", down, "--log-level", "error"}, false, nil, exitOK},
		{"head behind us", []string{"run", "-c", good}, true, nil, exitOK},
		{"head behind us, bad configuration", []string{"run", "-c", bad}, true, nil, exitConfig},
		{"SIGINT once", []string{"run", "-c", good}, false, syscall.SIGINT, exitOK},
		{"SIGTERM once", []string{"run", "-c", good}, false, syscall.SIGTERM, exitOK},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			producer := exec.Command("producer")
			producer.Env = append(os.Environ(), "LINES=10000", "PACE=2ms")
			hook := exec.Command("awf-hook", tt.args...)
			talk := new(bytes.Buffer)
			producer.Stderr, hook.Stderr = talk, new(bytes.Buffer)
			passed, err := os.Create(filepath.Join(t.TempDir(), "passed"))
			if err != nil {
				t.Fatal(err)
			}
			hook.Stdout = passed // closePipes closes it
			connect(t, producer, hook)
			var head *exec.Cmd
			if tt.head {
				head = exec.Command("head", "-1")
				head.Stdout = passed
				hook.Stdout = nil
				connect(t, hook, head)
				start(t, head)
			}
			start(t, hook)
			start(t, producer)
			closePipes(hook, producer, head)
			if tt.signal != nil {
				waitFor(t, "the first line", func() bool { info, err := os.Stat(passed.Name()); return err == nil && info.Size() > 0 })
				if err := hook.Process.Signal(tt.signal); err != nil {
					t.Fatal(err)
				}
			}
			if err := producer.Wait(); err != nil {
				t.Errorf("the producer was broken: %v, %s", err, talk)
			}
			if got := exitCode(t, hook.Wait()); got != tt.exit {
				t.Errorf("exit code %d, want %d; it said %s", got, tt.exit, hook.Stderr)
			}
			lines := 5000
			if tt.head {
				lines = 1
				_ = head.Wait()
			}
			text, err := os.ReadFile(passed.Name())
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Count(string(text), "of the workflow's own output\n"); got != lines {
				t.Errorf("%d lines passed, want %d", got, lines)
			}
		})
	}
}

// connect makes a real pipe from one command's stdout to the other's stdin.
func connect(t *testing.T, from, to *exec.Cmd) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from.Stdout, to.Stdin = w, r
}

func start(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
}

// closePipes closes our copies of the pipes' ends, so that the commands notice when the others end.
func closePipes(cmds ...*exec.Cmd) {
	for _, cmd := range cmds {
		if cmd == nil {
			continue
		}
		for _, end := range []any{cmd.Stdin, cmd.Stdout} {
			if f, ok := end.(*os.File); ok {
				f.Close()
			}
		}
	}
}

// The first signal says what awf-hook waits for, for how long, and that a second one stops it. The second stops it at
// once, and it says what it leaves and where.
func TestSecondSignalStops(t *testing.T) {
	t.Setenv("XDG_STATE_HOME", t.TempDir()) // its queue has nothing of the other tests
	arrived := make(chan struct{})
	file := writeConfig(t, "webhooks: [{url: %q, timeout: 5m}]", serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		close(arrived)
		<-r.Context().Done()
	})))
	hook := startPiped(t, "run", "-c", file)
	_, _ = hook.in.WriteString(anEvent + "}\n")
	<-arrived
	stop := func() {
		t.Helper()
		if err := hook.cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
	}
	stop()
	waitFor(t, "the word about the first signal", func() bool { return strings.Contains(hook.saidSoFar(), "a second signal") })
	stop()
	ended := make(chan error, 1)
	go func() {
		for range hook.lines {
		}
		ended <- hook.cmd.Wait()
	}()
	select {
	case err := <-ended:
		if got := exitCode(t, err); got != exitOK {
			t.Errorf("exit code %d, want %d", got, exitOK)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("still running")
	}
	want := "awf-hook: reading on until the input ends, for 30s at most; a second signal stops at once\n" +
		"awf-hook: 1 event, 1 delivery: 0 delivered, 1 waiting (next in 0s), 0 to retry, 0 dead\n" +
		"awf-hook: 1 kept in " + stateFile() + "\nawf-hook: nothing retries it until awf-hook runs again\n"
	if got := hook.saidSoFar(); got != want {
		t.Errorf("said %q, want %q", got, want)
	}
}
