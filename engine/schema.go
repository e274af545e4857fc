package engine

import (
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/filters"
	"github.com/awf-project/awf-hook/transforms/format"
)

// schema is a JSON Schema, or a part of one.
type schema = map[string]any

// Schema returns the JSON Schema of a configuration file, for editors: [config.Schema] with the names of events and
// formats, and with each format's options.
func Schema() map[string]any {
	root := config.Schema()
	webhook := root["properties"].(schema)["webhooks"].(schema)["items"].(schema)["properties"].(schema)
	webhook["events"].(schema)["items"] = eventSchema()
	step := webhook["transform"].(schema)["anyOf"].([]any)[0].(schema) // the same as in the list
	formats := step["properties"].(schema)["format"].(schema)
	delete(formats, "type")
	formats["anyOf"] = []any{schema{"enum": format.Names()}, text("pattern", expanded)}
	var options []any
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		options = append(options, schema{
			"if":   schema{"required": []any{"format"}, "properties": schema{"format": schema{"const": name}}},
			"then": optionsSchema(receiver),
		})
	}
	step["allOf"] = options
	return root
}

// expanded is a pattern of texts with variables, whose values are not known.
const expanded = `\$\{`

func text(word string, arg any) schema { return schema{"type": "string", word: arg} }

// eventSchema lists AWF's types for completion and allows any other, since users may emit their own.
func eventSchema() schema {
	return schema{"anyOf": []any{schema{"enum": filters.Types()}, text("pattern", `^[A-Za-z0-9_.*?-]+$|`+expanded)}}
}

// optionsSchema returns the schema of the options of a receiver's format.
func optionsSchema(r *format.Receiver) schema {
	properties := schema{}
	required := []any{}
	for i := range r.Keys {
		key := &r.Keys[i]
		properties[key.Name] = optionSchema(key)
		if key.Required {
			required = append(required, key.Name)
		}
	}
	with := schema{"type": "object", "additionalProperties": false, "properties": properties, "required": required}
	then := schema{"properties": schema{"with": with}}
	if len(required) > 0 {
		then["required"] = []any{"with"}
	}
	return then
}

// maybeText is a pattern of texts that need not be one of the choices: an expression, a variable, or a choice in
// capitals.
const maybeText = `^=|\{\{|[A-Z]|` + expanded

func optionSchema(k *format.Key) schema {
	scalar := schema{"type": []any{"string", "number", "boolean"}}
	s := schema{"description": k.Is + ". " + k.Describe()}
	switch k.Kind {
	case format.KindText, format.KindChoice:
		if len(k.Choices) == 0 {
			s["type"] = scalar["type"]
			break
		}
		s["anyOf"] = []any{schema{"enum": k.Choices}, text("pattern", maybeText)}
	case format.KindSecret:
		s["type"] = scalar["type"]
	case format.KindList:
		s["type"], s["items"], s["maxItems"] = "array", scalar, k.Max
	case format.KindFields:
		s["type"], s["additionalProperties"], s["maxProperties"] = "object", scalar, k.Max
	case format.KindNumber:
		number := schema{"type": "integer", "minimum": k.Min, "maximum": k.Max}
		s["anyOf"] = []any{number, text("pattern", `^-?[0-9]+$|`+expanded)}
	case format.KindBool:
		s["anyOf"] = []any{schema{"type": "boolean"}, text("pattern", `^(true|false)$|`+expanded)}
	}
	return s
}
