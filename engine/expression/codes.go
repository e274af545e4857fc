package expression

import (
	"regexp"
	"sync"
)

// codes maps errors of expr's parser and checker, and the source after their place, to kinds of mistakes. The first match counts.
// Package config documents the kinds.
var codes = []struct{ message, after, code string }{
	{`^unexpected token Operator`, `^=([^=~<>]|$)`, "expr.assign"},
	{`^unexpected token Operator|^unrecognized character: U\+007E|^Operator `, ``, "expr.operator"},
	{`^unknown (name|field|pointer)`, ``, "expr.name"},
	{`has no (?:method|field)|is undefined$`, ``, "expr.member"},
	{`^(not enough|too many) arguments|^invalid number of arguments|^expected at least`, ``, "expr.arguments"},
	{`as argument |takes only array|^sortBy order`, ``, "expr.argument"},
	{`is not callable$|is nil; cannot call`, ``, "expr.function"},
	{`mismatched type|^expected bool|^non-bool|^predicate should`, ``, "expr.type"},
	{`to get an element|an integer|^non-integer|^type |^cannot slice`, ``, "expr.type"},
	{`^error parsing regexp`, ``, "expr.pattern"},
	{`maximum allowed nodes$`, ``, "expr.size"},
}

// codeRules holds the codes with their compiled regular expressions.
var codeRules = sync.OnceValue(func() []codeRule {
	all := make([]codeRule, len(codes))
	for i, c := range codes {
		all[i] = codeRule{regexp.MustCompile(c.message), regexp.MustCompile(c.after), c.code}
	}
	return all
})

type codeRule struct {
	message, after *regexp.Regexp
	code           string
}

// codeOf returns the kind of a mistake before a part of the source.
func codeOf(message, after string) string {
	for _, k := range codeRules() {
		if k.message.MatchString(message) && k.after.MatchString(after) {
			return k.code
		}
	}
	return "expr.syntax"
}
