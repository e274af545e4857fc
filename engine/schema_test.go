package engine_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"gopkg.in/yaml.v3"
)

// editor compiles the schema as an editor does.
func editor(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := json.Marshal(engine.Schema())
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("awf-hook.schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("awf-hook.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// ofYAML decodes a configuration as an editor does.
func ofYAML(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	v, err = jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestEditorsTakeGoodConfigurations(t *testing.T) {
	schema := editor(t)
	var files []string
	for _, pattern := range []string{goodDir + "/*.yaml", "../examples/*/awf-hook.yaml"} {
		files = append(files, filesIn(t, filepath.Dir(pattern), filepath.Base(pattern))...)
	}
	for _, file := range files {
		if err := schema.Validate(ofYAML(t, string(readFile(t, file)))); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		var with strings.Builder
		for _, key := range receiver.Keys {
			if key.Required {
				with.WriteString(key.Name + ": '${X}', ")
			}
		}
		text := "webhooks: [{url: 'https://a.example/', transform: {format: " + name + ", with: {" + with.String() + "}}}]"
		if err := schema.Validate(ofYAML(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The schema refuses what check refuses: unknown formats, their options and choices, and the choices of every key.
func TestEditorsKnowNames(t *testing.T) {
	schema := editor(t)
	for _, tt := range []struct {
		webhook string
		good    bool
	}{
		{"events: [workflow_error, 'step_*', deploy_done, '${E}']", true},
		{"events: ['workflow error']", false},
		{"transform: {format: slack}", true},
		{"transform: {format: '${F}'}", true},
		{"transform: {format: slakc}", false},
		{"transform: {format: slack, with: {title: '{{ event }}', fields: {A: b}, mentions: [a]}}", true},
		{"transform: {format: slack, with: {titel: a}}", false},
		{"transform: [{format: slack, with: {titel: a}}]", false},
		{"transform: {map: {titel: a}, with: {anything: 1}}", true},
		{"transform: {format: pagerduty, with: {routing_key: abc}}", true},
		{"transform: {format: pagerduty, with: {}}", false},
		{"transform: {format: pagerduty}", false},
		{"transform: {format: pagerduty, with: {routing_key: abc, severity: critical}}", true},
		{"transform: {format: pagerduty, with: {routing_key: abc, severity: Critical}}", true},
		{"transform: {format: pagerduty, with: {routing_key: abc, severity: '=payload.severity'}}", true},
		{"transform: {format: pagerduty, with: {routing_key: abc, severity: catastrophic}}", false},
		{"signing: [awf, standrad]", false},
		{"retry: {backoff: linear}", false},
		{"transform: {wasm: a.wasm, isolation: process}", false},
	} {
		err := schema.Validate(ofYAML(t, "webhooks: [{url: 'https://a.example/', "+tt.webhook+"}]"))
		if (err == nil) != tt.good {
			t.Errorf("%s: %v, want it accepted: %v", tt.webhook, err, tt.good)
		}
	}
}
