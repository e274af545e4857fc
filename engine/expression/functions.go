package expression

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// function is what a name or an operator calls. Its result is a value of JSON, or of package time.
type function func(b *budget, args []any) (any, error)

// definition is a function of the language.
type definition struct {
	// args are the kinds of its arguments: s a text, i a whole number, n a number, l a list, m a map, t a time, d a duration, a anything.
	// Those after "?" may be left out, and the kind before "*" may be there any number of times.
	args string
	call function
	// bytes is how many bytes of its arguments it deals with in the time of a step; 0 is the usual number.
	bytes int
}

// functions are those that are no loops. A missing argument makes the result of all but type and json missing.
var functions = map[string]definition{
	"len":         {args: "a", call: length},
	"type":        {args: "a", call: typeOf},
	"abs":         {args: "n", call: abs},
	"ceil":        {args: "n", call: rounded(math.Ceil)},
	"floor":       {args: "n", call: rounded(math.Floor)},
	"round":       {args: "n", call: rounded(math.Round)},
	"int":         {args: "a", call: toInt, bytes: 1},
	"float":       {args: "a", call: toFloat, bytes: 1},
	"string":      {args: "a", call: func(_ *budget, args []any) (any, error) { return Text(args[0]) }, bytes: deep},
	"json":        {args: "a", call: toJSON, bytes: deep},
	"toJSON":      {args: "a", call: toJSON, bytes: deep},
	"fromJSON":    {args: "s", call: fromJSON, bytes: 4},
	"upper":       {args: "s", call: ofText(strings.ToUpper), bytes: 8},
	"lower":       {args: "s", call: ofText(strings.ToLower), bytes: 8},
	"trim":        {args: "s?s", call: trim, bytes: 1},
	"trimPrefix":  {args: "s?s", call: withSpace(strings.TrimPrefix)},
	"trimSuffix":  {args: "s?s", call: withSpace(strings.TrimSuffix)},
	"hasPrefix":   {args: "ss", call: ofTexts(func(s, t string) any { return strings.HasPrefix(s, t) })},
	"hasSuffix":   {args: "ss", call: ofTexts(func(s, t string) any { return strings.HasSuffix(s, t) })},
	"indexOf":     {args: "ss", call: ofTexts(func(s, t string) any { return strings.Index(s, t) }), bytes: 4},
	"lastIndexOf": {args: "ss", call: ofTexts(func(s, t string) any { return strings.LastIndex(s, t) }), bytes: 4},
	"split":       {args: "ss?i", call: split(strings.SplitN), bytes: 4},
	"splitAfter":  {args: "ss?i", call: split(strings.SplitAfterN), bytes: 4},
	"replace":     {args: "sss?i", call: replace, bytes: 4},
	"repeat":      {args: "si", call: repeat},
	"join":        {args: "l?s", call: join},
	"glob":        {args: "ss", call: glob},
	"truncate":    {args: "si", call: truncate},
	"toBase64":    {args: "s", call: ofText(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }), bytes: 2},
	"fromBase64":  {args: "s", call: fromBase64, bytes: 2},
	"urlencode":   {args: "s", call: urlencode, bytes: 2},
	"urldecode":   {args: "s", call: urldecode, bytes: 2},
	"duration":    {args: "s", call: toDuration, bytes: 1},
	"date":        {args: "a?sa", call: toDate, bytes: 1},
	"max":         {args: "*a", call: extreme(1), bytes: deep},
	"min":         {args: "*a", call: extreme(-1), bytes: deep},
	"mean":        {args: "*a", call: mean, bytes: deep},
	"median":      {args: "*a", call: median, bytes: deep},
	"first":       {args: "l", call: func(b *budget, args []any) (any, error) { return element(b, []any{args[0], 0}) }},
	"last":        {args: "l", call: func(b *budget, args []any) (any, error) { return element(b, []any{args[0], -1}) }},
	"get":         {args: "aa", call: element},
	"take":        {args: "li", call: take},
	"keys":        {args: "m", call: pairs(func(k string, _ any) any { return k })},
	"values":      {args: "m", call: pairs(func(_ string, v any) any { return v })},
	"toPairs":     {args: "m", call: pairs(func(k string, v any) any { return []any{k, v} })},
	"fromPairs":   {args: "l", call: fromPairs},
	"reverse":     {args: "l", call: reverse},
	"uniq":        {args: "l", call: uniq},
	"concat":      {args: "*l", call: concat},
	"flatten":     {args: "l", call: flatten, bytes: deep},
	"sort":        {args: "l?s", call: sorted},
	"bitand":      {args: "ii", call: bit(func(x, y int) int { return x & y })},
	"bitor":       {args: "ii", call: bit(func(x, y int) int { return x | y })},
	"bitxor":      {args: "ii", call: bit(func(x, y int) int { return x ^ y })},
	"bitnand":     {args: "ii", call: bit(func(x, y int) int { return x &^ y })},
	"bitshl":      {args: "ii", call: shift(func(x int, n uint) int { return x << n })},
	"bitshr":      {args: "ii", call: shift(func(x int, n uint) int { return x >> n })},
	"bitushr":     {args: "ii", call: shift(func(x int, n uint) int { return int(uint(x) >> n) })},
	"bitnot":      {args: "i", call: func(_ *budget, args []any) (any, error) { return ^args[0].(int), nil }},
}

