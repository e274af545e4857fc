package main

import (
	"strings"
	"testing"
)

// exec says once, at the end, what it could not see of a command: a run without a transcript, and a way to run that
// writes nothing.
func TestExecSaysWhatItDidNotSee(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	config := writeConfig(t, "webhooks: []")
	recording := abs(t, recordings+"/valid-parallel.jsonl")
	for _, tt := range []struct {
		name, want string
		args       []string
	}{
		{"seen", "", []string{awf, "run", recording}},
		{"moved", "no transcript of run ", []string{"env", "XDG_DATA_HOME=elsewhere", awf, "run", recording}},
		{"interactive", "AWF writes no events with --interactive", []string{awf, "run", recording, "--lines", "0", "--interactive"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, awf)
			cmd := h.command(h.hook, append([]string{"exec", "-c", config, "--"}, tt.args...)...)
			out, _ := cmd.CombinedOutput() // the stand-in does not know --interactive
			if said := strings.Count(string(out), "awf-hook: "+tt.want); (said > 0) != (tt.want != "") || said > 1 {
				t.Errorf("it said %q, want %q", out, tt.want)
			}
		})
	}
}
