package config

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/file"
	"gopkg.in/yaml.v3"
)

// Test is an entry of the list tests: events, and the requests that they must cause.
type Test struct {
	Pos
	Name   string
	Event  *Tree // an event, of which only the type is required; nil if Events is set
	Events Text  // a file of events, in any of AWF's dialects; relative paths start at the configuration's folder
	Want   []Want

	path, within string // of the file Events: its absolute path, and the folder that must contain it

	// The lines of want in the file, [wantLine, wantEnd), for updating it.
	wantLine, wantEnd int
	isFlow            bool // in braces, which may share lines with other text
	indent            int  // indent of the entry's keys
}

// Want is a request that a test expects.
type Want struct {
	Pos
	Webhook string
	Event   string // its type; "" for any
	Drop    bool   // a transform must drop the event
	Body    *Tree  // the body must contain this
	Exact   *Tree  // the body must equal this
	Headers []Header
}

var testKeys = []Key{
	{Path: "name", Kind: KindText, Plain: true, Min: 1, Without: "its number", Is: "the test's name"},
	{Path: "event", Kind: KindTree, Plain: true, Is: "an event, of which only the key `event` is required"},
	{Path: "events", Kind: KindText, Plain: true, read: by((*decoder).testFile),
		Is: "a file of events instead, in any of AWF's dialects; a relative path starts at the configuration's folder"},
	{Path: "want", Kind: KindList, Max: 1_000, Without: "[]", below: wantKeys, read: each((*decoder).want),
		Is: "the requests that it must cause; others are a failure"},
}

var wantKeys = []Key{
	{Path: "webhook", Kind: KindText, Plain: true, Required: true, Is: "the webhook's name"},
	{Path: "event", Kind: KindText, Plain: true, Without: "any", Is: "the type of event"},
	{Path: "body", Kind: KindTree, Plain: true, Is: "what the body must contain"},
	{Path: "exact", Kind: KindTree, Plain: true, Is: "the whole body"},
	{Path: "headers", Kind: KindHeaders, Max: 50, Plain: true, read: (*decoder).headers, Is: "headers that the request must have"},
	{Path: "drop", Kind: KindBool, Plain: true, Without: "false", Is: "the transform must drop the event"},
}

func (d *decoder) testFile(n node, t *Test) {
	if d.field(n, &t.Events); t.Events.Value != "" {
		t.path, t.within = d.absolute(t.Events.Value), d.within()
	}
}

// Read reads the file of events, which may have at most limit bytes. If a checkout refers to it, the project must contain the file and
// the target of any link.
func (t *Test) Read(limit int64) ([]byte, error) {
	text, err := file.In(t.within).Read(t.path, limit)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", t.Events.Value, err)
	}
	return text, nil
}

// tests reads the list tests.
func (d *decoder) tests(n node, cfg *Config) {
	for entry := range d.entries(n) {
		t := Test{Pos: d.pos(entry.Node), Name: fmt.Sprintf("test %d", len(cfg.Tests)+1), indent: entry.Column - 1}
		if !d.mapping(entry, &t) {
			continue
		}
		if (t.Event == nil) == (t.Events.Value == "") {
			d.fail(entry, "key.conflict", "want one of event and events")
		}
		t.place(entry.Node)
		cfg.Tests = append(cfg.Tests, t)
	}
}

func (d *decoder) want(n node) (w Want, ok bool) {
	w.Pos = d.pos(n.Node)
	if !d.mapping(n, &w) {
		return w, false
	}
	switch {
	case w.Body != nil && w.Exact != nil:
		d.fail(n, "key.conflict", "want one of body and exact")
	case w.Drop && (w.Body != nil || w.Exact != nil || w.Headers != nil):
		d.fail(n, "key.conflict", "what is dropped has no body and no headers")
	}
	return w, true
}

// place records the lines of want, or those where it could be added.
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

// UpdateWants writes new values of want into a file's text. Each block has the lines of a list's entries, without indent. UpdateWants
// fails if the result would not be a good configuration.
func UpdateWants(name string, text []byte, blocks map[*Test][]string) ([]byte, error) {
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	tests := slices.SortedFunc(maps.Keys(blocks), func(a, b *Test) int { return cmp.Compare(b.wantLine, a.wantLine) })
	for _, t := range tests { // from the end, so that the places of earlier tests stay valid
		if t.isFlow {
			return nil, fmt.Errorf("%s: a test in braces cannot be updated", t.Pos.short())
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

// lastLine returns the last line of a node.
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
