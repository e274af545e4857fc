package expression_test

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// life has events of AWF. The table below names them by these letters.
var life = map[rune]*event.Event{
	's': of("workflow_start", "deploy-eu",
		`{"inputs": {"env": "prod", "replicas": 3, "dry_run": false, "tags": ["web", "eu"]}, "user": "ana"}`),
	'e': of("workflow_end", "deploy-eu", `{"status": "success", "duration": 61.5, "exit_code": 0}`),
	'f': of("workflow_error", "deploy-eu",
		`{"status": "failure", "duration": 12.25, "exit_code": 137, "error": "step push: exit code 137: out of memory"}`),
	'n': of("workflow_error", "nightly-backup", `{"status": "failure", "duration": 3600, "error": "dial tcp 10.0.0.7:5432: i/o timeout"}`),
	'c': of("workflow_cancel", "build", `{"status": "cancelled", "duration": 1.5, "error": "workflow cancelled"}`),
	'b': of("step_start", "build", `{"step": "compile", "kind": "command", "path": "loop:0/compile", "iteration": 0}`),
	'o': of("step_complete", "build", `{"step": "compile", "kind": "command", "path": "loop:0/compile", "iteration": 0,
		"status": "success", "duration": 0.5, "result": true}`),
	'x': of("step_complete", "build", `{"step": "test", "kind": "agent", "path": "loop:12/test", "iteration": 12,
		"status": "failure", "error": "tests failed: 3", "duration": 30}`),
	't': of("tool_call", "review",
		`{"name": "bash", "arguments": {"command": "rm -rf /tmp/x"}, "usage": {"input_tokens": 1200, "output_tokens": 80}}`),
	'm': of("message_user", "",
		`{"text": "Fix the bug, s'il vous plaît", "parts": [{"type": "text", "len": 12}, {"type": "image", "len": 4096}]}`),
}

func of(typ, workflow, payload string) *event.Event {
	return &event.Event{ID: "e", Type: typ, WorkflowID: "run-1", WorkflowName: workflow,
		Timestamp: time.Date(2026, 11, 24, 23, 59, 0, 0, time.UTC), Payload: []byte(payload)}
}

