package expression

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/expr-lang/expr/ast"
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

// writer turns a checked tree into functions that call each other.
type writer struct {
	source    string
	variables []variable // in scope, the innermost last
	slots     int        // the number that the program's variables take
	parts     int        // the number that a trace reports
	describe  bool
	described []Part  // the texts of the parts, if describe is set
	depth     int     // the number of traced parts around this one
	loops     int     // the number of loops around this part
	from      origins // of the part that is being compiled, so far
	fold      budget  // for computing constants
	err       *Error  // the first one
}

// variable is a name that the expression itself declares: by let, or "#", "#index" and "#acc" of a loop.
type variable struct {
	name string
	slot int
	from origins
}

// foldSteps and foldBytes bound the cost of computing constants at compile time. Costlier ones are computed at run time.
const (
	foldSteps = 2_000
	foldBytes = 64 << 10
)

func (w *writer) fail(n ast.Node, code, format string, args ...any) {
	if w.err == nil {
		w.err = mistakeAt(n, w.source, code, fmt.Sprintf(format, args...))
	}
}

func (w *writer) nodes(list []ast.Node) []part {
	parts := make([]part, len(list))
	for i, n := range list {
		parts[i] = w.node(n)
	}
	return parts
}

func (w *writer) compile(n ast.Node) part {
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
		return w.name(n, n.Value)
	case *ast.PointerNode:
		return w.name(n, "#"+n.Name)
	case *ast.UnaryNode:
		return w.unary(n)
	case *ast.BinaryNode:
		return w.binary(n)
	case *ast.ChainNode:
		return w.compile(n.Node)
	case *ast.MemberNode:
		return w.member(n)
	case *ast.SliceNode:
		return w.apply(n, slice, w.node(n.Node), w.nodeOrNil(n.From), w.nodeOrNil(n.To))
	case *ast.CallNode:
		return w.call(n)
	case *ast.BuiltinNode:
		return w.loop(n, loops[n.Name])
	case *ast.VariableDeclaratorNode:
		return w.let(n)
	case *ast.SequenceNode:
		return w.sequence(n)
	case *ast.ConditionalNode:
		return w.conditional(n)
	case *ast.ArrayNode:
		return w.apply(n, newList, w.nodes(n.Nodes)...)
	case *ast.MapNode:
		var members []part
		for _, pair := range n.Pairs {
			pair := pair.(*ast.PairNode)
			members = append(members, w.node(pair.Key), w.node(pair.Value))
		}
		return w.apply(n, newMap, members...)
	}
	w.fail(n, "expr.syntax", "unexpected %s", n.String())
	return constant(nil)
}

// apply compiles a call of a function. A call with constant arguments is a constant, and a mistake if it fails.
func (w *writer) apply(at ast.Node, f function, args ...part) part {
	if !slices.ContainsFunc(args, func(p part) bool { return !p.isConstant }) {
		values := make([]any, len(args))
		for i, p := range args {
			values[i] = p.value
		}
		v, err := protected(func() (any, error) { return f(&w.fold, values) })
		if err == nil {
			return constant(v)
		}
		if !errors.Is(err, ErrBudget) {
			w.fail(at, "expr.argument", "%s", err)
		}
	}
	return part{eval: func(env *Env) any {
		base := len(env.args) // arguments are on the environment's stack, since no function keeps them
		for i := range args {
			v := args[i].eval(env)
			env.args = append(env.args, v)
		}
		v, err := f(&env.budget, env.args[base:len(env.args):len(env.args)])
		env.args = env.args[:base]
		if err != nil {
			panic(err)
		}
		return v
	}}
}

func (w *writer) nodeOrNil(n ast.Node) part {
	if n == nil {
		return constant(nil)
	}
	return w.node(n)
}

// name compiles a variable, or a name of the environment.
func (w *writer) name(at ast.Node, name string) part {
	for _, v := range slices.Backward(w.variables) {
		if v.name == name {
			w.from = w.from.add(v.from...)
			return part{eval: func(env *Env) any { return env.slots[v.slot] }}
		}
	}
	if i := slices.Index(roots, name); i >= 0 {
		w.read(i, AllKeys)
		return part{eval: func(env *Env) any { return env.roots[i].value() }}
	}
	if i := slices.Index(fields, name); i >= 0 {
		return part{eval: func(env *Env) any { return env.field(i) }}
	}
	if slices.Contains(functionNames(), name) {
		w.fail(at, "expr.function", "%s is a function: want %s(…)", name, name)
	}
	w.fail(at, "expr.name", "unknown name %s", name)
	return constant(nil)
}

// read records the data that the part uses. The event's data is not secret.
func (w *writer) read(root int, key string) {
	if root != payload {
		w.from = w.from.add(origin{root, key})
	}
}

// declare puts a variable in scope. Its value depends on all that the declaring part has used so far.
func (w *writer) declare(name string) (slot int) {
	w.slots++
	w.variables = append(w.variables, variable{name, w.slots - 1, w.from})
	return w.slots - 1
}

func (w *writer) let(n *ast.VariableDeclaratorNode) part {
	value := w.node(n.Value)
	outside := len(w.variables)
	slot := w.declare(n.Name)
	rest := w.node(n.Expr)
	w.variables = w.variables[:outside]
	return part{eval: func(env *Env) any {
		env.slots[slot] = value.eval(env)
		return rest.eval(env)
	}}
}

