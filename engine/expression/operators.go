package expression

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"time"
)

// exact is the bound below which a float64 holds every whole number.
const exact = 1 << 53

var (
	errOverflow = errors.New("integer overflow")
	errZero     = errors.New("division by zero")
	errTooLarge = errors.New("the result is too large for a number")
	errNoNumber = errors.New("the result is not a number")
)

// operators are the operators that always compute both operands.
var operators = map[string]function{
	"==": func(b *budget, args []any) (any, error) { return equal(b, args[0], args[1]), nil },
	"!=": func(b *budget, args []any) (any, error) { return !equal(b, args[0], args[1]), nil },
	"<":  ordered("<", func(c int) bool { return c < 0 }), "<=": ordered("<=", func(c int) bool { return c <= 0 }),
	">": ordered(">", func(c int) bool { return c > 0 }), ">=": ordered(">=", func(c int) bool { return c >= 0 }),
	"in":       in,
	"contains": texts("contains", strings.Contains), "startsWith": texts("startsWith", strings.HasPrefix),
	"endsWith": texts("endsWith", strings.HasSuffix),
	"+":        addition,
	"-":        arithmetic("-", subtract[int], func(a, b float64) (any, error) { return finite(a - b) }),
	"*":        arithmetic("*", multiply, func(a, b float64) (any, error) { return finite(a * b) }),
	"/":        arithmetic("/", nil, divide),
	"%":        arithmetic("%", modulo, nil),
	"**":       power, "^": power,
	"..": rangeOf,
}

var (
	sum   = arithmetic("+", add[int], func(a, b float64) (any, error) { return finite(a + b) })
	power = arithmetic("**", nil, func(a, b float64) (any, error) { return finite(math.Pow(a, b)) })
)

// finite returns a result of arithmetic. JSON has no infinite numbers, so no value is one.
func finite(f float64) (any, error) {
	switch {
	case math.IsInf(f, 0):
		return nil, errTooLarge
	case math.IsNaN(f):
		return nil, errNoNumber
	}
	return f, nil
}

func addition(b *budget, args []any) (any, error) {
	s, isText := args[0].(string)
	t, isText2 := args[1].(string)
	if !isText || !isText2 {
		return sum(b, args)
	}
	b.grow(len(s) + len(t))
	return s + t, nil
}

// mismatch is the error of an operator on values of the wrong kinds.
func mismatch(op string, a, b any) error {
	return fmt.Errorf("%s is not for %s and %s", op, kindOf(a), kindOf(b))
}

// numberOf returns a number as a float64, and as an int if it is one. isNumber is false for other values.
func numberOf(v any) (i int, f float64, isInt, isNumber bool) {
	switch v := v.(type) {
	case int:
		return v, float64(v), true, true
	case float64:
		return 0, v, false, true
	case uint64: // beyond every int
		return 0, float64(v), false, true
	case time.Duration, nil, string, bool, []any, map[string]any:
		return 0, 0, false, false
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Int, reflect.Int64: // time's months and weekdays, Unix seconds
		return int(r.Int()), float64(r.Int()), true, true
	}
	return 0, 0, false, false
}

// wholeOf returns a whole number as an int. Numbers such as 2.0 are whole, too.
func wholeOf(v any) (whole int, isWhole bool) {
	i, f, isInt, isNumber := numberOf(v)
	if isNumber && !isInt && f == math.Trunc(f) && math.Abs(f) < exact {
		return int(f), true
	}
	return i, isInt
}

// compare orders two values of one kind. It returns an error if their kinds differ.
func compare(op string, a, b any) (int, error) {
	if s, ok := a.(string); ok {
		if t, ok := b.(string); ok {
			return strings.Compare(s, t), nil
		}
	}
	if s, ok := a.(time.Time); ok {
		if t, ok := b.(time.Time); ok {
			return s.Compare(t), nil
		}
	}
	if s, ok := a.(time.Duration); ok {
		if t, ok := b.(time.Duration); ok {
			return cmp.Compare(s, t), nil
		}
	}
	i, f, isInt, isNumber := numberOf(a)
	j, g, isInt2, isNumber2 := numberOf(b)
	switch {
	case !isNumber || !isNumber2:
		return 0, mismatch(op, a, b)
	case isInt && isInt2:
		return cmp.Compare(i, j), nil
	case f != g || math.Abs(f) < exact:
		return cmp.Compare(f, g), nil
	}
	return exactly(a).Cmp(exactly(b)), nil
}

