package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/google/go-cmp/cmp"
)

// readOptions reads the options of a format from the inside of a mapping in braces.
func readOptions(t *testing.T, name, members string, env config.Env) ([]config.Option, config.Errors) {
	t.Helper()
	text := "webhooks: [{url: 'https://example.com/', transform: {format: " + name + ",\nwith: {" + members + "}}}]\n"
	cfg, err := config.Parse("f.yaml", []byte(text), env)
	if cfg == nil || len(cfg.Webhooks) != 1 {
		t.Fatalf("Parse(%q) = %v", text, err)
	}
	errs, _ := err.(config.Errors)
	return cfg.Webhooks[0].Transform[0].Options, errs
}

// The walker that reads all other keys also reads a format's options, and finds the same mistakes in them.
func TestMistakesInOptions(t *testing.T) {
	for _, tt := range []struct{ format, with, want string }{
		{"slack", `titel: x`, `2:8: titel: unknown option of slack, did you mean title?`},
		{"slack", `routing_key: x`, `2:8: routing_key: unknown option of slack, want one of ` +
			`title, text, fields, error, link, link_text, mentions, mention_on, channel, thread_ts, username`},
		{"slack", `title: a, title: b`, `2:18: title: duplicate key, first in line 2`},
		{"slack", `title: [a]`, `2:15: title: want a text, got a list`},
		{"slack", `title: {a: b}`, `2:15: title: want a text, got a mapping`},
		{"slack", `title: `, `2:15: title: want a text, got nothing`},
		{"slack", `title: ~`, `2:15: title: want a text, got nothing`},
		{"slack", `title: null`, `2:15: title: want a text, got nothing`},
		{"slack", `title: "${"`, `2:15: title: ${ is not closed; a plain $ is written $$`},
		{"slack", `fields: x`, `2:16: fields: want a mapping, got a single value`},
		{"slack", `fields: [x]`, `2:16: fields: want a mapping, got a list`},
		{"slack", `fields: {a: [x]}`, `2:20: fields.a: want a text, got a list`},
		{"slack", `fields: {a: 1, a: 2}`, `2:23: fields.a: duplicate key, first in line 2`},
		{"slack", `mentions: here`, `2:18: mentions: want a list, got a single value: put the entries in [ ]`},
		{"slack", `mentions: {a: b}`, `2:18: mentions: want a list, got a mapping: each of its entries begins with - and a space`},
		{"slack", `mentions: [here, [x], ~]`, "2:25: mentions[1]: want a text, got a list\n2:30: mentions[2]: want a text, got nothing"},
		{"slack", `mention_on: failures`, `2:20: mention_on: want failure or always, got "failures", did you mean failure?`},
		{"slack", `mention_on: [failure]`, `2:20: mention_on: want a text, got a list`},
		{"slack", `error: maybe`, `2:15: error: want true or false, got "maybe"`},
		{"slack", `error: no`, `2:15: error: want true or false, got "no"`},
		{"slack", `error: 1`, `2:15: error: want true or false, got "1"`},
		{"slack", `error: []`, `2:15: error: want true or false, got a list`},
		{"pagerduty", `routing_key: [x]`, `2:21: routing_key: want a secret, got a list`},
		{"pagerduty", `routing_key: !secret x`, `2:21: routing_key: a value that begins with ! is a YAML tag; ${NAME} reads a variable`},
		{"telegram", `chat_id: 1, thread_id: x`, `2:31: thread_id: want a number from 1 to 2147483647, got "x"`},
		{"telegram", `chat_id: 1, thread_id: 0`, `2:31: thread_id: want 1 to 2147483647, got 0`},
		{"telegram", `chat_id: 1, thread_id: 99999999999999999999`,
			`2:31: thread_id: want a number from 1 to 2147483647, got "99999999999999999999"`},
		{"telegram", `chat_id: 1, thread_id: 0x1F`, `2:31: thread_id: want a number from 1 to 2147483647, got "0x1F"`},
		{"telegram", `chat_id: 1, thread_id: 1_000`, `2:31: thread_id: want a number from 1 to 2147483647, got "1_000"`},
		{"telegram", `chat_id: 1, thread_id: 007`,
			`2:31: thread_id: a number with a leading zero is octal for some and not for others, got "007": leave the zero out`},
		{"telegram", `chat_id: 1, thread_id: 1.5`, `2:31: thread_id: want a number from 1 to 2147483647, got "1.5"`},
		{"telegram", `chat_id: 1, thread_id: .nan`, `2:31: thread_id: want a number from 1 to 2147483647, got ".nan"`},
		{"cloudevents", `mode: stream`, `2:14: mode: want structured, binary or batch, got "stream"`},
		{"cloudevents", `max_size: 10`, `2:18: max_size: want 4096 to 1048576, got 10`},
		{"slack", `<<: {title: x}`, `2:8: <<: merge keys are not supported`},
		{"slack", `fields: {<<: {title: x}}`, `2:17: fields.<<: merge keys are not supported`},
	} {
		options, mistakes := readOptions(t, tt.format, tt.with, environment)
		var got []string
		for _, m := range mistakes {
			got = append(got, fmt.Sprintf("%d:%d: %s: %s", m.Line, m.Col, strings.TrimPrefix(m.Path, "webhooks[0].transform[0].with."), m.Message))
			if m.Code != "format.option" && !slices.Contains([]string{"yaml.merge", "yaml.duplicate", "yaml.octal", "yaml.tag",
				"variable.form"}, m.Code) {
				t.Errorf("%s: the mistake has the code %s", m, m.Code)
			}
		}
		if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" {
			t.Errorf("%s {%s} (-want +got):\n%s", tt.format, tt.with, diff)
		}
		for i := range options { // a wrong value is not used
			if g := options[i].Given(nil); !g.Unresolved && g.Name != "mentions" && g.Name != "fields" && g.Name != "chat_id" && g.Name != "title" {
				t.Errorf("%s {%s}: the format gets the wrong value %#v of %s", tt.format, tt.with, g.Value, g.Name)
			}
		}
	}
}

