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
	webhook["events"].(schema)["items"] = schema{"anyOf": []any{
		schema{"enum": filters.Types()},                                 // for completion
		schema{"type": "string", "pattern": `^[A-Za-z0-9_.*?-]+$|\$\{`}, // users may emit types of their own, and write variables
	}}
	step := webhook["transform"].(schema)["anyOf"].([]any)[0].(schema) // the same as that of the list
	step["allOf"] = config.FormatSchemas()
	return root
}
