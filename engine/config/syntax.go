package config

import (
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/lazy"
	"gopkg.in/yaml.v3"
)

var yamlError = lazy.Regexp(`^yaml: (?:line (\d+): )?(.*)$`)

// syntax reports text that is not YAML. It improves on the parser's error, whose place is rough and which does not say what to do.
func (d *decoder) syntax(err error) {
	m := yamlError().FindStringSubmatch(strings.SplitN(err.Error(), "\n", 2)[0])
	if m == nil {
		m = []string{"", "", err.Error()}
	}
	if name, isAlias := strings.CutPrefix(m[2], "unknown anchor '"); isAlias {
		d.unknownAnchor(strings.TrimSuffix(name, "' referenced"))
		return
	}
	line := d.lineOf(m[1], m[2])
	for _, look := range []func(line int, problem string) (slip, bool){d.unreadable, d.lookalike, d.tab, d.keyWithoutColon, d.commonSlip} {
		if s, found := look(line, m[2]); found {
			d.failSyntax(s)
			return
		}
	}
}

// unreadable finds the character that the parser cannot read, because the parser does not say where it is.
func (d *decoder) unreadable(_ int, problem string) (slip, bool) {
	isControl := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	switch {
	case strings.HasPrefix(problem, "control characters"):
		for i, line := range d.lines {
			if at := strings.IndexFunc(line, isControl); at >= 0 {
				const is = `a control character: leave it out, or write it in double quotes as an escape such as \x1b`
				return slip{i + 1, utf8.RuneCountInString(line[:at]) + 1, is}, true
			}
		}
	case strings.HasPrefix(problem, "invalid"), strings.HasPrefix(problem, "found an incorrect"):
		for i, line := range d.lines {
			if !utf8.ValidString(line) {
				at := strings.IndexRune(line, utf8.RuneError)
				return slip{i + 1, utf8.RuneCountInString(line[:at]) + 1, notUTF8}, true
			}
		}
		return slip{1, 1, notUTF8}, true
	}
	return slip{}, false
}

const notUTF8 = "the file is not UTF-8: save it as that"

// slip is a mistake at a place.
type slip struct {
	line, col int
	is        string
}

func (d *decoder) failSyntax(s slip) {
	at := &yaml.Node{Line: s.line, Column: s.col}
	d.fail(node{Node: at}, "yaml.syntax", "not YAML: %s", s.is)
}

// lineOf returns the line of a problem. It corrects the parser where that is known to be wrong.
func (d *decoder) lineOf(told, problem string) int {
	line, _ := strconv.Atoi(told)
	missing, isMissing := strings.CutPrefix(problem, "did not find expected ")
	if isMissing && !ofScanner().MatchString(problem) { // unlike the scanner, the parser counts from 0
		line++
	}
	line = max(line, 1)
	if isMissing && (strings.HasPrefix(missing, "'-'") || strings.HasPrefix(missing, "key")) || strings.Contains(problem, aTab) {
		line = d.firstWrong(line, problem)
	}
	return min(line, max(len(d.lines), 1))
}

// aTab is in the parser's errors for tabs within a value of several lines.
const aTab = "tab character"

// ofScanner matches the scanner's errors among those that begin like the parser's.
var ofScanner = lazy.Regexp("alphabetic|whitespace|digit|hexdecimal|comment|tag")

// firstWrong returns the first line that makes the text before it unreadable. The parser only says where the surrounding list, mapping
// or value begins.
func (d *decoder) firstWrong(from int, problem string) int {
	beyond := sort.Search(len(d.lines)-from, func(i int) bool {
		return strings.HasSuffix(problemOf(d.lines[:from+i]), problem)
	})
	return from + beyond
}

// tab finds a line that is indented with a tab: the line of the problem, or unless that is sure, the one below.
func (d *decoder) tab(line int, problem string) (slip, bool) {
	last := min(line+1, len(d.lines))
	if strings.Contains(problem, aTab) {
		last = line
	}
	for near := line; near <= last; near++ {
		if text := strings.TrimLeft(d.lines[near-1], " "); strings.HasPrefix(text, "\t") {
			return slip{near, d.textBegins(near), "a tab: YAML is indented with spaces"}, true
		}
	}
	return slip{}, false
}

// keyWithoutColon finds a key without a colon in the line above.
func (d *decoder) keyWithoutColon(line int, problem string) (slip, bool) {
	isEntry := func(line int) bool { return strings.HasPrefix(strings.TrimLeft(d.lines[line-1], " "), "- ") }
	above := line - 1
	if above < 1 || !strings.HasPrefix(problem, "mapping values") || isEntry(above) && isEntry(line) {
		return slip{}, false
	}
	isSlip := noKey().MatchString(d.lines[above-1]) && d.isCause(above)
	return slip{above, d.textBegins(above), "a key needs a colon and a space behind it"}, isSlip
}

// noKey finds lines that are neither a key with a value nor a comment.
var noKey = lazy.Regexp(`^[^:#]*(?::[^ :#][^:#]*)*$`)

// commonSlip finds a slip of the table on the line or the one above, at the beginning of the first group; else one without a place.
func (d *decoder) commonSlip(line int, problem string) (slip, bool) {
	for near := line; near >= max(1, line-1); near-- {
		for _, known := range slips {
			if known.line == nil || !known.fits(problem) {
				continue
			}
			at := known.line().FindStringSubmatchIndex(d.lines[near-1])
			if at != nil && (near == line || d.isCause(near)) {
				return slip{near, utf8.RuneCountInString(d.lines[near-1][:at[2]]) + 1, known.is}, true
			}
		}
	}
	for _, known := range slices.Backward(slips) {
		if known.fits(problem) {
			return slip{line, d.textBegins(line), known.is}, true
		}
	}
	return slip{}, false
}

