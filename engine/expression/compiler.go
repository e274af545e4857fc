package expression

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
)

// Bounds of the texts of expressions, which docs/config.md lists.
const (
	MaxSource   = 16 << 10 // bytes
	maxNodes    = 5_000    // operators, operands and calls
	maxAllNodes = 250_000  // of all expressions of a [Compiler]
)

// Compiler compiles the expressions of a file. Equal texts become one program, and all texts are bounded together.
// Its zero value is ready for use, by several goroutines at once.
type Compiler struct {
	mu        sync.Mutex
	languages [2]*conf.Config // of values, of filters
	programs  map[text]compiled
	nodes     int
}

type text struct {
	source string
	isBool bool
}

type compiled struct {
	*Program
	mistake *Error
}

// Bool compiles a filter: an expression over the event that is true or false. Its mistakes are an [*Error].
func (c *Compiler) Bool(source string) (*Program, error) { return c.compile(text{source, true}) }

// Value compiles an expression over the event, the transform's input body, and with.
// Its mistakes are an [*Error].
func (c *Compiler) Value(source string) (*Program, error) { return c.compile(text{source, false}) }

// CompileBool is [Compiler.Bool] of a new compiler.
func CompileBool(source string) (*Program, error) { return new(Compiler).Bool(source) }

// CompileValue is [Compiler.Value] of a new compiler.
func CompileValue(source string) (*Program, error) { return new(Compiler).Value(source) }

func (c *Compiler) compile(t text) (*Program, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	known, done := c.programs[t]
	if !done {
		if c.nodes >= maxAllNodes {
			const tooMany = "the expressions before this one are too many: want at most %d operators, operands and calls in all"
			return nil, &Error{1, 0, fmt.Sprintf(tooMany, maxAllNodes), "expr.size"}
		}
		if c.programs == nil {
			c.programs = map[text]compiled{}
		}
		known.Program, _, known.mistake = c.build(t, false)
		c.programs[t] = known
	}
	if known.mistake != nil {
		return nil, known.mistake
	}
	return known.Program, nil
}

// build parses and checks a text and turns it into functions. If describe is set, it also returns the texts of the program's parts.
func (c *Compiler) build(t text, describe bool) (*Program, []Part, *Error) {
	if len(t.source) > MaxSource {
		return nil, nil, &Error{1, 0, fmt.Sprintf("want at most %d KiB, got %d bytes", MaxSource>>10, len(t.source)), "expr.size"}
	}
	language := c.language(t.isBool)
	tree, err := parser.ParseWithConfig(t.source, language)
	if err == nil {
		_, err = checker.Check(tree, language)
	}
	if err != nil {
		c.nodes += len(t.source)/bytesPerNode + 1
		return nil, nil, compileError(t, err)
	}
	c.nodes += count(tree.Node)
	unwise := &warner{source: t.source}
	ast.Walk(&tree.Node, unwise)
	if t.isBool {
		unwise.truth(tree.Node)
		unwise.constant(tree.Node)
	}
	w := &writer{source: t.source, describe: describe, fold: budget{steps: foldSteps, bytes: foldBytes, elements: foldSteps}}
	root := w.value(tree.Node, t.isBool)
	if w.err != nil {
		return nil, nil, w.err
	}
	p := &Program{text: t, root: root, slots: w.slots, parts: w.parts, from: w.from, warnings: unwise.warnings}
	if !t.isBool {
		p.path = pathOf(tree.Node)
	}
	return p, w.described, nil
}

// bytesPerNode converts the length of a text with a mistake to nodes: it has no tree, but compiling it takes time.
const bytesPerNode = 4

// language is expr's language for the types of the environment, with awf-hook's functions and without a clock.
func (c *Compiler) language(isBool bool) *conf.Config {
	at, env := &c.languages[0], valueTypes
	if isBool {
		at, env = &c.languages[1], filterTypes
	}
	if *at != nil {
		return *at
	}
	l := conf.CreateNew()
	delete(l.Builtins, "now") // results are a function of the event
	l.Disabled["now"] = true
	for name, d := range functions {
		delete(l.Builtins, name)
		l.Functions[name] = &builtin.Function{Name: name, Validate: d.validate(name)}
	}
	l.MaxNodes = maxNodes
	l.WithEnv(env)
	if isBool {
		l.Expect, l.ExpectAny = reflect.Bool, true
	}
	*at = l
	return l
}

// count returns the number of nodes of a tree.
func count(n ast.Node) int {
	var c counter
	ast.Walk(&n, &c)
	return int(c)
}

type counter int

func (c *counter) Visit(*ast.Node) { *c++ }
