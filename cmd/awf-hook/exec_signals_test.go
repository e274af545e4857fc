package main

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A shell without job control starts background commands with SIGINT ignored. A program that handles SIGINT all the same,
// as AWF does, gets it from exec. A program that leaves it ignored does not end by it, and its run does not count as
// interrupted.
func TestExecIgnoredSignals(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	for _, tt := range []struct {
		name, command string
		want          string // of the events that we make
	}{
		{"handled", `"$AWF" run "$RECORDING" --hang`, "interrupted by SIGINT"},
		{"ignored", `sh -c '"$AWF" run "$RECORDING" --die 9; sleep 1; exit 3'`, "the program ended with exit code 3 before the run"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, end := startListen(t, "--json")
			h := newHome(t, awf)
			config := writeConfig(t, "webhooks: [{url: %q, events: [workflow_error, workflow_cancel]}]", url)
			h.env = append(h.env, "AWF="+awf, "RECORDING="+failedRun{}.write(t), "HOOK="+h.hook, "CONFIG="+config)
			cmd := h.command("sh", "-c", `"$HOOK" exec -c "$CONFIG" -- `+tt.command+` & echo $! >pid; wait $!`)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			start(t, cmd)
			waitFor(t, "a transcript", func() bool { return transcripts(h) > 0 })
			time.Sleep(200 * time.Millisecond)
			pid, err := strconv.Atoi(strings.TrimSpace(h.read("pid")))
			must(t, err)
			must(t, syscall.Kill(pid, syscall.SIGINT))
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			select {
			case <-ended:
			case <-time.After(15 * time.Second):
				_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
				t.Fatal("SIGINT was swallowed")
			}
			if _, synthetic := arrived(t, end()); len(synthetic) != 1 || !strings.Contains(synthetic[0], tt.want) {
				t.Errorf("ends of our making: %q, want %q", synthetic, tt.want)
			}
		})
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Log("without /proc, what a program ignores is not known")
	}
}
