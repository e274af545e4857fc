package config

import (
	"math"
	"strconv"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/legible"
	"gopkg.in/yaml.v3"
)

// Bounds of a tree, which docs/config.md lists.
const (
	maxTreeNodes = 10_000 // values in a tree
	maxAllNodes  = 50_000 // values in all trees of a file, because aliases multiply them
	maxTreeDepth = 64
)

// TreeKind is the kind of a tree's root.
type TreeKind int

const (
	TreeText TreeKind = iota
	TreeLiteral
	TreeList
	TreeMapping
)

// Tree is YAML as written, with the order of keys and the places of values.
type Tree struct {
	Pos
	Kind    TreeKind
	Text    Text    // of TreeText
	Literal string  // of TreeLiteral, as JSON: a number, true, false or null
	Keys    []Text  // of TreeMapping
	Values  []*Tree // of TreeList and TreeMapping
}

// Get returns the value of a mapping's key, nil if there is none.
func (t *Tree) Get(key string) *Tree {
	for i := range t.Keys {
		if t.Keys[i].Value == key {
			return t.Values[i]
		}
	}
	return nil
}

// AppendJSON appends the tree as JSON.
func (t *Tree) AppendJSON(dst []byte) []byte {
	switch t.Kind {
	case TreeText:
		return jsonbytes.AppendString(dst, t.Text.Value)
	case TreeLiteral:
		return append(dst, t.Literal...)
	}
	brackets := "[]"
	if t.Kind == TreeMapping {
		brackets = "{}"
	}
	dst = append(dst, brackets[0])
	for i, v := range t.Values {
		if i > 0 {
			dst = append(dst, ',')
		}
		if t.Kind == TreeMapping {
			dst = append(jsonbytes.AppendString(dst, t.Keys[i].Value), ':')
		}
		dst = v.AppendJSON(dst)
	}
	return append(dst, brackets[1])
}

// Secrets lists the secrets in the tree's texts.
func (t *Tree) Secrets() []string {
	list := t.Text.secrets()
	for _, v := range t.Values {
		list = append(list, v.Secrets()...)
	}
	return list
}

// Fail returns the error for a mistake at the tree's place.
func (t *Tree) Fail(path, code, message string) *Error {
	return &Error{Pos: t.Pos, Code: code, Path: path, Message: legible.Line(message)}
}

// treeReader reads a tree within the bounds.
type treeReader struct {
	*decoder
	nodes int
	told  int // number of mistakes in texts, which are left unresolved
}

// tree reads a value as written. It returns nil if the value has a mistake that is not in one of its texts.
func (d *decoder) tree(n node) *Tree {
	r := &treeReader{decoder: d}
	before := len(d.errs)
	t := r.read(n.Node, n, 0)
	if len(d.errs) > before+r.told {
		return nil
	}
	return t
}

// read reads the value n. Its place is the node at, which may be an alias.
func (r *treeReader) read(at *yaml.Node, n node, depth int) *Tree {
	t := &Tree{Pos: r.pos(at)}
	r.nodes++
	r.values++
	switch {
	case r.values > maxAllNodes:
		if r.values == maxAllNodes+1 {
			r.fail(n, "value.length", "want at most %d values in all trees of the file", maxAllNodes)
		}
	case r.nodes > maxTreeNodes:
		if r.nodes == maxTreeNodes+1 {
			r.fail(n, "value.length", "want at most %d values", maxTreeNodes)
		}
	case depth > maxTreeDepth:
		r.fail(n, "value.length", "nested deeper than %d", maxTreeDepth)
		r.nodes = maxTreeNodes + 1 // so that it is reported once
	case n.Kind == yaml.SequenceNode:
		t.Kind = TreeList
		for i, entry := range n.Content {
			if r.isOver() {
				break
			}
			t.Values = append(t.Values, r.read(entry, n.entry(i), depth+1))
		}
	case n.Kind == yaml.MappingNode:
		t.Kind = TreeMapping
		for name, value := range r.members(n) {
			if r.isOver() {
				break
			}
			if n.key.isExpression() {
				r.checkName(name)
			}
			t.Keys = append(t.Keys, r.text(name, name.Value))
			t.Values = append(t.Values, r.read(value.given, value, depth+1))
		}
	default:
		r.scalar(n, t)
	}
	return t
}

// isOver reports whether there are too many values, so that reading must stop.
func (r *treeReader) isOver() bool { return r.nodes > maxTreeNodes || r.values > maxAllNodes }

var wholeNumber = lazy.Regexp(`^-?(0|[1-9][0-9]*)$`)

// number returns YAML's number as JSON, "" if JSON cannot express it.
func number(n node) string {
	if wholeNumber().MatchString(n.Value) { // which may have any length
		return n.Value
	}
	var i int64
	if n.ShortTag() == "!!int" && n.Decode(&i) == nil { // a float would lose digits
		return strconv.FormatInt(i, 10)
	}
	var f float64
	if n.Decode(&f) == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return ""
}

// scalar reads a scalar by its YAML type. Dates and other types are texts.
func (r *treeReader) scalar(n node, t *Tree) {
	t.Kind = TreeLiteral
	switch n.ShortTag() {
	case "!!null":
		t.Literal = "null"
		return
	case "!!bool":
		var v bool
		if n.Decode(&v) == nil {
			t.Literal = strconv.FormatBool(v)
			return
		}
	case "!!int", "!!float":
		if leadingZero().MatchString(n.Value) {
			r.fail(n, "yaml.octal",
				"a number with a leading zero is octal for some and not for others, got %s: put it in quotes, or leave the zero out", quote(n))
			return
		}
		if t.Literal = number(n); t.Literal == "" {
			r.fail(n, "value.form", "JSON has no number %s", unquoted(n))
		} else if t.Literal != n.Value {
			r.warn(n, "yaml.number",
				"YAML reads a number that is written otherwise: put it in quotes if it is a text, such as a version 1.10")
		}
		return
	}
	value := n.Value
	r.inserted = nil
	if n.key.Plain {
		r.checkText(n)
	} else {
		before, ok := len(r.errs), false
		if value, ok = r.decoder.scalar(n); !ok {
			r.told += len(r.errs) - before
			t.Kind, t.Text = TreeText, r.text(n, "")
			t.Text.Unresolved = true
			return
		}
	}
	t.Kind, t.Text = TreeText, r.text(n, value)
	t.Text.values = r.inserted
}
