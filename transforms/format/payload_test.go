package format_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/google/go-cmp/cmp"
)

// A payload keeps its shape, whichever way its characters are written. Only what a receiver could not read or show becomes a text.
func TestPayloadsKeepTheirShape(t *testing.T) {
	for value, keeps := range map[string]bool{
		`{"a":"caf\u00e9"}`: true, `{"a":"\u00FC\u00a0"}`: true, `["C:\\udata","C:\\u001b","\\\\ud800"]`: true,
		`{"a":"\ud83d\ude00"}`: true, `{"\uD83D\uDE00":1}`: true, `[1,{"b":"\"\\\/\n\t"}]`: true, `{"a":"\ud83d\ude00\ud83d\ude00"}`: true,
		`{"a":"é😀"}`: true, `{"a":"\u2028"}`: true, `{"a":"\ufffd"}`: true,
		`{"a":"\u0000"}`: false, `{"a":"\u001b[31m"}`: false, `{"a":"\u007f"}`: false, `{"a":"\u009B"}`: false, `{"a":"\u202e"}`: false,
		`{"a":"\ud800"}`: false, `{"a":"\udc00"}`: false, `{"a":"\ud83d\ud83d\ude00"}`: false, `{"a":"\ud83dx"}`: false,
		`{"a":"\\\ud83d"}`: false, `{"a":"\ud83d\n"}`: false,
	} {
		e := happened("workflow_error", "deploy", "1", `{"status":"failure","value":`+value+`}`)
		_, isText := details(t, content(t, open(t, "pagerduty", with("pagerduty")...), e).Body)["value"].(string)
		if isText == keeps {
			t.Errorf("pagerduty, %s: a text %v, want %v", value, isText, !keeps)
		}
		// A step's body becomes the event's data unchanged, unless a receiver could not read it.
		f := open(t, "cloudevents")
		c, err := f.Content(expression.NewEnv(&e), []byte(`{"mine":`+value+`}`))
		if err != nil {
			t.Fatal(err)
		}
		isHalf := !keeps && strings.Contains(value, `\ud`)
		if whole := strings.Contains(string(c.Body), `"data":{"mine":`+value+`}`); whole == isHalf {
			t.Errorf("cloudevents, %s: the data is unchanged %v, want %v: %s", value, whole, !isHalf, c.Body)
		}
	}
}

// If members share a name, the last one counts, as it does for filters. The message then shows no other.
func TestLastOfEqualNamesCounts(t *testing.T) {
	e := ordinary()
	e.Type, e.Payload = event.WorkflowEnd, []byte(`{"status":"success","n":1,"error":"old","status":"failure","\u006e":2,"error":"new"}`)
	c := content(t, open(t, "pagerduty", with("pagerduty")...), e)
	want := map[string]any{"workflow_id": e.WorkflowID, "error": "new", "n": 2.0, "status": "failure"}
	if diff := cmp.Diff(want, details(t, c.Body)); diff != "" {
		t.Errorf("details (-want +got):\n%s", diff)
	}
	e.Type = "custom"
	shown := shownTexts(t, content(t, open(t, "ntfy", with("ntfy")...), e))
	if !strings.Contains(shown, "n: 2") || strings.Contains(shown, "n: 1") {
		t.Errorf("ntfy shows %q", shown)
	}
}

// details returns the details of an alert of PagerDuty.
func details(t *testing.T, body []byte) map[string]any {
	t.Helper()
	var alert struct {
		Payload struct {
			Details map[string]any `json:"custom_details"`
		} `json:"payload"`
	}
	if err := json.Unmarshal(body, &alert); err != nil {
		t.Fatal(err)
	}
	return alert.Payload.Details
}
