package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// blackHole is a receiver that takes connections and never answers.
func blackHole(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return "http://" + ln.Addr().String()
}

// writeTime is how long a command took to write its lines.
func (h *home) writeTime(config, recording string, runs int) time.Duration {
	h.t.Helper()
	took := filepath.Join(h.dir, "took")
	args := []string{recording, "--repeat", fmt.Sprint(runs), "--took", took}
	cmd := h.command(h.awf, append([]string{"run"}, args...)...)
	if config != "" {
		cmd = h.command(h.hook, append([]string{"exec", "-c", config, "--drain-timeout", "0s", "--", h.awf, "run"}, args...)...)
	}
	h.run(cmd, 0)
	d, err := time.ParseDuration(h.read("took"))
	if err != nil {
		h.t.Fatal(err)
	}
	return d
}

// burden is a measurement of a command that writes two audit lines for each of many runs.
type burden struct {
	awf, config  string
	runs, rounds int
}

// measure measures the command with and without awf-hook in turn, and returns the ratios of the least and of the medians.
func (m burden) measure(t testing.TB) (least, median float64) {
	recording := filepath.Join(t.TempDir(), "run.jsonl")
	text := `{"event":"workflow.started","execution_id":"run","timestamp":"2026-11-24T03:14:59.220Z","user":"root","workflow_name":"w","schema_version":1}
{"event":"workflow.completed","execution_id":"run","timestamp":"2026-11-24T03:14:59.230Z","user":"root","workflow_name":"w","status":"success","exit_code":0,"duration_ms":10,"schema_version":1}
`
	if err := os.WriteFile(recording, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var with, without []time.Duration
	for range m.rounds {
		h := newHome(t, m.awf)
		without = append(without, h.writeTime("", recording, m.runs))
		h = newHome(t, m.awf)
		with = append(with, h.writeTime(m.config, recording, m.runs))
		if got := strings.Count(h.read("data/awf/audit.jsonl"), "\n"); got != 2*m.runs {
			t.Errorf("AWF's audit file has %d lines, want %d", got, 2*m.runs)
		}
	}
	slices.Sort(with)
	slices.Sort(without)
	t.Logf("with awf-hook %v, without %v", with, without)
	ratio := func(i int) float64 { return float64(with[i]) / float64(without[i]) }
	return ratio(0), ratio(m.rounds / 2)
}

// BenchmarkExecBurden prints how long a command takes to write 100,000 audit lines under exec while the receiver is a black
// hole, as a ratio to the same command without awf-hook, in turn.
func BenchmarkExecBurden(b *testing.B) {
	config := writeConfig(b, "webhooks: [{url: %q, events: ['*'], timeout: 1m}]", blackHole(b))
	for range b.N {
		least, median := burden{buildStandin(b), config, 50_000, 9}.measure(b)
		b.ReportMetric(least, "x-run-time-least")
		b.ReportMetric(median, "x-run-time-median")
	}
	b.ReportMetric(0, "ns/op")
}

// A command that writes many audit lines is not blocked by a receiver that answers nothing, nor by an audit file that takes
// nothing. The bound is for machines that do other things; BenchmarkExecBurden measures.
func TestExecBurden(t *testing.T) {
	config := writeConfig(t, "webhooks: [{url: %q, events: ['*'], timeout: 1m}]", blackHole(t))
	if least, _ := (burden{buildStandin(t), config, 2_500, 3}).measure(t); least > 2 {
		t.Errorf("the command took %.2f times as long", least)
	}
}

// A full disk does the command no harm. Where it is the audit file's, the lines are kept; where it is ours, there are no
// events, and the audit file is AWF's own.
func TestExecFullDisk(t *testing.T) {
	awf := buildStandin(t)
	recording := abs(t, recordings+"/nested-files")
	url, end := startListen(t, "--json")
	config := writeConfig(t, everything, url)
	if _, err := os.Stat("/dev/full"); err == nil {
		h := newHome(t, awf)
		h.env = append(h.env, "AWF_AUDIT_LOG=/dev/full")
		if out := h.run(h.exec(config, recording, "--exit", "3"), 3); !strings.Contains(out, "its audit lines are kept in ") {
			t.Errorf("it said %q", out)
		}
		if bodies, _ := arrived(t, end()); len(bodies) != 12 {
			t.Errorf("%d events, want 12", len(bodies))
		}
	}
	h := newHome(t, awf)
	if err := os.Mkdir(h.dir+"/state", 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", h.dir+"/state").CombinedOutput(); err != nil {
		t.Skipf("no small disk: %v: %s", err, out)
	}
	defer func() { _ = exec.Command("umount", h.dir+"/state").Run() }()
	if out := h.run(h.exec(config, recording, "--exit", "3"), 3); !strings.Contains(out, "no events of it: ") || !strings.Contains(out, " left") {
		t.Errorf("it said %q", out)
	}
	if got := h.read("data/awf/audit.jsonl"); strings.Count(got, "\n") != 4 {
		t.Errorf("the audit file is %q", got)
	}
}
