package expression

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/lazy"
)

var (
	lastToken  = lazy.Regexp("([\\w.#]+|\"[^\"]*\"|'[^']*'|`[^`]*`|[^\\w\\s])\\s*$")
	firstToken = lazy.Regexp("^\\s*([\\w.#]+|\"[^\"]*\"|'[^']*'|`[^`]*`|[^\\w\\s\"'`(]+|.)")
	aWord      = lazy.Regexp(`^[A-Za-z_]\w*$`)
	pipe       = lazy.Regexp(`([^\s|]+)\s*\|\s*(\w+)\s*$`)
)

// between returns the answer to a word or sign that does not fit between its neighbours.
func (p *phrase) between() string {
	last, next := token(lastToken(), p.until), token(firstToken(), p.rest)
	open, _ := brackets(p.until)
	if say := p.foreignWord(last, next); say != "" {
		return say
	}
	switch {
	case next == "":
		return unclosed(p.source)
	case strings.ContainsAny(next[:1], ")]}"):
		return closes(open, next[:1])
	case next == "," && open == "":
		return "want and or or between conditions; a comma belongs into a list or a call"
	case next == ",":
		return `a comma belongs into a list or a call: ["a", "b"]`
	case next == ";" && (open == "" || !endsValue(last)):
		return "want a value before ;"
	case next == ";":
		return "want a comma between the arguments of a call; ; ends a let"
	case slices.Contains(roots, last) && aWord().MatchString(next):
		return fmt.Sprintf("want a dot before a member's name: %s.%s", last, next)
	case endsValue(last) && isValue(next) && strings.ContainsAny(last[:1], `"'`) && !strings.HasSuffix(p.until, " "):
		return `want \" or \' for a quote within a text, or other quotes around the text`
	case endsValue(last) && isValue(next):
		return fmt.Sprintf("want an operator between %s and %s", last, next)
	case isValue(next) && last == ",":
		return fmt.Sprintf("want no argument more: %s cannot stand here", next)
	case isValue(next):
		return fmt.Sprintf("%s cannot stand here", next)
	case endsValue(last):
		return fmt.Sprintf("%s is not an operator: want ==, and, or, contains or another one after %s", next, last)
	case last == "":
		return "want a value before " + next
	}
	return fmt.Sprintf("want a value between %s and %s", last, next)
}

// foreignWord returns the answer to a word of another language after or before the place, "" if there is none.
func (p *phrase) foreignWord(last, next string) string {
	statement, begins := adviceOn(otherStatements, last)
	operator, joins := adviceOn(otherOperators, next)
	switch {
	case begins && strings.TrimSpace(p.until) == last:
		return "want " + strings.ReplaceAll(statement, "%s", last)
	case joins && last != "" && aWord().MatchString(next) && isValue(next):
		return "want " + strings.ReplaceAll(operator, "%s", next)
	case begins:
		return "want " + strings.ReplaceAll(statement, "%s", last)
	}
	for _, name := range functionNames() {
		if strings.EqualFold(name, last) {
			return fmt.Sprintf("%s is a function: want %s(…)", last, name)
		}
	}
	return ""
}

// piped returns the answer to a | with a name after it.
func (p *phrase) piped() string {
	m := pipe().FindStringSubmatch(p.source)
	if m == nil {
		return unclosed(p.source)
	}
	return methodOf(m[1], m[2])
}

// token returns a token as a message shows it, shortened.
func token(find *regexp.Regexp, s string) string {
	const most = 30 // characters
	m := find.FindStringSubmatch(s)
	if m == nil {
		return ""
	}
	if short := []rune(m[1]); len(short) > most {
		return string(short[:most]) + "…"
	}
	return m[1]
}

// endsValue reports whether a token is a value or ends one.
func endsValue(token string) bool { return isValue(token) && !strings.ContainsAny(token[:1], "([{") }

// isValue reports whether a token is a value or ends or begins one.
func isValue(token string) bool {
	switch token {
	case "", "and", "or", "not", "in", "contains", "matches", "startsWith", "endsWith":
		return false
	}
	return aWord().MatchString(token[:1]) || token[0] >= '0' && token[0] <= '9' || strings.ContainsAny(token[:1], "\"'`#)]}([{$")
}

// closes returns the answer to a closing bracket.
func closes(open, bracket string) string {
	pairs := map[string]string{")": "(", "]": "[", "}": "{"}
	switch {
	case open == "":
		return fmt.Sprintf("unmatched %s", bracket)
	case strings.HasSuffix(open, pairs[bracket]):
		return fmt.Sprintf("want a value before %s", bracket)
	}
	return fmt.Sprintf("the %s is not closed before %s", open[len(open)-1:], bracket)
}
