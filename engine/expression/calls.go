package expression

import (
	"time"

	"github.com/expr-lang/expr/ast"
)

func (w *rewriter) builtin(n *ast.BuiltinNode) ast.Node {
	if predicates[n.Name] {
		return w.predicate(n)
	}
	switch n.Name {
	case "timezone":
		return w.zone(n, n.Arguments[0])
	case "date":
		if len(n.Arguments) == 3 && !isOfTime(n.Arguments[0].Type()) { // a text, its layout and a zone's name
			w.nodes(n.Arguments[:2])
			return call(n, "fn:date", w.zone(n, n.Arguments[2]), n.Arguments[0], n.Arguments[1])
		}
	}
	w.nodes(n.Arguments)
	return call(n, "fn:"+n.Name, n.Arguments...)
}

// zone loads a time zone, whose name must be there at once.
func (w *rewriter) zone(at, name ast.Node) ast.Node {
	text, ok := name.(*ast.StringNode)
	if !ok {
		w.fail(name, "want the time zone's name as a text in quotes, so that it is loaded once")
		return at
	}
	location, err := zone(text.Value)
	if err != nil {
		w.fail(name, "%s", err)
		location = time.UTC
	}
	return constant(name, location)
}

// predicate rewrites a function with a closure: each round of it takes as many steps as it has nodes.
func (w *rewriter) predicate(n *ast.BuiltinNode) ast.Node {
	n.Arguments[0] = call(n, "op:list", w.node(n.Arguments[0]))
	all := n.Arguments[0]
	if n.Name == "findLast" || n.Name == "findLastIndex" { // the machine's own loop backwards leaves things on its stack
		n.Arguments[0] = call(n, "op:reverse", all)
	}
	if len(n.Arguments) == 1 { // count and sum of the elements themselves
		pointer := &ast.PointerNode{}
		pointer.SetLocation(n.Location())
		n.Arguments = append(n.Arguments, &ast.PredicateNode{Node: pointer})
	}
	closure := n.Arguments[1].(*ast.PredicateNode)
	cost := &ast.IntegerNode{Value: count(closure.Node)}
	if n.Name == "sortBy" {
		cost.Value *= 4 // it sorts by reflection afterwards
	}
	w.loops++
	body := call(closure.Node, "op:each", cost, w.node(closure.Node))
	w.loops--
	if len(n.Arguments) == 3 {
		n.Arguments[2] = w.node(n.Arguments[2])
	}
	switch n.Name {
	case "map", "sortBy", "reduce", "groupBy", "sum":
	default:
		body = w.truth(body)
	}
	closure.Node = body
	switch n.Name {
	case "sum":
		n.Name = "map"
		return call(n, "op:sum", n)
	case "groupBy":
		return call(n, "op:grouped", n)
	case "findLast":
		n.Name = "find"
	case "findLastIndex":
		n.Name = "findIndex"
		return call(n, "op:fromEnd", all, n)
	}
	return n
}

// count counts the nodes of a tree.
func count(n ast.Node) int {
	var c counter
	ast.Walk(&n, &c)
	return 2 + int(c)
}

type counter int

func (c *counter) Visit(*ast.Node) { *c++ }
