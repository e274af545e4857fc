package config

import (
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// variable is ${NAME} or ${NAME:-default}, or $$, which is a plain $.
var variable = regexp.MustCompile(`\$\$|\$\{([^}:]*)(:-([^}]*))?\}`)

var variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// scalar returns a scalar's text with its variables expanded.
// It says false, and has reported why, if n is no scalar, is empty or names a variable that is not set.
func (d *decoder) scalar(n *yaml.Node, path string) (string, bool) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.fail(n, path, "want a value, got %s", describe(n))
		return "", false
	}
	ok := true
	text := variable.ReplaceAllStringFunc(n.Value, func(ref string) string {
		if ref == "$$" {
			return "$"
		}
		m := variable.FindStringSubmatch(ref)
		value, good := d.expand(n, path, m[1], m[2] != "", m[3])
		ok = ok && good
		return value
	})
	return text, ok
}

func (d *decoder) expand(n *yaml.Node, path, name string, hasDefault bool, def string) (string, bool) {
	if !variableName.MatchString(name) {
		d.fail(n, path, "${%s}: not the name of a variable; a plain $ is written $$", shorten(name))
		return "", false
	}
	if d.env == nil {
		return "", true
	}
	if value, set := d.env(name); set && (value != "" || !hasDefault) {
		return value, true
	}
	if hasDefault {
		return def, true
	}
	d.fail(n, path, "the variable %s is not set", name)
	return "", false
}

// unresolved says whether n holds variables while none is looked up, so that its value cannot be judged.
func (d *decoder) unresolved(n *yaml.Node) bool {
	return d.env == nil && strings.Contains(n.Value, "${")
}

// quote is a scalar's text for an error. Where a variable was expanded it is the text in the file: the value may be a secret.
func quote(n *yaml.Node, text string) string { return strconv.Quote(unquoted(n, text)) }

func unquoted(n *yaml.Node, text string) string {
	if text != n.Value {
		text = n.Value
	}
	return shorten(text)
}

// shape says where the inside of a scalar begins in the file.
type shape int

const (
	shapeOther   shape = iota // escapes or folded lines: only the scalar's own place is known
	shapePlain                // the text begins at the scalar's place
	shapeQuoted               // one column later
	shapeLiteral              // one line later, indented
)

// text keeps a scalar whose inside may be pointed at.
func (d *decoder) text(n *yaml.Node, path, value string) Text {
	t := Text{Value: value, Path: path, pos: Pos{d.file, n.Line, n.Column}}
	oneLine := !strings.Contains(n.Value, "\n")
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		t.shape, t.indent = shapeLiteral, d.indent(n.Line)
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 && oneLine && !strings.ContainsAny(n.Value, `\'"`):
		t.shape = shapeQuoted
	case n.Style&^yaml.TaggedStyle == 0 && oneLine:
		t.shape = shapePlain
	}
	t.env = value != n.Value
	return t
}

// indent is by how much the first line with text behind the given one (from 1) is indented.
func (d *decoder) indent(line int) int {
	for _, text := range d.lines[min(line, len(d.lines)):] {
		if trimmed := strings.TrimLeft(text, " "); trimmed != "" {
			return len(text) - len(trimmed)
		}
	}
	return 0
}

// Fail makes the error of a mistake at a line (from 1) and a column (from 0) inside the text.
// Where the text's lines cannot be told in the file, it stands at the scalar itself.
func (t Text) Fail(line, col int, message string) *Error {
	pos := t.pos
	switch {
	case t.env:
	case t.shape == shapePlain && line == 1:
		pos.Col += col
	case t.shape == shapeQuoted && line == 1:
		pos.Col += col + 1
	case t.shape == shapeLiteral:
		pos.Line += line
		pos.Col = t.indent + col + 1
	}
	return &Error{pos, t.Path, message}
}
