package config

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/file"
	"github.com/awf-project/awf-hook/engine/secret"
	"gopkg.in/yaml.v3"
)

// Test is an entry of the list tests: events in, requests out.
type Test struct {
	Pos
	Name   string
	Event  *Tree // an event, which may lack all but its type; nil if Events is set
	Events Text  // a file of events, in any of AWF's dialects; a relative path starts at the configuration's folder
	Want   []Want

	path, within string // of the file Events: absolute, and the folder that it must be in

	// Where want stands in the file, for updating it: the lines [wantLine, wantEnd).
	wantLine, wantEnd int
	isFlow            bool // in braces: its lines are not its own
	indent            int  // of the entry's keys
}

// Want is a request that a test wants.
type Want struct {
	Pos
	Webhook string
	Event   string // its type; "" for any
	Drop    bool   // a transform drops it
	Body    *Tree  // the body has this at least
	Exact   *Tree  // the body is this
	Headers []Header
}

var testKeys = keys[*Test]{
	"name":   func(d *decoder, n *yaml.Node, path string, t *Test) { t.Name, _ = d.plainText(n, path) },
	"event":  func(d *decoder, n *yaml.Node, path string, t *Test) { t.Event = d.tree(n, path, false) },
	"events": func(d *decoder, n *yaml.Node, path string, t *Test) { d.testFile(n, path, t) },
	"want":   (*decoder).wants,
}

var wantKeys = keys[*Want]{
	"webhook": func(d *decoder, n *yaml.Node, path string, w *Want) { w.Webhook, _ = d.plainText(n, path) },
	"event":   func(d *decoder, n *yaml.Node, path string, w *Want) { w.Event, _ = d.plainText(n, path) },
	"drop":    func(d *decoder, n *yaml.Node, path string, w *Want) { d.boolean(n, path, &w.Drop) },
	"body":    func(d *decoder, n *yaml.Node, path string, w *Want) { w.Body = d.tree(n, path, false) },
	"exact":   func(d *decoder, n *yaml.Node, path string, w *Want) { w.Exact = d.tree(n, path, false) },
	"headers": func(d *decoder, n *yaml.Node, path string, w *Want) { d.wantHeaders(n, path, w) },
}

// plainText reads a scalar in which no variable is expanded.
func (d *decoder) plainText(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		d.fail(n, path, "want a text, got %s", describe(n))
		return "", false
	}
	return n.Value, true
}

func (d *decoder) testFile(n *yaml.Node, path string, t *Test) {
	if name, ok := d.plainText(n, path); ok {
		t.Events, t.path, t.within = d.text(n, path, name), name, d.within()
		if !filepath.IsAbs(name) {
			t.path = filepath.Join(filepath.Dir(d.identity), name)
		}
	}
}

// Read reads the file of events, of at most limit bytes. One that a checkout names must be in its project, where links lead too.
func (t *Test) Read(limit int64) ([]byte, error) {
	text, err := file.In(t.within).Read(t.path, limit)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", t.Events.Value, err)
	}
	return text, nil
}

// tests reads the list tests.
func (d *decoder) tests(n *yaml.Node, path string, cfg *Config) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, got %s", describe(n))
		return
	}
	if limit := int(keyOf(path).Max); len(n.Content) > limit {
		d.fail(n, path, "want at most %d entries, got %d", limit, len(n.Content))
		return
	}
	for i, entry := range n.Content {
		entry = resolve(entry)
		at := fmt.Sprintf("%s[%d]", path, i)
		t := Test{Pos: Pos{d.file, entry.Line, entry.Column}, Name: fmt.Sprintf("test %d", i+1), indent: entry.Column - 1}
		if !mapping(d, entry, at, testKeys, &t) {
			continue
		}
		if (t.Event == nil) == (t.Events.Value == "") {
			d.fail(entry, at, "want one of event and events")
		}
		t.place(entry)
		cfg.Tests = append(cfg.Tests, t)
	}
}

func (d *decoder) wants(n *yaml.Node, path string, t *Test) {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, got %s", describe(n))
		return
	}
	for i, entry := range n.Content {
		entry = resolve(entry)
		at := fmt.Sprintf("%s[%d]", path, i)
		w := Want{Pos: Pos{d.file, entry.Line, entry.Column}}
		if !mapping(d, entry, at, wantKeys, &w) {
			continue
		}
		switch {
		case w.Webhook == "":
			d.fail(entry, join(at, "webhook"), "missing")
		case w.Body != nil && w.Exact != nil:
			d.fail(entry, at, "want one of body and exact")
		case w.Drop && (w.Body != nil || w.Exact != nil || w.Headers != nil):
			d.fail(entry, at, "what is dropped has no body and no headers")
		}
		t.Want = append(t.Want, w)
	}
}

// place notes where want stands, or would.
func (t *Test) place(entry *yaml.Node) {
	t.isFlow = entry.Style&yaml.FlowStyle != 0
	t.wantLine = lastLine(entry) + 1
	t.wantEnd = t.wantLine
	for i := 0; i+1 < len(entry.Content); i += 2 {
		if entry.Content[i].Value == "want" {
			t.wantLine, t.wantEnd = entry.Content[i].Line, lastLine(entry.Content[i+1])+1
		}
	}
}

// UpdateWants writes new values of want into a file's text. Each block is the lines of a list's entries, without their indent.
// It changes nothing where the result would not be a configuration.
func UpdateWants(name string, text []byte, blocks map[*Test][]string) ([]byte, error) {
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	tests := slices.SortedFunc(maps.Keys(blocks), func(a, b *Test) int { return cmp.Compare(b.wantLine, a.wantLine) })
	for _, t := range tests { // from the end, so that the places of those before stay
		if t.isFlow {
			return nil, fmt.Errorf("%s:%d: a test in braces cannot be updated", t.File, t.Line)
		}
		indent := strings.Repeat(" ", t.indent)
		block := []string{indent + "want: []"}
		if len(blocks[t]) > 0 {
			block[0] = indent + "want:"
		}
		for _, line := range blocks[t] {
			block = append(block, indent+"  "+line)
		}
		lines = slices.Replace(lines, t.wantLine-1, min(t.wantEnd-1, len(lines)), block...)
	}
	updated := []byte(strings.Join(lines, "\n") + "\n")
	if _, err := Parse(name, updated, NoEnv); err != nil {
		return nil, fmt.Errorf("%s cannot be updated: %w", name, err)
	}
	return updated, nil
}

// lastLine is the last line on which something of a node stands.
func lastLine(n *yaml.Node) int {
	line := n.Line
	for _, inner := range n.Content {
		line = max(line, lastLine(inner))
	}
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		for i := range n.Value {
			if n.Value[i] == '\n' {
				line++
			}
		}
	}
	return line
}

func (d *decoder) wantHeaders(n *yaml.Node, path string, w *Want) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "want a mapping, got %s", describe(n))
		return
	}
	for key, value := range d.members(n, path) {
		if text, ok := d.plainText(resolve(value), join(path, key.Value)); ok {
			w.Headers = append(w.Headers, Header{key.Value, secret.New(text)})
		}
	}
}
