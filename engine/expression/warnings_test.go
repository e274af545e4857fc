package expression_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/expression"
)

func TestWarnings(t *testing.T) {
	const (
		sameForAll = `it names nothing of the event, so that it is the same for each: enabled: false switches a webhook off`
		hadOutput  = `payload.result says whether a step had output, also a failed one: want payload.status == "success"`
		neverLike  = `payload.status is never like that where AWF writes it: it is success, failure, cancelled`
	)
	for source, want := range map[string]string{
		`true`:  ``,
		`false`: `1:0 ` + sameForAll,
		`1 < 2`: `1:2 ` + sameForAll,

		`event == "workflow_failed"`:    `1:9 event is never "workflow_failed" where AWF writes it: did you mean "workflow_error"?`,
		`"Workflow_Error" == event`:     `1:0 event is never "Workflow_Error" where AWF writes it: did you mean "workflow_error"?`,
		`event != "workflow.completed"`: `1:9 event is never "workflow.completed" where AWF writes it: did you mean "workflow_end"?`,
		`event in ["workflow_end", "workflow-error"]`: `1:26 event is never "workflow-error" where AWF writes it: ` +
			`did you mean "workflow_error"?`,
		`event startsWith "workflow."`: `1:17 event is never like that where AWF writes it: ` +
			`it is workflow_start, workflow_end, workflow_error, workflow_cancel and so on`,
		`event endsWith "_error" and event matches "^step_"`: ``,
		`event startsWith "deploy_"`:                         ``,
		`event == "my_event" or event == "plugin.done"`:      ``,

		`event == "step_complete" and payload.result`:   `1:37 ` + hadOutput,
		`payload.result == false`:                       `1:8 ` + hadOutput,
		`payload.result`:                                `1:8 ` + hadOutput,
		`payload.result == "text"`:                      ``,
		`event == "step_retry" and payload.attempt > 1`: ``,

		`payload.status == "failed"`: `1:18 payload.status is never "failed" where AWF writes it: did you mean "failure"?`,
		`payload.status in ["done", "success"]`: `1:19 payload.status is never "done" where AWF writes it: ` +
			`it is one of success, failure, cancelled`,
		`payload["status"] == "error"`: `1:21 payload.status is never "error" where AWF writes it: ` +
			`did you mean "failure"?`,
		`payload.status contains "ok"`:                                   `1:24 ` + neverLike,
		`payload.status matches "^err"`:                                  `1:23 ` + neverLike,
		`event == "workflow_error" and payload.status == "failure"`:      ``,
		`payload.inputs.status == "failed" and workflow_name == "error"`: ``,

		"event == \"step_complete\"\n  and payload.exitcode != 0":       `2:14 AWF gives no payload.exitcode: did you mean payload.exit_code?`,
		`payload.Status == "failure"`:                                   `1:8 AWF gives no payload.Status: did you mean payload.status?`,
		`payload.exit_codes > 0`:                                        `1:8 AWF gives no payload.exit_codes: did you mean payload.exit_code?`,
		`payload.duraton > 1`:                                           `1:8 AWF gives no payload.duraton: did you mean payload.duration?`,
		`payload.duration_ms > 5`:                                       `1:8 AWF gives no payload.duration_ms: did you mean payload.duration?`,
		`payload.team == "x" and payload.name == "y" and payload.parts`: ``,
		`payload.steps > 1 and payload.text == ""`:                      ``,

		`glob(workflow_name, "deploy-*")`:    `1:0 glob takes the pattern first: glob("deploy-*", workflow_name)`,
		`glob("deploy-*", workflow_name)`:    ``,
		`workflow_name matches "deploy-*"`:   `1:22 matches takes a regular expression: want glob("deploy-*", workflow_name)`,
		`workflow_name matches "^deploy-.*"`: ``,
		`not payload.dry == payload.inputs.dry`: `1:16 not binds to payload.dry alone: ` +
			`want not (payload.dry == payload.inputs.dry), or (not payload.dry) == payload.inputs.dry`,
		`event == "é" and !payload.ok != payload.expected`: `1:29 not binds to payload.ok alone: ` +
			`want not (payload.ok != payload.expected), or (not payload.ok) != payload.expected`,
		`any(payload.list, not .ok == payload.ok)`: `1:26 not binds to .ok alone: want not (.ok == payload.ok), or (not .ok) == payload.ok`,
		`not payload.team in payload.teams`: `1:17 not binds to payload.team alone: ` +
			`want not (payload.team in payload.teams), or (not payload.team) in payload.teams`,
		`(not payload.list[0] == (payload.b))`: `1:21 not binds to payload.list[0] alone: ` +
			`want not (payload.list[0] == payload.b), or (not payload.list[0]) == payload.b`,
		`not glob("a*", payload.a) == payload.b`:           ``,
		`(not payload.dry) == payload.inputs.dry`:          ``,
		`((not (payload.dry)) in [true, payload.dry])`:     ``,
		`(!payload[")"]) in map(payload.list, .ok)`:        ``,
		`not payload.dry == false or not (payload.a == 1)`: ``,
		`not (payload.dry == payload.inputs.dry)`:          ``,
		`workflow_name == "deploy-*"`:                      `1:17 == and in compare the whole text: want glob("deploy-*", workflow_name)`,
	} {
		program, err := expression.CompileBool(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		var got []string
		for _, w := range program.Warnings() {
			got = append(got, fmt.Sprintf("%d:%d %s", w.Line, w.Col, w.Message))
		}
		if text := strings.Join(got, "\n"); text != want {
			t.Errorf("%s: warnings %q, want %q", source, text, want)
		}
	}
}

// The filters that users write cause no warning.
func TestFiltersThatUsersWriteAreNotWarnedOf(t *testing.T) {
	for _, tt := range userFilters {
		program, err := expression.CompileBool(tt.source)
		if err != nil {
			continue
		}
		for _, w := range program.Warnings() {
			if w.Code != "expr.result" { // this warning is right: these filters misunderstand payload.result
				t.Errorf("%s: the warning %s, want none", tt.source, w)
			}
		}
	}
}
