package expression

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/file"
)

// eval computes a part of an expression. It panics with an error, which ends the run.
type eval func(env *Env) any

// part is a compiled part of an expression.
type part struct {
	eval
	isConstant bool
	value      any // of a constant
}

func constant(v any) part { return part{func(*Env) any { return v }, true, v} }

// compiler turns a checked tree into functions that call each other.
type compiler struct {
	source    string
	variables []variable // in scope, the innermost last
	slots     int        // that the program's variables take
	parts     int        // that a trace tells of
	describe  bool
	steps     []step // the texts of the parts, if describe is set
	depth     int    // the traced parts around
	loops     int    // the loops around
	fold      budget // for what is constant
	err       *Error // the first one
}

// variable is a name that the expression itself declares: by let, or "#", "#index" and "#acc" of a loop.
type variable struct {
	name string
	slot int
}

// foldSteps and foldBytes are what a compilation may spend on constants. Costlier ones are computed when the expression runs.
const (
	foldSteps = 2_000
	foldBytes = 64 << 10
)

func (c *compiler) fail(n ast.Node, format string, args ...any) {
	if c.err != nil {
		return
	}
	at := (&file.Error{Location: n.Location(), Message: fmt.Sprintf(format, args...)}).Bind(file.NewSource(c.source))
	c.err = &Error{at.Line, at.Column, oneLine(at.Message)}
}

// node compiles a node so that traces tell what it comes to.
func (c *compiler) node(n ast.Node) part {
	if isUntraced(n) {
		return c.compile(n)
	}
	id := c.parts
	c.parts++
	if c.describe {
		c.steps = append(c.steps, step{text: n.String(), depth: c.depth, loop: c.loops > 0})
	}
	c.depth++
	p := c.compile(n)
	c.depth--
	if p.isConstant { // the parts of a constant do not run
		c.parts = id + 1
		c.steps = c.steps[:min(id+1, len(c.steps))]
	}
	inner := p.eval
	p.eval = func(env *Env) any {
		v := inner(env)
		if env.trace != nil {
			env.trace.record(id, v)
		}
		return v
	}
	return p
}

// isUntraced says whether a node's value is plain from the source, or told by the nodes around it.
func isUntraced(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode, *ast.ArrayNode, *ast.PointerNode:
		return true
	case *ast.UnaryNode:
		_, isInt := n.Node.(*ast.IntegerNode)
		_, isFloat := n.Node.(*ast.FloatNode)
		return isInt || isFloat
	}
	return false
}

func (c *compiler) nodes(list []ast.Node) []part {
	parts := make([]part, len(list))
	for i, n := range list {
		parts[i] = c.node(n)
	}
	return parts
}

func (c *compiler) compile(n ast.Node) part {
	switch n := n.(type) {
	case *ast.NilNode:
		return constant(nil)
	case *ast.StringNode:
		return constant(n.Value)
	case *ast.IntegerNode:
		return constant(n.Value)
	case *ast.FloatNode:
		return constant(n.Value)
	case *ast.BoolNode:
		return constant(n.Value)
	case *ast.IdentifierNode:
		return c.name(n, n.Value)
	case *ast.PointerNode:
		return c.name(n, "#"+n.Name)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.ChainNode:
		return c.compile(n.Node)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.SliceNode:
		return c.apply(n, slice, c.node(n.Node), c.optional(n.From), c.optional(n.To))
	case *ast.CallNode:
		return c.call(n)
	case *ast.BuiltinNode:
		return c.builtin(n)
	case *ast.VariableDeclaratorNode:
		return c.let(n)
	case *ast.SequenceNode:
		return c.sequence(n)
	case *ast.ConditionalNode:
		return c.conditional(n)
	case *ast.ArrayNode:
		return c.apply(n, newList, c.nodes(n.Nodes)...)
	case *ast.MapNode:
		var members []part
		for _, pair := range n.Pairs {
			pair := pair.(*ast.PairNode)
			members = append(members, c.node(pair.Key), c.node(pair.Value))
		}
		return c.apply(n, newMap, members...)
	}
	c.fail(n, "unexpected %s", n.String())
	return constant(nil)
}

