package expression

import (
	"errors"
	"fmt"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// eval is a part of an expression as a Go function. It panics with an error, like the machine's operators.
//
// Most expressions have no closures, variables and methods. Those run as functions that call each other, several times
// as quick as the machine runs them; it runs the others. Both have their operators from the same table.
type eval func(in *Env) any

// quick makes a rewritten expression a function; nil if the machine must run it.
func quick(n ast.Node) eval {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return quickName(n.Value)
	case *ast.ConstantNode:
		return func(*Env) any { return n.Value }
	case *ast.UnaryNode: // "not", of a condition
		inner := quick(n.Node)
		if inner == nil {
			return nil
		}
		return func(in *Env) any { return !inner(in).(bool) }
	case *ast.BinaryNode:
		return quickBinary(n)
	case *ast.ConditionalNode:
		cond, yes, no := quick(n.Cond), quick(n.Exp1), quick(n.Exp2)
		if cond == nil || yes == nil || no == nil {
			return nil
		}
		return func(in *Env) any {
			if cond(in).(bool) {
				return yes(in)
			}
			return no(in)
		}
	case *ast.ArrayNode:
		return quickList(n)
	case *ast.MapNode:
		return quickMap(n)
	case *ast.CallNode:
		return quickCall(n)
	}
	if v, ok := literal(n); ok {
		return func(*Env) any { return v }
	}
	return nil
}

// quickName reads a field of the environment.
func quickName(name string) eval {
	switch name {
	case "event":
		return func(in *Env) any { return in.event.Type }
	case "workflow_id":
		return func(in *Env) any { return in.event.WorkflowID }
	case "workflow_name":
		return func(in *Env) any { return in.event.WorkflowName }
	case "timestamp":
		return func(in *Env) any { return in.event.Timestamp.UTC() }
	}
	if key, ok := strings.CutPrefix(name, "payload."); ok {
		i := knownIndex(key)
		return func(in *Env) any { return in.known[i] }
	}
	if isRoot(name) {
		return func(in *Env) any { return in.root(name) }
	}
	return nil
}

// text is a part that is a text, read without making a value of it. The value is what it is if it is none.
type text func(in *Env) (s string, isText bool, v any)

func quickText(n ast.Node) text {
	if name, ok := n.(*ast.IdentifierNode); ok {
		switch name.Value {
		case "event":
			return func(in *Env) (string, bool, any) { return in.event.Type, true, nil }
		case "workflow_id":
			return func(in *Env) (string, bool, any) { return in.event.WorkflowID, true, nil }
		case "workflow_name":
			return func(in *Env) (string, bool, any) { return in.event.WorkflowName, true, nil }
		}
	}
	inner := quick(n)
	if inner == nil {
		return nil
	}
	return func(in *Env) (string, bool, any) {
		v := inner(in)
		s, ok := v.(string)
		return s, ok, v
	}
}

func quickBinary(n *ast.BinaryNode) eval {
	switch n.Operator {
	case "==", "!=":
		return quickEqual(n)
	case "<", "<=", ">", ">=":
		return quickOrder(n)
	case "contains", "startsWith", "endsWith":
		return quickTexts(n)
	}
	l, r := quick(n.Left), quick(n.Right)
	if l == nil || r == nil {
		return nil
	}
	switch n.Operator {
	case "and", "&&":
		return func(in *Env) any { return l(in).(bool) && r(in).(bool) }
	case "or", "||":
		return func(in *Env) any { return l(in).(bool) || r(in).(bool) }
	case "??":
		return func(in *Env) any {
			if v := l(in); v != nil {
				return v
			}
			return r(in)
		}
	}
	return nil
}

// quickEqual compares with a literal: the rewriter left no other.
func quickEqual(n *ast.BinaryNode) eval {
	side, value := n.Left, ast.Node(n.Right)
	if !isLiteral(value) {
		side, value = n.Right, n.Left
	}
	want, _ := literal(value)
	same := n.Operator == "=="
	if s, ok := want.(string); ok {
		get := quickText(side)
		if get == nil {
			return nil
		}
		return func(in *Env) any {
			got, isText, _ := get(in)
			return (isText && got == s) == same
		}
	}
	get := quick(side)
	if get == nil {
		return nil
	}
	return func(in *Env) any { return equal(&in.budget, get(in), want) == same }
}

