package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The workflows that the real AWF runs: one calls another, which takes some time.
const (
	realMum = `name: mum
version: "1.0.0"
states:
  initial: first
  first:
    type: step
    command: echo first
    on_success: call
  call:
    type: call_workflow
    workflow: kid
    timeout: 30
    on_success: done
    on_failure: failed
  done:
    type: terminal
    status: success
  failed:
    type: terminal
    status: failure
`
	realKid = `name: kid
version: "1.0.0"
states:
  initial: one
  one:
    type: step
    command: sleep 2
    on_success: done
    on_failure: failed
  done:
    type: terminal
    status: success
  failed:
    type: terminal
    status: failure
`
)

// realEvent holds the fields of an event that are checked.
type realEvent struct {
	Event        string
	WorkflowID   string `json:"workflow_id"`
	WorkflowName string `json:"workflow_name"`
	Payload      struct {
		Synthetic bool
		ParentID  string `json:"parent_id"`
		Step      string
	}
}

// The real AWF, if it is on PATH, is run, killed, interrupted and resumed. Each run that starts has one end, each step
// that completes has begun, called runs name their caller, and the audit file has the delivered events.
func TestRealAWF(t *testing.T) {
	awf, err := exec.LookPath("awf")
	if err != nil {
		t.Skip("no awf on PATH: the recordings stand for it")
	}
	for _, tt := range []struct {
		name      string
		signal    syscall.Signal
		synthetic string // the end that we make for both runs; "" for none
	}{
		{"run", 0, ""},
		{"killed", syscall.SIGKILL, "workflow_error"},
		{"interrupted", syscall.SIGINT, "workflow_cancel"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url, end := startListen(t, "--json")
			config := writeConfig(t, everything, url)
			h := newHome(t, awf)
			h.workflow("mum", realMum)
			h.workflow("kid", realKid)
			cmd := h.exec(config, "mum")
			cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
			start(t, cmd)
			if tt.signal != 0 {
				waitFor(t, "the called run", func() bool { return transcripts(h) == 2 })
				h.signal(cmd, tt.signal)
			}
			_ = cmd.Wait()
			events := realEvents(t, end())
			checkRealRuns(t, events, tt.synthetic)
			if tt.signal == 0 && strings.Count(h.read("data/awf/audit.jsonl"), "\n") != 4 {
				t.Errorf("the audit file is %q", h.read("data/awf/audit.jsonl"))
			}
			if tt.signal == syscall.SIGINT {
				h.resumeReal(config, url, events[0].WorkflowID)
			}
		})
	}
}

func (h *home) workflow(name, text string) {
	h.t.Helper()
	folder := filepath.Join(h.dir, ".awf", "workflows")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, name+".yaml"), []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// signal sends SIGKILL to awf itself, and any other signal to awf-hook, which passes it on.
func (h *home) signal(hook *exec.Cmd, sig syscall.Signal) {
	h.t.Helper()
	time.Sleep(300 * time.Millisecond)
	pid := hook.Process.Pid
	if sig == syscall.SIGKILL {
		names, err := filepath.Glob(h.dir + "/state/awf-hook/exec/*.state")
		if err != nil || len(names) != 1 {
			h.t.Fatal(names, err)
		}
		text, err := os.ReadFile(names[0])
		if err != nil {
			h.t.Fatal(err)
		}
		pid = 0
		for _, digit := range strings.Split(string(text), "\n")[2] {
			pid = 10*pid + int(digit-'0')
		}
	}
	if err := syscall.Kill(pid, sig); err != nil {
		h.t.Fatal(err)
	}
}

// resumeReal resumes the interrupted run: it succeeds, and its start is known.
func (h *home) resumeReal(config, url, run string) {
	h.t.Helper()
	ledger, url2 := startLedger(h.t)
	text, err := os.ReadFile(config)
	if err != nil {
		h.t.Fatal(err)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(text), url, url2, 1)), 0o600); err != nil {
		h.t.Fatal(err)
	}
	h.run(h.command(h.hook, "exec", "-c", config, "--", h.awf, "resume", run), 0)
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	if len(ledger.deliveries[run]) == 0 {
		h.t.Error("nothing of the resumed run came")
	}
}

func realEvents(t *testing.T, lines string) (events []realEvent) {
	t.Helper()
	for _, r := range received(t, lines) {
		var e realEvent
		if err := json.Unmarshal([]byte(r.Body), &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		t.Fatal("nothing came")
	}
	return events
}

func checkRealRuns(t *testing.T, events []realEvent, synthetic string) {
	t.Helper()
	starts, ends, steps := map[string]int{}, map[string]int{}, map[string]int{}
	var ended []string
	for _, e := range events {
		switch e.Event {
		case "workflow_start":
			starts[e.WorkflowName]++
			if called := e.WorkflowName == "kid"; called != (e.Payload.ParentID != "") {
				t.Errorf("%s: parent_id %q", e.WorkflowName, e.Payload.ParentID)
			}
		case "workflow_end", "workflow_error", "workflow_cancel":
			ends[e.WorkflowName]++
			ended = append(ended, e.WorkflowName)
			if e.Payload.Synthetic && e.Event != synthetic {
				t.Errorf("%s: an end of our making is %s, want %q", e.WorkflowName, e.Event, synthetic)
			}
		case "step_start":
			steps[e.WorkflowName+"/"+e.Payload.Step]++
		case "step_complete":
			if steps[e.WorkflowName+"/"+e.Payload.Step] != 1 {
				t.Errorf("%s of %s completed, begun %d times", e.Payload.Step, e.WorkflowName, steps[e.WorkflowName+"/"+e.Payload.Step])
			}
		}
	}
	for _, name := range []string{"mum", "kid"} {
		if starts[name] != 1 || ends[name] != 1 {
			t.Errorf("%s has %d starts and %d ends", name, starts[name], ends[name])
		}
	}
	if !slices.Equal(ended, []string{"kid", "mum"}) {
		t.Errorf("ended: %q", ended)
	}
}
