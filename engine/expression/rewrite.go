package expression

import (
	"math"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/types"
)

var (
	anyResult  = []reflect.Type{reflect.TypeFor[func(...any) any]()}
	boolResult = []reflect.Type{reflect.TypeFor[func(...any) bool]()}
)

// newChecked is the language as a user sees it.
func newChecked(o options) *conf.Config {
	c := conf.CreateNew()
	delete(c.Builtins, "now") // results are a function of the event
	c.Disabled["now"] = true
	for name, types := range map[string][]reflect.Type{
		"glob":     {reflect.TypeFor[func(string, string) bool]()},
		"truncate": {reflect.TypeFor[func(string, int) string]()},
		"json":     {reflect.TypeFor[func(any) string]()},
	} {
		table := *callable()["fn:"+name]
		table.Name, table.Types = name, types
		c.Functions[name] = &table
	}
	c.WithEnv(types.Map(o.env))
	c.MaxNodes = MaxNodes
	if o.isBool {
		c.Expect, c.ExpectAny = reflect.Bool, true
	}
	return c
}

// newRunning is the language as the machine runs it.
func newRunning() *conf.Config {
	c := conf.CreateNew()
	c.Functions = callable()
	c.Optimize = false // it knows nothing of what is missing
	c.WithEnv(env{})
	return c
}

// rewriter turns an expression into one that is safe with missing values and stays within its budget.
type rewriter struct {
	source string
	traced bool
	needs  needs
	depth  int // the traced nodes around
	loops  int // the closures around
	texts  int // the operators on texts that the machine does itself
	steps  []step
	err    *Error
}

// cheapTexts is how many operators on texts the machine does itself: they are quick, but do not know the budget.
const cheapTexts = 8

func (w *rewriter) fail(n ast.Node, format string, args ...any) {
	if w.err == nil {
		w.err = place(w.source, n, format, args...)
	}
}

// call makes the call of an operator or a function.
func call(at ast.Node, name string, args ...ast.Node) ast.Node {
	budget := &ast.IdentifierNode{Value: "budget."}
	n := &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: append([]ast.Node{budget}, args...)}
	for _, inner := range []ast.Node{n, n.Callee, budget} {
		inner.SetLocation(at.Location())
	}
	return n
}

func constant(at ast.Node, v any) ast.Node {
	n := &ast.ConstantNode{Value: v}
	n.SetLocation(at.Location())
	return n
}

// truth makes a condition: what is missing is false.
func (w *rewriter) truth(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.BoolNode:
		return n
	case *ast.UnaryNode: // only "not" is left
		return n
	case *ast.BinaryNode:
		if n.Operator != "??" {
			return n
		}
	case *ast.BuiltinNode:
		switch n.Name {
		case "all", "none", "any", "one":
			return n
		}
	case *ast.CallNode:
		if name, ok := n.Callee.(*ast.IdentifierNode); ok && isBool[strings.TrimPrefix(name.Value, "op:")] {
			return n
		}
	}
	return call(n, "op:truth", n)
}

// node rewrites a node and those below.
func (w *rewriter) node(n ast.Node) ast.Node {
	if !w.traced {
		return w.rewrite(n)
	}
	switch n := n.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode, *ast.ConstantNode, *ast.PredicateNode,
		*ast.PairNode, *ast.ArrayNode, *ast.PointerNode:
		return w.rewrite(n)
	case *ast.UnaryNode:
		if isLiteral(n.Node) {
			return w.rewrite(n)
		}
	}
	id := len(w.steps)
	w.steps = append(w.steps, step{text: n.String(), depth: w.depth, loop: w.loops > 0})
	index := &ast.IntegerNode{Value: id}
	w.depth++
	defer func() { w.depth-- }()
	return call(n, "op:trace", index, w.rewrite(n))
}

func (w *rewriter) rewrite(n ast.Node) ast.Node {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return w.identifier(n)
	case *ast.UnaryNode:
		return w.unary(n)
	case *ast.BinaryNode:
		return w.binary(n)
	case *ast.ChainNode:
		return w.rewrite(n.Node)
	case *ast.MemberNode:
		return w.member(n)
	case *ast.SliceNode:
		return call(n, "op:slice", w.node(n.Node), w.optional(n, n.From), w.optional(n, n.To))
	case *ast.CallNode:
		return w.call(n)
	case *ast.BuiltinNode:
		return w.builtin(n)
	case *ast.PredicateNode:
		n.Node = w.node(n.Node)
	case *ast.VariableDeclaratorNode:
		n.Value, n.Expr = w.node(n.Value), w.node(n.Expr)
	case *ast.SequenceNode:
		w.nodes(n.Nodes)
	case *ast.ConditionalNode:
		n.Cond, n.Exp1, n.Exp2 = w.truth(w.node(n.Cond)), w.node(n.Exp1), w.node(n.Exp2)
	case *ast.ArrayNode:
		return w.array(n)
	case *ast.MapNode:
		w.nodes(n.Pairs)
	case *ast.PairNode:
		n.Key, n.Value = w.node(n.Key), w.node(n.Value)
	}
	return n
}

func (w *rewriter) nodes(list []ast.Node) {
	for i := range list {
		list[i] = w.node(list[i])
	}
}

func (w *rewriter) optional(at, n ast.Node) ast.Node {
	if n == nil {
		n = &ast.NilNode{}
		n.SetLocation(at.Location())
		return n
	}
	return w.node(n)
}

func (w *rewriter) identifier(n *ast.IdentifierNode) ast.Node {
	switch {
	case isRoot(n.Value):
		return call(n, "op:whole", n)
	case n.Value == "$env":
		w.fail(n, "unknown name $env")
	}
	return n
}

