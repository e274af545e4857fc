package config

import (
	"strings"
	"unicode/utf8"
)

// lineBreaks makes one of YAML's line breaks of all of them.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// keepInside moves what the YAML parser places beyond the file's or a line's end to that end.
func keepInside(text []byte, lists ...Errors) {
	lines := strings.Split(lineBreaks.Replace(string(text)), "\n")
	widths := map[int]int{} // of lines in runes: many mistakes may be in one long line
	for _, list := range lists {
		for _, e := range list {
			if e.Line > len(lines) {
				e.Line, e.Col = len(lines), len(lines[len(lines)-1])+1
			}
			width, known := widths[e.Line]
			if !known {
				width = utf8.RuneCountInString(lines[e.Line-1])
				widths[e.Line] = width
			}
			e.Col = min(e.Col, width+1)
		}
	}
}
