package config

import (
	"slices"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/lazy"
)

// lineForm matches a line with a key: the text before the key, the key, and the text after it.
var lineForm = lazy.Regexp(`^([ \t]*(?:- *)*)["']?([a-z_0-9]+)["']?[ \t:=]+(.*)$`)

// otherKey finds a second key in a line, whose value may be a credential.
var otherKey = lazy.Regexp(`[\w-]+["']?[ \t]*:`)

// markLines marks a text that is not YAML line by line. It shows the values of keys that are harmless anywhere, and hides
// everything else, because the structure of a broken text is unknown.
func (s *Source) markLines() {
	const none = 1 << 30
	hides := none // the column of the last key whose value may be a credential; what is indented further belongs to that key
	for i, line := range s.lines {
		m := lineForm().FindStringSubmatchIndex(line)
		begin := len(line) - len(trimIndent(line))
		if m == nil || begin > hides {
			s.marks = append(s.marks, mark{line: i + 1, col: begin + 1, hidden: true})
			continue
		}
		hides = none
		known, harmless := shownEverywhere(line[m[4]:m[5]])
		switch {
		case known:
			s.marks = append(s.marks, mark{line: i + 1, col: 1})
			if !harmless || otherKey().MatchString(line[m[6]:m[7]]) {
				s.marks = append(s.marks, mark{line: i + 1, col: utf8.RuneCountInString(line[:m[6]]) + 1, hidden: true})
				hides = m[4]
			}
		default:
			s.marks = append(s.marks, mark{line: i + 1, col: begin + 1, hidden: true})
			hides = m[4]
		}
	}
}

// shownEverywhere says whether keys have this name, and whether the values of all of them may be shown.
func shownEverywhere(name string) (known, harmless bool) {
	harmless = true
	var look func(table []Key)
	look = func(table []Key) {
		for _, k := range table {
			if k.Path == name {
				known = true
				harmless = harmless && (slices.Contains(shownKinds, k.Kind) || k.Kind == KindList)
			}
			look(k.below)
		}
	}
	look(rootKeys)
	return known, known && harmless
}

func trimIndent(line string) string {
	for i, r := range line {
		if r != ' ' && r != '\t' {
			return line[i:]
		}
	}
	return ""
}
