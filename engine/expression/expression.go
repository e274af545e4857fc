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
	"reflect"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// Bounds of an expression's text. They stand in docs/config.md.
const (
	MaxSource = 16 << 10 // bytes
	MaxNodes  = 5_000    // operators, operands and calls
)

// Error is a mistake in an expression's text.
type Error struct {
	Line, Col int // the line from 1, the column from 0
	Message   string
}

func (e *Error) Error() string { return e.Message }

// Program is a compiled expression. It may be used by several goroutines at once.
type Program struct {
	program *vm.Program
	quick   eval // instead of the program, where it can be
	needs   needs
	path    *path  // set where the expression is nothing but a path into the event's JSON
	steps   []step // of a traced program, by their numbers
}

// CompileBool compiles a filter: an expression over the event that is true or false. Its mistakes are an [*Error].
func CompileBool(source string) (*Program, error) {
	return compile(source, options{env: filterTypes, isBool: true})
}

// CompileValue compiles an expression that makes a value of the event, of body, which is what a transform is fed, and of with.
// Its mistakes are an [*Error].
func CompileValue(source string) (*Program, error) {
	return compile(source, options{env: valueTypes})
}

type options struct {
	env    typeEnv
	isBool bool
	traced bool
}

func compile(source string, o options) (*Program, error) {
	if len(source) > MaxSource {
		return nil, &Error{1, 0, fmt.Sprintf("want at most %d KiB, got %d bytes", MaxSource>>10, len(source))}
	}
	// First the types as the user sees them are checked, then the tree is rewritten and compiled without them:
	// at run time any value may be missing.
	checked := newChecked(o)
	tree, err := parser.ParseWithConfig(source, checked)
	if err != nil {
		return nil, compileError(err)
	}
	if _, err := checker.Check(tree, checked); err != nil {
		return nil, compileError(err)
	}
	path := pathOf(tree.Node)
	w := &rewriter{source: source, traced: o.traced}
	root := w.node(tree.Node)
	if o.isBool {
		root = w.truth(root)
	}
	if w.err != nil {
		return nil, w.err
	}
	tree.Node = root
	running := newRunning()
	if _, err := checker.Check(tree, running); err != nil {
		return nil, compileError(err)
	}
	program, err := compiler.Compile(tree, running)
	if err != nil {
		return nil, compileError(err)
	}
	p := &Program{program: program, needs: w.needs, path: path, steps: w.steps}
	if !o.traced {
		p.quick = quick(root)
	}
	return p, nil
}

func compileError(err error) error {
	var at *file.Error
	if errors.As(err, &at) && strings.HasSuffix(at.Message, "exceeds maximum allowed nodes") {
		at.Message = fmt.Sprintf("want at most %d operators, operands and calls", MaxNodes)
	}
	if at != nil {
		return &Error{at.Line, at.Column, oneLine(lowerFirst(inOurWords.Replace(at.Message)))}
	}
	return &Error{1, 0, oneLine(lowerFirst(inOurWords.Replace(err.Error())))}
}

// place makes an error of the place of a node.
func place(source string, n ast.Node, format string, args ...any) *Error {
	at := (&file.Error{Location: n.Location(), Message: fmt.Sprintf(format, args...)}).Bind(file.NewSource(source))
	return &Error{at.Line, at.Column, oneLine(at.Message)}
}

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// Bool runs a filter for an event. Its errors are a [*RunError].
func (p *Program) Bool(in *Env) (bool, error) {
	result, err := p.run(in)
	if err != nil {
		return false, err
	}
	return result.(bool), nil // compiled as one
}

// Value runs the program for an event. The value is nil, a bool, a string, an int, a float64, a []any, a map[string]any,
// or one of package time. Its errors are a [*RunError].
func (p *Program) Value(in *Env) (any, error) {
	result, err := p.run(in)
	if err != nil {
		return nil, err
	}
	return plain(result), nil
}

// AppendJSON runs the program for an event and appends the value as JSON. What the expression only passes on keeps its bytes.
func (p *Program) AppendJSON(dst []byte, in *Env) ([]byte, error) {
	if p.path != nil {
		if raw, found := p.path.find(in); found {
			return append(dst, raw...), nil
		}
	}
	v, err := p.Value(in)
	if err != nil {
		return dst, err
	}
	return AppendJSON(dst, v)
}

func (p *Program) run(in *Env) (any, error) {
	if err := in.prepare(p.needs); err != nil {
		return nil, err
	}
	in.budget.reset()
	if p.quick != nil {
		return p.runQuick(in)
	}
	in.vm.MemoryBudget = maxElements
	result, err := in.vm.Run(p.program, in.environment())
	if err != nil {
		return nil, runError(err)
	}
	return result, nil
}

// plain turns what functions of the language return into the values of JSON.
func plain(v any) any {
	switch v := v.(type) {
	case nil, bool, string, int, float64, []any, map[string]any:
		return v
	case *object:
		return v.value()
	case int64: // Unix seconds
		return int(v)
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice || r.Kind() == reflect.Array {
		list := make([]any, r.Len())
		for i := range list {
			list[i] = plain(r.Index(i).Interface())
		}
		return list
	}
	return v
}