// A value of an option reaches its format as it is written, or is a mistake at its place. This holds for each option of each format.
func TestOptionsAreReadAsWrittenOrRefused(t *testing.T) {
	written := map[string]string{ // the text that the format gets; "" for a mistake
		`""`: "", `x`: "x", `1.10`: "1.10", `1e3`: "1e3", `0x1F`: "0x1F", `007`: "007", `1_000`: "1_000", `.inf`: ".inf", `-.nan`: "-.nan",
		`true`: "true", `True`: "True", `yes`: "yes", `2026-11-24`: "2026-11-24", `"a\tb"`: "a\tb", `'null'`: "null", `!!str 5`: "5", `&a x`: "x",
		`123456789012345678901234567890`: "123456789012345678901234567890", `12:30:45`: "12:30:45", `"~"`: "~",
		`$$HOME`: "$HOME", `"${SET}"`: "value", `"a ${SET}"`: "a value", `"${UNSET:-}"`: "",
	}
	refused := []string{`~`, `null`, ``, `!!null ""`, `!x y`, `"${UNSET}"`, `"${"`, `{a: {b: c}}`, `[[a]]`, `[~]`, `{a: ~}`,
		`{a: b, a: c}`, `{? [a] : b}`}
	env := func(name string) (string, bool) { return "value", name == "SET" }
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		for i := range receiver.Keys {
			key := &receiver.Keys[i]
			path := "webhooks[0].transform[0].with." + key.Name
			for _, value := range refused {
				_, mistakes := readOptions(t, name, key.Name+": "+value, env)
				if !slices.ContainsFunc(mistakes, func(m *config.Error) bool { return strings.HasPrefix(m.Path, path) }) {
					t.Errorf("%s: %s: %s is not a mistake at %s: %v", name, key.Name, value, path, mistakes)
				}
			}
			for value, want := range written {
				options, mistakes := readOptions(t, name, key.Name+": "+value, env)
				if len(options) != 1 {
					t.Fatalf("%s: %s: %s gives %d options, want 1", name, key.Name, value, len(options))
				}
				given := options[0].Given(nil)
				switch {
				case given.Unresolved == (len(mistakes) == 0):
					t.Errorf("%s: %s: %s: unresolved = %v, with the mistakes %v", name, key.Name, value, given.Unresolved, mistakes)
				case given.Unresolved && (key.Kind == format.KindText || key.Kind == format.KindSecret):
					t.Errorf("%s: %s: %s is refused: %v, want it as it is written", name, key.Name, value, mistakes)
				case !given.Unresolved && fmt.Sprint(given.Value) != want:
					t.Errorf("%s: %s: %s is read as %#v, want %q", name, key.Name, value, given.Value, want)
				}
			}
		}
	}
}

