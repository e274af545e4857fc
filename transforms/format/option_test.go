package format_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/google/go-cmp/cmp"
)

func option(name string, value any) format.Option { return format.Option{Name: name, Value: value} }

func TestMistakesInOptions(t *testing.T) {
	key := strings.Repeat("k", 32)
	for _, tt := range []struct {
		format string
		with   []format.Option
		want   []string // "option line:col: message"
	}{
		{"slack", []format.Option{option("titel", "x")}, []string{`titel 0:0: unknown option of slack, did you mean title?`}},
		{"slack", []format.Option{option("routing_key", "x")},
			[]string{`routing_key 0:0: unknown option of slack, want one of ` +
				`title, text, fields, error, link, link_text, mentions, mention_on, channel, thread_ts, username`}},
		{"slack", []format.Option{option("title", "a"), option("title", "b")}, []string{"title 0:0: given twice"}},
		{"slack", []format.Option{option("title", []string{"a"})}, []string{"title 0:0: want text, got []string"}},
		{"slack", []format.Option{option("title", nil)}, []string{"title 0:0: want text, got <nil>"}},
		{"slack", []format.Option{option("title", "=workflow_nam")},
			[]string{"title 1:1: unknown name workflow_nam: did you mean workflow_name?"}},
		{"slack", []format.Option{option("text", "first line\nit is {{ event + }}")},
			[]string{`text 2:16: the expression ends where a value is wanted`}},
		{"slack", []format.Option{option("text", "é {{ event")}, []string{`text 1:2: {{ is not closed; a plain one is written {{ "{{" }}`}},
		{"slack", []format.Option{option("fields", "x")}, []string{"fields 0:0: want mapping of texts, got string"}},
		{"slack", []format.Option{option("fields", []format.Option{option("Cost", "=payload.")})},
			[]string{"fields.Cost 1:8: the expression ends where a value is wanted"}},
		{"slack", []format.Option{option("fields", []format.Option{option(" ", "x")})}, []string{"fields 0:0: want a label, got an empty one"}},
		{"slack", []format.Option{option("mentions", "here")}, []string{"mentions 0:0: want list of texts, got string"}},
		{"slack", []format.Option{option("mentions", []string{"here", "bob"})},
			[]string{`mentions[1] 0:0: want a user's id (U…), a group's (S…), here or channel, got "bob"`}},
		{"slack", []format.Option{option("mention_on", "failures")},
			[]string{`mention_on 0:0: want failure or always, got "failures", did you mean failure?`}},
		{"slack", []format.Option{option("error", "maybe")}, []string{"error 0:0: want true or false, got string"}},
		{"pagerduty", nil, []string{" 0:0: routing_key must be given: the integration's key, 32 characters"}},
		{"pagerduty", []format.Option{option("routing_key", "hunter2hunter2")},
			[]string{"routing_key 0:0: want a PagerDuty integration key of 32 characters"}},
		{"pagerduty", []format.Option{option("routing_key", "")}, []string{"routing_key 0:0: want a secret, got an empty text"}},
		{"pagerduty", []format.Option{option("routing_key", key), option("dedup", "workflows")},
			[]string{`dedup 0:0: want workflow, run, step or an expression, got "workflows", did you mean workflow?`}},
		{"pagerduty", []format.Option{option("routing_key", key), option("severity", "fatal")},
			[]string{`severity 0:0: want critical, error, warning, info or an expression, got "fatal"`}},
		{"pagerduty", []format.Option{option("routing_key", key), option("action", `="trigerr"`)},
			[]string{`action 0:0: want trigger, acknowledge or resolve, got "trigerr", did you mean trigger?`}},
		{"slack", []format.Option{option("link", "ci.example.com/runs")},
			[]string{`link 0:0: want an http or https URL, got "ci.example.com/runs"`}},
		{"slack", []format.Option{option("mentions", []string{"='bob'"})},
			[]string{`mentions[0] 0:0: want a user's id (U…), a group's (S…), here or channel, got "bob"`}},
		{"slack", []format.Option{option("channel", "my channel")},
			[]string{`channel 0:0: want a channel's name or id without white space, got "my channel"`}},
		{"mattermost", []format.Option{option("channel", "##a")},
			[]string{`channel 0:0: want a channel's name or id without white space, got "##a"`}},
		{"splunk", []format.Option{option("index", "My Index")}, []string{`index 0:0: want small letters, digits, _ and -, got "My Index"`}},
		{"gitlab", []format.Option{option("token", "t"), option("ref", "main"), {Name: "variables", Value: []format.Option{option("my-var",
			"x")}}},
			[]string{`variables.my-var 0:0: want a name of letters, digits and _, got "my-var"`}},
		{"slack", []format.Option{option("thread_ts", "p1700000000000100")},
			[]string{`thread_ts 0:0: want a message's ts, 1700000000.000100, got "p1700000000000100"`}},
		{"discord", []format.Option{option("thread_id", "general")}, []string{`thread_id 0:0: want a thread's id, got "general"`}},
		{"discord", []format.Option{option("username", "My Discord bot")},
			[]string{`username 0:0: want a name without discord and clyde, which Discord refuses, got "My Discord bot"`}},
		{"ntfy", []format.Option{option("topic", "awf"), option("priority", "urgent")},
			[]string{`priority 0:0: want 1, 2, 3, 4, 5 or an expression, got "urgent"`}},
		{"telegram", []format.Option{option("chat_id", "my chat")}, []string{`chat_id 0:0: want a chat's number or @name, got "my chat"`}},
		{"telegram", []format.Option{option("chat_id", "-1001234567890"), option("thread_id", 0)},
			[]string{"thread_id 0:0: want 1 to 2147483647, got 0"}},
		{"telegram", []format.Option{option("chat_id", "1"), option("thread_id", "x")}, []string{"thread_id 0:0: want number, got string"}},
		{"ntfy", []format.Option{option("topic", "a/b")}, []string{`topic 0:0: want 1 to 64 letters, digits, _ and -, got "a/b"`}},
		{"teams", []format.Option{option("mentions", []string{"Bob"})},
			[]string{`mentions[0] 0:0: want a sign-in name like someone@example.com, got "Bob"`}},
		{"discord", []format.Option{option("mentions", []string{"@bob"})},
			[]string{`mentions[0] 0:0: want a user's id, & and a role's id, here or everyone, got "@bob"`}},
		{"googlechat", []format.Option{option("mentions", []string{"bob"})}, []string{`mentions[0] 0:0: want a user's number or all, got "bob"`}},
		{"cloudevents", []format.Option{option("mode", "stream")}, []string{`mode 0:0: want structured, binary or batch, got "stream"`}},
		{"cloudevents", []format.Option{option("max_size", 10)}, []string{"max_size 0:0: want 4096 to 1048576, got 10"}},
	} {
		kind, _ := format.Lookup(tt.format)
		f, mistakes := kind.New(tt.with)
		var got []string
		for _, m := range mistakes {
			got = append(got, fmt.Sprintf("%s %d:%d: %s", m.Option, m.Line, m.Col, m.Message))
		}
		if diff := cmp.Diff(tt.want, got); diff != "" || f != nil {
			t.Errorf("%s %v (-want +got):\n%s", tt.format, tt.with, diff)
		}
	}
}

