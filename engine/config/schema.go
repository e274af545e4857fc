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

// schema is a JSON Schema, or a part of one.
type schema = map[string]any

// Schema returns the JSON Schema of a configuration file, for editors.
func Schema() map[string]any {
	root := objectSchema(rootKeys)
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "awf-hook"
	return root
}

// objectSchema returns the schema of a mapping with the keys of a table.
func objectSchema(table []Key) schema {
	properties, required := schema{}, []string{}
	for i := range table {
		properties[table[i].Path] = table[i].schema()
		if table[i].Required {
			required = append(required, table[i].Path)
		}
	}
	object := schema{"type": "object", "additionalProperties": false, "properties": properties}
	if len(required) > 0 {
		object["required"] = required
	}
	return object
}

// Patterns of texts that are allowed in place of another type.
const (
	expanded         = `\$\{`
	numberOrExpanded = `^[0-9]+$|` + expanded
	boolOrExpanded   = `^(true|false)$|` + expanded
)

func textLike(pattern string) schema { return schema{"type": "string", "pattern": pattern} }

func (k *Key) schema() schema {
	s := schema{"description": k.describe()}
	scalar := schema{"type": []string{"string", "number", "boolean"}} // a text that YAML takes for a number is allowed
	switch k.Kind {
	case KindGlobs, KindRanges, KindDurations, KindNumbers, KindTexts:
		s["type"], s["items"], s["minItems"], s["maxItems"] = "array", scalar, k.Min, k.Max
	case KindSchemes:
		name := schema{"anyOf": []any{schema{"enum": signature.Schemes}, textLike(expanded)}}
		s["type"], s["items"] = "array", schema{"anyOf": []any{name, objectSchema(k.below)}}
	case KindHeaders:
		s["type"], s["additionalProperties"], s["maxProperties"] = "object", scalar, k.Max
	case KindNumber:
		s["anyOf"] = []any{schema{"type": "integer", "minimum": k.Min, "maximum": k.Max}, textLike(numberOrExpanded)}
	case KindBool:
		s["anyOf"] = []any{schema{"type": "boolean"}, textLike(boolOrExpanded)}
	case KindSecrets:
		entry := schema{"anyOf": []any{scalar, objectSchema(k.below)}}
		s["anyOf"] = []any{scalar, schema{"type": "array", "maxItems": k.Max, "items": entry}}
	case KindSteps:
		step := objectSchema(k.below) // one map for both, so that package engine extends both
		s["anyOf"] = []any{step, schema{"type": "array", "minItems": 1, "maxItems": k.Max, "items": step}}
	case KindTree:
	case KindList:
		s["type"], s["maxItems"], s["items"] = "array", k.Max, objectSchema(k.below)
	case KindMapping:
		maps.Copy(s, objectSchema(k.below))
	case KindURL, KindDuration, KindSize, KindTime, KindRate, KindPercent:
		s["type"] = "string"
	case KindText, KindExpr, KindSecret:
		if k.Choices == nil {
			maps.Copy(s, scalar)
		} else {
			s["anyOf"] = []any{schema{"enum": k.Choices}, textLike(k.noChoice())}
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
		options := optionKeys(r)
		for i := range options {
			options[i].Required = r.Keys[i].Required
		}
		with := objectSchema(options)
		then := schema{"properties": schema{"with": with}}
		if with["required"] != nil {
			then["required"] = []any{"with"}
		}
		isFormat := schema{"required": []any{"format"}, "properties": schema{"format": schema{"const": name}}}
		schemas = append(schemas, schema{"if": isFormat, "then": then})
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
	words := " entries"
	switch k.Kind {
	case KindText, KindExpr:
		words = " bytes"
	case KindPercent:
		words = "%"
	case KindNumber, KindRate, KindDuration, KindSize:
		words = ""
	}
	switch {
	case k.Max == 0:
		return ""
	case k.Min == 0:
		return "at most " + k.showBound(k.Max) + words
	}
	return k.showBound(k.Min) + " to " + k.showBound(k.Max) + words
}

func (k *Key) showBound(n int64) string {
	switch k.Kind {
	case KindDuration:
		return shortDuration(time.Duration(n))
	case KindSize:
		return shortSize(n)
	}
	return fmt.Sprint(n)
}
