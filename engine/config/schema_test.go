package config_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
	"gopkg.in/yaml.v3"
)

// against checks a value against a schema, as an editor does. It knows only the keywords of JSON Schema that our schema uses.
func against(schema map[string]any, v any, path string) error {
	for word, arg := range schema {
		var err error
		switch word {
		case "$schema", "title", "description":
		case "type":
			err = ofType(arg, v)
		case "properties", "additionalProperties":
			err = ofProperties(schema, v, path)
		case "items":
			list, _ := v.([]any)
			for i, item := range list {
				if err == nil {
					err = against(arg.(map[string]any), item, fmt.Sprintf("%s[%d]", path, i))
				}
			}
		case "anyOf":
			if !slices.ContainsFunc(arg.([]any), func(s any) bool { return against(s.(map[string]any), v, path) == nil }) {
				err = fmt.Errorf("no choice allows %v", v)
			}
		case "enum":
			if !slices.Contains(arg.([]any), v) {
				err = fmt.Errorf("%v is none of %v", v, arg)
			}
		case "pattern":
			if text, is := v.(string); is && !regexp.MustCompile(arg.(string)).MatchString(text) {
				err = fmt.Errorf("%q does not match %s", v, arg)
			}
		case "required":
			object, _ := v.(map[string]any)
			for _, name := range arg.([]any) {
				if _, has := object[name.(string)]; !has {
					err = fmt.Errorf("no key %s", name)
				}
			}
		case "minimum", "maximum", "minItems", "maxItems", "maxProperties":
			err = ofBound(word, arg.(float64), v)
		default:
			err = fmt.Errorf("the schema's word %s is unknown to this test", word)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

func ofType(want, v any) error {
	types, several := want.([]any)
	if !several {
		types = []any{want}
	}
	is := map[string]bool{}
	switch v := v.(type) {
	case string:
		is["string"] = true
	case bool:
		is["boolean"] = true
	case float64:
		is["number"], is["integer"] = true, v == math.Trunc(v)
	case []any:
		is["array"] = true
	case map[string]any:
		is["object"] = true
	}
	if !slices.ContainsFunc(types, func(t any) bool { return is[t.(string)] }) {
		return fmt.Errorf("%v is no %v", v, want)
	}
	return nil
}

func ofProperties(schema map[string]any, v any, path string) error {
	object, _ := v.(map[string]any)
	properties, _ := schema["properties"].(map[string]any)
	for name, member := range object {
		property, known := properties[name].(map[string]any)
		if !known {
			if property, known = schema["additionalProperties"].(map[string]any); !known {
				return fmt.Errorf("unknown key %s", name)
			}
		}
		if err := against(property, member, path+"."+name); err != nil {
			return err
		}
	}
	return nil
}

func ofBound(word string, bound float64, v any) error {
	size := math.NaN() // it compares as false with every bound
	switch v := v.(type) {
	case float64:
		size = v
	case []any:
		size = float64(len(v))
	case map[string]any:
		size = float64(len(v))
	}
	if size < bound && word[:3] == "min" || size > bound && word[:3] == "max" {
		return fmt.Errorf("%v breaks %s %v", v, word, bound)
	}
	return nil
}

// schemaOf returns the schema as a JSON reader decodes it.
func schemaOf(t *testing.T) map[string]any {
	t.Helper()
	text, err := json.Marshal(config.Schema())
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	return schema
}

// fromYAML decodes a YAML text as an editor does.
func fromYAML(t *testing.T, text []byte) any {
	t.Helper()
	var v any
	if err := yaml.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var plain any
	if err := json.Unmarshal(asJSON, &plain); err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestSchemaAllowsWhatIsGood(t *testing.T) {
	files, err := filepath.Glob(goodDir + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", goodDir, err)
	}
	for _, file := range append(files, "../../cmd/awf-hook/init.yaml", "../../testdata/f028/settings.yaml",
		"../../examples/demo/awf-hook.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := against(schemaOf(t), fromYAML(t, text), filepath.Base(file)); err != nil {
			t.Error(err)
		}
	}
}

// The schema allows a good value of each key.
func TestSchemaAllowsEachKey(t *testing.T) {
	for path, values := range mergedValues {
		_, with := keyPlace(path)
		if err := against(schemaOf(t), fromYAML(t, []byte(with(values.first))), path); err != nil {
			t.Error(err)
		}
	}
}

// The schema refuses each mistake that a schema can express.
func TestSchemaRefusesWhatIsWrong(t *testing.T) {
	for _, text := range []string{
		"webhook: []",
		"webhooks: {}",
		"webhooks: [x]",
		"webhooks: [{urls: x}]",
		"webhooks: [{url: [x]}]",
		"webhooks: [{events: x}]",
		"webhooks: [{events: []}]",
		"webhooks: [{events: [[]]}]",
		"webhooks: [{filter: {a: b}}]",
		"webhooks: [{secret: {value: x}}]",
		"webhooks: [{secret: [{value: x, until: y}]}]",
		"webhooks: [{secret: [{value: x, not_after: 5}]}]",
		"webhooks: [{signing: [hmac]}]",
		"webhooks: [{signing: awf}]",
		"webhooks: [{headers: [x]}]",
		"webhooks: [{headers: {X: [y]}}]",
		"webhooks: [{timeout: 5}]",
		"webhooks: [{enabled: 1}]",
		"webhooks: [{enabled: maybe}]",
		"webhooks: [{retry: 3}]",
		"webhooks: [{retry: {max_attempts: 0}}]",
		"webhooks: [{retry: {max_attempts: 51}}]",
		"webhooks: [{retry: {max_attempts: 1.5}}]",
		"webhooks: [{retry: {max_attempts: many}}]",
		"webhooks: [{retry: {delays: 5s}}]",
		"serve: {hosts: [{a: b}]}",
		"serve: {tokens: [{name: ci}]}",
		"webhooks: [{secret: [{not_after: 2026-11-24}]}]",
		"server: {token: x}",
		"tests: [{want: [{event: workflow_end}]}]",
		"network: []",
		"network: {https: true}",
	} {
		if against(schemaOf(t), fromYAML(t, []byte(text)), "f.yaml") == nil {
			t.Errorf("%s: the schema allows it", text)
		}
		if len(mistakes(t, text)) == 0 {
			t.Errorf("%s: the checks allow it", text)
		}
	}
}

// The schema offers the choices of a key, and the checks accept the same ones.
func TestSchemaNamesTheChoices(t *testing.T) {
	tried := 0
	for _, key := range config.Keys() {
		if key.Choices == nil {
			continue
		}
		tried++
		property := schemaKeys(config.Schema(), "")[key.Path]
		choices, _ := property["anyOf"].([]any)
		if len(choices) != 2 || !slices.Equal(choices[0].(map[string]any)["enum"].([]string), key.Choices) {
			t.Errorf("%s: the schema has %v, want the choices %q", key.Path, property, key.Choices)
		}
		at, with := keyPlace(key.Path)
		for _, choice := range append(slices.Clone(key.Choices), "none-of-them") {
			good := !slices.ContainsFunc(mistakes(t, with(choice)),
				func(m *config.Error) bool { return m.Path == at && strings.Contains(m.Message, "want") })
			if good != slices.Contains(key.Choices, choice) && !strings.Contains(key.Path, "custom") { // a scheme is checked as a whole
				t.Errorf("%s: the checks accept %s = %v, want %v", key.Path, choice, good, !good)
			}
		}
	}
	if tried < 4 {
		t.Errorf("%d keys have choices, want 4 or more", tried)
	}
}
