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
		{"hidden", "no event of the command was seen", []string{"env", "-u", "AWF_AUDIT_LOG", awf, "run", recording}},
		{"hidden in a shell", "no event of the command was seen", []string{"sh", "-c", "unset AWF_AUDIT_LOG; exec awf run " + recording}},
		{"not begun", "no event of the command was seen", []string{awf, "run"}},
		{"nothing to run", "", []string{awf, "list"}},
		{"dry", "", []string{awf, "run", recording, "--lines", "0", "--dry-run"}},
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

// exec delivers what a command wrote to its audit file even if the command removes the file, and says so.
func TestExecReadsAnAuditFileThatIsRemoved(t *testing.T) {
	t.Parallel()
	config := writeConfig(t, "webhooks: []")
	line := `{"event":"workflow.started","execution_id":"r1","workflow_name":"deploy","timestamp":"2026-11-24T01:24:00.000Z"}`
	for name, script := range map[string]string{
		"removed":   `rm "$AWF_AUDIT_LOG"`,
		"replaced":  `: >x; mv x "$AWF_AUDIT_LOG"`,
		"truncated": `sleep 0.2; : >"$AWF_AUDIT_LOG"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHome(t, "sh")
			cmd := h.command(h.hook, "exec", "-c", config, "--json", "--", "sh", "-c", "echo '"+line+`' >>"$AWF_AUDIT_LOG"; `+script)
			out, err := cmd.CombinedOutput()
			if said := string(out); err != nil || !strings.Contains(said, `"events":2,`) ||
				!strings.Contains(said, "awf-hook: the command removed, replaced or truncated the file in its AWF_AUDIT_LOG") {
				t.Errorf("it said %s (%v), want both events of the run and what the command did", said, err)
			}
		})
	}
}

// The steps of a run arrive also if its start is not in the audit file, for example since the command emptied the file.
func TestExecReadsTheStepsOfARunWithoutAStart(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	url, end := startListen(t, "--json")
	h := newHome(t, awf)
	script := `AWF_AUDIT_LOG=off "$0" run "$1" --lines 13 && "$0" run "$1" --after 13`
	h.run(h.command(h.hook, "exec", "-c", writeConfig(t, everything, url), "--", "sh", "-c", script, awf,
		abs(t, recordings+"/valid-parallel.jsonl")), 0)
	steps := 0
	for _, r := range received(t, end()) {
		if strings.Contains(r.Body, `"event":"step_complete"`) {
			steps++
		}
	}
	if steps != 6 {
		t.Errorf("%d steps arrived, want 6", steps)
	}
}
