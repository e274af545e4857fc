package event_test

import (
	"strings"
	"testing"
)

// A failed run counts as cancelled only if AWF's own text says so. A step's output cannot say it: if in doubt, the run failed.
func TestFailureOrCancel(t *testing.T) {
	for failure, want := range map[string]string{
		`workflow cancelled`:                               "workflow_cancel",
		`command execution: context canceled`:              "workflow_cancel",
		`step deploy: command execution: context canceled`: "workflow_cancel",
		`parallel step fan: parallel execution: step b: command execution: context canceled`: "workflow_cancel",

		`context canceled`:              "workflow_error",
		`step deploy: context canceled`: "workflow_error",
		`step deploy: Error, rollout failed - watch closed - context canceled\n`: "workflow_error",
		`deploy died: rpc error, code = Canceled desc = context canceled\n`:      "workflow_error",
		`step a: context canceled while waiting`:                                 "workflow_error",
		`boom\na: command execution: context canceled`:                           "workflow_error", // a command's last line
		`step a: 50%\rcommand execution: context canceled`:                       "workflow_error",
		`step a: command execution: context canceled\n`:                          "workflow_error", // a command's output
		`step a: command execution: context canceled, then the disk was full`:    "workflow_error",
		`step a: my command execution: context canceled`:                         "workflow_error",
		`step a: workflow cancelled`:                                             "workflow_error",
		`workflow cancelled\n`:                                                   "workflow_error",
		`Workflow Cancelled`:                                                     "workflow_error",
		`cancelled`:                                                              "workflow_error",
		`operation was canceled`:                                                 "workflow_error",
		`step a: command execution: context deadline exceeded`:                   "workflow_error",
		``: "workflow_error",
	} {
		for dialect, line := range map[string]string{
			"audit": `{"event":"workflow.completed","execution_id":"r","timestamp":"2026-11-24T01:24:01Z",` +
				`"status":"failure","error":"` + failure + `"}`,
			"transcript": `{"seq":9,"run_id":"r","type":"run.completed","timestamp":"2026-11-24T01:24:01Z","payload":{"error":"` + failure + `"}}`,
			"sse":        `data: {"kind":"workflow.failed","run_id":"r","error":"` + failure + `"}`,
		} {
			res := read(t, strings.NewReader(line))
			if len(res.events) != 1 || res.events[0].Type != want {
				t.Errorf("%s: %q: %s, want %s", dialect, failure, bodies(res.events), want)
			}
		}
	}
}

// Every dialect knows all of AWF's names for an end. An end with an unknown status is a failure and names the status.
func TestEndsThatAWFDoesNotDocument(t *testing.T) {
	const at = `"timestamp":"2026-11-24T01:24:01Z"`
	fill := strings.NewReplacer("AT", at, "COMPLETED", `"event":"workflow.completed","execution_id":"r",`+at)
	for _, tt := range []struct{ want, part, line string }{
		{"workflow_error", `"error":"AWF's status is \"timeout\""`, `{COMPLETED,"status":"timeout"}`},
		{"workflow_error", `"error":"boom"`, `{COMPLETED,"status":"canceled","error":"boom"}`},
		{"workflow_error", `"error":"boom"`, `{COMPLETED,"status":"success","error":"boom"}`},
		{"workflow_end", `"status":"success"`, `{COMPLETED,"status":"success","error":""}`},
		{"workflow_error", `"error":"boom"`, `{"event":"workflow.failed","execution_id":"r",AT,"error":"boom"}`},
		{"workflow_error", `"status":"failure"`, `{"event":"workflow.failed","execution_id":"r",AT,"status":"success"}`},
		{"workflow_cancel", `"status":"cancelled"`, `{"event":"workflow.cancelled","execution_id":"r",AT}`},
		{"workflow_error", `"error":"boom"`, `{"seq":9,"run_id":"r","type":"run.failed",AT,"payload":{"error":"boom"}}`},
		{"workflow_error", `"status":"failure"`, `{"seq":9,"run_id":"r","type":"workflow.failed",AT}`},
		{"workflow_cancel", `"workflow_name":"w"`, `{"seq":9,"run_id":"r","type":"run.cancelled",AT,"payload":{"name":"w"}}`},
		{"step_complete", `"status":"failure"`, `{"seq":9,"run_id":"r","type":"step.failed",AT,"path":"a","payload":{"name":"a"}}`},
		{"step_complete", `"status":"failure"`, `{"seq":9,"run_id":"r","type":"step.call_workflow.failed",AT,"payload":{}}`},
		{"workflow_error", `"status":"failure"`, `data: {"kind":"run.failed","run_id":"r"}`},
		{"workflow_error", `"error":"x"`, `{"type":"workflow.completed","source":"core","metadata":{"workflow_id":"r","error":"x"}}`},
	} {
		res := read(t, strings.NewReader(fill.Replace(tt.line)))
		if len(res.events) != 1 || res.events[0].Type != tt.want || !strings.Contains(string(res.events[0].Body()), tt.part) {
			t.Errorf("%s: %s, want %s with %s", tt.line, bodies(res.events), tt.want, tt.part)
		}
	}
}

// If an event's type and its status contradict each other, the run failed, unless the status is cancelled.
func TestTypeAndStatusOfEnds(t *testing.T) {
	const cancelled = `"status":"cancelled"`
	for _, tt := range []struct{ typ, more, want string }{
		{"completed", ``, "workflow_end"}, {"completed", `"status":"completed"`, "workflow_end"}, {"completed", `"error":""`, "workflow_end"},
		{"completed", `"status":"failed"`, "workflow_error"}, {"completed", `"status":"timeout"`, "workflow_error"},
		{"completed", `"error":"boom"`, "workflow_error"}, {"completed", cancelled, "workflow_cancel"},
		{"failed", ``, "workflow_error"}, {"failed", cancelled, "workflow_cancel"}, {"failed", `"status":"success"`, "workflow_error"},
		{"failed", `"status":"Cancelled"`, "workflow_error"},
		{"cancelled", ``, "workflow_cancel"}, {"cancelled", `"status":"failed"`, "workflow_error"}, {"cancelled", cancelled, "workflow_cancel"},
	} {
		more := ""
		if tt.more != "" {
			more = "," + tt.more
		}
		for dialect, line := range map[string]string{
			"sse":    `data: {"kind":"workflow.` + tt.typ + `","run_id":"r"` + more + `}`,
			"plugin": `{"type":"workflow.` + tt.typ + `","source":"core","metadata":{"workflow_id":"r"` + more + `}}`,
		} {
			if res := read(t, strings.NewReader(line)); len(res.events) != 1 || res.events[0].Type != tt.want {
				t.Errorf("%s: %s: %s, want %s", dialect, line, bodies(res.events), tt.want)
			}
		}
	}
}
