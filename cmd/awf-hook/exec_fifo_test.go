package main

import (
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// AWF_AUDIT_LOG may name a pipe. If nobody reads it, or its reader stops, neither this command nor a later one is held
// up, and the events are delivered all the same.
func TestExecAuditPipe(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	recording := abs(t, recordings+"/valid-parallel.jsonl")
	for _, tt := range []struct {
		name string
		open int // how the test opens the pipe; -1: not at all
	}{{"no reader", -1}, {"a reader that stopped", os.O_RDWR}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			url, end := startListen(t, "--json")
			config := writeConfig(t, everything, url)
			h := newHome(t, awf)
			pipe := h.dir + "/audit.fifo"
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Fatal(err)
			}
			if tt.open >= 0 {
				f, err := os.OpenFile(pipe, tt.open|syscall.O_NONBLOCK, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				_ = f.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
				for err == nil {
					_, err = f.Write(make([]byte, 4096))
				}
			}
			h.env = append(h.env, "AWF_AUDIT_LOG="+pipe)
			began := time.Now()
			out := h.run(h.exec(config, recording), 0)
			if !strings.Contains(out, "its audit lines are kept in ") {
				t.Errorf("it said %q", out)
			}
			h.run(h.command(h.hook, "exec", "-c", config, "--", "true"), 0)
			h.run(h.command(h.hook, "run", "-c", config), 0)
			if took := time.Since(began); took > 15*time.Second {
				t.Errorf("it took %v", took)
			}
			if bodies, _ := arrived(t, end()); len(bodies) != len(wanted(t, "valid-parallel.jsonl")) {
				t.Errorf("%d events arrived, want %d", len(bodies), len(wanted(t, "valid-parallel.jsonl")))
			}
		})
	}
}
