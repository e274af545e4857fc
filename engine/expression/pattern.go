package expression

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"

	"github.com/expr-lang/expr/ast"
)

// Bounds of regular expressions, which docs/config.md lists.
const (
	maxPattern     = 1024 // bytes
	maxPatternSize = 1000 // instructions
)

// compilePattern compiles a regular expression, which must be a literal.
func compilePattern(n ast.Node) (*pattern, error) {
	text, ok := n.(*ast.StringNode)
	if !ok {
		return nil, errors.New("want the pattern as a text in quotes, so that it is compiled once; glob() takes any")
	}
	if len(text.Value) > maxPattern {
		return nil, fmt.Errorf("want a pattern of at most %d bytes, got %d", maxPattern, len(text.Value))
	}
	parsed, err := syntax.Parse(text.Value, syntax.Perl)
	if err != nil {
		return nil, err
	}
	size := instructions(parsed)
	if size > maxPatternSize {
		return nil, fmt.Errorf("the pattern is too large: its repetitions multiply to over %d steps", maxPatternSize)
	}
	compiled, err := regexp.Compile(text.Value)
	return &pattern{compiled, size}, err
}

// instructions estimates how many instructions a regular expression has once its repetitions are unfolded.
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
