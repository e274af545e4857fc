// Package expression has the expressions that filters and transforms share, and the environment in which they see an event.
// The language is expr (https://expr-lang.org), with rules of its own for what is missing:
//
//   - What an event does not have is nil, and so is every member of it.
//   - <, >, <=, >=, in, contains, startsWith, endsWith and matches are false with a nil operand; == and != compare with it.
//   - Arithmetic and functions give nil for a nil operand; a condition that is nil is false.
//
// A result is a function of the event: there is no clock, environment or I/O, and the order of a map's keys is theirs.
// Each run has a [Budget].
package expression

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/expr-lang/expr/file"
)

// Error is a mistake in an expression's text.
type Error struct {
	Line, Col int // the line from 1, the column from 0
	Message   string
}

func (e *Error) Error() string { return e.Message }

// Program is a compiled expression. It may be used by several goroutines at once.
type Program struct {
	text
	root  eval
	slots int      // that its variables take
	parts int      // that a trace tells of
	path  []string // set where the expression is nothing but a path into the event's JSON
}

// Source is the expression's text.
func (p *Program) Source() string { return p.source }

// describe tells the texts of the parts. They are not kept, since only traces ask for them.
func (p *Program) describe() []step {
	_, steps, _ := new(Compiler).build(p.text, true) // it compiled before
	return steps
}

// compileError is a mistake that expr's parser or checker found.
func compileError(t text, err error) *Error {
	var at *file.Error
	if !errors.As(err, &at) {
		return &Error{1, 0, oneLine(inWords(err.Error(), t.source, 0, t.isBool))}
	}
	return &Error{at.Line, at.Column, oneLine(inWords(at.Message, t.source, at.From, t.isBool))}
}

// Bool runs a filter for an event: what is missing is false. Its errors are a [*RunError].
func (p *Program) Bool(env *Env) (bool, error) {
	v, err := p.run(env)
	if err != nil {
		return false, err
	}
	return v.(bool), nil // compiled as one
}

// Value runs the program for an event. The value is nil, a bool, a string, an int, a float64, a uint64 beyond int, a []any, a map[string]any,
// or one of package time. Its errors are a [*RunError].
func (p *Program) Value(env *Env) (any, error) { return p.run(env) }

// AppendJSON runs the program for an event and appends the value as JSON. What the expression only passes on keeps its bytes.
func (p *Program) AppendJSON(dst []byte, env *Env) ([]byte, error) {
	v, err := p.run(env)
	if err != nil {
		return dst, err
	}
	if p.path != nil {
		if raw := env.find(p.path); raw != nil && (raw[0] == '"') == isText(v) { // a number may stand as a text
			return append(dst, raw...), nil
		}
	}
	return AppendJSON(dst, v)
}

func isText(v any) bool {
	_, is := v.(string)
	return is
}

func (p *Program) run(env *Env) (any, error) {
	env.budget.reset()
	env.args = env.args[:0]
	env.slots = slices.Grow(env.slots[:0], p.slots)[:p.slots]
	if env.watch == nil {
		return p.value(env)
	}
	env.trace = &Trace{program: p, parts: make([]Part, p.parts)}
	start := time.Now()
	v, err := p.value(env)
	t := env.trace
	t.Took, t.Value, t.Err = time.Since(start), v, err
	env.trace = nil
	env.watch(t)
	return v, err
}

func (p *Program) value(env *Env) (any, error) {
	v, err := protected(func() (any, error) {
		if v := p.root(env); !p.isBool {
			return v, nil
		} else {
			return isTrue(v), nil
		}
	})
	clear(env.slots)
	if err != nil {
		return nil, err
	}
	return v, nil
}

// protected calls f, and makes errors of its panics.
func protected(f func() (any, error)) (v any, failure *RunError) {
	defer func() {
		r := recover()
		err, isError := r.(error)
		switch {
		case isError:
			v, failure = nil, runError(err)
		case r != nil: // of a function of expr's
			v, failure = nil, runError(errors.New(fmt.Sprint(r)))
		}
	}()
	v, err := f()
	if err != nil {
		return nil, runError(err)
	}
	return v, nil
}