// quickOrder compares with a small number: the other side stands as "x ?? NaN".
func quickOrder(n *ast.BinaryNode) eval {
	op, side, value := n.Operator, n.Left, n.Right
	swapped := isLiteral(side)
	if swapped {
		side, value = value, side
	}
	number, _ := literal(value)
	get := quick(side.(*ast.BinaryNode).Left)
	if get == nil {
		return nil
	}
	holds := map[string]func(int) bool{
		"<": func(c int) bool { return c < 0 }, "<=": func(c int) bool { return c <= 0 },
		">": func(c int) bool { return c > 0 }, ">=": func(c int) bool { return c >= 0 },
	}[op]
	return func(in *Env) any {
		v := get(in)
		if v == nil {
			return false
		}
		a, b := v, number
		if swapped {
			a, b = b, a
		}
		c, err := compare(op, a, b)
		if err != nil {
			panic(err)
		}
		return c != 2 && holds(c)
	}
}

func quickTexts(n *ast.BinaryNode) eval {
	l, r := quickText(n.Left), quickText(n.Right)
	if l == nil || r == nil {
		return nil
	}
	holds := map[string]func(s, t string) bool{"contains": strings.Contains, "startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix}[n.Operator]
	return func(in *Env) any {
		s, isText, v := l(in)
		t, isText2, w := r(in)
		switch {
		case isText && isText2:
			return holds(s, t)
		case !isText && v == nil, !isText2 && w == nil:
			return false
		case !isText:
			panic(fmt.Errorf("want string, got %T", v))
		}
		panic(fmt.Errorf("want string, got %T", w))
	}
}

func quickAll(nodes []ast.Node) []eval {
	all := make([]eval, len(nodes))
	for i, n := range nodes {
		if all[i] = quick(n); all[i] == nil {
			return nil
		}
	}
	return all
}

func quickList(n *ast.ArrayNode) eval {
	all := quickAll(n.Nodes)
	if all == nil {
		return nil
	}
	return func(in *Env) any {
		in.budget.grow(16 * len(all))
		list := make([]any, len(all))
		for i, get := range all {
			list[i] = get(in)
		}
		return list
	}
}

func quickMap(n *ast.MapNode) eval {
	keys, values := make([]string, len(n.Pairs)), make([]eval, len(n.Pairs))
	for i, p := range n.Pairs {
		pair := p.(*ast.PairNode)
		key, ok := pair.Key.(*ast.StringNode)
		value := quick(pair.Value)
		if !ok || value == nil {
			return nil
		}
		keys[i], values[i] = key.Value, value
	}
	return func(in *Env) any {
		in.budget.grow(64 * len(keys))
		m := make(map[string]any, len(keys))
		for i, get := range values {
			m[keys[i]] = get(in)
		}
		return m
	}
}

// quickCall calls an operator or a function of the table.
func quickCall(n *ast.CallNode) eval {
	name, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return nil
	}
	args := n.Arguments[1:] // without the budget
	if strings.HasPrefix(name.Value, "fn:") {
		all := quickAll(append([]ast.Node{&ast.NilNode{}}, args...))
		f := callable()[name.Value].Func
		if all == nil {
			return nil
		}
		all[0] = func(in *Env) any { return &in.budget }
		return apply(all, func(_ *budget, args []any) (any, error) { return f(args...) })
	}
	op := strings.TrimPrefix(name.Value, "op:")
	if op == "matches" {
		return quickMatches(args)
	}
	all := quickAll(args)
	if all == nil || operators[op] == nil {
		return nil
	}
	return apply(all, operators[op])
}

// apply calls a function with arguments that lie on the input's stack: no function keeps them.
func apply(args []eval, f function) eval {
	return func(in *Env) any {
		base := len(in.args)
		for _, get := range args {
			v := get(in)
			in.args = append(in.args, v)
		}
		out, err := f(&in.budget, in.args[base:len(in.args):len(in.args)])
		clear(in.args[base:])
		in.args = in.args[:base]
		if err != nil {
			panic(err)
		}
		return out
	}
}

func quickMatches(args []ast.Node) eval {
	get := quickText(args[0])
	if get == nil {
		return nil
	}
	p := args[1].(*ast.ConstantNode).Value.(*pattern)
	return func(in *Env) any {
		s, isText, v := get(in)
		switch {
		case isText:
			in.budget.spend(1 + len(s)*p.size/instructionsPerStep)
			return p.MatchString(s)
		case v == nil:
			return false
		}
		panic(mismatch("matches", v, ""))
	}
}

// runQuick runs the program as functions.
func (p *Program) runQuick(in *Env) (v any, err error) {
	defer func() {
		if r := recover(); r != nil {
			failure, isError := r.(error)
			if !isError {
				failure = errors.New(fmt.Sprint(r))
			}
			v, err = nil, runError(failure)
		}
	}()
	in.args = in.args[:0]
	return p.quick(in), nil
}
