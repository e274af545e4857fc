package expression

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/conf"
)

// function is what a name or an operator calls. Its results are values of JSON, or of package time.
type function func(b *budget, args []any) (any, error)

// operators are the functions that the rewriter puts where operators stood.
var operators = map[string]function{
	"==": func(b *budget, args []any) (any, error) { return equal(b, args[0], args[1]), nil },
	"<":  ordered("<", func(c int) bool { return c < 0 }), "<=": ordered("<=", func(c int) bool { return c <= 0 }),
	">": ordered(">", func(c int) bool { return c > 0 }), ">=": ordered(">=", func(c int) bool { return c >= 0 }),
	"in": in, "matches": matches,
	"contains": texts("contains", strings.Contains), "startsWith": texts("startsWith", strings.HasPrefix),
	"endsWith": texts("endsWith", strings.HasSuffix),
	"+":        addition,
	"-":        arithmetic("-", subtract, func(a, b float64) (any, error) { return a - b, nil }),
	"*":        arithmetic("*", multiply, func(a, b float64) (any, error) { return a * b, nil }),
	"/":        arithmetic("/", nil, divide),
	"%":        arithmetic("%", modulo, nil),
	"**":       arithmetic("**", nil, func(a, b float64) (any, error) { return math.Pow(a, b), nil }),
	"..":       rangeOf, "negate": negate, "plus": plus, "truth": truth, "member": element, "slice": slice,
	"whole": func(_ *budget, args []any) (any, error) { return args[0].(*object).value(), nil },
	"list":  listOf,
	"each": func(b *budget, args []any) (any, error) {
		b.spend(args[0].(int))
		return args[1], nil
	},
	"trace": func(b *budget, args []any) (any, error) {
		b.trace(args[0].(int), args[1])
		return args[1], nil
	},
	"plain":   func(_ *budget, args []any) (any, error) { return plain(args[0]), nil },
	"grouped": grouped,
	"reverse": reverse,
	"fromEnd": fromEnd,
	"sum":     sum,
}

var addition = arithmetic("+", add, func(a, b float64) (any, error) { return a + b, nil })

// isBool are the operators whose result is never missing.
var isBool = map[string]bool{"==": true, "<": true, "<=": true, ">": true, ">=": true, "in": true, "matches": true, "contains": true,
	"startsWith": true, "endsWith": true, "truth": true}

// functions are those that differ from expr's, or are not in it.
var functions = map[string]function{
	"glob":     func(b *budget, args []any) (any, error) { return glob(b, args[0].(string), args[1].(string)) },
	"truncate": truncate,
	"json":     toJSON,
	"toJSON":   toJSON,
	"fromJSON": fromJSON,
	"string":   func(_ *budget, args []any) (any, error) { return Text(args[0]) },
	"int":      toInt,
	"keys": func(_ *budget, args []any) (any, error) {
		return pairs(args[0], func(k string, _ any) any { return k })
	},
	"values": func(_ *budget, args []any) (any, error) {
		return pairs(args[0], func(_ string, v any) any { return v })
	},
	"toPairs": func(_ *budget, args []any) (any, error) {
		return pairs(args[0], func(k string, v any) any { return []any{k, v} })
	},
	"fromPairs": fromPairs,
	"repeat":    repeat,
	"replace":   replace,
	"join":      join,
	"get":       element,
	"uniq":      uniq,
}

// takesNil are the functions that have something to say of a missing value; the others give nil for one.
var takesNil = map[string]bool{"type": true, "json": true, "toJSON": true}

// walksDeep are the functions that look at values to their leaves.
var walksDeep = map[string]bool{"json": true, "toJSON": true, "string": true, "flatten": true, "max": true, "min": true, "mean": true, "median": true, "sort": true}

// predicates are expr's functions with a closure, which its compiler unfolds.
var predicates = map[string]bool{"all": true, "none": true, "any": true, "one": true, "filter": true, "map": true, "find": true,
	"findIndex": true, "findLast": true, "findLastIndex": true, "count": true, "sum": true, "groupBy": true, "sortBy": true, "reduce": true}

// callable are all functions as the machine calls them: with the run's budget as the first argument.
var callable = sync.OnceValue(func() conf.FunctionsTable {
	table := conf.FunctionsTable{}
	types := func(isBool bool) *builtin.Function {
		if isBool {
			return &builtin.Function{Types: boolResult}
		}
		return &builtin.Function{Types: anyResult}
	}
	for name, f := range operators {
		entry := types(isBool[name])
		entry.Name, entry.Func = "op:"+name, func(args ...any) (any, error) { return f(args[0].(*budget), args[1:]) }
		table[entry.Name] = entry
	}
	for _, b := range builtin.Builtins {
		if !predicates[b.Name] && functions[b.Name] == nil {
			f := ofExpr(b)
			if strings.HasPrefix(b.Name, "split") {
				f = splitter(f)
			}
			table["fn:"+b.Name] = named(b.Name, f)
		}
	}
	for name, f := range functions {
		table["fn:"+name] = named(name, f)
	}
	return table
})

// named makes a function of the language: nil for a missing argument, within the budget.
func named(name string, f function) *builtin.Function {
	call := func(args ...any) (any, error) {
		b := args[0].(*budget)
		args = args[1:]
		for _, arg := range args {
			if arg == nil && !takesNil[name] {
				return nil, nil
			}
			if walksDeep[name] {
				b.weigh(arg)
				if name == "sort" {
					b.weigh(arg) // n log n
					b.weigh(arg)
				}
				continue
			}
			b.spend(1)
			switch arg := arg.(type) {
			case string:
				b.scan(arg)
			case []any:
				b.spend(len(arg))
			case map[string]any:
				b.spend(len(arg))
			}
		}
		out, err := f(b, args)
		if err != nil {
			return nil, err
		}
		out = plain(out)
		switch out := out.(type) {
		case string:
			b.grow(len(out))
		case []any:
			b.grow(16 * len(out))
		}
		return out, nil
	}
	return &builtin.Function{Name: "fn:" + name, Func: call, Types: anyResult}
}

func ofExpr(b *builtin.Function) function {
	return func(_ *budget, args []any) (any, error) {
		switch {
		case b.Fast != nil:
			return b.Fast(args[0]), nil
		case b.Safe != nil:
			out, _, err := b.Safe(args...)
			return out, err
		}
		return b.Func(args...)
	}
}

// zone is a zone of the tz database.
func zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" { // ours
		return nil, fmt.Errorf("unknown time zone %q", name)
	}
	return time.LoadLocation(name)
}
