package expression

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// condition compiles a node as true or false. A missing value is false.
func (w *writer) condition(n ast.Node) func(env *Env) bool {
	w.checkCondition(n)
	p := w.node(n)
	if kind := kindOf(p.value); p.isConstant && kind != "bool" && kind != "nil" {
		w.fail(n, "expr.type", noCondition, kind)
	}
	if n.Type().Kind() == reflect.Bool { // no run needs its text
		n = nil
	}
	return func(env *Env) bool { return isTrue(p.eval(env), n) }
}

// value compiles a node, as true or false if it must be a condition.
func (w *writer) value(n ast.Node, isCondition bool) eval {
	if !isCondition {
		return w.node(n).eval
	}
	holds := w.condition(n)
	return func(env *Env) any { return holds(env) }
}

// isTrue returns the value of a condition, whose text n is for the error.
func isTrue(v any, n ast.Node) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	}
	panic(fmt.Errorf("want true or false, got %s from %s", kindOf(v), n))
}

const noCondition = "want a condition that is true or false, got %s"

// checkCondition refuses a condition that gives something else in one of its branches. Expr's checker refuses only what does so in each.
func (w *writer) checkCondition(n ast.Node) {
	switch n := n.(type) {
	case *ast.ConditionalNode:
		w.checkCondition(n.Exp1)
		w.checkCondition(n.Exp2)
		return
	case *ast.VariableDeclaratorNode:
		w.checkCondition(n.Expr)
		return
	case *ast.SequenceNode:
		w.checkCondition(n.Nodes[len(n.Nodes)-1])
		return
	case *ast.BinaryNode:
		if n.Operator == "??" {
			w.checkCondition(n.Left)
			w.checkCondition(n.Right)
			return
		}
	}
	if got := otherThanBool(n); got != "" {
		w.fail(n, "expr.type", noCondition, got)
	}
}

// otherThanBool says what a node gives, "" if that may be true, false or nothing.
func otherThanBool(n ast.Node) string {
	switch kind := n.Type().Kind(); kind {
	case reflect.Bool:
		return ""
	case reflect.Interface: // unknown to the checker
	default:
		return inAnswers.Replace(wordOf(n.Type()))
	}
	switch n := n.(type) {
	case *ast.BinaryNode:
		return "the result of " + n.Operator
	case *ast.UnaryNode:
		return "the result of " + n.Operator
	case *ast.SliceNode:
		return "a part of a text or a list"
	case *ast.BuiltinNode:
		if n.Name == "sum" {
			return "a sum"
		}
	case *ast.CallNode:
		if callee, isName := n.Callee.(*ast.IdentifierNode); isName && strings.HasSuffix(functions[callee.Value].args, ":n") {
			return "a number"
		}
	}
	return ""
}
