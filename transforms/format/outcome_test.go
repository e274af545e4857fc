package format_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/transforms/format"
)

// resolving has the part of a body that tells a receiver of alerts that an alert has ended well.
var resolving = map[string]string{
	"pagerduty": `"event_action":"resolve"`, "opsgenie": `"note"`, "incidentio": `"status":"resolved"`, "oncall": `"state":"ok"`,
	"github-status": `"state":"success"`, "datadog": `"alert_type":"success"`,
}

// ended returns how a message must show a type, a status and an exit code together: as good, bad, cancelled or unknown.
func ended(typ, status, code string) string {
	fails := map[string]bool{`"failure"`: true, `"error"`: true, `"Failed"`: true}[status]
	good := map[string]bool{`"success"`: true, `"Success"`: true, "": true, "null": true, `""`: true}[status]
	codeFails := code == "2" || code == `"2"` || code == "1e0" || code == "99999999999999999999"
	switch {
	case typ == event.WorkflowError, fails:
		return "bad"
	case typ == event.WorkflowCancel, status == `"cancelled"`:
		return "cancelled"
	case codeFails:
		return "bad"
	case good && (code == "" || code == "0" || code == "0.0" || code == "null"):
		return "good"
	}
	return "unknown"
}

// Every format shows the same ending for the same type, status and exit code. Only an ending that is certainly good resolves an alert.
func TestFailingStatusWins(t *testing.T) {
	words := map[string][]string{
		"good": {"✅", "☑️", "white_check_mark", "ballot_box_with_check", " succeeded"}, "bad": {"🔴", "⚠️", "red_circle", " failed"},
		"cancelled": {"🛑", "⏹️", "octagonal_sign", "stop_button", " was cancelled"}, "unknown": {"❔", "❓", "question",
			" ended with status"},
	}
	for _, name := range format.Names() {
		f := open(t, name, with(name)...)
		for _, typ := range []string{event.WorkflowEnd, event.WorkflowError, event.WorkflowCancel, event.StepComplete} {
			for _, status := range []string{"", "null", `""`, `"success"`, `"Success"`, `"failure"`, `"error"`, `"Failed"`, `"cancelled"`,
				`"paused"`, "true", "0", "{}"} {
				for _, code := range []string{"", "null", "0", "0.0", "2", `"2"`, "1e0", "99999999999999999999", `"x"`, "false"} {
					var members []string
					if status != "" {
						members = append(members, `"status":`+status)
					}
					if code != "" {
						members = append(members, `"exit_code":`+code)
					}
					payload := "{" + strings.Join(members, ",") + "}"
					want := ended(typ, status, code)
					body := string(content(t, f, happened(typ, "deploy", "1", payload)).Body)
					for ending, signs := range words {
						for _, sign := range signs {
							if ending != want && strings.Contains(body, sign) {
								t.Errorf("%s: %s %s is shown as %s by %q, want %s", name, typ, payload, ending, sign, want)
							}
						}
					}
					if word := resolving[name]; word != "" && want != "good" && strings.Contains(body, word) {
						t.Errorf("%s: %s %s resolves an alert, and is %s", name, typ, payload, want)
					}
				}
			}
		}
	}
}

// Each ending has a sign and words of its own.
func TestEndingsHaveTheirSigns(t *testing.T) {
	f := open(t, "slack")
	for want, tt := range map[string][2]string{
		"✅ deploy succeeded": {event.WorkflowEnd, `{"status":"success"}`}, "🔴 deploy failed (exit code 2)": {event.WorkflowEnd,
			`{"status":"success","exit_code":2}`},
		"🛑 deploy was cancelled":               {event.WorkflowEnd, `{"status":"cancelled","exit_code":130}`},
		"❔ deploy ended with status paused":    {event.WorkflowEnd, `{"status":"paused"}`},
		"⚠️ deploy: step x failed":             {event.StepComplete, `{"step":"x","status":"error"}`},
		"⏹️ deploy: step x was cancelled":      {event.StepComplete, `{"step":"x","status":"cancelled"}`},
		"❓ deploy: step x ended with status 7": {event.StepComplete, `{"step":"x","status":7}`},
	} {
		if body := content(t, f, happened(tt[0], "deploy", "1", tt[1])).Body; !strings.Contains(string(body), fmt.Sprintf(`"text":%q`, want)) {
			t.Errorf("%s %s: want %s in %s", tt[0], tt[1], want, body)
		}
	}
}
