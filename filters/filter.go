// Package filters says which events a webhook wants: type globs and an expression, both compiled once.
package filters

import (
	"errors"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// Filter selects events. It may be used by several goroutines at once.
type Filter struct {
	globs   []Glob
	program *expression.Program // nil means that every event of the types passes
}

// New makes a filter of compiled globs, one of which an event's type must match, and an expression, which may be nil.
func New(globs []Glob, program *expression.Program) *Filter {
	return &Filter{globs, program}
}

// Match says whether the webhook wants the event. An error is the expression's, at run time: an [*expression.RunError].
func (f *Filter) Match(in *expression.Env) (bool, error) {
	if !f.MatchType(in.Event().Type) {
		return false, nil
	}
	if f.program == nil {
		return true, nil
	}
	return f.program.Bool(in)
}

// IsOperators reports whether the filter asks for operator events.
func (f *Filter) IsOperators() bool {
	return slices.ContainsFunc(f.globs, func(g Glob) bool { return event.IsOperator(string(g)) })
}

// MatchType says whether one of the globs matches the type of an event. An operator event's must be named whole.
func (f *Filter) MatchType(typ string) bool {
	if event.IsOperator(typ) {
		return slices.Contains(f.globs, Glob(typ))
	}
	for _, g := range f.globs {
		if g.Match(typ) {
			return true
		}
	}
	return false
}

// Glob is a pattern of event types: "*" stands for any run of characters, "?" for one.
type Glob string

// ParseGlob checks a pattern.
func ParseGlob(pattern string) (Glob, error) {
	const limit = 100
	switch {
	case pattern == "":
		return "", errors.New("want an event or a glob, got nothing")
	case len(pattern) > limit:
		return "", errors.New("want at most 100 bytes")
	case strings.ContainsFunc(pattern, notInGlob):
		return "", errors.New("want letters, digits, _, -, ., * and ?")
	case isDotted(pattern): // after the characters, since the error quotes them
		if names := meant(pattern); len(names) > 0 {
			return "", errors.New("AWF's name of an event, which is " + list(names) + " here")
		}
		return "", errors.New("want AWF's names with _ for the dot: " + strings.ReplaceAll(pattern, ".", "_"))
	}
	return Glob(pattern), nil
}

// isDotted says whether the pattern is one of AWF's own names: no event has it.
func isDotted(pattern string) bool {
	for _, family := range []string{"workflow.", "step.", "message.", "tool.", "run."} {
		if strings.HasPrefix(pattern, family) {
			return true
		}
	}
	return false
}

func notInGlob(r rune) bool {
	isWord := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-.*?", r)
	return !isWord
}

// Match says whether the whole of s fits the pattern.
func (g Glob) Match(s string) bool { return expression.MatchGlob(string(g), s) }
