package config

import (
	"strings"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/legible"
	"gopkg.in/yaml.v3"
)

// Text is a scalar such as a glob or an expression. A mistake can point inside it.
type Text struct {
	Value   string
	Path    string // "webhooks[0].filter"
	pos     Pos
	begin   Pos      // of the text itself in the file; zero if positions inside are unknown: escapes, folded lines, expanded variables
	isBlock bool     // it is a literal block, so that its lines are those of the file
	values  [][2]int // ranges of the values of variables

	Unresolved bool // it has variables that were not looked up
}

// text returns a scalar with what Fail needs to find places inside it.
func (d *decoder) text(n node, value string) Text {
	t := Text{Value: value, Path: n.path, pos: d.pos(n.Node), Unresolved: d.unresolved(n)}
	rest := d.rest(n.Node)
	switch {
	case value != n.Value:
	case n.Style&yaml.LiteralStyle != 0:
		if indent, found := d.literal(n.Node); found {
			t.begin, t.isBlock = Pos{d.file, n.Line + 1, indent + 1}, true
		}
	case strings.HasPrefix(rest, `"`+n.Value+`"`), strings.HasPrefix(rest, "'"+n.Value+"'"):
		t.begin = Pos{d.file, n.Line, n.Column + 1}
	case n.Style == 0 && strings.HasPrefix(rest, n.Value):
		t.begin = t.pos
	}
	return t
}

// literal finds the indent of a literal block, which begins on the line after the node's.
func (d *decoder) literal(n *yaml.Node) (indent int, found bool) {
	for i, text := range strings.Split(n.Value, "\n") {
		if strings.Trim(text, " ") != "" && n.Line+i < len(d.lines) {
			before, found := strings.CutSuffix(d.lines[n.Line+i], text)
			return len(before), found && strings.Trim(before, " ") == ""
		}
	}
	return 0, false
}

// Fail returns the error for a mistake at a line (from 1) and a column (from 0) inside the text. It has the place of the whole scalar if
// positions inside are unknown.
func (t Text) Fail(line, col int, code, message string) *Error {
	pos := t.pos
	if t.isBlock {
		lines := strings.Split(strings.TrimRight(t.Value, " \n"), "\n")
		if last := len(lines); line > last { // the file may not have the lines at the text's end
			line, col = last, utf8.RuneCountInString(lines[last-1])
		}
	}
	if t.begin.Line > 0 && (t.isBlock || line == 1) {
		pos = Pos{t.begin.File, t.begin.Line + line - 1, t.begin.Col + col}
	}
	return &Error{Pos: pos, Code: code, Path: t.Path, Message: legible.Line(message)}
}

// secrets returns the whole text if a variable was expanded in it. For a text with expressions, which are not secret, it returns only
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

// otherBreaks are YAML's line breaks besides \n and \r. No editor shows them, and YAML makes a space of one within a value.
const otherBreaks = "\u0085\u2028\u2029"

// lineBreaks replaces all of YAML's line breaks by \n.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// linesOf splits a text into its lines as YAML counts them. The byte order mark at its beginning has no column.
func linesOf(text []byte) []string {
	return strings.Split(lineBreaks.Replace(strings.TrimPrefix(string(text), "\ufeff")), "\n")
}

// rest returns the line from a node's place on.
func (d *decoder) rest(n *yaml.Node) string {
	if n.Line > len(d.lines) {
		return ""
	}
	line := d.lines[n.Line-1]
	const long = 4096
	if len(line) <= long {
		for range n.Column - 1 {
			_, size := utf8.DecodeRuneInString(line)
			line = line[size:]
		}
		return line
	}
	begins := d.columns[n.Line]
	if begins == nil { // a long line may have many nodes
		for i := range line {
			begins = append(begins, int32(i))
		}
		d.columns[n.Line] = begins
	}
	if n.Column > len(begins) {
		return ""
	}
	return line[begins[n.Column-1]:]
}

// keepInside moves places that the YAML parser puts beyond the end of the file or of a line to that end.
func (d *decoder) keepInside() {
	widths := map[int]int{} // of lines, in runes; one long line may have many mistakes
	for _, list := range []Errors{d.errs, d.warnings} {
		for _, e := range list {
			if last := len(d.lines); e.Line > last {
				e.Line, e.Col = last, len(d.lines[last-1])+1
			}
			width, known := widths[e.Line]
			if !known {
				width = utf8.RuneCountInString(d.lines[e.Line-1])
				widths[e.Line] = width
			}
			e.Col = min(e.Col, width+1)
		}
	}
}
