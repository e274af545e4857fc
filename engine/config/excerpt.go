package config

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/rivo/uniseg"
	"gopkg.in/yaml.v3"
)

// Source is the text of a configuration. It shows the line of a mistake, and masks what may be a credential.
type Source struct {
	lines []string
	marks []mark // in the order of their places
}

// mark is the place of a key or a value.
type mark struct {
	line, col int // from 1
	hidden    bool
	length    int    // of a hidden value that ends on its line, in runes; 0 if unknown
	text      string // what shows of a hidden value; "" for the mask alone
}

// shownKinds lists the kinds whose values may be shown. The value of a URL, a secret, a header or an unknown key may be a credential.
var shownKinds = []Kind{KindText, KindGlobs, KindExpr, KindSchemes, KindNumber, KindNumbers, KindDuration, KindDurations,
	KindBool, KindTime, KindSize, KindRate, KindPercent, KindRanges}

// NewSource reads a configuration's text.
func NewSource(text []byte) *Source {
	s := &Source{}
	var doc yaml.Node
	if len(text) > maxFile {
		return s
	}
	s.lines = linesOf(text)
	if yaml.Unmarshal(text, &doc) != nil {
		s.markLines()
		return s
	}
	s.walk(&doc, &rootKey)
	slices.SortStableFunc(s.marks, func(a, b mark) int { return cmp.Or(a.line-b.line, a.col-b.col) })
	return s
}

// walk marks the nodes below n, the value of a key. The key is nil if it is not in the table.
func (s *Source) walk(n *yaml.Node, key *Key) {
	switch n.Kind {
	case yaml.MappingNode:
		// Where no keys belong, a key may be a credential too.
		shown := key != nil && (len(key.below) > 0 && key.Kind != KindSecrets || key.Kind == KindHeaders || key.Kind == KindTree)
		for i := 0; i+1 < len(n.Content); i += 2 {
			name, value := n.Content[i], n.Content[i+1]
			below := key.find(name.Value)
			if key != nil && key.Kind == KindTree { // the options of a format, a module's configuration
				below = key
				shown = value.ShortTag() != "!!null" // else it may be a value that lost its key
			}
			s.mark(name, nil, shown && name.Kind == yaml.ScalarNode)
			s.walk(value, below)
		}
	case yaml.SequenceNode, yaml.DocumentNode:
		if key != nil && key.Kind == KindSecrets { // mappings belong in a list
			key = &Key{Kind: KindMapping, below: key.below}
		}
		for _, entry := range n.Content {
			s.walk(entry, key)
		}
	case yaml.ScalarNode, yaml.AliasNode:
		s.mark(n, key, key != nil && slices.Contains(shownKinds, key.Kind))
	}
}

func (s *Source) mark(n *yaml.Node, key *Key, shown bool) {
	empty := n.Kind == yaml.ScalarNode && n.Value == "" && n.Style == 0 && n.Anchor == ""
	m := mark{line: n.Line, col: n.Column, hidden: !shown && !empty}
	if m.hidden && n.Kind == yaml.ScalarNode {
		m.length = s.length(n)
	}
	if m.length > 0 && key != nil {
		m.text = maskedText(n.Value, key.Kind == KindURL)
	}
	s.marks = append(s.marks, m)
}

// length returns the length of a scalar on its line, in runes, 0 if it does not end there, or if that is not sure.
func (s *Source) length(n *yaml.Node) int {
	runes := s.runes(n.Line)
	if n.Column > len(runes) || n.Value == "" || n.Anchor != "" {
		return 0
	}
	rest := string(runes[n.Column-1:])
	text := n.Value
	switch n.Style {
	case 0:
	case yaml.DoubleQuotedStyle:
		text = doubleQuoted().FindString(rest)
	case yaml.SingleQuotedStyle:
		text = singleQuoted().FindString(rest)
	default:
		return 0
	}
	if !strings.HasPrefix(rest, text) {
		return 0
	}
	return len([]rune(text))
}

// Scalars in quotes.
var (
	doubleQuoted = lazy.Regexp(`(?s)^"(?:[^"\\]|\\.)*"`)
	singleQuoted = lazy.Regexp(`^'(?:[^']|'')*'`)
)

