package format_test

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"
)

// titleOf returns the headline of a message, from ntfy's title.
func titleOf(t *testing.T, e event.Event, options ...format.Option) string {
	t.Helper()
	return ntfyBody(t, e, nil, options...)["title"].(string)
}

func ntfyBody(t *testing.T, e event.Event, previous []byte, options ...format.Option) map[string]any {
	t.Helper()
	f := open(t, "ntfy", with("ntfy", options...)...)
	values := expression.NewEnv(&e)
	if previous != nil {
		values.SetBody(previous, json.Valid(previous), nil)
	}
	c, err := f.Content(values, previous)
	if err != nil {
		t.Fatal(err)
	}
	var body map[string]any
	if err := json.Unmarshal(c.Body, &body); err != nil {
		t.Fatal(err)
	}
	return body
}

func TestHeadlines(t *testing.T) {
	for _, tt := range []struct{ typ, name, id, payload, want string }{
		{event.WorkflowStart, "deploy", "1", `{}`, "deploy started"},
		{event.WorkflowEnd, "deploy", "1", `{"status":"success","duration":0.308}`, "deploy succeeded in 308ms"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":0.0034}`, "deploy succeeded in 3.4ms"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":"123.456","exit_code":"0"}`, "deploy succeeded in 2m 3s"},
		{event.WorkflowError, "deploy", "1", `{"duration":"12.5","exit_code":"7"}`, "deploy failed after 12.5s (exit code 7)"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":"long"}`, "deploy succeeded"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":"Inf"}`, "deploy succeeded"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":4.04}`, "deploy succeeded in 4.0s"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":59.96}`, "deploy succeeded in 1m"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":123.456}`, "deploy succeeded in 2m 3s"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":7380}`, "deploy succeeded in 2h 3m"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":183600}`, "deploy succeeded in 2d 3h"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":-1}`, "deploy succeeded"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":"1m"}`, "deploy succeeded"},
		{event.WorkflowEnd, "deploy", "1", `{"duration":1e300}`, "deploy succeeded"},
		{event.WorkflowError, "deploy", "1", `{"duration":2,"exit_code":42}`, "deploy failed after 2.0s (exit code 42)"},
		{event.WorkflowError, "deploy", "1", `{"exit_code":"x"}`, "deploy failed"},
		{event.WorkflowCancel, "deploy", "1", `{"duration":2}`, "deploy was cancelled after 2.0s"},
		{event.WorkflowCancel, "deploy", "1", `{"error":"workflow cancelled"}`, "deploy was cancelled"},
		{event.WorkflowError, "", "6cf6d88c-6044", `{}`, "run 6cf6d88c failed"},
		{event.WorkflowError, "", "", `{}`, "a workflow failed"},
		{event.StepStart, "deploy", "1", `{"step":"build"}`, "deploy: step build started"},
		{event.StepComplete, "deploy", "1", `{"step":"build","status":"success","duration":1}`, "deploy: step build succeeded in 1.0s"},
		{event.StepComplete, "deploy", "1", `{"step":"build","status":"failure"}`, "deploy: step build failed"},
		{event.StepComplete, "deploy", "1", `{"path":"loop:0/x","error":"e"}`, "deploy: step loop:0/x failed"},
		{event.StepComplete, "deploy", "1", ``, "deploy: step without a name succeeded"},
		{"message_user", "deploy", "1", `{"text":"hello"}`, "deploy: message_user"},
	} {
		e := event.Event{ID: "1", Type: tt.typ, WorkflowName: tt.name, WorkflowID: tt.id, Payload: []byte(tt.payload), Timestamp: time.Unix(0, 0)}
		if got := titleOf(t, e); got != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.typ, tt.payload, got, tt.want)
		}
	}
}

// A member that AWF documents, but with a value as AWF never gives, is shown like any other.
func TestOddMembersAreShown(t *testing.T) {
	f := open(t, "ntfy", with("ntfy")...)
	for _, tt := range []struct{ payload, want string }{
		{`{"duration":"two hours","exit_code":"SIGKILL"}`, "duration: two hours\nexit_code: SIGKILL"},
		{`{"duration":-1,"exit_code":[1]}`, "duration: -1\nexit_code: [1]"},
		{`{"duration":"7200","exit_code":"9"}`, "Duration: 2h\nExit code: 9"},
	} {
		e := happened("custom", "deploy", "1", tt.payload)
		if got := at(t, content(t, f, e), "message"); !strings.Contains(got, tt.want) {
			t.Errorf("%s: %q, want %q in it", tt.payload, got, tt.want)
		}
	}
}

// Starts, successes, failures and cancellations of workflows and steps each have a sign and a colour of their own.
func TestMomentsLookDifferent(t *testing.T) {
	signs, colors := map[string]string{}, map[string]string{}
	for moment, e := range recorded(t) {
		var body struct {
			Text        string
			Attachments []struct{ Color string }
		}
		if err := json.Unmarshal(content(t, open(t, "slack"), e).Body, &body); err != nil {
			t.Fatal(err)
		}
		sign, _, _ := strings.Cut(body.Text, " ")
		if other, known := signs[sign]; known {
			t.Errorf("%s and %s have the sign %s", moment, other, sign)
		}
		color := body.Attachments[0].Color
		if other, known := colors[color]; known {
			t.Errorf("%s and %s have the colour %s", moment, other, color)
		}
		signs[sign], colors[color] = moment, moment
	}
}

func TestOptionsAreExpressions(t *testing.T) {
	e := ordinary()
	body := ntfyBody(t, e, nil, option("title", "{{ workflow_name }} is down: {{ payload.exit_code }} {{ payload.missing }}!"),
		option("text", `=payload.exit_code > 1 ? "call somebody" : ""`), option("link", "https://ci.example.com/{{workflow_id}}"),
		option("fields", []format.Option{option("Took", "=payload.duration"), option("Nothing", "=payload.nothing")}), option("error", false),
		option("priority", "={workflow_error: 5}[event]"), option("tags", []string{"==plain", "{{ event }}"}))
	want := map[string]any{
		"topic": "awf", "title": "deploy-production is down: 42 !", "message": "call somebody\n\nTook: 123.456",
		"click": "https://ci.example.com/6cf6d88c-6044-4429-b785-d32c4f207071", "priority": 5.0, "tags": []any{"=plain", "workflow_error"},
	}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A value in a link is encoded for its place, so that no value breaks the link. A link that is one expression stays unchanged.
func TestLinksSurvive(t *testing.T) {
	for _, tt := range []struct{ link, name, want string }{
		{"https://ci.example.com/w/{{ workflow_name }}/runs", "my deploy", "https://ci.example.com/w/my%20deploy/runs"},
		{"https://ci.example.com/w/{{ workflow_name }}/runs", "ü", "https://ci.example.com/w/%C3%BC/runs"},
		{"https://ci.example.com/w/{{ workflow_name }}/runs", "100%", "https://ci.example.com/w/100%25/runs"},
		{"https://ci.example.com/w/{{ workflow_name }}/runs", "{x}", "https://ci.example.com/w/%7Bx%7D/runs"},
		{"https://ci.example.com/w/{{ workflow_name }}/runs", "a#b", "https://ci.example.com/w/a%23b/runs"},
		{"https://ci.example.com/w/{{ workflow_name }}/runs", "a?b/c", "https://ci.example.com/w/a%3Fb%2Fc/runs"},
		{"https://ci.example.com/?w={{ workflow_name }}&x=1", "a&b=c d+e#f", "https://ci.example.com/?w=a%26b%3Dc%20d%2Be%23f&x=1"},
		{"https://ci.example.com/?x#{{ workflow_name }}", "a b", "https://ci.example.com/?x#a%20b"},
		{"=workflow_name", "https://ci.example.com/a?b=c#d", "https://ci.example.com/a?b=c#d"},
		{"{{ workflow_name }}/runs", "https://ci.example.com/a", "https://ci.example.com/a/runs"},
		{"https://{{ workflow_name }}/runs", "evil.example/?", ""},
		{"=workflow_name", "javascript:alert(1)", ""},
		{"=payload.missing", "x", ""},
	} {
		e := happened(event.WorkflowError, tt.name, "1", `{}`)
		got, _ := ntfyBody(t, e, nil, option("link", tt.link))["click"].(string)
		if got != tt.want {
			t.Errorf("the link %s of workflow %q is %q, want %q", tt.link, tt.name, got, tt.want)
		}
	}
}

// Make reports each part that it leaves out of a message, with the reason.
func TestWhatIsLeftOutIsSaid(t *testing.T) {
	e := ordinary()
	f := open(t, "discord", option("link", "=payload.error"), option("mentions", []string{"here", "=payload.error", "=payload.missing"}),
		option("thread_id", "=workflow_name"), option("username", `=workflow_name + " on Discord"`))
	_, left, err := f.Make(expression.NewEnv(&e), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`left out link: want an http or https URL, got "/bin/bash: line 1: kubectl: command not …"`,
		`left out mentions[1]: want a user's id, & and a role's id, here or everyone, got "/bin/bash: line 1: kubectl: command not …"`,
		`left out thread_id: want a thread's id, got "deploy-production"`,
		`left out username: want a name without discord and clyde, which Discord refuses, got "deploy-production on Discord"`,
	}
	if diff := cmp.Diff(want, left); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Make also reports a mention for which the message has no room.
