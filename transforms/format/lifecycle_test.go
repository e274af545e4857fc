package format_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/google/go-cmp/cmp"
)

func happened(typ, workflow, run, payload string) event.Event {
	e := ordinary()
	e.Type, e.WorkflowName, e.WorkflowID, e.Payload = typ, workflow, run, []byte(payload)
	return e
}

// PagerDuty gets the events of a night. A failure triggers an alert, and the next success of the same workflow resolves it.
func TestPagerDutyLifecycle(t *testing.T) {
	night := []event.Event{
		happened(event.WorkflowStart, "deploy", "1", `{}`),
		happened(event.StepComplete, "deploy", "1", `{"step":"build","path":"build","status":"failure","error":"x"}`),
		happened(event.WorkflowError, "deploy", "1", `{"error":"x"}`),
		happened(event.WorkflowCancel, "deploy", "2", `{}`),
		happened(event.StepComplete, "deploy", "3", `{"step":"build","path":"build","status":"success"}`),
		happened(event.WorkflowEnd, "deploy", "3", `{}`),
		happened(event.WorkflowError, "", "4", `{}`),
		happened("message_user", "deploy", "3", `{}`),
	}
	for _, tt := range []struct {
		name string
		with []format.Option
		want string // action and key for each event, "-" if nothing is sent
	}{
		{"workflow", nil, "-, -, trigger awf/deploy, -, -, resolve awf/deploy, trigger awf/run/4, -"},
		{"run", []format.Option{option("dedup", "run")}, "-, -, trigger awf/run/1, -, -, resolve awf/run/3, trigger awf/run/4, -"},
		{"step", []format.Option{option("dedup", "step")},
			"-, trigger awf/deploy/step/build, trigger awf/deploy, -, resolve awf/deploy/step/build, resolve awf/deploy, trigger awf/run/4, -"},
		{"expression", []format.Option{option("dedup", "=workflow_name + payload.step")},
			"-, trigger deploybuild, trigger awf/deploy, -, resolve deploybuild, resolve awf/deploy, trigger awf/run/4, -"},
		{"people resolve", []format.Option{option("resolve", false)}, "-, -, trigger awf/deploy, -, -, -, trigger awf/run/4, -"},
		{"action", []format.Option{option("action", `={workflow_cancel: "acknowledge", workflow_start: "resolve", workflow_end: ""}[event]`)},
			"resolve awf/deploy, -, -, acknowledge awf/deploy, -, -, -, -"},
	} {
		f := open(t, "pagerduty", with("pagerduty", tt.with...)...)
		var got []string
		for _, e := range night {
			got = append(got, actionOf(t, f, e))
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, ", ")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// PagerDuty gets an alert whatever the case of a word is, and even if a member is missing. A word that PagerDuty does not know is an error.
func TestPagerDutyLosesNoPage(t *testing.T) {
	for _, tt := range []struct {
		name, option, value, want string // action and key, or the error
	}{
		{"case", "action", `=payload.exit_code != 0 ? "Trigger" : "Resolve"`, "trigger awf/deploy"},
		{"case of a constant", "action", "Trigger", "trigger awf/deploy"},
		{"unknown action", "action", `=payload.error`, `action: want trigger, acknowledge or resolve, got "x"`},
		{"unknown severity", "severity", `=payload.error`, `severity: want critical, error, warning or info, got "x"`},
		{"missing severity", "severity", `=payload.missing`, "trigger awf/deploy"},
		{"missing key", "dedup", `=payload.missing`, "trigger awf/deploy"},
		{"case of dedup", "dedup", "Run", "trigger awf/run/1"},
	} {
		f := open(t, "pagerduty", with("pagerduty", option(tt.option, tt.value))...)
		e := happened(event.WorkflowError, "deploy", "1", `{"error":"x","exit_code":1}`)
		if _, err := f.Content(expression.NewEnv(&e), nil); err != nil {
			if err.Error() != tt.want {
				t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
			}
			continue
		}
		if got := actionOf(t, f, e); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func actionOf(t *testing.T, f *format.Format, e event.Event) string {
	t.Helper()
	c := content(t, f, e)
	if c.Body == nil {
		return "-"
	}
	var body struct {
		Action string `json:"event_action"`
		Key    string `json:"dedup_key"`
	}
	if err := json.Unmarshal(c.Body, &body); err != nil {
		t.Fatal(err)
	}
	if body.Key == "" {
		body.Key = "-"
	}
	return body.Action + " " + body.Key
}

// Different workflows and steps never share an alert, whatever their names are. Deliveries are ordered by the key of their alert.
func TestPagerDutyKeysAreApart(t *testing.T) {
	f := open(t, "pagerduty", with("pagerduty", option("dedup", "step"))...)
	long := strings.Repeat("x", 300)
	keys := map[string]string{}
	for _, name := range []string{"a", "a/step", "a%2Fstep", "run", "run/1", "", long, long + "y", "é"} {
		for _, step := range []string{"", "b", "step/b", "a/b", long, long + "z"} {
			payload, _ := json.Marshal(map[string]string{"path": step, "step": step, "status": "failure"})
			events := []event.Event{happened(event.StepComplete, name, "1", string(payload))}
			if step == "" {
				events = []event.Event{happened(event.WorkflowError, name, "1", "{}")}
			}
			for _, e := range events {
				var body struct {
					Key string `json:"dedup_key"`
				}
				if err := json.Unmarshal(content(t, f, e).Body, &body); err != nil {
					t.Fatal(err)
				}
				is := fmt.Sprintf("%.20q %.20q %d %d", name, step, len(name), len(step))
				if other, taken := keys[body.Key]; taken || body.Key == "" || len(body.Key) > 255 {
					t.Errorf("%s and %s have the key %q", is, other, body.Key)
				}
				keys[body.Key] = is
				if order := f.OrderKey(&e); order != body.Key {
					t.Errorf("%s is ordered by %q, want its key %q", is, order, body.Key)
				}
			}
		}
	}
	if e := ordinary(); open(t, "slack").OrderKey(&e) != "" {
		t.Error("Slack's messages are ordered, want no order")
	}
}

// The same event makes the same bytes each time, so that an attempt and a replay send the same message.
func TestContentIsAFunctionOfTheEvent(t *testing.T) {
	for _, name := range format.Names() {
		options := with(name)
		if receiver, _ := format.Lookup(name); slices.ContainsFunc(receiver.Keys, func(k format.Key) bool { return k.Name == "link" }) {
			options = append(options, option("link", "https://ci.example.com/{{workflow_id}}"))
		}
		f := open(t, name, options...)
		first := content(t, f, ordinary())
		for range 20 {
			if diff := cmp.Diff(first, content(t, f, ordinary())); diff != "" {
				t.Fatalf("%s: the same event made another message (-first +now):\n%s", name, diff)
			}
		}
	}
}

// Another awf-hook reads the message of the format awf as the same event. It knows the event when it comes again.
func TestAWFsEnvelopeIsReadAgain(t *testing.T) {
	for name, e := range recorded(t) {
		if e.ID == "" {
			e.ID = "event " + name
		}
		body := content(t, open(t, "awf"), e).Body
		var got []event.Event
		r := &event.Reader{Name: "test", Pass: func([]byte) { t.Error("passed") }, Broken: func(err *event.LineError) { t.Error(err) },
			Event: func(e event.Event) { got = append(got, e) }}
		if _, err := r.ReadFrom(strings.NewReader(strings.Repeat(string(body)+"\n", 2))); err != nil {
			t.Fatal(err)
		}
		const ofALine = 64 // characters of a digest: such an id becomes another one, always the same
		if len(got) != 2 || got[0].ID != got[1].ID || len(e.ID) != ofALine && got[0].ID != e.ID {
			t.Fatalf("%s is read as %+v, want two events with the id %q", body, got, e.ID)
		}
		if got[0].Type != e.Type || got[0].WorkflowID != e.WorkflowID || got[0].WorkflowName != e.WorkflowName ||
			!got[0].Timestamp.Equal(e.Timestamp) || string(got[0].Payload) != string(e.Payload) {
			t.Errorf("%s is read as %+v, want %+v", body, got, e)
		}
	}
}

// An alert's key is one element of Opsgenie's path, whatever it is.
func TestAlertKeysStayInTheirPath(t *testing.T) {
	f := open(t, "opsgenie", option("dedup", "=payload.key"), option("action", "resolve"))
	for _, key := range []string{"a", ".", "..", "...", "a/../b", "../..", "/", "//", "a/b", "%2e%2e", "?x=1", "#x", "a b", "ü", ";", "\\"} {
		quoted, _ := json.Marshal(key)
		suffix := content(t, f, happened("workflow_end", "deploy", "1", `{"key":`+string(quoted)+`}`)).URLSuffix
		u, err := url.Parse("https://api.example/v2/alerts" + suffix)
		if err != nil || !strings.HasPrefix(path.Clean(u.EscapedPath()), "/v2/alerts/") || strings.Count(path.Clean(u.EscapedPath()), "/") != 4 {
			t.Errorf("%q: %s, %v, want /KEY/close", key, suffix, err)
		}
	}
}
