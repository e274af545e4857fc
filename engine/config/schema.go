package config

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/awf-project/awf-hook/transforms/format"
)

// Schema returns the JSON Schema of a configuration file, for editors.
func Schema() map[string]any {
	root := objectSchema()
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "awf-hook"
	for _, key := range Keys() {
		parent, name := "", key.Path
		if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
			parent, name = name[:dot], name[dot+1:]
		}
		property(root, parent)[name] = key.schema()
	}
	return root
}

func objectSchema() map[string]any {
	return map[string]any{"type": "object", "additionalProperties": false, "properties": map[string]any{}}
}

// property returns the properties of the mapping at a path such as "webhooks[].retry".
func property(schema map[string]any, path string) map[string]any {
	if path != "" {
		for step := range strings.SplitSeq(path, ".") {
			name, isList := strings.CutSuffix(step, "[]")
			schema = schema["properties"].(map[string]any)[name].(map[string]any)
			if isList {
				schema = entrySchema(schema)
			}
		}
	}
	return schema["properties"].(map[string]any)
}

// entrySchema returns the schema of the mappings in a list.
func entrySchema(list map[string]any) map[string]any {
	if choices, ok := list["anyOf"].([]any); ok { // one text, or a list of texts and mappings
		list = choices[1].(map[string]any)
	}
	items := list["items"].(map[string]any)
	if choices, ok := items["anyOf"].([]any); ok {
		return choices[1].(map[string]any)
	}
	return items
}

// Patterns of texts that are allowed in place of another type.
const (
	expanded         = `\$\{`
	numberOrExpanded = `^[0-9]+$|` + expanded
	boolOrExpanded   = `^(true|false)$|` + expanded
)

func (k *Key) schema() map[string]any {
	s := map[string]any{"description": k.describe()}
	scalar := map[string]any{"type": []string{"string", "number", "boolean"}} // a text that YAML takes for a number is allowed
	switch k.Kind {
	case KindGlobs, KindRanges, KindDurations, KindNumbers, KindTexts:
		s["type"], s["items"], s["minItems"], s["maxItems"] = "array", scalar, k.Min, k.Max
	case KindSchemes:
		unread := map[string]any{"type": "string", "pattern": expanded}
		name := map[string]any{"anyOf": []any{map[string]any{"enum": signature.Schemes}, unread}}
		s["type"], s["items"] = "array", map[string]any{"anyOf": []any{name, objectSchema()}}
	case KindHeaders:
		s["type"], s["additionalProperties"], s["maxProperties"] = "object", scalar, k.Max
	case KindNumber:
		number := map[string]any{"type": "integer", "minimum": k.Min, "maximum": k.Max}
		s["anyOf"] = []any{number, map[string]any{"type": "string", "pattern": numberOrExpanded}}
	case KindBool:
		s["anyOf"] = []any{map[string]any{"type": "boolean"}, map[string]any{"type": "string", "pattern": boolOrExpanded}}
	case KindSecrets:
		list := map[string]any{"type": "array", "maxItems": k.Max, "items": map[string]any{"anyOf": []any{scalar, objectSchema()}}}
		s["anyOf"] = []any{scalar, list}
	case KindSteps:
		step := objectSchema() // one map for both, so that its keys are added to both
		s["anyOf"] = []any{step, map[string]any{"type": "array", "minItems": 1, "maxItems": k.Max, "items": step}}
	case KindTree:
	case KindList:
		s["type"], s["maxItems"], s["items"] = "array", k.Max, objectSchema()
	case KindMapping:
		maps.Copy(s, objectSchema())
	case KindURL, KindDuration, KindSize, KindTime, KindRate, KindPercent:
		s["type"] = "string"
	case KindText, KindExpr, KindSecret:
		if k.Choices == nil {
			maps.Copy(s, scalar)
		} else {
			s["anyOf"] = []any{map[string]any{"enum": k.Choices}, map[string]any{"type": "string", "pattern": k.noChoice()}}
		}
	}
	return s
}

// noChoice returns a pattern of texts that the schema cannot judge: a variable, a choice in another case, an expression.
func (k *Key) noChoice() string {
	pattern := expanded
	if k.anyCase {
		pattern += "|[A-Z]"
	}
	if k.orExpr {
		pattern += `|^=|\{\{`
	}
	return pattern
}

// FormatSchemas returns a schema for each format, which says what options a step of the format has. All of them apply to a step, in
// addition to the step's own in [Schema].
func FormatSchemas() []any {
	var schemas []any
	for _, name := range format.Names() {
		r, _ := format.Lookup(name)
		with, required := objectSchema(), []any{}
		for i, key := range optionKeys(r) {
			with["properties"].(map[string]any)[key.Path] = key.schema()
			if r.Keys[i].Required {
				required = append(required, key.Path)
			}
		}
		with["required"] = required
		then := map[string]any{"properties": map[string]any{"with": with}}
		if len(required) > 0 {
			then["required"] = []any{"with"}
		}
		schemas = append(schemas, map[string]any{
			"if":   map[string]any{"required": []any{"format"}, "properties": map[string]any{"format": map[string]any{"const": name}}},
			"then": then,
		})
	}
	return schemas
}

// describe returns the description that an editor shows.
func (k *Key) describe() string {
	text := strings.ReplaceAll(k.Is, "`", "")
	if preset := k.Preset(); preset != "" {
		text += ". Default: " + preset
	}
	if bounds := k.Bounds(); bounds != "" {
		text += ". Bounds: " + bounds
	}
	return text
}

// Preset returns what applies without the key, "" for nothing.
func (k *Key) Preset() string { return cmp.Or(k.Default, k.Without) }

// Bounds returns the key's bounds in words, "" for none.
func (k *Key) Bounds() string {
	unit := map[Kind]string{KindText: " bytes", KindExpr: " bytes", KindNumber: "", KindDuration: "", KindSize: ""}
	words, known := unit[k.Kind]
	if !known {
		words = " entries"
	}
	show := func(n int64) string {
		switch k.Kind {
		case KindDuration:
			return shortDuration(time.Duration(n))
		case KindSize:
			return shortSize(n)
		}
		return fmt.Sprint(n)
	}
	switch {
	case k.Max == 0:
		return ""
	case k.Min == 0:
		return "at most " + show(k.Max) + words
	}
	return show(k.Min) + " to " + show(k.Max) + words
}
