package config

import (
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

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
