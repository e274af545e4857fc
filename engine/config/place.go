package config

import (
	"regexp"
	"unicode/utf8"
)

// lineBreak is YAML's.
var lineBreak = regexp.MustCompile("\r\n|[\n\r\u0085\u2028\u2029]")

// keepInside moves what the YAML parser places beyond the file's or a line's end to that end.
func keepInside(text []byte, lists ...Errors) {
	lines := lineBreak.Split(string(text), -1)
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
