package config

import (
	"bytes"
	"mime"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/awf-project/awf-hook/transforms/format"
	"gopkg.in/yaml.v3"
)

// Step is a step of a webhook's transform. Exactly one of Map, Format and Wasm is set.
type Step struct {
	Pos
	Path        string   // "webhooks[0].transform[1]"
	Map         *Tree    // a tree with expressions, or a single expression
	OmitEmpty   bool     // leaves out null values
	ContentType string   // "" for application/json
	Format      Text     // the name of a built-in format
	Wasm        Module   // a sandboxed module, or a script
	Options     []Option // of the format
	With        *Tree    // the value of with for any other step, with variables expanded
}

// Secrets lists the secrets in the step's with.
func (s *Step) Secrets() (list []string) {
	if s.With != nil {
		list = s.With.Secrets()
	}
	for i := range s.Options {
		list = append(list, s.Options[i].Secrets()...)
	}
	return list
}

// Kind returns the key that says what the step does: map, format, wasm or js. It returns "" if the step has a mistake.
func (s *Step) Kind() string {
	switch {
	case s.Map != nil:
		return "map"
	case s.Format.Value != "":
		return "format"
	case s.Wasm.Value != "" && s.Wasm.IsScript:
		return "js"
	case s.Wasm.Value != "":
		return "wasm"
	}
	return ""
}

var stepKeys = []Key{
	{Path: "map", Kind: KindTree, Plain: true,
		Is: "a tree with expressions, or a single expression; if the result is nothing, nothing is sent"},
	{Path: "format", Kind: KindText, Choices: format.Names(), read: byText((*decoder).formatName),
		Is: "a receiver's own format; `with` holds its options, which docs/formats.md lists"},
	{Path: "with", Kind: KindTree, read: by(func(*decoder, node, *Step) {}), // step reads it once the format is known
		Is: "values for the step, named `with` in a map's expressions; variables are expanded in it, and their values are secrets"},
	{Path: "wasm", Kind: KindText, Min: 1, Max: 4096, read: by((*decoder).wasm),
		Is: "the file of a sandboxed WebAssembly module; a relative path starts at the configuration's folder. " +
			"A project's files cannot use one outside the project"},
	{Path: "js", Kind: KindText, Min: 1, Max: 4096, read: by((*decoder).js),
		Is: "the file of a JavaScript script with one exported function, which runs in the same sandbox as a module"},
	{Path: "sha256", Kind: KindText, goesWith: []string{"wasm", "js"}, Without: "any", read: by((*decoder).sha256),
		Is: "the SHA-256 of the module's or script's file, in hex; any other file is refused"},
	{Path: "isolation", Kind: KindText, goesWith: []string{"wasm", "js"}, read: by((*decoder).isolation),
		Choices: []string{isolateEvent, isolateInstance}, Without: isolateEvent,
		Is: "`event` gives the module or script a new instance for each event, `instance` reuses instances"},
	{Path: "limits", Kind: KindMapping, goesWith: []string{"wasm", "js"}, below: limitKeys,
		at: keeps(func(s *Step) any { return &s.Wasm.Limits }), Is: "the limits of the module or script for one event"},
	{Path: "omitempty", Kind: KindBool, goesWith: []string{"map"}, Without: "false", Is: "leaves null values out of the map"},
	{Path: "content_type", Kind: KindText, goesWith: []string{"map", "wasm", "js"}, Without: "application/json",
		read: by((*decoder).contentType),
		Is:   "the type of the body that a map, a module or a script makes; if it is not JSON, the map's result must be a text"},
}

// transform reads a step or a list of steps.
func (d *decoder) transform(n node, w *Webhook) {
	w.transformNode = n.Node
	if n.Kind != yaml.SequenceNode { // a list with one step
		n.Node = &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{n.Node}}
	}
	for entry := range d.entries(n) {
		w.Transform = append(w.Transform, d.step(entry))
	}
}

func (d *decoder) step(n node) Step {
	s := Step{Pos: d.pos(n.Node), Path: n.path}
	if !d.mapping(n, &s) {
		return s
	}
	if with := n.get("with"); with.Node != nil && !d.tagged[with.Node] {
		d.with(with, &s)
	}
	var kinds []string
	for _, kind := range stepKinds {
		if n.has(kind) {
			kinds = append(kinds, kind)
		}
	}
	switch {
	case len(kinds) == 0:
		d.fail(n, "key.missing", "want one of %s", spelling.Join("and", stepKinds))
	case len(kinds) > 1:
		d.fail(n, "key.conflict", "want one of %s, got %s", spelling.Join("and", stepKinds), spelling.Join("and", kinds))
	default:
		for _, k := range n.key.below {
			if k.goesWith != nil && n.has(k.Path) && !slices.Contains(k.goesWith, kinds[0]) {
				d.fail(n.get(k.Path), "key.useless", "goes with %s", spelling.Join("and", k.goesWith))
			}
		}
	}
	return s
}

// stepKinds lists the kinds of steps. Each is a key, and a step has exactly one of these keys.
var stepKinds = []string{"map", "format", "wasm", "js"}

// maxContentType is the longest content_type, in bytes.
const maxContentType = 100

// IsContentType reports whether a text is a content type that all receivers read alike.
func IsContentType(text string) bool {
	isOdd := func(r rune) bool { return r < ' ' || r > '~' }
	typ, _, err := mime.ParseMediaType(text)
	return err == nil && strings.Contains(typ, "/") && len(text) <= maxContentType && !strings.ContainsFunc(text, isOdd)
}

func (d *decoder) contentType(n node, s *Step) {
	s.ContentType, _ = d.formed(n, "a type like text/plain", IsContentType)
}

// showTransform names the steps.
func (w *Webhook) showTransform() string {
	return joined(w.Transform, func(s Step) string { return s.Kind() })
}

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