// userFilters are filters that users write, with the letters of the events that they match.
var userFilters = []struct{ source, want string }{
	{`event == "workflow_error"`, "fn"},
	{`event != "workflow_error"`, "secboxtm"},
	{`event in ["workflow_error", "workflow_cancel"]`, "fnc"},
	{`event not in ["workflow_error", "workflow_cancel"]`, "seboxtm"},
	{`event startsWith "workflow_"`, "sefnc"},
	{`event startsWith "step_" or event startsWith "tool_"`, "boxt"},
	{`glob("*_error", event)`, "fn"},
	{`workflow_name startsWith "deploy-"`, "sef"},
	{`workflow_name startsWith "deploy-" and payload.duration > 60`, "e"},
	{`workflow_name matches "^(deploy|nightly)-"`, "sefn"},
	{`workflow_name matches "(?i)^BUILD$"`, "cbox"},
	{`glob("deploy-*", workflow_name)`, "sef"},
	{`workflow_name == ""`, "m"},
	{`workflow_name != ""`, "sefncboxt"},
	{`not (workflow_name contains "deploy")`, "ncboxtm"},
	{`workflow_id == "run-1"`, "sefncboxtm"},
	{`payload.status == "failure"`, "fnx"},
	{`payload.status != "success"`, "sfncbxtm"},
	{`payload.status in ["failure", "cancelled"]`, "fncx"},
	{`payload.status`, ""}, // not a condition: it does not compile, see below
	{`payload.exit_code == 137`, "f"},
	{`payload.exit_code != 0`, "sfncboxtm"},
	{`payload.exit_code != nil and payload.exit_code != 0`, "f"},
	{`payload.exit_code > 0`, "f"},
	{`(payload.exit_code ?? 1) != 0 and event == "workflow_error"`, "fn"},
	{`payload.exit_code in 100..200`, "f"},
	{`payload.duration > 60`, "en"},
	{`payload.duration >= 30 and payload.duration < 3600`, "ex"},
	{`not (payload.duration > 60)`, "sfcboxtm"},
	{`payload.duration <= 1.5`, "co"},
	{`payload.duration * 1000 > 5000`, "efnx"},
	{`payload.duration / 60 > 1 or event == "workflow_cancel"`, "enc"},
	{`payload.duration > 10 and not (payload.error contains "timeout")`, "efx"},
	{`payload.error contains "out of memory"`, "f"},
	{`payload.error matches "exit code [0-9]+"`, "f"},
	{`lower(payload.error) contains "timeout"`, "n"},
	{`payload.error != nil`, "fncx"},
	{`payload.error == nil`, "sebotm"},
	{`payload.error endsWith "cancelled"`, "c"},
	{`len(payload.error) > 20`, "fn"},
	{`payload.user == "ana"`, "s"},
	{`payload.user in ["ana", "bob"]`, "s"},
	{`payload.inputs.env == "prod"`, "s"},
	{`payload.inputs.env != "prod"`, "efncboxtm"},
	{`payload.inputs.replicas >= 3`, "s"},
	{`not payload.inputs.dry_run`, "sefncboxtm"},
	{`payload.inputs.dry_run == false`, "s"},
	{`"web" in payload.inputs.tags`, "s"},
	{`any(payload.inputs.tags, # startsWith "e")`, "s"},
	{`payload.inputs["env"] == "prod"`, "s"},
	{`"env" in payload.inputs`, "s"},
	{`payload.step == "compile" and event == "step_complete"`, "o"},
	{`payload.kind == "agent"`, "x"},
	{`payload.path startsWith "loop:"`, "box"},
	{`payload.iteration > 10`, "x"},
	{`payload.iteration == 0`, "bo"},
	{`payload.iteration % 2 == 0`, "box"},
	{`payload.result == true`, "o"},
	{`payload.result != true and event == "step_complete"`, "x"},
	{`payload.name == "bash" and payload.arguments.command contains "rm -rf"`, "t"},
	{`payload.usage.input_tokens + payload.usage.output_tokens > 1000`, "t"},
	{`any(payload.parts, .type == "image")`, "m"},
	{`sum(payload.parts, .len) > 4000`, "m"},
	{`count(payload.parts, .type == "text") == 1`, "m"},
	{`payload.text contains "plaît"`, "m"},
	{`timestamp.Hour() >= 22 or timestamp.Hour() < 6`, "sefncboxtm"},
	{`timestamp.Weekday().String() in ["Saturday", "Sunday"]`, ""},
	{`timestamp.In(timezone("Europe/Paris")).Hour() < 6`, "sefncboxtm"},
	{`timestamp > date("2026-11-24") and timestamp < date("2026-11-25")`, "sefncboxtm"},
	{`timestamp - date("2026-11-24T23:00:00Z") > duration("30m")`, "sefncboxtm"},
	{`split(workflow_name, "-")[0] == "deploy"`, "sef"},
	{`split(workflow_name, "-")[1] == "eu"`, "sef"},
	{`let failed = payload.status == "failure"; failed and payload.duration < 60`, "fx"},
	{`event == "workflow_error" ? payload.duration > 60 : event == "workflow_cancel"`, "nc"},
	{`payload.missing.deeper.still > 5`, ""},
	{`payload.missing.deeper.still == nil`, "sefncboxtm"},
}

func TestFiltersThatUsersWrite(t *testing.T) {
	for _, tt := range userFilters {
		program, err := expression.CompileBool(tt.source)
		if err != nil {
			if tt.want != "" {
				t.Errorf("CompileBool(%q) = %v", tt.source, err)
			}
			continue
		}
		got := ""
		for _, letter := range "sefncboxtm" {
			match, err := program.Bool(expression.NewEnv(life[letter]))
			if err != nil {
				t.Errorf("Bool(%q) of %s: %v", tt.source, life[letter].Type, err)
			}
			if match {
				got += string(letter)
			}
			trace := traceOf(program, expression.NewEnv(life[letter]))
			if trace.Err != nil || trace.Value != match {
				t.Errorf("%q of %s with a trace: %+v, want %v as without one", tt.source, life[letter].Type, trace, match)
			}
		}
		if got != tt.want {
			t.Errorf("filter %q matches %q, want %q", tt.source, got, tt.want)
		}
	}
	if len(userFilters) < 60 {
		t.Errorf("%d filters, want 60", len(userFilters))
	}
}
