package expression

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/expr-lang/expr/ast"
)

// part warns if no value that AWF gives a key begins with, ends with or contains a text.
func (w *warner) part(n *ast.BinaryNode) {
	has := map[string]func(s, part string) bool{
		"startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix, "contains": strings.Contains,
	}[n.Operator]
	if text, ok := n.Right.(*ast.StringNode); ok {
		w.never(n.Left, text, func(value string) bool { return has(value, text.Value) })
	}
}

// regexp warns of a pattern that matches no value of AWF's, and of one that is a glob.
func (w *warner) regexp(n *ast.BinaryNode) {
	text, ok := n.Right.(*ast.StringNode)
	if !ok {
		return
	}
	if asGlob().MatchString(text.Value) {
		w.warn(text, "expr.glob", "matches takes a regular expression: want glob(%q, %s)", text.Value, n.Left.String())
		return
	}
	if pattern, err := regexp.Compile(text.Value); err == nil {
		w.never(n.Left, text, pattern.MatchString)
	}
}

// asGlob matches texts that make sense as a glob but not as a regular expression: deploy-*, *-prod.
var asGlob = lazy.Regexp(`^(?:\*[\w-]+|[\w-]*[\w-]\*)$`)

// never warns if a condition on a key holds for none of the values that AWF gives it.
func (w *warner) never(key ast.Node, text *ast.StringNode, holds func(value string) bool) {
	name := keyName(key)
	if name == "event" && !ofAWF().MatchString(text.Value) { // events of plugins and of the user's own have any name
		return
	}
	if values := knownValues[name]; len(values) > 0 && !slices.ContainsFunc(values, holds) {
		w.warn(text, "expr.never", "%s is never like that where AWF writes it: it is %s", name, examples(values))
	}
}

// negated returns the operand of a not that is itself the left operand of a comparison, and where the not is. It returns nil if there is
// no such not.
func negated(n *ast.BinaryNode) (value ast.Node, at int) {
	left, isUnary := n.Left.(*ast.UnaryNode)
	if _, compares := operators[n.Operator]; !compares || !isUnary || joins(left) == "" {
		return nil, 0
	}
	return left.Node, left.Location().From
}

// mayMeetBool reports whether a comparison of true or false with the right operand makes sense.
func mayMeetBool(n *ast.BinaryNode) bool {
	list, isList := n.Right.(*ast.ArrayNode)
	t := n.Right.Type()
	switch {
	case n.Operator == "in" && isList:
		return slices.ContainsFunc(list.Nodes, mayBeBool)
	case n.Operator == "in" && t.Kind() == reflect.Slice:
		return t.Elem().Kind() == reflect.Interface
	case n.Operator == "in":
		return t.Kind() == reflect.Interface
	case n.Operator == "==", n.Operator == "!=":
		return mayBeBool(n.Right)
	}
	return false
}

func mayBeBool(n ast.Node) bool {
	_, isNil := n.(*ast.NilNode)
	return !isNil && (isBool(n) || n.Type().Kind() == reflect.Interface)
}

func isBool(n ast.Node) bool { return n.Type().Kind() == reflect.Bool }

// alone warns of a not that was probably meant for a comparison, unless it has brackets of its own: (not a) == b.
func (w *warner) alone(n *ast.BinaryNode) {
	value, from := negated(n)
	if value == nil || isBool(value) || isBool(n.Right) || !mayMeetBool(n) { // with a condition on either side, both ways give the same
		return
	}
	runes := []rune(w.source)
	if open, _ := brackets("(" + string(runes[from:n.Location().From])); open != "" {
		what := fmt.Sprintf("%s %s %s", value, n.Operator, n.Right)
		w.warn(n, "expr.not", "not binds to %s alone: want not (%s), or (not %s) %s %s", value, what, value, n.Operator, n.Right)
	}
}

// examples lists a few values.
func examples(values []string) string {
	const few = 4
	if len(values) <= few {
		return strings.Join(values, ", ")
	}
	return strings.Join(values[:few], ", ") + " and so on"
}

// ofAWF matches texts that are meant for AWF's own events.
var ofAWF = lazy.Regexp(`(?i)workflow|step|start|complet|finish|fail|error|cancel|success|tool|message`)

// keyName returns a path as written: "payload.status".
func keyName(key ast.Node) string {
	if identifier, ok := key.(*ast.IdentifierNode); ok {
		return identifier.Value
	}
	return strings.Join(pathOf(key), ".")
}

// otherKeys maps other names for payload's keys, which AWF's records or people use.
var otherKeys = map[string]string{
	"duration_ms": "duration", "elapsed": "duration", "error_message": "error", "err": "error", "code": "exit_code",
	"exit_status": "exit_code", "return_code": "exit_code", "step_name": "step", "step_id": "step", "step_type": "kind", "state": "status",
}