// apply calls a function with the parts' values. A call with constants is one itself, and is refused if it fails.
func (c *compiler) apply(at ast.Node, f function, args ...part) part {
	if !slices.ContainsFunc(args, func(p part) bool { return !p.isConstant }) {
		values := make([]any, len(args))
		for i, p := range args {
			values[i] = p.value
		}
		v, err := protected(func() (any, error) { return f(&c.fold, values) })
		if err == nil {
			return constant(v)
		}
		if err.Err == nil {
			c.fail(at, "%s", err)
		}
	}
	return part{eval: func(env *Env) any {
		base := len(env.args) // the arguments lie on the environment's stack: no function keeps them
		for i := range args {
			v := args[i].eval(env)
			env.args = append(env.args, v)
		}
		v, err := f(&env.budget, env.args[base:len(env.args):len(env.args)])
		clear(env.args[base:])
		env.args = env.args[:base]
		if err != nil {
			panic(err)
		}
		return v
	}}
}

// condition compiles a node as true or false: what is missing is false.
func (c *compiler) condition(n ast.Node) func(env *Env) bool {
	p := c.node(n)
	return func(env *Env) bool { return isTrue(p.eval(env)) }
}

func isTrue(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	}
	panic(fmt.Errorf("want true or false, got %T", v))
}

func (c *compiler) optional(n ast.Node) part {
	if n == nil {
		return constant(nil)
	}
	return c.node(n)
}

// name compiles a variable, or a name of the environment.
func (c *compiler) name(at ast.Node, name string) part {
	for _, v := range slices.Backward(c.variables) {
		if v.name == name {
			return part{eval: func(env *Env) any { return env.slots[v.slot] }}
		}
	}
	if i := slices.Index(roots, name); i >= 0 {
		return part{eval: func(env *Env) any { return env.roots[i].value() }}
	}
	if i := slices.Index(fields, name); i >= 0 {
		return part{eval: func(env *Env) any { return env.field(i) }}
	}
	c.fail(at, "unknown name %s", name)
	return constant(nil)
}

// declare puts a variable in scope.
func (c *compiler) declare(name string) (slot int) {
	c.slots++
	c.variables = append(c.variables, variable{name, c.slots - 1})
	return c.slots - 1
}

func (c *compiler) let(n *ast.VariableDeclaratorNode) part {
	value := c.node(n.Value)
	outside := len(c.variables)
	slot := c.declare(n.Name)
	rest := c.node(n.Expr)
	c.variables = c.variables[:outside]
	return part{eval: func(env *Env) any {
		env.slots[slot] = value.eval(env)
		return rest.eval(env)
	}}
}

func (c *compiler) sequence(n *ast.SequenceNode) part {
	parts := c.nodes(n.Nodes)
	return part{eval: func(env *Env) (v any) {
		for _, p := range parts {
			v = p.eval(env)
		}
		return v
	}}
}

func (c *compiler) conditional(n *ast.ConditionalNode) part {
	cond, yes, no := c.condition(n.Cond), c.node(n.Exp1), c.node(n.Exp2)
	return part{eval: func(env *Env) any {
		if cond(env) {
			return yes.eval(env)
		}
		return no.eval(env)
	}}
}

func (c *compiler) unary(n *ast.UnaryNode) part {
	switch n.Operator {
	case "-":
		return c.apply(n, negate, c.node(n.Node))
	case "+":
		return c.apply(n, plus, c.node(n.Node))
	}
	cond := c.condition(n.Node)
	return part{eval: func(env *Env) any { return !cond(env) }}
}

func (c *compiler) binary(n *ast.BinaryNode) part {
	switch n.Operator {
	case "and", "&&":
		l, r := c.condition(n.Left), c.condition(n.Right)
		return part{eval: func(env *Env) any { return l(env) && r(env) }}
	case "or", "||":
		l, r := c.condition(n.Left), c.condition(n.Right)
		return part{eval: func(env *Env) any { return l(env) || r(env) }}
	case "??":
		l, r := c.node(n.Left), c.node(n.Right)
		return part{eval: func(env *Env) any {
			if v := l.eval(env); v != nil {
				return v
			}
			return r.eval(env)
		}}
	case "matches":
		p, err := compilePattern(n.Right)
		if err != nil {
			c.fail(n.Right, "%s", err)
		}
		return c.apply(n, matches, c.node(n.Left), constant(p))
	}
	return c.apply(n, operators[n.Operator], c.node(n.Left), c.node(n.Right))
}

