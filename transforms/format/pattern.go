package format

import (
	"regexp"
	"sync"
)

// pattern is a regular expression that is compiled on first use, because compiling those of all formats takes a tenth of a cold start.
type pattern struct{ compiled func() *regexp.Regexp }

func compile(text string) pattern {
	return pattern{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
}

// MatchString is regexp's.
func (p pattern) MatchString(s string) bool { return p.compiled().MatchString(s) }

// FindStringSubmatch is regexp's.
func (p pattern) FindStringSubmatch(s string) []string { return p.compiled().FindStringSubmatch(s) }

// FindSubmatch is regexp's.
func (p pattern) FindSubmatch(b []byte) [][]byte { return p.compiled().FindSubmatch(b) }
