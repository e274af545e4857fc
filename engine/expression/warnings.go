package expression

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// warner finds expressions that are valid but probably mistakes.
type warner struct {
	source   string
	warnings []*Error
	names    bool // the expression uses names of the environment
}

// Visit implements [ast.Visitor].
func (w *warner) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.BinaryNode:
		w.alone(n)
		switch n.Operator {
		case "matches":
			if text, ok := n.Right.(*ast.StringNode); ok && slashes().MatchString(text.Value) {
				w.warn(text, "expr.pattern", "the pattern has the slashes of another language: want it without them, (?i) before it for any case")
			}
			w.regexp(n)
		case "startsWith", "endsWith", "contains":
			w.part(n)
		case "==", "!=", "in":
			w.pattern(n.Left, n.Right)
			w.comparison(n.Left, n.Right)
			w.comparison(n.Right, n.Left)
		case "and", "&&", "or", "||":
			w.truth(n.Left)
			w.truth(n.Right)
		}
	case *ast.IdentifierNode:
		w.names = true
	case *ast.UnaryNode:
		w.truth(n.Node)
	case *ast.ConditionalNode:
		w.truth(n.Cond)
	case *ast.MemberNode:
		w.member(n)
		w.length(n)
	case *ast.CallNode:
		w.glob(n)
	case *ast.StringNode:
		if found := replaced().FindString(n.Value); found != "" {
			const want = "want a name between + signs, or with of a transform for variables"
			w.warn(n, "expr.text", "%s in an expression's text is not replaced: "+want, found)
		}
	case *ast.BuiltinNode:
		w.sameForAll(n)
	case *ast.SequenceNode:
		for _, unused := range n.Nodes[:len(n.Nodes)-1] {
			w.warn(unused, "expr.unused", "what stands before ; is not used: want and or or between conditions")
		}
	}
}

func (w *warner) warn(n ast.Node, code, format string, args ...any) {
	w.warnings = append(w.warnings, mistakeAt(n, w.source, code, fmt.Sprintf(format, args...)))
}

// constant warns of a filter with the same value for every event, except for a plain true.
func (w *warner) constant(root ast.Node) {
	if b, isBool := root.(*ast.BoolNode); w.names || isBool && b.Value {
		return
	}
	w.warn(root, "expr.constant", "it names nothing of the event, so that it is the same for each: enabled: false switches a webhook off")
}

// comparison warns of a value that AWF never gives the key.
func (w *warner) comparison(key, with ast.Node) {
	name := keyName(key)
	if _, isBool := with.(*ast.BoolNode); isBool {
		w.truth(key)
	}
	values, known := knownValues[name]
	if !known {
		return
	}
	texts := []ast.Node{with}
	if list, ok := with.(*ast.ArrayNode); ok {
		texts = list.Nodes
	}
	for _, n := range texts {
		text, ok := n.(*ast.StringNode)
		if !ok || slices.Contains(values, text.Value) {
			continue
		}
		if meant := meantValue(text.Value, values); meant != "" {
			w.warn(n, "expr.never", "%s is never %q where AWF writes it: did you mean %q?", name, text.Value, meant)
		} else if name != "event" { // events of plugins and of the user's own have any name
			w.warn(n, "expr.never", "%s is never %q where AWF writes it: it is one of %s", name, text.Value, strings.Join(values, ", "))
		}
	}
}

// truth warns of a step's result as a condition: AWF sets it to true for any step with output, even a failed one.
func (w *warner) truth(n ast.Node) {
	if strings.Join(pathOf(n), ".") == "payload.result" {
		w.warn(n, "expr.result", `payload.result says whether a step had output, also a failed one: want payload.status == "success"`)
	}
}

// otherStatuses maps other people's words to payload's statuses.
var otherStatuses = map[string]string{
	"failed": "failure", "fail": "failure", "error": "failure", "succeeded": "success", "successful": "success", "ok": "success",
	"canceled": "cancelled", "cancel": "cancelled", "completed": "success",
}

