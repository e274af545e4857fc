package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// failedRun is a recording of a run of the workflow "deploy": its only step, and its end as AWF writes it.
type failedRun struct {
	step  string   // the step's error; "" for a step without an end
	ends  []string // the errors of the run's ends; none for a run without an end
	other []string // further transcript lines before the end
}

func (f failedRun) write(t *testing.T) string {
	t.Helper()
	lines := []string{
		`{"event":"workflow.started","execution_id":"top","timestamp":"2026-11-28T07:00:00.001Z","workflow_name":"deploy"}`,
		stepOf("top", "step.started", "s", "", ""),
	}
	lines = append(lines, f.other...)
	if f.step != "" {
		lines = append(lines, stepOf("top", "step.completed", "s", f.step, ""))
	}
	for _, failure := range f.ends {
		lines = append(lines, fmt.Sprintf(`{"event":"workflow.completed","execution_id":"top","timestamp":"2026-11-28T07:00:01.002Z",`+
			`"workflow_name":"deploy","status":"failure","exit_code":0,"duration_ms":1001,"error":%q}`, failure))
	}
	path := filepath.Join(t.TempDir(), "run.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// stepOf returns a transcript's line about a step.
func stepOf(run, typ, name, failure, more string) string {
	at := "0.002"
	if strings.HasSuffix(typ, "completed") {
		at = "1.001"
	}
	if failure != "" {
		failure = fmt.Sprintf(`,"error":%q`, failure)
	}
	return fmt.Sprintf(`{"seq":1,"run_id":%q%s,"type":%q,"path":%q,"iteration":0,"timestamp":"2026-11-28T07:00:0%sZ",`+
		`"payload":{"name":%[4]q%[6]s}}`, run, more, typ, name, at, failure)
}

// However a run fails, the webhook for workflow_error gets exactly one for it: through exec, follow, and both forms of
// pipes. If AWF writes no end, follow and the pipes need --orphan-after; without it the pipe says that there was no end.
func TestEveryFailureIsPaged(t *testing.T) {
	t.Parallel()
	awf := buildStandin(t)
	call, called := `,"child_run_id":"kid"`, `,"parent_run_id":"top"`
	kid := []string{
		stepOf("top", "step.call_workflow.started", "c", "", call), stepOf("kid", "step.started", "k", "", called),
		stepOf("kid", "step.completed", "k", "boom\n", called), stepOf("top", "step.call_workflow.completed", "c", "boom\n", call),
	}
	fan := []string{
		stepOf("top", "step.started", "a", "", ""), stepOf("top", "step.started", "b", "", ""), stepOf("top", "step.completed", "b", "bad\n", ""),
	}
	timeout := "command execution: context deadline exceeded"
	one := []string{"--exit", "1"}
	for name, tt := range map[string]struct {
		run  failedRun
		args []string // of the stand-in
	}{
		"step exits 1":              {failedRun{"boom\n", []string{"step s: boom\n"}, nil}, one},
		"terminal failure":          {failedRun{"boom\n", []string{"workflow reached terminal failure state: bad"}, nil}, one},
		"timeout":                   {failedRun{timeout, []string{"step s: " + timeout, "workflow cancelled"}, nil}, one},
		"command not found":         {failedRun{"sh: 1: kubectl: not found\n", []string{"step s: sh: 1: kubectl: not found\n"}, nil}, one},
		"killed child":              {failedRun{"signal: killed", []string{"step s: signal: killed"}, nil}, one},
		"killed awf":                {failedRun{"", nil, nil}, []string{"--die", "9"}},
		"segfault of awf":           {failedRun{"", nil, nil}, []string{"--die", "11"}},
		"awf that gives up":         {failedRun{"", nil, nil}, []string{"--exit", "2"}},
		"cancelled in the middle":   {failedRun{"x", []string{"step s: 3 of 4 pods were cancelled, giving up"}, nil}, one},
		"context canceled first":    {failedRun{"x", []string{"context canceled: step s: boom"}, nil}, one},
		"context canceled last":     {failedRun{"x", []string{"step s: Error, rollout failed - watch closed - context canceled\n"}, nil}, one},
		"context canceled of gRPC":  {failedRun{"x", []string{"step s: rpc error: code = Canceled desc = context canceled"}, nil}, one},
		"workflow cancelled within": {failedRun{"x", []string{"step s: the workflow cancelled"}, nil}, one},
		"failing sub-workflow":      {failedRun{"boom\n", []string{"step c: sub-workflow: step k: boom\n"}, kid}, one},
		"failing parallel branch":   {failedRun{"step b: bad\n", []string{"parallel step s: parallel execution: step b: bad\n"}, fan}, one},
	} {
		recording := tt.run.write(t)
		t.Run("exec, "+name, func(t *testing.T) {
			t.Parallel()
			url, end := startListen(t, "--json")
			h := newHome(t, awf)
			config := writeConfig(t, "webhooks: [{url: %q, events: [workflow_error, workflow_cancel]}]", url)
			out, _ := h.exec(config, append([]string{recording}, tt.args...)...).CombinedOutput()
			checkPage(t, end(), string(out))
		})
		t.Run("follow, "+name, func(t *testing.T) { t.Parallel(); pagedByFollow(t, awf, append([]string{recording}, tt.args...)) })
		for _, form := range []string{"audit lines", "both"} {
			t.Run("pipe, "+form+", "+name, func(t *testing.T) { t.Parallel(); pagedByPipe(t, recording, form == "both") })
		}
	}
	t.Run("killed awf-hook", func(t *testing.T) { t.Parallel(); pagedAfterKill(t, awf) })
	t.Run("a resume that fails again", func(t *testing.T) { t.Parallel(); pagedAgain(t, awf) })
}

// checkPage checks that the webhook got one workflow_error of the top run, and nothing that says that the run was
// cancelled.
func checkPage(t *testing.T, lines, said string) {
	t.Helper()
	all := received(t, lines)
	if len(all) != 1 || !strings.HasPrefix(all[0].Body, `{"event":"workflow_error","workflow_id":"top","workflow_name":"deploy"`) {
		t.Errorf("arrived %+v, want one page; it said %s", all, said)
	}
}

// AWF runs alone, and follow reads its files.
func pagedByFollow(t *testing.T, awf string, args []string) {
	url, end := startListen(t, "--json")
	h := newHome(t, awf)
	config := writeConfig(t, "webhooks: [{url: %q, events: [workflow_error, workflow_cancel]}]", url)
	follow := h.command(h.hook, "follow", "--orphan-after", "1s", "-c", config)
	start(t, follow)
	waitFor(t, "follow's state", func() bool {
		states, _ := filepath.Glob(h.dir + "/state/awf-hook/follow/*.json")
		return len(states) == 2
	})
	_ = h.command(awf, append([]string{"run"}, args...)...).Run()
	waitFor(t, "a page", func() bool {
		out, _ := h.command(h.hook, "deliveries", "list", "--json", "-c", config).Output()
		return strings.Contains(string(out), "msg_")
	})
	if err := follow.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = follow.Wait()
	checkPage(t, end(), "")
}

// run reads audit lines, with or without transcripts among them, after a progress bar.
func pagedByPipe(t *testing.T, recording string, both bool) {
	url, end := startListen(t, "--json")
	config := writeConfig(t, "webhooks: [{url: %q, events: [workflow_error, workflow_cancel]}]", url)
	text := "Deploying 50%"
	ended := false
	for line := range strings.Lines(string(readFileOf(t, recording))) {
		if both || strings.Contains(line, "execution_id") {
			text += line
		}
		ended = ended || strings.Contains(line, "workflow.completed")
	}
	if !ended {
		_, talk := runHook(t, exitOK, strings.NewReader(text), "run", "--queue", "memory:", "-c", config)
		if !strings.Contains(talk, "before the end of run top of deploy") {
			t.Errorf("nothing is said of the end that is missing: %s", talk)
		}
	}
	_, talk := runHook(t, exitOK, strings.NewReader(text), "run", "--orphan-after", "1h", "-c", config)
	checkPage(t, end(), talk)
}

// awf-hook is killed while the command runs, and the run fails meanwhile: the next awf-hook pages.
func pagedAfterKill(t *testing.T, awf string) {
	url, end := startListen(t, "--json")
	h := newHome(t, awf)
	config := writeConfig(t, "webhooks: [{url: %q, events: [workflow_error, workflow_cancel]}]", url)
	recording := failedRun{"boom\n", []string{"step s: boom\n"}, nil}.write(t)
	hook := h.exec(config, recording, "--speed", "1", "--exit", "1", "--took", h.dir+"/done")
	start(t, hook)
	waitFor(t, "a transcript", func() bool { return transcripts(h) > 0 })
	if err := hook.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = hook.Wait()
	waitFor(t, "the command's end", func() bool { _, err := os.Stat(h.dir + "/done"); return err == nil })
	time.Sleep(100 * time.Millisecond)
	checkPage(t, afterRun(h, h.command(h.hook, "run", "-c", config), end), "")
}

// A run is interrupted, resumed, and fails: the second end makes a page of its own.
func pagedAgain(t *testing.T, awf string) {
	url, end := startListen(t, "--json")
	h := newHome(t, awf)
	config := writeConfig(t, "webhooks: [{url: %q, events: [workflow_error]}]", url)
	first := h.exec(config, failedRun{}.write(t), "--hang")
	start(t, first)
	waitFor(t, "a transcript", func() bool { return transcripts(h) > 0 })
	time.Sleep(100 * time.Millisecond)
	if err := first.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	recording := failedRun{"boom\n", []string{"step s: boom\n"}, nil}.write(t)
	_ = h.exec(config, recording, "--exit", "1").Run()
	checkPage(t, end(), "")
}

func afterRun(h *home, cmd *exec.Cmd, end func() string) string {
	h.run(cmd, 0)
	return end()
}
