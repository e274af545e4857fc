// Package filters decides which events a webhook wants: by globs of event types and an expression.
//
// Parse globs with [ParseGlob], compile the expression with package expression, and join them with [New]. [Filter.Match]
// then costs about as much as the expression.
package filters

import (
	"errors"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// Filter selects events. It is safe for concurrent use.
type Filter struct {
	globs   []Glob
	program *expression.Program // nil passes every event of the types
}

// New makes a filter. An event passes if one of the globs matches its type and the expression, which may be nil, is true.
func New(globs []Glob, program *expression.Program) *Filter {
	return &Filter{globs, program}
}

// Match reports whether the webhook wants the event. If the expression fails, the error is an [*expression.RunError].
func (f *Filter) Match(in *expression.Env) (bool, error) {
	if !f.MatchType(in.Event().Type) {
		return false, nil
	}
	if f.program == nil {
		return true, nil
	}
	return f.program.Bool(in)
}

// IsOperators reports whether the filter selects operator events.
func (f *Filter) IsOperators() bool {
	return slices.ContainsFunc(f.globs, func(g Glob) bool { return event.IsOperator(string(g)) })
}

// MatchType reports whether one of the globs matches an event's type. An operator event matches only its full name.
func (f *Filter) MatchType(typ string) bool {
	if event.IsOperator(typ) {
		return slices.Contains(f.globs, Glob(typ))
	}
	return slices.ContainsFunc(f.globs, func(g Glob) bool { return g.Match(typ) })
}

// Glob is a pattern of event types: "*" matches any run of characters, "?" one character.
type Glob string

// inGlob lists the characters of patterns.
const inGlob = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.*?"

// ParseGlob checks a pattern.
func ParseGlob(pattern string) (Glob, error) {
	const limit = 100
	switch {
	case pattern == "":
		return "", errors.New("want an event or a glob, got nothing")
	case len(pattern) > limit:
		return "", errors.New("want at most 100 bytes")
	case strings.ContainsAny(pattern, ",|"):
		return "", errors.New("want one event or glob; a list has several: [workflow_end, step_*]")
	case strings.HasPrefix(pattern, "!"):
		return "", errors.New("want the events to send; a filter leaves some out: not (event startsWith \"step_\")")
	case strings.Trim(pattern, inGlob) != "": // some are left
		return "", errors.New("want letters, digits, _, -, ., * and ?")
	case isDotted(pattern): // after the check of characters, since the error quotes the pattern
		names := meant(pattern)
		if len(names) == 0 {
			names = []string{strings.ReplaceAll(pattern, ".", "_")}
		}
		return "", errors.New("want " + spelling.Join("or", names) + " for AWF's " + pattern)
	}
	return Glob(pattern), nil
}

// isDotted reports whether the pattern is one of AWF's own dotted names, which no event has.
func isDotted(pattern string) bool {
	for _, family := range []string{"workflow.", "step.", "message.", "tool.", "run."} {
		if strings.HasPrefix(pattern, family) {
			return true
		}
	}
	return false
}

// Match reports whether the pattern matches all of s.
func (g Glob) Match(s string) bool { return expression.MatchGlob(string(g), s) }
