// Package lazy delays regular expressions until a command needs them: compiling all of awf-hook's takes longer than a short command.
//
// Other programs should not import it: it serves only this module and may change at any time.
package lazy

import (
	"regexp"
	"sync"
)

// Regexp returns a function that compiles a regular expression when it is first called. It panics then if the expression
// has a mistake.
func Regexp(expression string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}