func (w *writer) sequence(n *ast.SequenceNode) part {
	parts := w.nodes(n.Nodes)
	return part{eval: func(env *Env) (v any) {
		for _, p := range parts {
			v = p.eval(env)
		}
		return v
	}}
}

func (w *writer) conditional(n *ast.ConditionalNode) part {
	cond, yes, no := w.condition(n.Cond), w.node(n.Exp1), w.node(n.Exp2)
	return part{eval: func(env *Env) any {
		if cond(env) {
			return yes.eval(env)
		}
		return no.eval(env)
	}}
}

func (w *writer) unary(n *ast.UnaryNode) part {
	switch n.Operator {
	case "-":
		return w.apply(n, negate, w.node(n.Node))
	case "+":
		return w.apply(n, plus, w.node(n.Node))
	}
	cond := w.condition(n.Node)
	return part{eval: func(env *Env) any { return !cond(env) }}
}

func (w *writer) binary(n *ast.BinaryNode) part {
	w.notAlone(n)
	switch n.Operator {
	case "and", "&&":
		l, r := w.condition(n.Left), w.condition(n.Right)
		return part{eval: func(env *Env) any { return l(env) && r(env) }}
	case "or", "||":
		l, r := w.condition(n.Left), w.condition(n.Right)
		return part{eval: func(env *Env) any { return l(env) || r(env) }}
	case "??":
		l, r := w.node(n.Left), w.node(n.Right)
		return part{eval: func(env *Env) any {
			if v := l.eval(env); v != nil {
				return v
			}
			return r.eval(env)
		}}
	case "matches":
		p, err := compilePattern(n.Right)
		if err != nil {
			w.fail(n.Right, "expr.argument", "%s", err)
		}
		return w.apply(n, matches, w.node(n.Left), constant(p))
	case "in":
		if n.Right.Type().Kind() == reflect.String {
			w.fail(n, "expr.type", "want contains for a part of a text: %s contains %s", n.Right, n.Left)
		}
		if r, isBinary := n.Right.(*ast.BinaryNode); isBinary && r.Operator == ".." { // makes no list
			return w.apply(n, inRange, w.node(n.Left), w.node(r.Left), w.node(r.Right))
		}
	}
	return w.apply(n, operators[n.Operator], w.node(n.Left), w.node(n.Right))
}

// notAlone refuses a not that was meant for a comparison: it binds to the left operand alone, and never gives what the right one is.
func (w *writer) notAlone(n *ast.BinaryNode) {
	if left, _ := negated(n); left != nil && !mayMeetBool(n) {
		value := left.String()
		w.fail(n, "expr.type", "not binds to %s alone: want not (%s %s %s)", value, value, n.Operator, n.Right.String())
	}
}

// member compiles access to a member. At run time no other member of payload, body or with is decoded.
func (w *writer) member(n *ast.MemberNode) part {
	if name, ok := n.Property.(*ast.StringNode); ok {
		if isOfTime(n.Node.Type()) {
			w.fail(n, "expr.function", "%s is a function: want %s()", name.Value, name.Value)
		}
		if root, ok := n.Node.(*ast.IdentifierNode); ok {
			if i := slices.Index(roots, root.Value); i >= 0 {
				w.read(i, name.Value)
				return part{eval: func(env *Env) any { return env.roots[i].member(name.Value) }}
			}
		}
	}
	return w.apply(n, element, w.node(n.Node), w.node(n.Property))
}

// isOfTime reports whether a type is one of package time, whose methods expressions may call.
func isOfTime(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == "time"
}

func (w *writer) call(n *ast.CallNode) part {
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		if d, ok := functions[callee.Value]; ok {
			return w.function(n, callee.Value, d)
		}
	case *ast.MemberNode:
		name, ok := callee.Property.(*ast.StringNode)
		if !ok {
			break
		}
		if !isOfTime(callee.Node.Type()) {
			w.fail(n, "expr.member", "%s", methodOf(callee.Node.String(), name.Value))
			return constant(nil)
		}
		if name.Value == "Local" {
			w.fail(n, "expr.name", "unknown name Local: want In(timezone(\"Europe/Paris\"))")
		}
		if !isMethod(callee.Node.Type(), name.Value) {
			w.fail(n, "expr.function", "%s() gives no value that an expression can take", name.Value)
			return constant(nil)
		}
		args := w.nodes(n.Arguments)
		if name.Value == "Format" && len(args) == 1 && args[0].isLayoutWithoutTime() {
			w.fail(n.Arguments[0], "expr.argument", "Format: %s", errLayout)
		}
		return w.apply(n, method(callee.Node.Type(), name.Value), append([]part{w.node(callee.Node)}, args...)...)
	}
	w.fail(n, "expr.function", "%s is not a function", n.Callee.String())
	return constant(nil)
}

func (w *writer) function(n *ast.CallNode, name string, d definition) part {
	switch {
	case name == "timezone":
		return w.zone(n.Arguments[0])
	case name == "date" && len(n.Arguments) == 3 && !isOfTime(n.Arguments[0].Type()): // a text, its layout and a zone's name
		return w.apply(n, named(name, d), w.zone(n.Arguments[2]), w.node(n.Arguments[0]), w.node(n.Arguments[1]))
	}
	args := w.nodes(n.Arguments)
	if err := d.try(args); err != nil {
		w.fail(n, "expr.argument", "%s: %s", name, err)
	}
	return w.apply(n, named(name, d), args...)
}
