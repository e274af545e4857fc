package config

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Kinds of keys that only transforms have.
const (
	KindSteps Kind = "step or list" // of transform
	KindTree  Kind = "any value"    // kept as it is written
)

// Step is one step of a webhook's transform. One of Map, Format and Wasm is set.
type Step struct {
	Pos
	Path        string // "webhooks[0].transform[1]"
	Map         *Tree  // a tree with expressions in it, or an expression
	OmitEmpty   bool   // leaves out what is null
	ContentType string // "" is application/json
	Format      Text   // the name of a built-in format
	Wasm        Module // a sandboxed module
	With        *Tree  // what the step can read; its variables are expanded
}

// Kind is the key that says what the step is: map, format or wasm; "" if it has a mistake.
func (s *Step) Kind() string {
	switch {
	case s.Map != nil:
		return "map"
	case s.Format.Value != "":
		return "format"
	case s.Wasm.Value != "":
		return "wasm"
	}
	return ""
}

var stepKeys = keys[*Step]{
	"map":          func(d *decoder, n *yaml.Node, path string, s *Step) { s.Map = d.tree(n, path, false) },
	"omitempty":    func(d *decoder, n *yaml.Node, path string, s *Step) { d.boolean(n, path, &s.OmitEmpty) },
	"content_type": (*decoder).contentType,
	"format":       (*decoder).format,
	"wasm":         (*decoder).wasm,
	"sha256":       (*decoder).sha256,
	"isolation":    (*decoder).isolation,
	"limits":       func(d *decoder, n *yaml.Node, path string, s *Step) { mapping(d, n, path, limitKeys, &s.Wasm.Limits) },
	"with":         func(d *decoder, n *yaml.Node, path string, s *Step) { s.With = d.tree(n, path, true) },
}

// transform reads one step, or a list of them.
func (d *decoder) transform(n *yaml.Node, path string, w *Webhook) {
	entries := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		entries = n.Content
	}
	switch limit := int(keyOf(path).Max); {
	case len(entries) == 0:
		d.fail(n, path, "want a step, got an empty list")
	case len(entries) > limit:
		d.fail(n, path, "want at most %d steps, got %d", limit, len(entries))
		return
	}
	for i, entry := range entries {
		w.Transform = append(w.Transform, d.step(resolve(entry), fmt.Sprintf("%s[%d]", path, i)))
	}
}

func (d *decoder) step(n *yaml.Node, path string) Step {
	s := Step{Pos: Pos{d.file, n.Line, n.Column}, Path: path}
	if !mapping(d, n, path, stepKeys, &s) {
		return s
	}
	var kinds []string
	for _, kind := range []string{"map", "format", "wasm"} {
		if valueOf(n, kind) != nil {
			kinds = append(kinds, kind)
		}
	}
	switch {
	case len(kinds) == 0:
		d.fail(n, path, "want one of map, format and wasm")
	case len(kinds) > 1:
		d.fail(n, path, "want one of map, format and wasm, got %s", strings.Join(kinds, " and "))
	default:
		for _, k := range goesWith {
			if value := valueOf(n, k.key); value != nil && !slices.Contains(k.kinds, kinds[0]) {
				d.fail(value, join(path, k.key), "goes with %s", strings.Join(k.kinds, " and "))
			}
		}
	}
	return s
}

// goesWith says which steps have the keys that not all of them have.
var goesWith = []struct {
	key   string
	kinds []string
}{
	{"omitempty", []string{"map"}},
	{"content_type", []string{"map", "wasm"}},
	{"sha256", []string{"wasm"}},
	{"isolation", []string{"wasm"}},
	{"limits", []string{"wasm"}},
}

// maxContentType is the longest content_type, in bytes.
const maxContentType = 100

func (d *decoder) contentType(n *yaml.Node, path string, s *Step) {
	text, ok := d.value(n, path)
	switch {
	case !ok:
	case !strings.Contains(text, "/") || len(text) > maxContentType || strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }):
		d.fail(n, path, "want a type like text/plain, got %s", quote(n))
	default:
		s.ContentType = text
	}
}

func (d *decoder) format(n *yaml.Node, path string, s *Step) {
	if text, ok := d.value(n, path); ok {
		s.Format = d.text(n, path, text)
	}
}

// showTransform names the steps.
func (w *Webhook) showTransform() string {
	var kinds []string
	for i := range w.Transform {
		kinds = append(kinds, w.Transform[i].Kind())
	}
	return strings.Join(kinds, ", ")
}
