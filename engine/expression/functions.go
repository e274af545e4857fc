package expression

import (
	"fmt"
	"math"
	"reflect"
	"strings"

	"github.com/expr-lang/expr/builtin"
)

// function is what a name or an operator calls. Its results are values of JSON, or of package time.
type function func(b *budget, args []any) (any, error)

// operators are what the operators call that compute both operands.
var operators = map[string]function{
	"==": func(b *budget, args []any) (any, error) { return equal(b, args[0], args[1]), nil },
	"!=": func(b *budget, args []any) (any, error) { return !equal(b, args[0], args[1]), nil },
	"<":  ordered("<", func(c int) bool { return c < 0 }), "<=": ordered("<=", func(c int) bool { return c <= 0 }),
	">": ordered(">", func(c int) bool { return c > 0 }), ">=": ordered(">=", func(c int) bool { return c >= 0 }),
	"in":       in,
	"contains": texts("contains", strings.Contains), "startsWith": texts("startsWith", strings.HasPrefix),
	"endsWith": texts("endsWith", strings.HasSuffix),
	"+":        addition,
	"-":        arithmetic("-", subtract, func(a, b float64) (any, error) { return a - b, nil }),
	"*":        arithmetic("*", multiply, func(a, b float64) (any, error) { return a * b, nil }),
	"/":        arithmetic("/", nil, divide),
	"%":        arithmetic("%", modulo, nil),
	"**":       power, "^": power,
	"..": rangeOf,
}

var (
	addition = arithmetic("+", add, func(a, b float64) (any, error) { return a + b, nil })
	power    = arithmetic("**", nil, func(a, b float64) (any, error) { return math.Pow(a, b), nil })
)

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
	"sort":      sorted,
	"reverse":   reverse,
	"split":     split(strings.SplitN), "splitAfter": split(strings.SplitAfterN),
}

// takesNil are the functions that have something to say of a missing value; the others give nil for one.
var takesNil = map[string]bool{"type": true, "json": true, "toJSON": true}

// walksDeep are the functions that look at values to their leaves.
var walksDeep = map[string]bool{"json": true, "toJSON": true, "string": true, "flatten": true, "max": true, "min": true, "mean": true, "median": true}

// named makes a function of the language: nil for a missing argument, within the budget.
func named(name string, f function) function {
	return func(b *budget, args []any) (any, error) {
		for _, arg := range args {
			if arg == nil && !takesNil[name] {
				return nil, nil
			}
			if walksDeep[name] {
				b.weigh(arg)
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
		v, err := f(b, args)
		if err != nil {
			return nil, err
		}
		v = plain(v)
		switch v := v.(type) {
		case string:
			b.grow(len(v))
		case []any:
			b.grow(16 * len(v))
		}
		return v, nil
	}
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

// method makes a function of a method of package time's: its receiver is the first argument.
func method(receiver reflect.Type, name string) function {
	m, _ := receiver.MethodByName(name) // the checker found it
	return func(b *budget, args []any) (any, error) {
		b.spend(methodSteps)
		values := make([]reflect.Value, len(args))
		for i, arg := range args {
			values[i] = reflect.ValueOf(arg)
			if i < m.Type.NumIn() && !values[i].Type().AssignableTo(m.Type.In(i)) {
				return nil, fmt.Errorf("%s: want %s, got %T", name, m.Type.In(i), arg)
			}
		}
		return m.Func.Call(values)[0].Interface(), nil
	}
}

// methodSteps is what a method takes beside what its arguments and its result do.
const methodSteps = 20

// plain turns what functions of expr and package time return into the values of JSON.
func plain(v any) any {
	switch v := v.(type) {
	case nil, bool, string, int, float64, []any, map[string]any:
		return v
	case int64: // Unix seconds
		return int(v)
	}
	if r := reflect.ValueOf(v); r.Kind() == reflect.Slice || r.Kind() == reflect.Array {
		list := make([]any, r.Len())
		for i := range list {
			list[i] = plain(r.Index(i).Interface())
		}
		return list
	}
	return v
}