// The value of an option is not checked if it depends on a variable that is not set. The name of the option is.
func TestUnresolvedOptionsAreNotJudged(t *testing.T) {
	kind, _ := format.Lookup("pagerduty")
	if _, mistakes := kind.New([]format.Option{{Name: "routing_key", Unresolved: true}}); len(mistakes) > 0 {
		t.Errorf("an unresolved routing_key: %v, want no mistake", mistakes)
	}
	_, mistakes := kind.New([]format.Option{{Name: "routing_kye", Unresolved: true}})
	if len(mistakes) != 2 || !strings.Contains(mistakes[0].Message, "did you mean routing_key?") {
		t.Errorf("an unresolved routing_kye: %v, want a suggestion, and that routing_key is missing", mistakes)
	}
}

func TestUnknownFormats(t *testing.T) {
	for name, want := range map[string]string{
		"slak": `unknown format "slak", did you mean slack?`,
		"irc": `unknown format "irc", want one of slack, pagerduty, discord, teams, googlechat, telegram, ntfy, cloudevents, ` +
			`mattermost, rocketchat, zulip, matrix, opsgenie, incidentio, oncall, datadog, splunk, github-dispatch, ` +
			`github-status, gitlab, awf`,
	} {
		if _, known := format.Lookup(name); known || format.Unknown(name) != want {
			t.Errorf("%s: %s, want it unknown: %s", name, format.Unknown(name), want)
		}
	}
}

// The tables are complete. The documentation and the checks are made from them.
func TestTablesAreComplete(t *testing.T) {
	for _, name := range format.Names() {
		kind, _ := format.Lookup(name)
		if kind.Summary == "" || kind.URL == "" || len(kind.Limits) == 0 || kind.Policy.Success == "" || kind.Policy.Retry == "" {
			t.Errorf("%s lacks a summary, a URL, a limit or an answer: %+v", name, kind)
		}
		var seen []string
		for _, key := range kind.Keys {
			if key.Is == "" || slices.Contains(seen, key.Name) || key.Kind == format.KindChoice && len(key.Choices) < 2 {
				t.Errorf("%s.%s lacks a description or choices, or is there twice: %+v", name, key.Name, key)
			}
			if (key.Kind == format.KindList || key.Kind == format.KindFields) && key.Max == 0 {
				t.Errorf("%s.%s has no bound", name, key.Name)
			}
			seen = append(seen, key.Name)
		}
		for _, limit := range kind.Limits {
			if limit.Max <= 0 || limit.Source == "" {
				t.Errorf("%s: a limit lacks its number or its source: %+v", name, limit)
			}
		}
	}
}