func TestMentionsWithoutRoomAreSaid(t *testing.T) {
	e := ordinary()
	for name, mention := range map[string]string{
		"telegram": "@" + strings.Repeat("a", 31), "teams": strings.Repeat("a", 64) + "@" + strings.Repeat("b", 63),
	} {
		options := append(slices.Clone(required[name]), format.Option{Name: "mentions", Value: slices.Repeat([]string{mention}, 20)},
			option("link", "https://ci.example.com/"+strings.Repeat("x", 2000)), option("link_text", strings.Repeat("y", 80)))
		c, left, err := open(t, name, options...).Make(expression.NewEnv(&e), nil)
		if err != nil {
			t.Fatal(err)
		}
		named := bytes.Count(c.Body, []byte(mention)) / map[string]int{"telegram": 1, "teams": 4}[name]
		if named+len(left) != 20 || name == "telegram" && len(left) == 0 {
			t.Errorf("%s: %d mentions are in the message and %d are left out, want 20 in all", name, named, len(left))
		}
		for _, why := range left {
			if want := "left out the mention \"" + mention + "\": there is no room for it"; why != want {
				t.Errorf("%s says %s, want %s", name, why, want)
			}
		}
	}
}

// The error of an expression that fails names its option.
func TestFailingExpressions(t *testing.T) {
	e := ordinary()
	f := open(t, "ntfy", with("ntfy", option("fields", []format.Option{option("Bad", `=int(payload.error)`)}))...)
	if _, err := f.Content(expression.NewEnv(&e), nil); err == nil || !strings.HasPrefix(err.Error(), "fields.Bad: ") {
		t.Errorf("Content: %v, want an error of fields.Bad", err)
	}
}