// meantValue returns the value that was probably meant, "" for none.
func meantValue(text string, values []string) string {
	plain := strings.ReplaceAll(strings.ReplaceAll(strings.ToLower(text), ".", "_"), "-", "_")
	for _, value := range append(event.OtherNames()[plain], otherStatuses[plain]) {
		if slices.Contains(values, value) {
			return value
		}
	}
	return spelling.Nearest(plain, values)
}

// member warns of a member of payload whose name is close to a documented one.
func (w *warner) member(n *ast.MemberNode) {
	name, isName := n.Property.(*ast.StringNode)
	root, isRoot := n.Node.(*ast.IdentifierNode)
	if !isName || !isRoot || root.Value != roots[payload] {
		return
	}
	if _, known := payloadTypes[name.Value]; known || len(name.Value) <= shortName {
		return
	}
	if key := meantKey(name.Value); key != "" {
		w.warn(n, "expr.payload", "AWF gives no payload.%s: did you mean payload.%s?", name.Value, key)
	}
}

// meantKey returns the key of payload that was probably meant, "" for none.
func meantKey(name string) string {
	if key := otherKeys[strings.ToLower(name)]; key != "" {
		return key
	}
	for _, key := range payloadKeys {
		if strings.EqualFold(joined(key), joined(name)) {
			return key
		}
	}
	if near := spelling.Nearest(name, payloadKeys); len(near) > 4 || near != "" && isSlip(name, near) {
		return near
	}
	return ""
}

// isSlip reports whether a name is a short key with two letters swapped or one doubled. Other names close to a short key may be intended.
func isSlip(name, key string) bool {
	sorted := func(text string) string { return string(slices.Sorted(slices.Values([]byte(text)))) }
	if len(name) == len(key) {
		return sorted(name) == sorted(key)
	}
	for i := range len(name) - 1 {
		if name[i] == name[i+1] && name[:i]+name[i+1:] == key {
			return true
		}
	}
	return false
}

// replaced matches placeholders that other languages replace within a text.
var replaced = lazy.Regexp(`\$\{\w[^{}]*\}|\{\{ *\w[^{}]*\}\}`)

// slashes matches slashes around a pattern.
var slashes = lazy.Regexp(`^/.+/[gimsuy]*$`)

// pattern warns of a comparison with a text that looks like a pattern.
func (w *warner) pattern(name, with ast.Node) {
	key, isName := name.(*ast.IdentifierNode)
	text, isText := with.(*ast.StringNode)
	if !isName || !isText || !strings.ContainsAny(text.Value, "*%") {
		return
	}
	w.warn(text, "expr.never", "== and in compare the whole text: want glob(%q, %s)", strings.ReplaceAll(text.Value, "%", "*"), key.Value)
}

// sameForAll warns of a loop whose body is the same for every element.
func (w *warner) sameForAll(n *ast.BuiltinNode) {
	if len(n.Arguments) < 2 || n.Name == "map" {
		return
	}
	predicate, _ := n.Arguments[1].(*ast.PredicateNode)
	if predicate == nil {
		return
	}
	if text, isText := predicate.Node.(*ast.StringNode); isText {
		w.warn(text, "expr.unused", "%q is the same for every element: want .%s for its member", text.Value, text.Value)
	}
}

// length warns of the member length, which other languages have for lists and texts.
func (w *warner) length(n *ast.MemberNode) {
	name, isName := n.Property.(*ast.StringNode)
	_, isRoot := n.Node.(*ast.IdentifierNode)
	if isName && name.Value == "length" && !isRoot {
		w.warn(n, "expr.payload", "%s is a key of a map: want len(%s) for a length", n.String(), n.Node.String())
	}
}

// joined returns a name without word separators.
func joined(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "_", ""), "-", "")
}

// glob warns of a pattern that is the second argument.
func (w *warner) glob(n *ast.CallNode) {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || callee.Value != "glob" || len(n.Arguments) != 2 {
		return
	}
	_, first := n.Arguments[0].(*ast.StringNode)
	pattern, second := n.Arguments[1].(*ast.StringNode)
	if !first && second && strings.ContainsAny(pattern.Value, "*?") {
		w.warn(n, "expr.glob", "glob takes the pattern first: glob(%q, %s)", pattern.Value, n.Arguments[0].String())
	}
}