// address matches a URL's scheme, host and rest.
var address = lazy.Regexp(`^([A-Za-z][A-Za-z0-9+.-]*://)([A-Za-z0-9._-]+(?::\d+)?)(.*)$`)

// maskedText masks a value that may be a credential. It shows the variables that the value reads, and the scheme and host of a URL.
func maskedText(value string, isURL bool) string {
	start := ""
	if m := address().FindStringSubmatch(value); isURL && m != nil && !strings.Contains(value, "@") && (m[3] == "" || m[3][0] == '/') {
		if start = m[1] + m[2]; strings.TrimPrefix(m[3], "/") == "" {
			return value
		}
		start, value = start+"/", m[3][1:]
	}
	var b strings.Builder
	b.WriteString(start)
	hidden := false // the end is masked
	hide := func(text string) {
		if text != "" && !hidden {
			b.WriteString(secret.Mask)
			hidden = true
		}
	}
	at := 0
	for _, found := range variable().FindAllStringIndex(value, -1) {
		name, _, hasDefault := strings.Cut(strings.TrimPrefix(value[found[0]:found[1]], "${"), ":-")
		if name = strings.TrimSuffix(name, "}"); !variableName().MatchString(name) || value[found[1]-1] != '}' {
			continue // $$, or a mistake
		}
		hide(value[at:found[0]])
		b.WriteString("${" + name)
		if hasDefault {
			b.WriteString(":-" + secret.Mask)
		}
		b.WriteByte('}')
		hidden, at = false, found[1]
	}
	hide(value[at:])
	return b.String()
}

func (s *Source) runes(line int) []rune {
	if line < 1 || line > len(s.lines) {
		return nil
	}
	return []rune(s.lines[line-1])
}

// Excerpt returns the line of a place, with <secret> in place of anything that may be a credential, and the text to print before a caret
// below it.
// It returns "" if there is nothing to show.
func (s *Source) Excerpt(at Pos) (line, indent string) {
	const limit = 200 // columns
	runes := s.runes(at.Line)
	if len(runes) == 0 || len(runes) > limit || at.Col < 1 || at.Col > len(runes)+1 {
		return "", ""
	}
	var shown strings.Builder
	before := ""
	marks, skip := s.marksOf(at.Line)
	for i := range len(runes) + 1 {
		if i == at.Col-1 {
			before = strings.Repeat(" ", uniseg.StringWidth(shown.String()))
		}
		begins := slices.IndexFunc(marks, func(m mark) bool { return m.col == i+1 && m.hidden })
		switch {
		case i == len(runes):
			continue
		case begins >= 0:
			skip = cmp.Or(marks[begins].length, next(marks, i+1, len(runes))-(i+1))
			shown.WriteString(cmp.Or(marks[begins].text, secret.Mask))
		case i == 0 && skip > 0:
			shown.WriteString(secret.Mask)
		}
		if skip > 0 {
			skip--
			continue
		}
		shown.WriteRune(visible(runes[i]))
	}
	return shown.String(), before
}

// marksOf returns a line's marks, and the number of runes at its beginning that belong to a hidden value from an earlier line.
func (s *Source) marksOf(line int) (marks []mark, tail int) {
	byLine := func(m mark, line int) int { return m.line - line }
	from, _ := slices.BinarySearchFunc(s.marks, line, byLine)
	to, _ := slices.BinarySearchFunc(s.marks, line+1, byLine)
	marks = s.marks[from:to]
	if from > 0 && s.marks[from-1].hidden && s.marks[from-1].length == 0 {
		runes := s.runes(line)
		tail = next(marks, 0, len(runes)) - 1
		if strings.TrimSpace(string(runes[:tail])) == "" {
			tail = 0
		}
	}
	return marks, tail
}

// next returns the column of the next mark after a column. If there is none, it is beyond the line's length.
func next(marks []mark, col, length int) int {
	for _, m := range marks {
		if m.col > col {
			return m.col
		}
	}
	return length + 1
}

// visible replaces control characters, which would steer a terminal.
func visible(r rune) rune {
	if r == '\t' {
		return ' '
	}
	if !unicode.IsPrint(r) {
		return '·'
	}
	return r
}

const indents = " \t"

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
		begin := len(line) - len(strings.TrimLeft(line, indents))
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