// A message is about the output of the previous step, and has no data of the event that the step left out.
func TestMessagesTellOfThePreviousStep(t *testing.T) {
	e := ordinary()
	e.Payload = []byte(`{"status":"failure","error":"token=hunter2","duration":5,"user":"hunter2"}`)
	for _, tt := range []struct{ name, previous, title, message string }{
		{"an envelope",
			`{"event":"workflow_error","workflow_id":"r1","workflow_name":"deploy","timestamp":"2026-11-24T00:00:00Z",` +
				`"payload":{"error":"token=***"}}`, "deploy failed", "token=***\n\nRun: r1"},
		{"an envelope of another type", `{"event":"workflow_end","workflow_id":"r1","workflow_name":"deploy"}`, "deploy succeeded", "Run: r1"},
		{"an object", `{"error":"masked","duration":1}`, "deploy-production failed after 1.0s", "masked\n\nRun: " + e.WorkflowID},
		{"a text", `plain text`, "deploy-production failed", "Run: " + e.WorkflowID},
		{"a list", `[1,2]`, "deploy-production failed", "Run: " + e.WorkflowID},
		{"nothing", ``, "deploy-production failed", "Run: " + e.WorkflowID},
	} {
		body := ntfyBody(t, e, []byte(tt.previous))
		if body["title"] != tt.title || body["message"] != tt.message {
			t.Errorf("%s: title %q, message %q, want %q, %q", tt.name, body["title"], body["message"], tt.title, tt.message)
		}
		for _, name := range format.Names() {
			values := expression.NewEnv(&e)
			values.SetBody([]byte(tt.previous), json.Valid([]byte(tt.previous)), nil)
			c, err := open(t, name, with(name)...).Content(values, []byte(tt.previous))
			if err == nil && strings.Contains(string(c.Body), "hunter2") {
				t.Errorf("%s after %s: the message shows what the step left out: %s", name, tt.name, c.Body)
			}
		}
	}
}