// deep as a definition's bytes says that it looks at values to their leaves.
const deep = -1

// takesNil are the functions that have something to say of a missing value.
var takesNil = map[string]bool{"type": true, "json": true, "toJSON": true}

// named makes a function of a definition: nil for a missing argument, an error for one of another kind, within the budget.
func named(name string, d definition) function {
	return func(b *budget, args []any) (any, error) {
		for i, arg := range args {
			if arg == nil && !takesNil[name] {
				return nil, nil
			}
			if err := d.check(i, &args[i]); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			b.look(args[i], d.bytes)
		}
		v, err := d.call(b, args)
		switch {
		case errors.Is(err, ErrBudget):
			return nil, err
		case err != nil:
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		switch v := v.(type) {
		case string:
			b.grow(len(v))
		case []any:
			b.grow(16 * len(v))
		}
		return v, nil
	}
}

// kinds are the words for the kinds of a definition.
var kinds = map[byte]string{'s': "string", 'i': "int", 'n': "a number", 'l': "a list", 'm': "a map", 't': "time", 'd': "duration"}

// check checks the kind of the i-th argument. It makes an int of a whole number.
func (d *definition) check(i int, arg *any) error {
	letters := strings.ReplaceAll(d.args, "?", "")
	kind := letters[len(letters)-1]
	if i < len(letters) && letters[0] != '*' {
		kind = letters[i]
	}
	var fits bool
	whole, f, isInt, isNumber := numberOf(*arg)
	switch kind {
	case 's':
		_, fits = (*arg).(string)
	case 'l':
		_, fits = (*arg).([]any)
	case 'm':
		_, fits = (*arg).(map[string]any)
	case 't':
		_, fits = (*arg).(time.Time)
	case 'd':
		_, fits = (*arg).(time.Duration)
	case 'n':
		fits = isNumber
	case 'i':
		if !isInt && isNumber && f == math.Trunc(f) && math.Abs(f) < exact {
			whole, isInt = int(f), true
		}
		if fits = isInt; fits {
			*arg = whole
		}
	default:
		fits = true
	}
	if !fits {
		return fmt.Errorf("want %s, got %s", kinds[kind], kindOf(*arg))
	}
	return nil
}

// kindOf names the kind of a value.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case bool:
		return "bool"
	case string:
		return "string"
	case []any:
		return "list"
	case map[string]any:
		return "map"
	case time.Time:
		return "time"
	case time.Duration:
		return "duration"
	case *time.Location:
		return "timezone"
	}
	if _, _, isInt, _ := numberOf(v); isInt {
		return "int"
	}
	return "float"
}

// method makes a function of a method of package time's: its receiver is the first argument.
func method(receiver reflect.Type, name string) function {
	m, _ := receiver.MethodByName(name) // the checker found it
	return func(b *budget, args []any) (any, error) {
		b.spend(methodSteps)
		values := make([]reflect.Value, len(args))
		for i, arg := range args {
			if arg == nil {
				return nil, nil
			}
			values[i] = reflect.ValueOf(arg)
			if want := m.Type.In(i); !values[i].Type().AssignableTo(want) {
				return nil, fmt.Errorf("%s: want %s, got %s", name, kindOf(reflect.Zero(want).Interface()), kindOf(arg))
			}
			if s, ok := arg.(string); ok { // a layout: what it makes is at most a few times as long
				b.spend(len(s))
				b.grow(longestOfLayout * len(s))
			}
		}
		v := m.Func.Call(values)[0].Interface()
		switch v := v.(type) {
		case string:
			b.grow(len(v))
		case int64: // Unix seconds
			return int(v), nil
		}
		return v, nil
	}
}

// methodSteps is what a method takes beside what its arguments and its result do.
const methodSteps = 20

// longestOfLayout is how many bytes a time's format makes of one of its layout, at most: "1" is October's 10, "MST" any zone's name.
const longestOfLayout = 4

// typeOf is a value's kind in expr's words.
func typeOf(_ *budget, args []any) (any, error) {
	if kind := kindOf(args[0]); kind != "list" {
		return kind, nil
	}
	return "array", nil
}

func length(_ *budget, args []any) (any, error) {
	switch v := args[0].(type) {
	case string:
		return utf8.RuneCountInString(v), nil
	case []any:
		return len(v), nil
	case map[string]any:
		return len(v), nil
	}
	return nil, fmt.Errorf("want a string, a list or a map, got %s", kindOf(args[0]))
}
