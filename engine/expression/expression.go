// Package expression has the expressions that filters share, and the environment in which they see an event.
// The language is expr (https://expr-lang.org).
package expression

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// MaxSource is the longest expression, in bytes.
const MaxSource = 16 << 10

// Error is a mistake in an expression's text.
type Error struct {
	Line, Col int // the line from 1, the column from 0
	Message   string
}

func (e *Error) Error() string { return e.Message }

// Env is what an expression sees of an event.
type Env struct {
	Event        string         `expr:"event"`
	WorkflowID   string         `expr:"workflow_id"`
	WorkflowName string         `expr:"workflow_name"`
	Timestamp    time.Time      `expr:"timestamp"`
	Payload      map[string]any `expr:"payload"`
}

// Program is a compiled expression. It may be used by several goroutines at once.
type Program struct {
	program     *vm.Program
	readPayload bool
}

// CompileBool compiles an expression that is true or false. Its mistakes are an [*Error].
func CompileBool(source string) (*Program, error) {
	if len(source) > MaxSource {
		return nil, &Error{1, 0, fmt.Sprintf("want at most %d KiB, got %d bytes", MaxSource>>10, len(source))}
	}
	uses := &usage{name: "payload"}
	program, err := expr.Compile(source, expr.Env(Env{}), expr.AsBool(), expr.Patch(uses),
		expr.DisableBuiltin("now")) // results are a function of the event
	if err != nil {
		return nil, compileError(err)
	}
	return &Program{program, uses.found}, nil
}

// usage looks for a name in an expression.
type usage struct {
	name  string
	found bool
}

func (u *usage) Visit(n *ast.Node) {
	if id, ok := (*n).(*ast.IdentifierNode); ok && (id.Value == u.name || id.Value == "$env") {
		u.found = true
	}
}

func compileError(err error) error {
	var at *file.Error
	if errors.As(err, &at) {
		return &Error{at.Line, at.Column, lowerFirst(at.Message)}
	}
	return &Error{1, 0, lowerFirst(err.Error())}
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// Bool runs the program for an event.
func (p *Program) Bool(e *event.Event) (bool, error) {
	env := Env{e.Type, e.WorkflowID, e.WorkflowName, e.Timestamp.UTC(), nil}
	if p.readPayload {
		var err error
		if env.Payload, err = payload(e.Payload); err != nil {
			return false, err
		}
	}
	result, err := expr.Run(p.program, env)
	if err != nil {
		return false, runError(err)
	}
	return result.(bool), nil // compiled as one
}

// runError keeps of a run-time error what it says, in one line, without the drawing of the source.
func runError(err error) error {
	var at *file.Error
	if errors.As(err, &at) {
		return errors.New(oneLine(lowerFirst(at.Message)))
	}
	return err
}

// oneLine tames a text that may quote the event's values, which may be long and have control characters.
func oneLine(s string) string {
	const limit = 200 // bytes
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s[:min(limit, len(s))])
	return strings.TrimRight(s, "\uFFFD")
}

// payload decodes an event's payload: whole numbers are int, others float64.
func payload(raw []byte) (map[string]any, error) {
	if raw == nil {
		return map[string]any{}, nil
	}
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	m := map[string]any{}
	if err := dec.Decode(&m); err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	return numbers(m).(map[string]any), nil
}

// numbers replaces each json.Number by an int, or by a float64 where it is none.
func numbers(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, inner := range v {
			v[k] = numbers(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = numbers(inner)
		}
	case json.Number:
		if i, err := strconv.Atoi(string(v)); err == nil {
			return i
		}
		f, _ := strconv.ParseFloat(string(v), 64) // beyond its range: infinite
		return f
	}
	return v
}
