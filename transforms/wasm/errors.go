package wasm

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// What a transform can come to but a body. All but ErrDrop come in an [*Error]; all are for good: the same event
// fails in the same way again.
var (
	ErrDrop          = errors.New("dropped")          // not a failure: the guest has nothing to send
	ErrFuel          = errors.New("out of fuel")      // it ran too long
	ErrMemory        = errors.New("out of memory")    // it asked for more memory than its limit, and did not go on without
	ErrStack         = errors.New("calls too deep")   // its calls within calls passed the limit
	ErrInput         = errors.New("input too large")  // the event is larger than the limit; the guest did not run
	ErrOutput        = errors.New("output too large") // the body is larger than the limit
	ErrInvalidOutput = errors.New("invalid output")   // not JSON, or a pointer that does not point into the guest's memory
	ErrTrap          = errors.New("trapped")          // WebAssembly's own errors: unreachable, division by zero, memory out of bounds; an exit
	ErrFail          = errors.New("failed")           // the guest says so, with its own text
)

// ErrModule is a module that cannot be used. It comes from [Sandbox.Load] only.
var ErrModule = errors.New("invalid module")

// ErrClosed is a sandbox or module that was closed.
var ErrClosed = errors.New("closed")

// Error is a transform's failure. Its text is safe to show: one line of printable characters, free of Go's types and stacks.
// What the guest says in it is the guest's: it may quote the event.
type Error struct {
	Kind   error    // one of the sentinels
	Detail string   // "integer divide by zero"; what the guest said
	Fuel   int64    // used when it failed
	Trace  []string // the guest's functions, the innermost first
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Kind.Error())
	if e.Detail != "" {
		b.WriteString(": " + e.Detail)
	}
	if len(e.Trace) > 0 {
		b.WriteString(", in " + strings.Join(e.Trace, " < "))
	}
	if e.Fuel > 0 {
		fmt.Fprintf(&b, ", at fuel %d", e.Fuel)
	}
	return b.String()
}

func (e *Error) Unwrap() error { return e.Kind }

// OneLine is a text as lines of the log and errors have it, but for their limit.
func OneLine(text string) string { return oneLine(text, len(text)) }

// oneLine tames a text of a guest's: one line of printable characters, cut at the limit in bytes.
func oneLine(s string, limit int) string {
	if len(s) > limit {
		s = s[:limit]
	}
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}