// An option whose variables are unknown is not checked. The options beside it are.
func TestOptionsWithoutTheirVariables(t *testing.T) {
	options, mistakes := readOptions(t, "slack",
		`title: "${T}", mentions: ["${A}", here], fields: {a: "${B}", b: c}, error: "${E}", mention_on: "${ON}"`, config.NoEnv)
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	want := []format.Option{
		{Name: "title", Unresolved: true},
		{Name: "mentions", Value: []string{"", "here"}},
		{Name: "fields", Value: []format.Option{{Name: "a", Value: "", Unresolved: true}, {Name: "b", Value: "c"}}},
		{Name: "error", Unresolved: true}, {Name: "mention_on", Unresolved: true},
	}
	var got []format.Option
	for i := range options {
		o := options[i].Given(nil)
		if o.Unresolved {
			o.Value = nil
		}
		got = append(got, o)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// check --print shows each option with its place and its variables, and shows no secret.
func TestOptionsAreShown(t *testing.T) {
	text := `webhooks:
  - url: https://example.com/
    transform:
      - {map: {a: 1}}
      - format: slack
        with:
          title: 1.10
          fields: {Cost: 1.50, "${KEY}": b}
          mentions: [here, channel]
          error: "false"
          text: ${SECRET}
      - format: pagerduty
        with: {routing_key: hunter2hunter2}
`
	cfg, err := config.Parse("f.yaml", []byte(text), func(string) (string, bool) { return "hunter2", true })
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range cfg.Webhooks[0].Values() {
		if strings.HasPrefix(v.Key, "transform[") {
			got = append(got, strings.Join(append([]string{v.Key, v.Text, v.Place}, v.Variables...), " | "))
		}
	}
	want := []string{
		"transform[1].with.title | 1.10 | f.yaml:7",
		"transform[1].with.fields | {Cost: 1.50, ${KEY}: b} | f.yaml:8",
		"transform[1].with.mentions | [here, channel] | f.yaml:9",
		"transform[1].with.error | false | f.yaml:10",
		"transform[1].with.text | <secret> | f.yaml:11 | $SECRET",
		"transform[2].with.routing_key | <secret> | f.yaml:13",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The checks use the bounds that a format's table names.
func TestBoundsOfOptionsHold(t *testing.T) {
	proved := 0
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		for i := range receiver.Keys {
			key := &receiver.Keys[i]
			var write func(n int) string
			switch key.Kind {
			case format.KindNumber:
				write = func(n int) string { return fmt.Sprint(n) }
			case format.KindList:
				write = func(n int) string { return "[" + strings.Repeat("x, ", n) + "]" }
			case format.KindFields:
				write = func(n int) string {
					fields := "{"
					for i := range n {
						fields += fmt.Sprintf("f%d: x, ", i)
					}
					return fields + "}"
				}
			default:
				continue
			}
			proved++
			for _, tt := range []struct {
				n    int
				good bool
			}{{key.Min - 1, false}, {key.Min, true}, {key.Max, true}, {key.Max + 1, false}} {
				if tt.n < 0 {
					continue
				}
				options, mistakes := readOptions(t, name, key.Name+": "+write(tt.n), config.NoEnv)
				if (len(mistakes) == 0) != tt.good || options[0].Given(nil).Unresolved == tt.good {
					t.Errorf("%s: %s of %d: mistakes %v, want it accepted: %v", name, key.Name, tt.n, mistakes, tt.good)
				}
			}
		}
	}
	if proved < 10 {
		t.Errorf("the bounds of %d options were tried, want 10 or more", proved)
	}
}