// member rewrites payload.status to its field, and other members to what is nil for what is missing.
func (w *rewriter) member(n *ast.MemberNode) ast.Node {
	if name, ok := n.Property.(*ast.StringNode); ok {
		if isOfTime(n.Node.Type()) {
			w.fail(n, "%s is a function: want %s()", name.Value, name.Value)
			return n
		}
		if root, ok := n.Node.(*ast.IdentifierNode); ok && isRoot(root.Value) {
			if i := knownIndex(name.Value); i >= 0 && root.Value == "payload" {
				w.needs |= 1 << i
				field := &ast.IdentifierNode{Value: "payload." + name.Value}
				field.SetLocation(n.Location())
				return field
			}
			return call(n, "op:member", root, name)
		}
	}
	return call(n, "op:member", w.node(n.Node), w.node(n.Property))
}

// isOfTime says whether a type is one of package time's, whose methods may be called.
func isOfTime(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.PkgPath() == "time"
}

func (w *rewriter) call(n *ast.CallNode) ast.Node {
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		if functions[callee.Value] != nil {
			w.nodes(n.Arguments)
			return call(n, "fn:"+callee.Value, n.Arguments...)
		}
	case *ast.MemberNode:
		name, ok := callee.Property.(*ast.StringNode)
		if !ok || !isOfTime(callee.Node.Type()) {
			break
		}
		if name.Value == "Local" {
			w.fail(n, "unknown name Local: want In(timezone(\"Europe/Paris\"))")
		}
		// nil where the time is: the chain ends there.
		callee.Node, callee.Optional = w.node(callee.Node), true
		w.nodes(n.Arguments)
		chain := &ast.ChainNode{Node: n}
		chain.SetLocation(n.Location())
		return call(n, "op:plain", chain)
	}
	w.fail(n, "%s is no function", n.Callee.String())
	return n
}

func (w *rewriter) unary(n *ast.UnaryNode) ast.Node {
	inner := w.node(n.Node)
	switch n.Operator {
	case "-":
		switch literal := inner.(type) {
		case *ast.IntegerNode:
			literal.Value = -literal.Value
			return literal
		case *ast.FloatNode:
			literal.Value = -literal.Value
			return literal
		}
		return call(n, "op:negate", inner)
	case "+":
		return call(n, "op:plus", inner)
	}
	n.Node = w.truth(inner)
	return n
}

func (w *rewriter) array(n *ast.ArrayNode) ast.Node {
	w.nodes(n.Nodes)
	list := make([]any, len(n.Nodes))
	for i, element := range n.Nodes {
		v, ok := literal(element)
		if !ok {
			return n
		}
		list[i] = v
	}
	return constant(n, list)
}

// literal is the value of a literal.
func literal(n ast.Node) (any, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode:
		return n.Value, true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.NilNode:
		return nil, true
	}
	return nil, false
}

func isLiteral(n ast.Node) bool {
	_, ok := literal(n)
	return ok
}

// isSmall says whether n is a number that ints and floats hold alike.
func isSmall(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return n.Value > -exact && n.Value < exact
	case *ast.FloatNode:
		return n.Value > -exact && n.Value < exact
	}
	return false
}

func (w *rewriter) binary(n *ast.BinaryNode) ast.Node {
	if n.Operator == "matches" {
		return w.matches(n)
	}
	l, r := w.node(n.Left), w.node(n.Right)
	n.Left, n.Right = l, r
	switch n.Operator {
	case "and", "&&", "or", "||":
		n.Left, n.Right = w.truth(l), w.truth(r)
		return n
	case "??":
		return n
	case "==", "!=":
		return w.equality(n)
	case "<", "<=", ">", ">=":
		// A missing value as NaN is never less nor more: the machine's own operators are the quickest.
		switch {
		case isSmall(r) && !isLiteral(l):
			n.Left = orNaN(l)
			return n
		case isSmall(l) && !isLiteral(r):
			n.Right = orNaN(r)
			return n
		}
	case "contains", "startsWith", "endsWith":
		if w.texts++; w.texts <= cheapTexts && w.loops == 0 {
			return n
		}
	case "^":
		n.Operator = "**"
	}
	return w.fold(n)
}

func orNaN(n ast.Node) ast.Node {
	nan := &ast.FloatNode{Value: math.NaN()}
	either := &ast.BinaryNode{Operator: "??", Left: n, Right: nan}
	nan.SetLocation(n.Location())
	either.SetLocation(n.Location())
	return either
}

// equality leaves comparisons with a plain literal to the machine.
func (w *rewriter) equality(n *ast.BinaryNode) ast.Node {
	for _, side := range []ast.Node{n.Left, n.Right} {
		switch side.(type) {
		case *ast.StringNode, *ast.BoolNode, *ast.NilNode:
			return n
		}
		if isSmall(side) {
			return n
		}
	}
	same := call(n, "op:==", n.Left, n.Right)
	if n.Operator == "==" {
		return same
	}
	not := &ast.UnaryNode{Operator: "not", Node: same}
	not.SetLocation(n.Location())
	return not
}

// fold makes the call of an operator, or its result where both operands are literals.
func (w *rewriter) fold(n *ast.BinaryNode) ast.Node {
	left, ok := literal(n.Left)
	right, ok2 := literal(n.Right)
	if !ok || !ok2 || n.Operator == ".." {
		return call(n, "op:"+n.Operator, n.Left, n.Right)
	}
	b := &budget{}
	b.reset()
	v, err := operators[n.Operator](b, []any{left, right})
	if err != nil {
		w.fail(n, "%s", runError(err))
	}
	if i, ok := v.(int); ok {
		folded := &ast.IntegerNode{Value: i}
		folded.SetLocation(n.Location())
		return folded
	}
	return constant(n, v)
}
