package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// burdenRuns is how many runs a command writes: 100,000 audit lines.
const burdenRuns = 50_000

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
func (h *home) writeTime(config, recording string) time.Duration {
	h.t.Helper()
	took := filepath.Join(h.dir, "took")
	args := []string{recording, "--repeat", fmt.Sprint(burdenRuns), "--took", took}
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

// burden measures commands with and without awf-hook in turn, and returns the ratio of the medians.
func burden(t testing.TB, awf, config string, rounds int) float64 {
	recording := filepath.Join(t.TempDir(), "run.jsonl")
	text := `{"event":"workflow.started","execution_id":"run","timestamp":"2026-11-24T03:14:59.220Z","user":"root","workflow_name":"w","schema_version":1}
{"event":"workflow.completed","execution_id":"run","timestamp":"2026-11-24T03:14:59.230Z","user":"root","workflow_name":"w","status":"success","exit_code":0,"duration_ms":10,"schema_version":1}
`
	if err := os.WriteFile(recording, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var with, without []time.Duration
	for range rounds {
		h := newHome(t, awf)
		without = append(without, h.writeTime("", recording))
		h = newHome(t, awf)
		with = append(with, h.writeTime(config, recording))
		want := burdenRuns * 2
		if got := strings.Count(h.read("data/awf/audit.jsonl"), "\n"); got != want {
			t.Errorf("AWF's audit file has %d lines, want %d", got, want)
		}
	}
	slices.Sort(with)
	slices.Sort(without)
	t.Logf("with awf-hook %v, without %v", with, without)
	return float64(with[rounds/2]) / float64(without[rounds/2])
}

// BenchmarkExecBurden prints how long a command takes to write 100,000 audit lines under exec while the receiver is a black
// hole, as a ratio to the same command without awf-hook, in turn.
func BenchmarkExecBurden(b *testing.B) {
	awf := buildStandin(b)
	config := writeConfig(b, "webhooks: [{url: %q, events: ['*'], timeout: 1m}]", blackHole(b))
	for range b.N {
		b.ReportMetric(burden(b, awf, config, 7), "x-run-time")
	}
	b.ReportMetric(0, "ns/op")
}

// A command that writes 100,000 audit lines is never blocked by a receiver that answers nothing.
// The bound is wide here, for machines that do other things; BenchmarkExecBurden measures.
func TestExecBurden(t *testing.T) {
	config := writeConfig(t, "webhooks: [{url: %q, events: ['*'], timeout: 1m}]", blackHole(t))
	if ratio := burden(t, buildStandin(t), config, 3); ratio > 2 {
		t.Errorf("the command took %.2f times as long", ratio)
	}
}
