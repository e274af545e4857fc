package transforms_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms"
	"github.com/google/go-cmp/cmp"
)

// chain compiles a transform written as in a configuration, indented by four spaces.
func chain(t testing.TB, transform string) transforms.Chain {
	t.Helper()
	text := "webhooks:\n  - url: https://one.test/\n    transform:\n" + transform + "\n"
	cfg, err := config.Parse("awf-hook.yaml", []byte(text), config.NoEnv)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	c, mistakes := newCompiler(modules(t), slog.New(slog.DiscardHandler)).Compile(t.Context(), cfg.Webhooks[0].Transform)
	if len(mistakes) > 0 {
		t.Fatalf("%v in\n%s", mistakes, text)
	}
	return c
}

var failed = &event.Event{
	ID: "e-1", Type: "workflow_error", WorkflowID: "run-1", WorkflowName: `deploy "eu"`,
	Timestamp: time.Date(2026, 11, 24, 1, 24, 0, 688e6, time.UTC),
	Payload: []byte(`{"status":"failure", "duration":61.50, "exit_code":137, "error":"out of\nmemory", "big": 12345678901234567890, ` +
		`"list": [1, 2.0, "a"], "deep": {"token": "t", "z": 1, "a": 2}, "none": null}`),
}

func newCompiler(modules *transforms.Modules, log *slog.Logger) *transforms.Compiler {
	return &transforms.Compiler{Expressions: new(expression.Compiler), Modules: modules, Log: log}
}

