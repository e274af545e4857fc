package format

import (
	"fmt"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/legible"
)

// matches returns a function that reports whether a text matches a regular expression.
func matches(expression string) func(string) bool {
	compiled := lazy.Regexp(expression)
	return func(s string) bool { return compiled().MatchString(s) }
}

// lacks returns a function that reports whether nothing in a text matches a regular expression.
func lacks(expression string) func(string) bool {
	found := matches(expression)
	return func(s string) bool { return !found(s) }
}

func wantMatch(key *Key, got string) string {
	return fmt.Sprintf("want %s, got %q", key.want, legible.Shorten(got, maxQuoted))
}

// quoted matches an expression that is a single text.
var quoted = lazy.Regexp(`^\s*(?:"([^"\\]*)"|'([^'\\]*)')\s*$`)

// constant returns the value of a text that is the same for all events.
func (t *text) constant() (string, bool) {
	switch {
	case t == nil:
		return "", false
	case t.isLiteral():
		return t.literal, true
	case len(t.parts) == 1 && t.parts[0].Program != nil:
		found := quoted().FindStringSubmatch(t.parts[0].Program.Source())
		if found != nil {
			return found[1] + found[2], true
		}
	}
	return "", false
}
