package wasm

import (
	"errors"
	"fmt"
	"strings"
)

// The outcomes of a transform that makes no body. All but ErrDrop are the Kind of an [*Error]. All are permanent: the same event
// has the same outcome again, except that ErrTime may depend on the machine.
var (
	ErrDrop          = errors.New("dropped")          // no failure: the guest has nothing to send
	ErrFuel          = errors.New("out of fuel")      // it ran too long
	ErrTime          = errors.New("out of time")      // it used little fuel, but took too long
	ErrMemory        = errors.New("out of memory")    // it asked for more memory than its limit, and failed without
	ErrStack         = errors.New("calls too deep")   // its nested calls exceeded the limit
	ErrInput         = errors.New("input too large")  // the event is larger than the limit; the guest did not run
	ErrOutput        = errors.New("output too large") // the body is larger than the limit
	ErrInvalidOutput = errors.New("invalid output")   // not JSON, or a pointer outside the guest's memory
	ErrTrap          = errors.New("trapped")          // WebAssembly's own errors: unreachable, division by zero, memory out of bounds; an exit
	ErrFail          = errors.New("failed")           // the guest said so, in its own words
)

// ErrModule means that a module cannot be used. [Sandbox.Load] returns it. It is the Kind of an [*Error] if only the code for events
// with much fuel cannot be made, which awf-hook makes for the first such event.
var ErrModule = errors.New("invalid module")

// ErrClosed means that the sandbox or module was closed.
var ErrClosed = errors.New("closed")

// Error is a transform's failure. Its text is safe to show: one line of printable characters, without Go types or stacks.
// It may contain the guest's own words, which may quote the event.
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