// A cut text keeps its beginning and its end, is cut between graphemes, and says how many characters are missing.
func TestCutsAreAtGraphemes(t *testing.T) {
	graphemes := []string{"x", "word ", "\n", "é", "e\u0301\u0327", "日", "한", "\u1112\u1161\u11ab", "😀", "👩‍👩‍👧‍👦",
		"🇫🇷", "🏳️‍🌈", "क्षत्रिय", "שׁ", "م", "👍🏽", "0️⃣"}
	for n := range uint64(300) {
		r := rand.New(rand.NewPCG(n, 3))
		var b strings.Builder
		one := graphemes[r.IntN(len(graphemes))]
		for b.Len() < 5000+r.IntN(30_000) {
			if n%2 == 0 {
				one = graphemes[r.IntN(len(graphemes))]
			}
			b.WriteString(one)
		}
		whole := "begin" + b.String() + "end"
		e := ordinary()
		payload, err := json.Marshal(map[string]string{"error": whole})
		if err != nil {
			t.Fatal(err)
		}
		e.Payload = payload
		message := ntfyBody(t, e, nil)["message"].(string)
		message = strings.TrimSuffix(message, "\n\nRun: "+e.WorkflowID)
		begin, rest, found := strings.Cut(message, "… (")
		count, end, closed := strings.Cut(rest, " characters cut) …")
		if !found || !closed || !strings.HasPrefix(whole, begin) || !strings.HasSuffix(whole, end) || len(begin) < 1000 || len(end) < 400 {
			t.Errorf("text %d: %q … %q is not the beginning and the end of the text, or too little of them", n, begin, end)
			continue
		}
		missing := utf8.RuneCountInString(whole) - utf8.RuneCountInString(begin) - utf8.RuneCountInString(end)
		if strings.ReplaceAll(count, ",", "") != strconv.Itoa(missing) {
			t.Errorf("text %d says that %s characters are cut, want %d", n, count, missing)
		}
		for _, at := range []int{len(begin), len(whole) - len(end)} {
			if !isBorder(whole, at) {
				t.Errorf("text %d is cut inside a grapheme, between %q and %q", n, whole[max(0, at-12):at], whole[at:min(len(whole), at+12)])
			}
		}
	}
}

func isBorder(s string, at int) bool {
	state := -1
	for pos, rest := 0, s; rest != ""; {
		if pos >= at {
			return pos == at
		}
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		pos += len(cluster)
	}
	return true
}

// A message can go to an existing thread of Slack. Make leaves out a thread_ts that cannot be one, and says so.
func TestSlackThreads(t *testing.T) {
	for _, tt := range []struct{ ts, member, left string }{
		{"1700000000.000100", `"thread_ts":"1700000000.000100"`, ""},
		{"=payload.thread", `"thread_ts":"1700000000.000200"`, ""},
		{"=workflow_name", "", `left out thread_ts: want a message's ts, 1700000000.000100, got "deploy-production"`},
		{"=payload.missing", "", ""},
	} {
		e := ordinary()
		e.Payload = []byte(`{"status":"failure","thread":"1700000000.000200"}`)
		c, left, err := open(t, "slack", option("thread_ts", tt.ts)).Make(expression.NewEnv(&e), nil)
		if err != nil || strings.Contains(string(c.Body), "thread_ts") != (tt.member != "") || !strings.Contains(string(c.Body), tt.member) ||
			strings.Join(left, "\n") != tt.left {
			t.Errorf("%s: body %s, left out %q, %v; want %s in the body, and %q", tt.ts, c.Body, left, err, tt.member, tt.left)
		}
	}
}
