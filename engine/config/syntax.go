package config

import (
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

var yamlError = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

func (d *decoder) syntax(err error) {
	m := yamlError.FindStringSubmatch(strings.SplitN(err.Error(), "\n", 2)[0])
	if m == nil {
		m = []string{"", "", err.Error()}
	}
	if name, isAlias := strings.CutPrefix(m[2], "unknown anchor '"); isAlias {
		d.unknownAnchor(strings.TrimSuffix(name, "' referenced"))
		return
	}
	line, _ := strconv.Atoi(m[1])
	if strings.HasPrefix(m[2], "did not find expected") && !ofScanner.MatchString(m[2]) { // the parser, unlike the scanner, counts from 0
		line++
	}
	line = max(line, 1)
	if strings.HasPrefix(m[2], "did not find expected '-'") || strings.HasPrefix(m[2], "did not find expected key") {
		line = d.firstWrong(line, m[2])
	}
	reach := 1 // lines
	if strings.Contains(m[2], "tab character") {
		reach = 10
	}
	for near := line; near <= min(line+reach, len(d.lines)); near++ {
		if strings.HasPrefix(strings.TrimLeft(d.lines[near-1], " "), "\t") {
			d.failAt(near, "yaml.syntax", "a tab: YAML is indented with spaces")
			return
		}
	}
	isEntry := func(line int) bool {
		return line <= len(d.lines) && strings.HasPrefix(strings.TrimLeft(d.lines[line-1], " "), "- ")
	}
	above := line - 1
	if strings.HasPrefix(m[2], "mapping values") && above >= 1 && noKey.MatchString(d.lines[above-1]) && !(isEntry(above) && isEntry(line)) {
		d.failAt(above, "yaml.syntax", "not YAML: a key needs a colon and a space behind it")
		return
	}
	for near := line; near >= max(1, line-1); near-- {
		if near <= len(d.lines) && textBehindQuote.MatchString(d.lines[near-1]) {
			d.failAt(near, "yaml.syntax",
				"not YAML: a value that begins with a quote ends with it, and something follows; put the whole value in other quotes")
			return
		}
	}
	for _, known := range syntaxAdvice {
		if strings.HasPrefix(m[2], known.library) {
			d.failAt(line, "yaml.syntax", "not YAML: %s", known.ours)
			return
		}
	}
	d.failAt(line, "yaml.syntax", "not YAML: %s", m[2])
}

// ofScanner finds the scanner's errors among those that begin like the parser's.
var ofScanner = regexp.MustCompile("alphabetic|whitespace|digit|hexdecimal|comment|tag")

// firstWrong finds the line with which the text begins to be wrong. The parser tells where the list or the mapping begins that it is in.
func (d *decoder) firstWrong(from int, problem string) int {
	const reach = 100 // lines
	for line := from; line < min(from+reach, len(d.lines)); line++ {
		var doc yaml.Node
		err := yaml.Unmarshal([]byte(strings.Join(d.lines[:line], "\n")), &doc)
		if err != nil && strings.HasSuffix(err.Error(), problem) {
			return line
		}
	}
	return from
}

// noKey finds lines that are neither a key with a value nor a comment.
var noKey = regexp.MustCompile(`^[^:#]*(?::[^ :#][^:#]*)*\r?$`)

// textBehindQuote finds a value of which a part is in quotes: filter: "a" == "b".
var textBehindQuote = regexp.MustCompile(`^[^"'#]*: +(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*') *[^ #\r,\]}]`)

// syntaxAdvice says what to do about the parser's errors.
var syntaxAdvice = []struct{ library, ours string }{
	{"mapping values are not allowed in this context",
		`a ": " in a value without quotes, or a key that is indented too far: put the value in quotes`},
	{"did not find expected ',' or ']'", "a list that begins with [ is not closed with ]"},
	{"did not find expected ',' or '}'", "a mapping that begins with { is not closed with }"},
	{"did not find expected '-' indicator", "the indent does not fit the lines above: an entry of the list begins with -"},
	{"did not find expected key", "the indent does not fit the lines above, or a quote is missing"},
	{"did not find expected node content", "a value is missing, or one begins with a character that needs quotes"},
	{"found unexpected end of stream", "a quote is not closed"},
	{"found character that cannot start any token", "a value cannot begin with @, ` or %: put it in quotes"},
	{"could not find expected ':'", "a line without a colon behind its key, or a quote that is not closed"},
	{"did not find expected alphabetic or numeric character", "a value that begins with * or & needs quotes"},
	{"found unknown escape character", `a \ in double quotes begins an escape: write \\, or use single quotes`},
	{"did not find expected whitespace or line break", "a value that begins with ! is a YAML tag; put it in quotes"},
}

// unknownAnchor reports an alias of nothing, whose place the parser does not tell. Its name may be a secret that begins with *.
func (d *decoder) unknownAnchor(name string) {
	at := &yaml.Node{Line: 1, Column: 1}
	for i, line := range d.lines {
		if before, _, found := strings.Cut(line, "*"+name); found {
			at.Line, at.Column = i+1, utf8.RuneCountInString(before)+1
			break
		}
	}
	d.fail(node{Node: at}, "yaml.alias", "a value that begins with * is an alias, and there is no anchor of its name; a plain * needs quotes")
}
