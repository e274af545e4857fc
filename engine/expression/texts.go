package expression

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/builtin"
	"github.com/rivo/uniseg"
)

// Text is a value as it stands within a text: strings as they are, nil as nothing, the rest as in JSON without quotes.
func Text(v any) (string, error) {
	switch v := v.(type) {
	case nil:
		return "", nil
	case string:
		return v, nil
	}
	text, err := AppendJSON(nil, v)
	if err == nil && len(text) > 1 && text[0] == '"' { // a time or a duration
		text = text[1 : len(text)-1]
	}
	return string(text), err
}

// truncate cuts a text to n characters as a reader counts them, the last of which is "…" if it cut.
func truncate(b *budget, args []any) (any, error) {
	s, ok := args[0].(string)
	n, _, isInt, _ := numberOf(args[1])
	if !ok || !isInt || n < 1 {
		return nil, fmt.Errorf("truncate: want a text and a number from 1")
	}
	if len(s) <= n {
		return s, nil
	}
	rest, state, cut := s, -1, 0
	for i := 1; rest != ""; i++ {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		b.spend(4)
		if i < n {
			cut += len(cluster)
		}
		if i == n && rest != "" {
			return s[:cut] + "…", nil
		}
	}
	return s, nil
}

// glob matches the whole of s: "*" stands for any run of characters, "?" for one.
func glob(b *budget, pattern, s string) (any, error) {
	b.spend(len(s) * (1 + strings.Count(pattern, "*")*len(pattern)) / bytesPerStep)
	return MatchGlob(pattern, s), nil
}

// MatchGlob says whether the whole of s fits the pattern: "*" stands for any run of characters, "?" for one.
// It takes time proportional to their lengths' product at worst.
func MatchGlob(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0 // the last star, and where it began to eat
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == '?':
			_, size := utf8.DecodeRuneInString(s[i:])
			p++
			i += size
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

func toJSON(_ *budget, args []any) (any, error) {
	text, err := AppendJSON(nil, args[0])
	return string(text), err
}

func fromJSON(b *budget, args []any) (any, error) {
	text := []byte(args[0].(string))
	b.grow(4 * len(text))
	if !json.Valid(text) {
		return nil, fmt.Errorf("fromJSON: %w", errSyntax)
	}
	s := scanner{text: text}
	return s.document()
}

func toInt(_ *budget, args []any) (any, error) {
	if f, ok := args[0].(float64); ok && !(f >= math.MinInt && f < math.MaxInt) {
		return nil, errOverflow
	}
	return builtin.Int(args[0]), nil
}

// split makes a function that splits a text at each separator, into n parts at most.
func split(f func(s, separator string, n int) []string) function {
	return func(b *budget, args []any) (any, error) {
		s, separator, n := args[0].(string), args[1].(string), -1
		if len(args) == 3 {
			n = args[2].(int)
		}
		b.list(strings.Count(s, separator) + 1)
		return f(s, separator, n), nil
	}
}

func repeat(b *budget, args []any) (any, error) {
	s, n := args[0].(string), args[1].(int)
	if n < 0 {
		return nil, fmt.Errorf("repeat: want a number from 0, got %d", n)
	}
	if n > MaxMemory || len(s)*n > MaxMemory {
		return nil, errMemory
	}
	return strings.Repeat(s, n), nil
}

func replace(b *budget, args []any) (any, error) {
	s, old, with, n := args[0].(string), args[1].(string), args[2].(string), -1
	if len(args) == 4 {
		n = args[3].(int)
	}
	found := strings.Count(s, old)
	if n >= 0 {
		found = min(found, n)
	}
	if longer := len(with) - len(old); longer > 0 && found > 0 && longer > MaxMemory/found {
		return nil, errMemory
	}
	return strings.Replace(s, old, with, n), nil
}

func join(b *budget, args []any) (any, error) {
	glue := ""
	if len(args) == 2 {
		glue = args[1].(string)
	}
	list, err := asList(args[0])
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	for i, v := range list {
		switch v.(type) {
		case []any, map[string]any, nil:
			return nil, fmt.Errorf("join: want texts and numbers, got %T", v)
		}
		s, err := Text(v)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text.WriteString(glue)
		}
		if text.WriteString(s); text.Len() > b.bytes {
			return nil, errMemory
		}
	}
	return text.String(), nil
}
