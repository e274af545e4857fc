package expression

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// loop is a call that computes its second argument for each element of a list.
type loop struct {
	name  string
	list  eval
	slot  int  // of the element; its index and the accumulator follow
	cost  int  // steps of a round
	body  eval // of a round; true or false where the loop wants a condition
	third eval // nil if there is none
}

// loops are the functions that run a body for each element.
var loops = map[string]func(l *loop, env *Env) any{
	"all":       func(l *loop, env *Env) any { i, _ := l.find(env, false, false); return i < 0 },
	"none":      func(l *loop, env *Env) any { i, _ := l.find(env, true, false); return i < 0 },
	"any":       func(l *loop, env *Env) any { i, _ := l.find(env, true, false); return i >= 0 },
	"one":       func(l *loop, env *Env) any { return len(l.filter(env)) == 1 },
	"count":     func(l *loop, env *Env) any { return len(l.filter(env)) },
	"filter":    func(l *loop, env *Env) any { return l.filter(env) },
	"map":       func(l *loop, env *Env) any { return l.values(env) },
	"find":      func(l *loop, env *Env) any { _, v := l.find(env, true, false); return v },
	"findLast":  func(l *loop, env *Env) any { _, v := l.find(env, true, true); return v },
	"findIndex": func(l *loop, env *Env) any { return found(l.find(env, true, false)) },
	"findLastIndex": func(l *loop, env *Env) any {
		return found(l.find(env, true, true))
	},
	"sum": (*loop).sum, "reduce": (*loop).reduce, "groupBy": (*loop).groupBy, "sortBy": (*loop).sortBy,
}

func (w *writer) loop(n *ast.BuiltinNode, run func(*loop, *Env) any) part {
	outside := len(w.variables)
	l := &loop{name: n.Name, list: w.node(n.Arguments[0]).eval, slot: w.declare("#"), cost: 3}
	w.declare("#index")
	w.declare("#acc")
	if n.Name == "reduce" { // the accumulator comes from the body, which is compiled later
		acc := &w.variables[len(w.variables)-1]
		acc.from = acc.from.add(origin{body, AllKeys}, origin{with, AllKeys})
	}
	w.loops++
	l.body = func(env *Env) any { return env.slots[l.slot] } // count and sum of the elements themselves
	takesAny := slices.Contains([]string{"map", "sum", "reduce", "groupBy", "sortBy"}, n.Name)
	if len(n.Arguments) > 1 {
		round := n.Arguments[1].(*ast.PredicateNode).Node
		l.body, l.cost = w.value(round, !takesAny), l.cost+count(round)
	} else if !takesAny {
		l.body = func(env *Env) any { return isTrue(env.slots[l.slot], n) }
	}
	w.loops--
	w.variables = w.variables[:outside]
	if len(n.Arguments) == 3 {
		third := w.node(n.Arguments[2])
		if err := sortList(&budget{}, nil, nil, third.value); n.Name == "sortBy" && third.isConstant && err != nil {
			w.fail(n, "expr.argument", "sortBy: %s", err)
		}
		l.third = third.eval
	}
	return part{eval: func(env *Env) any { return run(l, env) }}
}

// elements returns the elements of the loop's list. A missing list is an empty one.
func (l *loop) elements(env *Env) []any {
	switch list := l.list(env).(type) {
	case nil:
		return nil
	case []any:
		return list
	default:
		panic(fmt.Errorf("%s: want a list, got %s", l.name, kindOf(list)))
	}
}

// round computes the body for an element.
func (l *loop) round(env *Env, i int, v any) any {
	env.budget.spend(l.cost)
	env.slots[l.slot], env.slots[l.slot+1] = v, i
	return l.body(env)
}

// find returns the index of the first or last element for which the body has the wanted value, -1 if there is none.
func (l *loop) find(env *Env, want, last bool) (int, any) {
	list := l.elements(env)
	for i := range list {
		if last {
			i = len(list) - 1 - i
		}
		if l.round(env, i, list[i]) == want {
			return i, list[i]
		}
	}
	return -1, nil
}

// found returns an index, or nil for -1.
func found(i int, _ any) any {
	if i < 0 {
		return nil
	}
	return i
}

func (l *loop) filter(env *Env) []any {
	kept := []any{}
	for i, v := range l.elements(env) {
		if l.round(env, i, v) == true {
			env.budget.list(1)
			kept = append(kept, v)
		}
	}
	return kept
}

// values returns the body's value for each element.
func (l *loop) values(env *Env) []any {
	list := l.elements(env)
	env.budget.list(len(list))
	values := make([]any, len(list))
	for i, v := range list {
		values[i] = l.round(env, i, v)
	}
	return values
}

// sum returns the sum of the body's values, skipping nil.
func (l *loop) sum(env *Env) any {
	var total any = 0
	for i, v := range l.elements(env) {
		v = l.round(env, i, v)
		if v == nil {
			continue
		}
		var err error
		if total, err = addition(&env.budget, []any{total, v}); err != nil {
			panic(err)
		}
	}
	return total
}

func (l *loop) reduce(env *Env) any {
	list, from := l.elements(env), 0
	var acc any
	switch {
	case l.third != nil:
		acc = l.third(env)
	case len(list) > 0:
		acc, from = list[0], 1
	}
	for i, v := range list[from:] {
		env.slots[l.slot+2] = acc
		acc = l.round(env, from+i, v)
	}
	return acc
}

// groupBy returns lists of the elements with the same body value, keyed by its text.
func (l *loop) groupBy(env *Env) any {
	groups := map[string]any{}
	for i, v := range l.elements(env) {
		key, err := keyOf(&env.budget, l.round(env, i, v))
		if err != nil {
			panic(err)
		}
		group, _ := groups[key].([]any)
		env.budget.list(1)
		groups[key] = append(group, v)
	}
	return groups
}

// sortBy sorts the elements by the body's value.
func (l *loop) sortBy(env *Env) any {
	list := slices.Clone(l.elements(env))
	env.budget.list(len(list))
	keys := l.values(env)
	var order any
	if l.third != nil {
		order = l.third(env)
	}
	if err := sortList(&env.budget, list, keys, order); err != nil {
		panic(err)
	}
	return list
}

// sortList orders a list by keys: "asc", which is also the default for nil, or "desc". Elements without a key come last.
func sortList(b *budget, list, keys []any, order any) error {
	if order != nil && order != "asc" && order != "desc" {
		return errors.New(`want the order "asc" or "desc"`)
	}
	rounds := bits.Len(uint(len(list)))
	b.spend(2 * len(list) * rounds)
	type entry struct{ key, value any }
	entries := make([]entry, len(list))
	for i, key := range keys {
		if s, ok := key.(string); ok {
			b.spend(len(s) / bytesPerStep * rounds)
		}
		entries[i] = entry{key, list[i]}
	}
	var failure error // the first one
	slices.SortStableFunc(entries, func(x, y entry) int {
		if x.key == nil || y.key == nil {
			return isNil(x.key) - isNil(y.key)
		}
		c, err := compare("<", x.key, y.key)
		failure = cmp.Or(failure, err)
		if order == "desc" {
			return -c
		}
		return c
	})
	for i, e := range entries {
		list[i] = e.value
	}
	return failure
}