// knownSlip is a common mistake.
type knownSlip struct {
	problems string                // how the parser's error begins; several between bars
	line     func() *regexp.Regexp // finds the place in a line; nil for any line
	is       string
}

func (k *knownSlip) fits(problem string) bool {
	return slices.ContainsFunc(strings.Split(k.problems, "|"), func(begin string) bool { return strings.HasPrefix(problem, begin) })
}

// slips lists the mistakes by the parser's error. For an error without a place, the last that fits counts, and one always does.
var slips = []knownSlip{
	{"", lazy.Regexp(`^[^"'#]*: +((?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*') *[^ #,\]}])`),
		"a value that begins with a quote ends with it, and something follows; put the whole value in other quotes"},
	{"", nil, "what stands here cannot be read: put the value in quotes"},
	{"did not find expected key", lazy.Regexp(`^[ -]*[\w.-]+: +("[^"]*|'[^']*)$`),
		"the quote that begins here ends in a line below: close it on its own line"},
	{"did not find expected ',' or ", lazy.Regexp(`[\[{,:] *(?:[\w./+-]+ +)*(\$\{\w)`),
		`a variable within { } or [ ] needs quotes: "${NAME}"`},
	{"did not find expected ',' or '}'", lazy.Regexp(`[{,] *[\w.-]+: +[^"',{}\[\]]+? ([\w.-]+: )`),
		"a comma is missing between two keys"},
	{"did not find expected ',' or '}'", lazy.Regexp(`[{,] *[\w.-]+: +([^"',{}\[\]]*: [^{}]*)}`),
		`a ": " in a value without quotes: put the value in quotes`},
	{"mapping values", lazy.Regexp(`^[ -]*[\w."'-]+: +([^"'|>#{\[].*(?:: |:$))`),
		`a ": " in a value without quotes: put the value in quotes`},
	{"block sequence entries", lazy.Regexp(`: +(- )`),
		"a list's entry stands in a line of its own, or the list in brackets: [a, b]"},
	{"mapping keys", lazy.Regexp(`: +(\? )`), "a value cannot begin with ?: put it in quotes"},
	{"did not find expected comment or line break", lazy.Regexp(`: +([|>][-+0-9]* .*)`),
		"the text of a block stands in the lines below | or >, indented; or put the value in quotes"},
	{"could not find expected ':'", lazy.Regexp(`^[ -]*([\w-]+:[^\s/])`), "a key needs a space after its colon"},
	{"found character that cannot start", lazy.Regexp("(?:: +|[\\[{,] *|- +)([@`%])"),
		"a value cannot begin with @, ` or %: put it in quotes"},
	{"did not find expected alphabetic", lazy.Regexp(`(?:: +|[\[{,] *|- +)([*&])`), "a value that begins with * or & needs quotes"},
	{"found unknown escape character|did not find expected hexdecimal number|found invalid Unicode character escape code",
		lazy.Regexp(`(\\[^\\"/abefnrtvNLPuUx0 _])`),
		`a \ in double quotes begins an escape: write \\, or use single quotes`},

	// These have no place in the line.
	{"mapping values are not allowed in this context", nil,
		`a ": " in a value without quotes, or a key that is indented too far: put the value in quotes`},
	{"did not find expected ',' or ']'", nil, "a list that begins with [ is not closed with ]"},
	{"did not find expected ',' or '}'", nil, "a mapping that begins with { is not closed with }"},
	{"did not find expected '-' indicator", nil, "the indent does not fit the lines above: an entry of the list begins with -"},
	{"did not find expected key", nil, "the indent does not fit the lines above, or a quote is missing"},
	{"did not find expected node content", nil, "a value is missing, or one begins with a character that needs quotes"},
	{"did not find expected <document start>", nil, "there is text before the beginning or after the end: want one document"},
	{"found unexpected end of stream", nil, "a quote is not closed"},
	{"found unexpected document indicator", nil, "a quote is not closed before a line with --- or ..."},
	{"could not find expected ':'", nil, "a line without a colon after its key, or a quote that is not closed"},
	{"could not find expected directive name|found unknown directive name", nil, "a line that begins with % needs quotes"},
	{"did not find expected whitespace|did not find expected tag URI|did not find the expected '>'|did not find expected '!'|" +
		"found undefined tag handle", nil, "a value that begins with ! is a YAML tag; put it in quotes"},
	{"did not find expected comment or line break", nil, "what follows a list, a mapping or a block belongs on the next line"},
	{"found an indentation indicator equal to 0", nil, "the number behind | or > is that of the spaces of the indent: leave it out"},
	{"exceeded max depth", nil, "the values are nested more than 10,000 deep"},
	{"found incompatible YAML document", nil, "the version behind %YAML is unknown: leave the line out"},
}

// textBegins returns the column in which a line's text begins.
func (d *decoder) textBegins(line int) int {
	if line > len(d.lines) {
		return 1
	}
	text := d.lines[line-1]
	return len(text) - len(strings.TrimLeft(text, " ")) + 1
}

// unknownAnchor reports an alias without an anchor, whose place the parser does not say. Its name may be a secret that begins with *.
func (d *decoder) unknownAnchor(name string) {
	at := &yaml.Node{Line: 1, Column: 1}
	for i, line := range d.lines {
		if before, _, found := strings.Cut(line, "*"+name); found {
			at.Line, at.Column = i+1, utf8.RuneCountInString(before)+1
			break
		}
	}
	d.fail(node{Node: at}, "yaml.alias",
		"a value that begins with * is an alias, and there is no anchor of its name; a plain * needs quotes")
}
