package format

import "github.com/awf-project/awf-hook/engine/lazy"

// matches returns a function that reports whether a text matches a regular expression.
func matches(expression string) func(string) bool {
	compiled := lazy.Regexp(expression)
	return func(s string) bool { return compiled().MatchString(s) }
}