// member compiles a member of payload, body or with so that no other is decoded, and members of values.
func (c *compiler) member(n *ast.MemberNode) part {
	if name, ok := n.Property.(*ast.StringNode); ok {
		if isOfTime(n.Node.Type()) {
			c.fail(n, "%s is a function: want %s()", name.Value, name.Value)
		}
		if root, ok := n.Node.(*ast.IdentifierNode); ok {
			if i := slices.Index(roots, root.Value); i >= 0 {
				return part{eval: func(env *Env) any { return env.roots[i].member(name.Value) }}
			}
		}
	}
	return c.apply(n, element, c.node(n.Node), c.node(n.Property))
}

// isOfTime says whether a type is one of package time's, whose methods may be called.
func isOfTime(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == "time"
}

func (c *compiler) call(n *ast.CallNode) part {
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		if f := functions[callee.Value]; f != nil {
			return c.apply(n, named(callee.Value, f), c.nodes(n.Arguments)...)
		}
	case *ast.MemberNode:
		name, ok := callee.Property.(*ast.StringNode)
		if !ok || !isOfTime(callee.Node.Type()) {
			break
		}
		if name.Value == "Local" {
			c.fail(n, "unknown name Local: want In(timezone(\"Europe/Paris\"))")
		}
		f := named(name.Value, method(callee.Node.Type(), name.Value))
		return c.apply(n, f, append([]part{c.node(callee.Node)}, c.nodes(n.Arguments)...)...)
	}
	c.fail(n, "%s is no function", n.Callee.String())
	return constant(nil)
}

func (c *compiler) builtin(n *ast.BuiltinNode) part {
	if f := loops[n.Name]; f != nil {
		return c.loop(n, f)
	}
	f := functions[n.Name]
	if f == nil {
		f = ofExpr(builtin.Builtins[builtin.Index[n.Name]])
	}
	f = named(n.Name, f)
	switch {
	case n.Name == "timezone":
		return c.zone(n.Arguments[0])
	case n.Name == "date" && len(n.Arguments) == 3 && !isOfTime(n.Arguments[0].Type()): // a text, its layout and a zone's name
		return c.apply(n, f, c.zone(n.Arguments[2]), c.node(n.Arguments[0]), c.node(n.Arguments[1]))
	}
	return c.apply(n, f, c.nodes(n.Arguments)...)
}

// zone loads a time zone. Its name must be in the source, so that runs do not read files.
func (c *compiler) zone(name ast.Node) part {
	text, ok := name.(*ast.StringNode)
	if !ok {
		c.fail(name, "want the time zone's name as a text in quotes, so that it is loaded once")
		return constant(nil)
	}
	if text.Value == "" || text.Value == "Local" { // the zone of this machine
		c.fail(name, "unknown time zone %q", text.Value)
	}
	location, err := time.LoadLocation(text.Value)
	if err != nil {
		c.fail(name, "%s", err)
	}
	return constant(location)
}

// pathOf is the path into the event's JSON that an expression is, nil if it is none.
func pathOf(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if slices.Contains(roots, n.Value) {
			return []string{n.Value}
		}
	case *ast.ChainNode:
		return pathOf(n.Node)
	case *ast.MemberNode:
		path := pathOf(n.Node)
		if name, ok := n.Property.(*ast.StringNode); ok && path != nil {
			return append(path, name.Value)
		}
	}
	return nil
}

// count counts the nodes of a tree.
func count(n ast.Node) int {
	var c counter
	ast.Walk(&n, &c)
	return int(c)
}

type counter int

func (c *counter) Visit(*ast.Node) { *c++ }

func lowerFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}
