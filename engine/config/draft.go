package config

import (
	"bytes"

	"gopkg.in/yaml.v3"
)

// ParseDraft reads a configuration that somebody tries out. It may name what a checkout's may: the only files that it reaches are
// modules in its file's folder.
func ParseDraft(file string, text []byte, env Env) (*Config, error) {
	return parse(file, text, ProjectFile, env)
}

// Reads lists the names of the variables that are expanded in the webhook.
func (w *Webhook) Reads() []string { return w.reads }

// TransformYAML is the webhook's transform as its file has it, its variables not expanded; "" for none.
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
