// Package expression compiles and runs the expressions of filters and transforms.
//
// Compile the texts of a file with a [Compiler], make an [Env] for each event, and run a [Program] in it. Mistakes in
// a text are an [*Error] with its place; failures on an event are a [*RunError]. To explain a run, let [Env.Watch] report the value of
// each part.
//
// The language is expr (https://expr-lang.org): expr parses and checks every text. This package then turns the checked tree into
// functions that call each other. Filters, maps, order_by, formats and explain share this evaluator. The package does not use expr's
// virtual machine, which knows neither missing values nor costs: it would need a second tree with every operator rewritten, hidden
// variables for the budget and a second program for traces, and a filter would take several times as long. One table lists each operator
// and function with its kinds of arguments and its cost.
//
// The rules for missing values are awf-hook's own:
//
//   - A value that the event does not have is nil. So is a member that an object does not have, and an element beyond a list's end.
//   - <, >, <=, >=, in, contains, startsWith, endsWith and matches are false with a nil operand; == and != compare with it.
//   - Arithmetic, functions and methods return nil for a nil argument. A condition that is nil is false.
//   - Loops treat a nil list as an empty one. Functions of lists skip nil elements; sort and sortBy put them last.
//
// A result depends on the event alone: expressions have no clock, environment variables or I/O, and a map's keys have a fixed order.
// Each run has a budget of steps, bytes and list elements, whatever its text and its event.
package expression

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
)

// Error is a mistake in an expression's text.
type Error struct {
	Line, Col int // the line from 1, the column from 0
	Message   string
	Code      string // the kind of mistake: "expr.name"
}

func (e *Error) Error() string { return e.Message }

// mistakeAt returns the error for a mistake at a node.
func mistakeAt(n ast.Node, source, code, message string) *Error {
	at := (&file.Error{Location: n.Location()}).Bind(file.NewSource(source))
	return &Error{at.Line, at.Column, legible.ShortLine(message, maxMessage), code}
}

// Program is a compiled expression. It may be used by several goroutines at once.
type Program struct {
	text
	root  eval
	slots int      // the number that its variables take
	parts int      // the number that a trace reports
	path  []string // set if the value is just a path into the event's JSON
	from  origins

	warnings []*Error
}

// Warnings lists what is valid but probably a mistake: values that a key never has, misspelled keys of payload, swapped arguments of glob.
func (p *Program) Warnings() []*Error { return p.warnings }

// Source returns the expression's text.
func (p *Program) Source() string { return p.source }

// describe returns the texts of the parts, compiling the source again: only traces need them.
func (p *Program) describe() []Part {
	_, parts, _ := new(Compiler).build(p.text, true) // it compiled before
	return parts
}

// compileError is a mistake that expr's parser or checker found.
func compileError(t text, err error) *Error {
	at, ok := errors.AsType[*file.Error](err)
	if !ok {
		at = &file.Error{Line: 1, Message: err.Error()}
	}
	runes := []rune(t.source)
	offset := min(max(at.From, 0), len(runes))
	p := &phrase{source: t.source, until: string(runes[:offset]), rest: string(runes[offset:]), isBool: t.isBool}
	message := functionType().ReplaceAllString(inOurWords.Replace(at.Message), "function")
	return &Error{at.Line, at.Column, legible.ShortLine(p.answer(rules(), message), maxMessage), p.answer(codeRules(), message)}
}

// Bool runs a filter for an event. A missing value is false. Its errors are a [*RunError].
func (p *Program) Bool(env *Env) (bool, error) {
	v, err := p.run(env, nil)
	if err != nil {
		return false, err
	}
	return v.(bool), nil // compiled as one
}

// Value runs the program for an event. The value is nil, a bool, a string, an int, a float64, a uint64 beyond int, a []any, a
// map[string]any, or one of package time. Its errors are a [*RunError].
func (p *Program) Value(env *Env) (any, error) { return p.run(env, nil) }

// AppendJSON runs the program for an event and appends the value as JSON. A value of the event that the expression passes on unchanged
// keeps its bytes.
func (p *Program) AppendJSON(dst []byte, env *Env) ([]byte, error) {
	raw := env.find(p.path)
	if raw != nil && env.watch == nil {
		return append(dst, raw...), nil
	}
	v, err := p.run(env, raw)
	switch {
	case raw != nil:
		return append(dst, raw...), nil
	case err != nil:
		return dst, err
	}
	return AppendJSON(dst, v)
}

// run runs the program. A trace shows raw, the bytes that are passed on, unless it is nil.
func (p *Program) run(env *Env, raw []byte) (any, error) {
	env.budget.reset()
	env.args = env.args[:0]
	env.slots = slices.Grow(env.slots[:0], p.slots)[:p.slots]
	if env.watch == nil {
		return p.value(env)
	}
	env.trace = &Trace{source: p.source, program: p, parts: make([]Part, p.parts), secrets: env.secrets}
	start := time.Now()
	v, err := p.value(env)
	t := env.trace
	t.Took, t.Value, t.Err = time.Since(start), v, err
	if _, isText := v.(string); raw != nil && v != nil && !isText {
		t.Value = json.RawMessage(raw)
		t.parts[0].Value = t.Value
	}
	env.trace = nil
	env.watch(t)
	return v, err
}

func (p *Program) value(env *Env) (any, error) {
	defer clear(env.slots)
	return protected(func() (any, error) { return p.root(env), nil })
}

// protected calls f and turns its errors and panics into a [*RunError].
func protected(f func() (any, error)) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New(fmt.Sprint(r)) // a panic of expr's or Go's own code
			if failure, isError := r.(error); isError {
				err = failure
			}
		}
		if err != nil {
			v, err = nil, runError(err)
		}
	}()
	return f()
}
