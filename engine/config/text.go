package config

import (
	"strings"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/legible"
	"gopkg.in/yaml.v3"
)

// Text is a scalar such as a glob or an expression. A mistake can point inside it.
type Text struct {
	Value  string
	Path   string // "webhooks[0].filter"
	pos    Pos
	shape  shape
	indent int      // of a literal block
	env    bool     // a variable was expanded, so that positions inside mean nothing
	values [][2]int // ranges of the values of variables

	Unresolved bool // it has variables that were not looked up
}

// shape says where the text of a scalar begins in the file.
type shape int

const (
	shapeOther   shape = iota // escapes, folded lines, an anchor or a tag: positions inside are unknown
	shapePlain                // at the scalar's place
	shapeQuoted               // one column later
	shapeLiteral              // one line later, indented
)

// text returns a scalar with what Fail needs to find places inside it.
func (d *decoder) text(n node, value string) Text {
	t := Text{Value: value, Path: n.path, pos: d.pos(n.Node)}
	rest := d.rest(n.Node)
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		t.shape, t.indent = d.literal(n.Node)
	case strings.HasPrefix(rest, `"`+n.Value+`"`), strings.HasPrefix(rest, "'"+n.Value+"'"):
		t.shape = shapeQuoted
	case n.Style == 0 && strings.HasPrefix(rest, n.Value):
		t.shape = shapePlain
	}
	t.env, t.Unresolved = value != n.Value, d.unresolved(n)
	return t
}

// literal finds the indent of a literal block, which begins on the line after the node's.
func (d *decoder) literal(n *yaml.Node) (shape, int) {
	for i, text := range strings.Split(n.Value, "\n") {
		if strings.Trim(text, " ") == "" || n.Line+i >= len(d.lines) {
			continue
		}
		if indent, found := strings.CutSuffix(d.lines[n.Line+i], text); found && strings.Trim(indent, " ") == "" {
			return shapeLiteral, len(indent)
		}
		break
	}
	return shapeOther, 0
}

// Fail returns the error for a mistake at a line (from 1) and a column (from 0) inside the text. It has the place of the whole scalar if
// positions inside are unknown.
func (t Text) Fail(line, col int, code, message string) *Error {
	pos := t.pos
	switch {
	case t.env:
	case t.shape == shapePlain && line == 1:
		pos.Col += col
	case t.shape == shapeQuoted && line == 1:
		pos.Col += col + 1
	case t.shape == shapeLiteral:
		lines := strings.Split(strings.TrimRight(t.Value, " \n"), "\n")
		if last := len(lines); line > last { // the file may not have the lines at the text's end
			line, col = last, utf8.RuneCountInString(lines[last-1])
		}
		pos.Line += line
		pos.Col = t.indent + col + 1
	}
	return &Error{Pos: pos, Code: code, Path: t.Path, Message: legible.Line(message)}
}

// secrets returns the whole text if a variable was expanded in it. For a text with expressions, which are no secret, it returns only
// the values of the variables.
func (t Text) secrets() (list []string) {
	if len(t.values) > 0 && t.Value != "" && !strings.Contains(t.Value, "{{") && t.Value[0] != '=' {
		return []string{t.Value}
	}
	for _, at := range t.values {
		if at[1] > at[0] {
			list = append(list, t.Value[at[0]:at[1]])
		}
	}
	return list
}

// withOther returns the text with each variable's value replaced.
func (t Text) withOther(other func(value string) string) string {
	var text strings.Builder
	end := 0
	for _, at := range t.values {
		text.WriteString(t.Value[end:at[0]] + other(t.Value[at[0]:at[1]]))
		end = at[1]
	}
	return text.String() + t.Value[end:]
}
