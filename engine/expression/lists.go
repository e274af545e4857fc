package expression

import (
	"fmt"
	"maps"
	"slices"
)

// listOf is what a closure runs over: a missing list is an empty one.
func listOf(_ *budget, args []any) (any, error) {
	switch v := args[0].(type) {
	case nil:
		return []any{}, nil
	case []any:
		return v, nil
	}
	return nil, fmt.Errorf("want a list, got %T", args[0])
}

// reverse is a list from its end.
func reverse(b *budget, args []any) (any, error) {
	list := slices.Clone(args[0].([]any))
	b.grow(16 * len(list))
	slices.Reverse(list)
	return list, nil
}

// fromEnd is where the element at an index of the reversed list stands in the list.
func fromEnd(_ *budget, args []any) (any, error) {
	i, found := args[1].(int)
	if !found {
		return nil, nil
	}
	return len(args[0].([]any)) - 1 - i, nil
}

// sum adds up a list's numbers; those that are missing count for nothing.
func sum(b *budget, args []any) (any, error) {
	var total any = 0
	for _, v := range args[0].([]any) {
		if v == nil {
			continue
		}
		var err error
		if total, err = addition(b, []any{total, v}); err != nil {
			return nil, err
		}
	}
	return total, nil
}

// grouped gives what groupBy found texts for keys.
func grouped(_ *budget, args []any) (any, error) {
	groups := map[string]any{}
	for key, list := range args[0].(map[any][]any) {
		name, err := Text(key)
		if err != nil {
			return nil, err
		}
		groups[name] = list
	}
	return groups, nil
}

// pairs makes a list of a map's members, by their keys.
func pairs(v any, of func(key string, value any) any) (any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("want a map, got %T", v)
	}
	list := make([]any, 0, len(m))
	for _, key := range slices.Sorted(maps.Keys(m)) {
		list = append(list, of(key, m[key]))
	}
	return list, nil
}

func fromPairs(_ *budget, args []any) (any, error) {
	list, ok := args[0].([]any)
	if !ok {
		return nil, fmt.Errorf("want a list, got %T", args[0])
	}
	m := map[string]any{}
	for _, entry := range list {
		pair, _ := entry.([]any)
		if len(pair) != 2 {
			return nil, fmt.Errorf("fromPairs: want lists of a key and a value")
		}
		key, err := Text(pair[0])
		if err != nil {
			return nil, err
		}
		m[key] = pair[1]
	}
	return m, nil
}

func uniq(b *budget, args []any) (any, error) {
	list, ok := args[0].([]any)
	if !ok {
		return nil, fmt.Errorf("want a list, got %T", args[0])
	}
	seen := []any{}
	for _, v := range list {
		if !slices.ContainsFunc(seen, func(other any) bool { return equal(b, v, other) }) {
			seen = append(seen, v)
		}
	}
	return seen, nil
}
