package config

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/lazy"
	"gopkg.in/yaml.v3"
)

// lookalikes finds, in a line, what texts copied from a web page or a word processor have where YAML has an ASCII character.
var lookalikes = []struct {
	wanted, ascii string
	find          func() *regexp.Regexp
}{
	{"a space", " ",
		lazy.Regexp(`^ *(?:- *)*(?:["']?[\w.-]+["']? *:)? *([\x{a0}\x{ad}\x{2000}-\x{200f}\x{202f}\x{205f}-\x{2060}\x{3000}\x{feff}])`)},
	{"a dash", "-", lazy.Regexp(`^ *([\x{2010}-\x{2015}\x{2022}\x{2212}\x{ff0d}])`)},
	{"a colon", ":", lazy.Regexp(`^ *(?:- *)*["']?[\w.-]+["']? *([\x{ff1a}\x{fe55}\x{fe13}\x{2236}])`)},
}

// lookalike finds a character that only looks like one of YAML's, on the line or shortly above it. It asks the parser whether the character
// is the problem: the same may stand in a text, where it is right.
func (d *decoder) lookalike(line int, _ string) (slip, bool) {
	for near := line; near >= max(1, line-2); near-- {
		s, _, found := d.oddIn(near)
		if !found {
			continue
		}
		mended := make([]string, len(d.lines))
		for i, text := range d.lines {
			mended[i] = inASCII(text)
		}
		others := slices.Clone(mended)
		if others[near-1] = d.lines[near-1]; problemOf(others) != problemOf(mended) {
			return s, true
		}
	}
	return slip{}, false
}

// oddIn finds the first lookalike in a line.
func (d *decoder) oddIn(line int) (s slip, char rune, found bool) {
	text := d.lines[line-1]
	for _, l := range lookalikes {
		if at := l.find().FindStringSubmatchIndex(text); at != nil {
			char, _ = utf8.DecodeRuneInString(text[at[2]:])
			is := fmt.Sprintf("the character %+q stands where YAML wants %s", char, l.wanted)
			return slip{line, utf8.RuneCountInString(text[:at[2]]) + 1, is}, char, true
		}
	}
	return slip{}, 0, false
}

// inASCII returns a line with YAML's own characters for the lookalikes.
func inASCII(line string) string {
	const most = 100 // in a line
	for _, l := range lookalikes {
		for range most {
			at := l.find().FindStringSubmatchIndex(line)
			if at == nil {
				break
			}
			ascii, rest := l.ascii, line[at[3]:]
			if ascii != " " && !strings.HasPrefix(rest, " ") {
				ascii += " "
			}
			line = line[:at[2]] + ascii + rest
		}
	}
	return line
}

// isCause reports whether the problem changes if a line becomes a comment. If the line belongs to a text, it does not.
func (d *decoder) isCause(line int) bool {
	without := slices.Clone(d.lines)
	without[line-1] = strings.Repeat(" ", d.textBegins(line)-1) + "#"
	return problemOf(without) != problemOf(d.lines)
}

// problemOf returns the parser's error for a text, "" for none.
func problemOf(lines []string) string {
	dec := yaml.NewDecoder(strings.NewReader(strings.Join(lines, "\n")))
	for {
		var doc yaml.Node
		switch err := dec.Decode(&doc); err {
		case nil:
		case io.EOF:
			return ""
		default:
			return err.Error()
		}
	}
}
