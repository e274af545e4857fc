package config

import (
	"bytes"

	"gopkg.in/yaml.v3"
)

// ParseDraft reads a configuration that somebody tries out. It may set what a checkout's file may set: the only files in its reach
// are modules in the file's folder.
func ParseDraft(file string, text []byte, env Env) (*Config, error) {
	return parse(file, text, ProjectFile, env)
}

// Reads lists the names of the variables that the webhook expands.
func (w *Webhook) Reads() []string { return w.reads }

// TransformYAML returns the webhook's transform as written in its file, with its variables unexpanded, "" if it has none.
func (w *Webhook) TransformYAML() string {
	if w.transformNode == nil {
		return ""
	}
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if enc.Encode(w.transformNode) != nil || enc.Close() != nil {
		return ""
	}
	return b.String()
}