// modules loads modules for a test.
func modules(t testing.TB) *transforms.Modules {
	t.Helper()
	m := transforms.NewModules("", slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

func apply(c transforms.Chain, e *event.Event) (delivery.Content, error) {
	return c.Apply(context.Background(), expression.NewEnv(e))
}

// maps are transforms and what they make of the event above.
var maps = []struct{ name, transform, want string }{
	{"types, order, escapes", `
      map:
        zero: 0
        yes: true
        none: null
        date: 2026-01-01
        hex: 0x10
        huge: 12345678901234567890
        "=key": plain
        name: =workflow_name
        escaped: ==workflow_name
        code: =payload.exit_code
        text: "{{ workflow_name }} failed after {{ payload.duration }} s"
        braces: '{{ {"a": {"b": "}}"}}["a"].b }} {not} }}'
        when: =timestamp
        wait: =duration("90s")
        empty: ""`,
		`{"zero":0,"yes":true,"none":null,"date":"2026-01-01","hex":16,"huge":12345678901234567890,"=key":"plain",` +
			`"name":"deploy \"eu\"","escaped":"=workflow_name","code":137,"text":"deploy \"eu\" failed after 61.5 s",` +
			`"braces":"}} {not} }}","when":"2026-11-24T01:24:00.688Z","wait":"1m30s","empty":""}`},
	{"what is passed on keeps its bytes", `
      map: {duration: =payload.duration, big: =payload.big, list: =payload.list, deep: =payload.deep, payload: =payload}`,
		`{"duration":61.50,"big":12345678901234567890,"list":[1, 2.0, "a"],"deep":{"token": "t", "z": 1, "a": 2},` +
			`"payload":` + string(failed.Payload) + `}`},
	{"what is computed is JSON", `
      map: {sum: "=payload.exit_code + 1", half: =payload.duration / 2, list: "=map(payload.list, [#])", keys: =keys(payload.deep)}`,
		`{"sum":138,"half":30.75,"list":[[1],[2],["a"]],"keys":["a","token","z"]}`},
	{"missing is null", `
      map:
        a: =payload.missing
        b: =payload.missing.deeper
        c: =payload.missing + 1
        d: =upper(payload.missing)
        e: =payload.none
        text: "[{{ payload.missing }}]"`,
		`{"a":null,"b":null,"c":null,"d":null,"e":null,"text":"[]"}`},
	{"omitempty", `
      map: {a: =payload.missing, b: {c: =payload.none, d: 1}, e: [=payload.missing, 2, null], f: "", g: {h: =payload.missing}}
      omitempty: true`,
		`{"b":{"d":1},"e":[2],"f":"","g":{}}`},
	{"one expression", `
      map: '{"text": workflow_name, "code": payload.exit_code}'`, `{"code":137,"text":"deploy \"eu\""}`},
	{"one expression with =", `
      map: =payload.deep`, `{"token": "t", "z": 1, "a": 2}`},
	{"a list", `
      map: [=event, {a: =event}]`, `["workflow_error",{"a":"workflow_error"}]`},
	{"body of the first step is the event", `
      map: {same: "=body.workflow_id == workflow_id", p: =body.payload.exit_code}`, `{"same":true,"p":137}`},
	{"steps feed each other", `
      - map: {a: =payload.exit_code, b: {c: [1, 2.50]}}
      - map: {was: =body, a: =body.a + 1, c: "=body.b.c[-1]", event: =event}`,
		`{"was":{"a":137,"b":{"c":[1,2.5]}},"a":138,"c":2.5,"event":"workflow_error"}`},
	{"plain text", `
      - {map: '"<" + workflow_name + ">"', content_type: text/plain}`, `<deploy "eu">`},
	{"plain text feeds as a text", `
      - {map: event, content_type: text/plain; charset=utf-8}
      - {map: {got: =body, n: =len(body)}}`, `{"got":"workflow_error","n":14}`},
	{"multi-line texts", `
      map:
        text: |
          {{ event }}:
            {{ payload.error }}`, `{"text":"workflow_error:\n  out of\nmemory\n"}`},
	{"functions", `
      map:
        short: =truncate("e\u0301a👩‍👩‍👧b", 3)
        same: =truncate("e\u0301a👩‍👩‍👧b", 4)
        json: =json(payload.deep)
        glob: =glob("deploy*", workflow_name)`,
		`{"short":"e\u0301a…","same":"e\u0301a👩‍👩‍👧b","json":"{\"a\":2,\"token\":\"t\",\"z\":1}","glob":true}`},
}

func TestMap(t *testing.T) {
	for _, tt := range maps {
		t.Run(tt.name, func(t *testing.T) {
			got, err := apply(chain(t, tt.transform), failed)
			if err != nil {
				t.Fatal(err)
			}
			want := strings.ReplaceAll(tt.want, `\u0301`, "\u0301")
			if diff := cmp.Diff(want, string(got.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMapDropsWhatComesToNothing(t *testing.T) {
	for _, transform := range []string{
		`      map: payload.missing`, `      map: '""'`, `      map: '{}'`, `      map: '[]'`, `      map: null`, `      map: {}`,
		`      map: []`,
		`      map: 'payload.exit_code == 137 ? nil : {"a": 1}'`,
		"      map: {a: =payload.missing}\n      omitempty: true",
		"      - map: nil\n      - map: {a: 1}",
	} {
		if got, err := apply(chain(t, transform), failed); !errors.Is(err, transforms.ErrDrop) {
			t.Errorf("%s: %s, %v, want ErrDrop", transform, got.Body, err)
		}
	}
	for _, transform := range []string{`      map: "0"`, `      map: "false"`, `      map: '{"a": nil}'`, `      map: '" "'`} {
		if _, err := apply(chain(t, transform), failed); err != nil {
			t.Errorf("%s: %v, want a body", transform, err)
		}
	}
}

func TestMapErrorsSayWhere(t *testing.T) {
	for _, tt := range []struct{ transform, want string }{
		{`      map: {a: {b: "=payload.list > 1"}}`, "transform 1, map: a.b: > is not for list and int"},
		{`      map: {a: "x {{ int(payload.error) }}"}`, "transform 1, map: a: int: the string is not a whole number"},
		{`      map: {a: [1, "=payload.exit_code / 0"]}`, "transform 1, map: a[1]: division by zero"},
		{`      map: '1 / (payload.exit_code - 137)'`, "transform 1, map: division by zero"},
		{`      map: {a: "=payload.duration * 1e308 * 1e308"}`, "transform 1, map: a: the result is too large for a number"},
		{`      map: {a: "=repeat('a', 100000000)"}`, "transform 1, map: a: budget exceeded: more than 4 MiB of memory"},
		{"      - map: {a: 1}\n      - map: {a: =upper(body.a)}", "transform 2, map: a: upper: want string, got int"},
		{`      {map: {a: 1}, content_type: text/plain}`, "transform 1, map: want a text for text/plain"},
		{`      map: {a: "{{ repeat('a', 600000) }}", b: "{{ repeat('a', 600000) }}"}`, "transform 1, map: b: the text is over 1024 KiB"},
		{`      map: {a: "=repeat('a', 600000)", b: "=repeat('a', 600000)"}`, "transform 1, map: the body is over 1024 KiB"},
	} {
		_, err := apply(chain(t, tt.transform), failed)
		var failure *transforms.Error
		if !errors.As(err, &failure) || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", tt.transform, err, tt.want)
		}
	}
}

func TestContentTypes(t *testing.T) {
	for _, tt := range []struct{ transform, want string }{
		{`      map: {a: 1}`, ""},
		{`      {map: {a: 1}, content_type: application/vnd.api+json}`, "application/vnd.api+json"},
		{`      {map: event, content_type: text/plain}`, "text/plain"},
		{"      - {map: event, content_type: text/plain}\n      - {map: {a: 1}}", ""},
	} {
		got, err := apply(chain(t, tt.transform), failed)
		if err != nil || got.ContentType != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.transform, got.ContentType, err, tt.want)
		}
	}
}

// An empty chain sends the event byte for byte.
func TestEmptyChainSendsTheEvent(t *testing.T) {
	got, err := apply(nil, failed)
	if want := string(failed.Body()); err != nil || string(got.Body) != want {
		t.Errorf("%s, %v, want %s", got.Body, err, want)
	}
}

func TestWatchSeesEachStep(t *testing.T) {
	var seen []string
	c := chain(t, "      - map: {a: 1}\n      - map: {b: =body.a}\n      - map: nil")
	_, err := c.Watch(context.Background(), expression.NewEnv(failed), func(i int, in delivery.Content, out transforms.Made, err error) {
		seen = append(seen, string(in.Body)+" → "+string(out.Body))
	})
	want := []string{string(failed.Body()) + ` → {"a":1}`, `{"a":1} → {"b":1}`, `{"b":1} → `}
	if diff := cmp.Diff(want, seen); diff != "" || !errors.Is(err, transforms.ErrDrop) {
		t.Errorf("%v\n%s", err, diff)
	}
}
