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
	from, to, err := boundsOf(args)
	switch {
	case err != nil:
		return nil, err
	case to < from:
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

// boundsOf returns the bounds of a range.
func boundsOf(args []any) (from, to int, err error) {
	from, isWhole := wholeOf(args[0])
	to, isWhole2 := wholeOf(args[1])
	if !isWhole || !isWhole2 {
		return 0, 0, mismatch("..", args[0], args[1])
	}
	return from, to, nil
}

// inRange reports whether a value is one of the whole numbers from one to another.
func inRange(_ *budget, args []any) (any, error) {
	if anyNil(args) {
		return false, nil
	}
	from, to, err := boundsOf(args[1:])
	whole, isWhole := wholeOf(args[0])
	return isWhole && from <= whole && whole <= to, err
}

// element returns a member of a map, or an element of a list or a text. A negative index counts from the end. It returns nil where
// there is none.
func element(b *budget, args []any) (any, error) {
	key, isKey := args[1].(string)
	b.scan(key)
	if members, isMap := args[0].(map[string]any); isMap && isKey {
		return members[key], nil
	}
	i, isWhole := wholeOf(args[1])
	n, hasElements := elements(b, args[0])
	if i < 0 {
		i += n
	}
	if !isWhole || !hasElements || i < 0 || i >= n {
		return nil, nil
	}
	if list, isList := args[0].([]any); isList {
		return list[i], nil
	}
	return substring(args[0].(string), i, i+1), nil
}

// elements returns the length of a list, or of a text in characters.
func elements(b *budget, v any) (n int, has bool) {
	switch v := v.(type) {
	case []any:
		return len(v), true
	case string:
		b.spend(len(v) / slowBytesPerStep)
		return utf8.RuneCountInString(v), true
	}
	return 0, false
}

// slice returns a part of a list, or of a text by characters.
func slice(b *budget, args []any) (any, error) {
	n, has := elements(b, args[0])
	switch {
	case args[0] == nil:
		return nil, nil
	case !has:
		return nil, fmt.Errorf("cannot slice %s", kindOf(args[0]))
	}
	bounds := [2]int{0, n}
	for i, arg := range args[1:3] {
		if arg == nil {
			continue
		}
		at, isWhole := wholeOf(arg)
		if !isWhole {
			return nil, fmt.Errorf("cannot slice by %s", kindOf(arg))
		}
		if at < 0 {
			at += n
		}
		bounds[i] = at
	}
	to := max(0, min(bounds[1], n))
	from := max(0, min(bounds[0], to))
	if list, isList := args[0].([]any); isList {
		return list[from:to:to], nil
	}
	return substring(args[0].(string), from, to), nil
}

// substring returns a part of a text by characters.
func substring(s string, from, to int) string { return s[offset(s, from):offset(s, to)] }

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
