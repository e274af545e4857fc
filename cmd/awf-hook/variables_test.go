package main

import (
	"bytes"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/awf-project/awf-hook/transforms/format"
)

// variables holds values that are wrong, each in a different way.
var variables = map[string]string{
	"TEXT": "Hidden-Value.0123456789", "NUMBER": "98765432109876", "SPACED": " Hidden Value 0123456789\n", "CALL": "=Hidden_Value_0123456789(",
	"SLASH": "hidden/value/0123456789", "QUOTED": `hidden "value" <0123456789>`,
}

// leaksVariable returns the part of a variable's value that a text contains; "" if none.
func leaksVariable(text string) string {
	lower := strings.ToLower(text)
	for _, trace := range []string{"hidden", "987654321", "0123456789"} {
		if strings.Contains(lower, trace) {
			return trace
		}
	}
	return ""
}

// No mistake and no failure shows a variable's value, whichever option uses it.
func TestValuesOfVariablesDoNotShowInMistakes(t *testing.T) {
	var steps []string
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		for i := range receiver.Keys {
			key := &receiver.Keys[i]
			value := map[format.ValueKind]string{format.KindList: `["VALUE"]`, format.KindFields: `{a: "VALUE", "VALUE": b}`}[key.Kind]
			if value == "" {
				value = `"VALUE"`
			}
			steps = append(steps, fmt.Sprintf("{format: %s, with: {%s: %s}}", name, key.Name, value))
		}
	}
	steps = append(steps, `{format: "VALUE"}`, `{wasm: "VALUE"}`, `{map: '{"a": "=int(lower(with.k))"}', with: {k: "VALUE"}}`,
		`{map: {a: "=int(lower(with.k))"}, with: {k: "VALUE"}}`, `{map: {a: "=fromJSON(upper(with.k))"}, with: {k: "VALUE"}}`,
		`{map: {a: "=date(with.k[2:])"}, with: {k: "VALUE"}}`)
	event := `{"event":"workflow_end","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{}}` + "\n"
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	var refused atomic.Int64
	for name, value := range variables {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, value)
			for _, step := range steps {
				t.Run(step, func(t *testing.T) {
					t.Parallel()
					refused.Add(saysNoVariable(t, name, step, event))
				})
			}
		})
	}
	if refused := refused.Load(); refused < 100 {
		t.Errorf("%d were refused, want many", refused)
	}
}

// saysNoVariable tries a transform that is given a variable with commands that might show it, and counts those that fail.
func saysNoVariable(t *testing.T, name, step, event string) (refused int64) {
	t.Helper()
	config := writeConfig(t, "webhooks:\n  - url: http://127.0.0.1:9/\n    transform: [%s]\n",
		strings.ReplaceAll(step, "VALUE", "${"+name+"}"))
	for _, args := range [][]string{
		{"check", config}, {"check", "--json", config}, {"preview", "-c", config}, {"explain", "-c", config}, {"explain", "--json", "-c", config},
		{"run", "--drain-timeout", "1ms", "--queue", "memory:", "--log-level", "debug", "-c", config},
	} {
		var said bytes.Buffer
		if run(args, strings.NewReader(event), &said, &said) != exitOK {
			refused++
		}
		if trace := leaksVariable(strings.ReplaceAll(said.String(), config, "")); trace != "" {
			t.Errorf("%s as %s: awf-hook %s said %q:\n%s", step, name, args[0], trace, said.String())
		}
	}
	return refused
}
