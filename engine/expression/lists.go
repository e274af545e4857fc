package expression

import (
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
)

func newList(b *budget, args []any) (any, error) {
	b.list(len(args))
	return slices.Clone(args), nil
}

// mapBytes is the size of a small map.
const mapBytes = 300

// keyOf returns the text of a value that becomes a key.
func keyOf(b *budget, v any) (string, error) {
	b.weigh(v)
	return Text(v)
}

// newMap makes a map of alternating keys and values. It leaves out values whose key is nil.
func newMap(b *budget, args []any) (any, error) {
	b.list(len(args))
	b.grow(mapBytes + 32*len(args))
	m := make(map[string]any, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		if args[i] == nil {
			continue
		}
		key, err := keyOf(b, args[i])
		if err != nil {
			return nil, err
		}
		m[key] = args[i+1]
	}
	return m, nil
}

func reverse(_ *budget, args []any) (any, error) {
	list := slices.Clone(args[0].([]any))
	slices.Reverse(list)
	return list, nil
}

func sorted(b *budget, args []any) (any, error) {
	list := slices.Clone(args[0].([]any))
	return list, sortList(b, list, list, optional[any](args, 1, nil))
}

// take returns the first elements of a list.
func take(_ *budget, args []any) (any, error) {
	list, n := args[0].([]any), args[1].(int)
	if n < 0 {
		return nil, fmt.Errorf("want a number from 0, got %d", n)
	}
	return list[:min(n, len(list)):min(n, len(list))], nil
}

func concat(b *budget, args []any) (any, error) {
	all := []any{}
	for _, list := range args {
		b.list(len(list.([]any)))
		all = append(all, list.([]any)...)
	}
	return all, nil
}

func flatten(b *budget, args []any) (any, error) {
	flat := []any{}
	for _, v := range args[0].([]any) {
		list, isList := v.([]any)
		if !isList {
			list = []any{v}
		} else if inner, err := flatten(b, []any{list}); err == nil {
			list = inner.([]any)
		}
		b.list(len(list))
		flat = append(flat, list...)
	}
	return flat, nil
}

// pairs makes a function that lists the members of a map, sorted by key.
func pairs(of func(key string, value any) any) function {
	return func(b *budget, args []any) (any, error) {
		m := args[0].(map[string]any)
		b.spend(2 * len(m) * bits.Len(uint(len(m)))) // they are sorted
		list := make([]any, 0, len(m))
		for _, key := range slices.Sorted(maps.Keys(m)) {
			list = append(list, of(key, m[key]))
		}
		return list, nil
	}
}

func fromPairs(b *budget, args []any) (any, error) {
	m := map[string]any{}
	for _, entry := range args[0].([]any) {
		pair, _ := entry.([]any)
		if entry == nil || len(pair) == 2 && pair[0] == nil {
			continue
		}
		if len(pair) != 2 {
			return nil, errors.New("want lists of a key and a value")
		}
		key, err := keyOf(b, pair[0])
		if err != nil {
			return nil, err
		}
		m[key] = pair[1]
	}
	return m, nil
}

func uniq(b *budget, args []any) (any, error) {
	seen := []any{}
	for _, v := range args[0].([]any) {
		if !slices.ContainsFunc(seen, func(other any) bool { return equal(b, v, other) }) {
			seen = append(seen, v)
		}
	}
	return seen, nil
}
