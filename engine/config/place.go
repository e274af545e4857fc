package config

import (
	"strings"
	"unicode/utf8"
)

// lineBreaks replaces all of YAML's line breaks by \n.
var lineBreaks = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// keepInside moves places that the YAML parser puts beyond the end of the file or of a line to that end.
func keepInside(text []byte, lists ...Errors) {
	lines := strings.Split(lineBreaks.Replace(string(text)), "\n")
	widths := map[int]int{} // of lines, in runes; one long line may have many mistakes
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
