package expression

import (
	"fmt"
	"unicode/utf8"
)

// rangeOf returns the whole numbers from one to another.
func rangeOf(b *budget, args []any) (any, error) {
	if anyNil(args) {
		return nil, nil
	}
	from, _, isInt, _ := numberOf(args[0])
	to, _, isInt2, _ := numberOf(args[1])
	if !isInt || !isInt2 {
		return nil, mismatch("..", args[0], args[1])
	}
	if to < from {
		return []any{}, nil
	}
	n := uint(to) - uint(from)
	if n >= maxElements {
		return nil, errLists
	}
	b.list(int(n + 1))
	list := make([]any, n+1)
	for i := range list {
		list[i] = from + i
	}
	return list, nil
}

// element returns a member of a map, or an element of a list or a text. A negative index counts from the end. It returns nil where
// there is none.
func element(b *budget, args []any) (any, error) {
	key, _ := args[1].(string)
	b.scan(key)
	i, _, isInt, _ := numberOf(args[1])
	switch v := args[0].(type) {
	case nil:
		return nil, nil
	case map[string]any:
		return v[key], nil
	case []any:
		if isInt {
			if i < 0 {
				i += len(v)
			}
			if i < 0 || i >= len(v) {
				return nil, nil
			}
			return v[i], nil
		}
	case string:
		if isInt {
			return slice(b, []any{v, i, nil, true})
		}
	}
	return nil, nil // nothing else has members
}

// slice returns a part of a list, or of a text by characters. A fourth argument asks for one element.
func slice(b *budget, args []any) (any, error) {
	var n int
	list, isList := args[0].([]any)
	text, isText := args[0].(string)
	switch {
	case args[0] == nil:
		return nil, nil
	case isList:
		n = len(list)
	case isText:
		b.spend(len(text) / slowBytesPerStep)
		n = utf8.RuneCountInString(text)
	default:
		return nil, fmt.Errorf("cannot slice %s", kindOf(args[0]))
	}
	bounds := [2]int{0, n}
	for i, arg := range args[1:3] {
		if arg == nil {
			continue
		}
		at, _, isInt, _ := numberOf(arg)
		if !isInt {
			return nil, fmt.Errorf("cannot slice by %s", kindOf(arg))
		}
		if at < 0 {
			at += n
		}
		bounds[i] = at
	}
	if len(args) == 4 {
		if bounds[0] < 0 || bounds[0] >= n {
			return nil, nil
		}
		bounds[1] = bounds[0] + 1
	}
	to := max(0, min(bounds[1], n))
	from := max(0, min(bounds[0], to))
	if isList {
		return list[from:to:to], nil
	}
	return text[offset(text, from):offset(text, to)], nil
}

// offset returns the byte offset of a text's n-th character.
func offset(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}
