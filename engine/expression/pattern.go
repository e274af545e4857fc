package expression

import (
	"regexp"
	"regexp/syntax"

	"github.com/expr-lang/expr/ast"
)

// Bounds of regular expressions. They stand in docs/config.md.
const (
	MaxPattern     = 1024 // bytes
	MaxPatternSize = 1000 // instructions
)

func (w *rewriter) matches(n *ast.BinaryNode) ast.Node {
	text, ok := n.Right.(*ast.StringNode)
	if !ok {
		w.fail(n.Right, "want the pattern as a text in quotes, so that it is compiled once; glob() takes any")
		return n
	}
	if len(text.Value) > MaxPattern {
		w.fail(n.Right, "want a pattern of at most %d bytes, got %d", MaxPattern, len(text.Value))
		return n
	}
	parsed, err := syntax.Parse(text.Value, syntax.Perl)
	if err != nil {
		w.fail(n.Right, "%s", err)
		return n
	}
	size := instructions(parsed)
	if size > MaxPatternSize {
		w.fail(n.Right, "the pattern is too large: its repetitions multiply to over %d steps", MaxPatternSize)
		return n
	}
	compiled, err := regexp.Compile(text.Value)
	if err != nil {
		w.fail(n.Right, "%s", err)
		return n
	}
	return call(n, "op:matches", w.node(n.Left), constant(n.Right, &pattern{compiled, size}))
}

// instructions is about how many a regular expression has when its repetitions are unfolded.
func instructions(re *syntax.Regexp) int {
	n := 1 + len(re.Rune)
	if re.Op == syntax.OpCharClass {
		n = 1
	}
	for _, sub := range re.Sub {
		n += instructions(sub)
	}
	if re.Op == syntax.OpRepeat {
		n *= max(re.Min, re.Max, 1)
	}
	return min(n, 1<<30)
}
