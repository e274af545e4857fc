package expression

import (
	"fmt"
	"maps"
	"slices"
)

func newList(b *budget, args []any) (any, error) {
	b.list(len(args))
	return slices.Clone(args), nil
}

// newMap makes a map of keys and values, which alternate.
func newMap(b *budget, args []any) (any, error) {
	b.list(len(args))
	b.grow(32 * len(args))
	m := make(map[string]any, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		key, err := Text(args[i])
		if err != nil {
			return nil, err
		}
		m[key] = args[i+1]
	}
	return m, nil
}

func reverse(_ *budget, args []any) (any, error) {
	list, err := asList(args[0])
	list = slices.Clone(list)
	slices.Reverse(list)
	return list, err
}

func sorted(b *budget, args []any) (any, error) {
	list, err := asList(args[0])
	if err != nil {
		return nil, err
	}
	var order any = "asc"
	if len(args) == 2 {
		order = args[1]
	}
	list = slices.Clone(list)
	return list, sortList(b, list, list, order)
}

func asList(v any) ([]any, error) {
	if list, ok := v.([]any); ok {
		return list, nil
	}
	return nil, fmt.Errorf("want a list, got %T", v)
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
	list, err := asList(args[0])
	if err != nil {
		return nil, err
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
	list, err := asList(args[0])
	if err != nil {
		return nil, err
	}
	seen := []any{}
	for _, v := range list {
		if !slices.ContainsFunc(seen, func(other any) bool { return equal(b, v, other) }) {
			seen = append(seen, v)
		}
	}
	return seen, nil
}