// exactly returns a number with all its digits, since a float64 does not hold every whole number.
func exactly(v any) *big.Float {
	switch v := v.(type) {
	case uint64:
		return new(big.Float).SetUint64(v)
	case float64:
		return new(big.Float).SetFloat64(v)
	}
	i, _, _, _ := numberOf(v)
	return new(big.Float).SetInt64(int64(i))
}

// ordered makes an ordering operator, which is false for a nil operand.
func ordered(op string, holds func(int) bool) func(*budget, []any) (any, error) {
	return func(b *budget, args []any) (any, error) {
		if anyNil(args) {
			return false, nil
		}
		if s, ok := args[0].(string); ok {
			b.scan(s)
		}
		c, err := compare(op, args[0], args[1])
		return err == nil && holds(c), err
	}
}

// equal compares by value: numbers as numbers, lists and maps by their contents.
func equal(b *budget, x, y any) bool { return equalAt(b, 0, x, y) }

func equalAt(b *budget, depth int, x, y any) bool {
	b.enter(depth)
	switch x := x.(type) {
	case nil:
		return y == nil
	case string:
		b.scan(x)
		t, ok := y.(string)
		return ok && x == t
	case bool:
		t, ok := y.(bool)
		return ok && x == t
	case []any:
		other, ok := y.([]any)
		if !ok || len(x) != len(other) {
			return false
		}
		for i := range x {
			if !equalAt(b, depth+1, x[i], other[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		other, ok := y.(map[string]any)
		if !ok || len(x) != len(other) {
			return false
		}
		for key, value := range x {
			if v, there := other[key]; !there || !equalAt(b, depth+1, value, v) {
				return false
			}
		}
		return true
	}
	c, err := compare("==", x, y)
	return err == nil && c == 0
}

// in reports whether a list has an element or a map has a key.
func in(b *budget, args []any) (any, error) {
	if anyNil(args) {
		return false, nil
	}
	switch whole := args[1].(type) {
	case []any:
		for _, element := range whole {
			if equal(b, element, args[0]) {
				return true, nil
			}
		}
		return false, nil
	case map[string]any:
		key, isString := args[0].(string)
		b.scan(key)
		_, there := whole[key]
		return isString && there, nil
	case string:
		return nil, fmt.Errorf("%w: want contains for a part of a text", mismatch("in", args[0], whole))
	}
	return nil, mismatch("in", args[0], args[1])
}

// texts makes an operator on two texts, which is false for a nil operand.
func texts(op string, holds func(s, t string) bool) func(*budget, []any) (any, error) {
	return func(b *budget, args []any) (any, error) {
		if anyNil(args) {
			return false, nil
		}
		s, ok := args[0].(string)
		t, ok2 := args[1].(string)
		if !ok || !ok2 {
			return nil, mismatch(op, args[0], args[1])
		}
		b.scan(s)
		return holds(s, t), nil
	}
}

// pattern is a compiled regular expression.
type pattern struct {
	*regexp.Regexp
	size int // instructions
}

// instructionsPerStep is the least number of instructions that are tried on a byte in the time of a step.
const instructionsPerStep = 4

func matches(b *budget, args []any) (any, error) {
	if args[0] == nil {
		return false, nil
	}
	s, ok := args[0].(string)
	if !ok {
		return nil, mismatch("matches", args[0], "")
	}
	p := args[1].(*pattern)
	b.spend(1 + len(s)*p.size/instructionsPerStep)
	return p.MatchString(s), nil
}

// arithmetic makes an operator on numbers, and on times and durations by mixed. It returns nil for a nil operand.
func arithmetic(op string, ints func(a, b int) (any, error), floats func(a, b float64) (any, error)) func(*budget, []any) (any, error) {
	return func(_ *budget, args []any) (any, error) {
		if anyNil(args) {
			return nil, nil
		}
		a, b := args[0], args[1]
		i, f, isInt, isNumber := numberOf(a)
		j, g, isInt2, isNumber2 := numberOf(b)
		if !isNumber || !isNumber2 {
			f := mixed[[3]string{kindOf(a), op, kindOf(b)}]
			if f == nil {
				return nil, mismatch(op, a, b)
			}
			return f(a, b)
		}
		if floats == nil {
			i, isInt = wholeOf(a)
			j, isInt2 = wholeOf(b)
		}
		switch {
		case isInt && isInt2 && ints != nil:
			return ints(i, j)
		case floats == nil:
			return nil, mismatch(op, a, b)
		}
		return floats(f, g)
	}
}

// mixed does arithmetic on times and durations, by the operator and the kinds of its operands.
var mixed = map[[3]string]func(x, y any) (any, error){
	{"time", "-", "time"}:         func(x, y any) (any, error) { return x.(time.Time).Sub(y.(time.Time)), nil },
	{"time", "+", "duration"}:     func(x, y any) (any, error) { return x.(time.Time).Add(y.(time.Duration)), nil },
	{"time", "-", "duration"}:     func(x, y any) (any, error) { return x.(time.Time).Add(-y.(time.Duration)), nil },
	{"duration", "+", "time"}:     func(x, y any) (any, error) { return y.(time.Time).Add(x.(time.Duration)), nil },
	{"duration", "+", "duration"}: func(x, y any) (any, error) { return add(x.(time.Duration), y.(time.Duration)) },
	{"duration", "-", "duration"}: func(x, y any) (any, error) { return subtract(x.(time.Duration), y.(time.Duration)) },
	{"duration", "*", "int"}:      times,
	{"duration", "*", "float"}:    times,
	{"int", "*", "duration"}:      times,
	{"float", "*", "duration"}:    times,
}

// times multiplies a duration and a number.
func times(x, y any) (any, error) {
	d, isFirst := x.(time.Duration)
	if !isFirst {
		d, y = y.(time.Duration), x
	}
	product := float64(d) * floatOf(y)
	if !(math.Abs(product) < math.MaxInt64) {
		return nil, errOverflow
	}
	return time.Duration(product), nil
}

func add[T int | time.Duration](a, b T) (any, error) {
	if sum := a + b; (sum > a) == (b > 0) {
		return sum, nil
	}
	return nil, errOverflow
}

func subtract[T int | time.Duration](a, b T) (any, error) {
	if difference := a - b; (difference < a) == (b > 0) {
		return difference, nil
	}
	return nil, errOverflow
}

func multiply(a, b int) (any, error) {
	if a == 0 || b == 0 {
		return 0, nil
	}
	if p := a * b; p/b == a && !(a == -1 && b == math.MinInt) && !(b == -1 && a == math.MinInt) {
		return p, nil
	}
	return nil, errOverflow
}

func divide(a, b float64) (any, error) {
	if b == 0 {
		return nil, errZero
	}
	return finite(a / b)
}

func modulo(a, b int) (any, error) {
	if b == 0 {
		return nil, errZero
	}
	return a % b, nil
}

func negate(_ *budget, args []any) (any, error) {
	i, f, isInt, isNumber := numberOf(args[0])
	d, isDuration := args[0].(time.Duration)
	switch {
	case args[0] == nil:
		return nil, nil
	case isDuration:
		return subtract(0, d)
	case isInt:
		return subtract(0, i)
	case isNumber:
		return -f, nil
	}
	return nil, fmt.Errorf("- is not for %s", kindOf(args[0]))
}

func plus(_ *budget, args []any) (any, error) {
	if _, _, _, isNumber := numberOf(args[0]); isNumber || args[0] == nil {
		return args[0], nil
	}
	return nil, fmt.Errorf("+ is not for %s", kindOf(args[0]))
}
