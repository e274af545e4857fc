package engine

import (
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/filters"
)

// schema is a JSON Schema, or a part of one.
type schema = map[string]any

// Schema is the JSON Schema of a configuration file, for editors: that of [config.Schema] with the types of events and
// the options of formats.
func Schema() map[string]any {
	root := config.Schema()
	webhook := root["properties"].(schema)["webhooks"].(schema)["items"].(schema)["properties"].(schema)
	webhook["events"].(schema)["items"] = eventSchema()
	step := webhook["transform"].(schema)["anyOf"].([]any)[0].(schema) // the same as that of the list
	step["allOf"] = config.FormatSchemas()
	return root
}

// expanded is a pattern of texts with variables, whose values are not known.
const expanded = `\$\{`

func text(word string, arg any) schema { return schema{"type": "string", word: arg} }

// eventSchema lists AWF's types for completion and allows any other, since users may emit their own.
func eventSchema() schema {
	return schema{"anyOf": []any{schema{"enum": filters.Types()}, text("pattern", `^[A-Za-z0-9_.*?-]+$|`+expanded)}}
}
