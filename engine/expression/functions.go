package expression

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"
)

// function implements a function or an operator. Its result is a JSON value or a value of package time.
type function func(b *budget, args []any) (any, error)

// definition is a function of the language.
type definition struct {
	// args are the kinds of its arguments, and after ":" of its result: s a text, i a whole number, f a number with a fraction,
	// n any number, x numbers or lists of them, b true or false, l a list, m a map, t a time, d a duration, z a time zone, y a layout of
	// times, a anything.
	// A caller may leave out arguments after "?", and may repeat the one after "*".
	args string
	call function
	// bytes is the number of bytes of its arguments that it handles in the time of a step, or deep; 0 means bytesPerStep.
	bytes int
}

// functions holds all functions except loops. They return nil for a nil argument, except those in takesNil.
var functions = map[string]definition{
	"len":         {args: "a:i", call: length},
	"type":        {args: "a:s", call: typeOf},
	"abs":         {args: "n:n", call: abs},
	"ceil":        {args: "n:f", call: rounded(math.Ceil)},
	"floor":       {args: "n:f", call: rounded(math.Floor)},
	"round":       {args: "n:f", call: rounded(math.Round)},
	"int":         {args: "a:i", call: toInt, bytes: 1},
	"float":       {args: "a:f", call: toFloat, bytes: 1},
	"string":      {args: "a:s", call: func(_ *budget, args []any) (any, error) { return Text(args[0]) }, bytes: deep},
	"json":        {args: "a:s", call: toJSON, bytes: deep},
	"toJSON":      {args: "a:s", call: toJSON, bytes: deep},
	"fromJSON":    {args: "s:a", call: fromJSON, bytes: 4},
	"upper":       {args: "s:s", call: ofText(strings.ToUpper), bytes: 8},
	"lower":       {args: "s:s", call: ofText(strings.ToLower), bytes: 8},
	"trim":        {args: "s?s:s", call: trim, bytes: 1},
	"trimPrefix":  {args: "s?s:s", call: withSpace(strings.TrimPrefix)},
	"trimSuffix":  {args: "s?s:s", call: withSpace(strings.TrimSuffix)},
	"hasPrefix":   {args: "ss:b", call: ofTexts(func(s, t string) any { return strings.HasPrefix(s, t) })},
	"hasSuffix":   {args: "ss:b", call: ofTexts(func(s, t string) any { return strings.HasSuffix(s, t) })},
	"indexOf":     {args: "ss:i", call: index(strings.Index), bytes: 4},
	"lastIndexOf": {args: "ss:i", call: index(strings.LastIndex), bytes: 4},
	"split":       {args: "ss?i:l", call: split(strings.SplitN), bytes: 4},
	"splitAfter":  {args: "ss?i:l", call: split(strings.SplitAfterN), bytes: 4},
	"replace":     {args: "sss?i:s", call: replace, bytes: 4},
	"repeat":      {args: "si:s", call: repeat},
	"join":        {args: "l?s:s", call: join},
	"glob":        {args: "ss:b", call: glob},
	"truncate":    {args: "si:s", call: truncate},
	"toBase64":    {args: "s:s", call: ofText(func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }), bytes: 2},
	"fromBase64":  {args: "s:s", call: fromBase64, bytes: 2},
	"urlencode":   {args: "s:s", call: urlencode, bytes: 2},
	"urldecode":   {args: "s:s", call: urldecode, bytes: 2},
	"timezone":    {args: "s:z"}, // its call is a constant
	"duration":    {args: "s:d", call: toDuration, bytes: 1},
	"date":        {args: "a?ya:t", call: toDate, bytes: 1},
	"max":         {args: "*x:n", call: extreme(1), bytes: deep},
	"min":         {args: "*x:n", call: extreme(-1), bytes: deep},
	"mean":        {args: "*x:f", call: ofNumbers(mean), bytes: deep},
	"median":      {args: "*x:f", call: ofNumbers(median), bytes: deep},
	"first":       {args: "l:a", call: func(b *budget, args []any) (any, error) { return element(b, []any{args[0], 0}) }},
	"last":        {args: "l:a", call: func(b *budget, args []any) (any, error) { return element(b, []any{args[0], -1}) }},
	"get":         {args: "aa:a", call: element},
	"take":        {args: "li:l", call: take},
	"keys":        {args: "m:l", call: pairs(func(k string, _ any) any { return k })},
	"values":      {args: "m:l", call: pairs(func(_ string, v any) any { return v })},
	"toPairs":     {args: "m:l", call: pairs(func(k string, v any) any { return []any{k, v} })},
	"fromPairs":   {args: "l:m", call: fromPairs},
	"reverse":     {args: "l:l", call: reverse},
	"uniq":        {args: "l:l", call: uniq},
	"concat":      {args: "*l:l", call: concat},
	"flatten":     {args: "l:l", call: flatten, bytes: deep},
	"sort":        {args: "l?s:l", call: sorted},
	"bitand":      {args: "ii:i", call: bit(func(x, y int) int { return x & y })},
	"bitor":       {args: "ii:i", call: bit(func(x, y int) int { return x | y })},
	"bitxor":      {args: "ii:i", call: bit(func(x, y int) int { return x ^ y })},
	"bitnand":     {args: "ii:i", call: bit(func(x, y int) int { return x &^ y })},
	"bitshl":      {args: "ii:i", call: shift(func(x int, n uint) int { return x << n })},
	"bitshr":      {args: "ii:i", call: shift(func(x int, n uint) int { return x >> n })},
	"bitushr":     {args: "ii:i", call: shift(func(x int, n uint) int { return int(uint(x) >> n) })},
	"bitnot":      {args: "i:i", call: func(_ *budget, args []any) (any, error) { return ^args[0].(int), nil }},
}

// deep says that a function reads its arguments to their leaves.
const deep = -1

// named makes a function that checks its arguments, returns nil for a nil one, and takes from the budget.
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

// kinds are a definition's kinds in words and as types of expr's checker.
var kinds = map[byte]struct {
	word string
	typ  reflect.Type
}{
	's': {"string", reflect.TypeFor[string]()}, 'i': {"int", reflect.TypeFor[int]()}, 'f': {"float", reflect.TypeFor[float64]()},
	'n': {"a number", nil}, 'x': {"numbers", nil}, 'b': {"true or false", reflect.TypeFor[bool]()},
	'l': {"a list", reflect.TypeFor[[]any]()},
	'm': {"a map", reflect.TypeFor[map[string]any]()}, 't': {"time", reflect.TypeFor[time.Time]()},
	'd': {"duration", reflect.TypeFor[time.Duration]()},
	'y': {"string", reflect.TypeFor[string]()}, 'z': {"timezone", reflect.TypeFor[*time.Location]()}, 'a': {"", reflect.TypeFor[any]()},
}

// kind returns the letter of the i-th argument, or 0 if there is none.
func (d *definition) kind(i int) byte {
	for _, letter := range []byte(d.args) {
		switch {
		case letter == ':':
			return 0
		case letter == '*':
			i = 0
		case letter != '?' && i == 0:
			return letter
		case letter != '?':
			i--
		}
	}
	return 0
}

// validate makes the function that checks a call for expr's checker and returns the type of its result.
func (d *definition) validate(name string) func(args []reflect.Type) (reflect.Type, error) {
	letters, result, _ := strings.Cut(d.args, ":")
	needed, _, _ := strings.Cut(letters, "?")
	return func(args []reflect.Type) (reflect.Type, error) {
		if least := len(strings.TrimPrefix(needed, "*")); len(args) < least || d.kind(len(args)-1) == 0 {
			return kinds['a'].typ, fmt.Errorf("%s: want %s, got %d", name, countOf(letters), len(args))
		}
		for i, arg := range args {
			if kind := d.kind(i); !mayBe(arg, kind) {
				return kinds['a'].typ, fmt.Errorf("%s: want %s, got %s", name, kinds[kind].word, wordOf(arg))
			}
		}
		return cmp.Or(kinds[result[0]].typ, kinds['a'].typ), nil
	}
}

// countOf says how many arguments a function takes.
func countOf(letters string) string {
	needed, more, _ := strings.Cut(letters, "?")
	switch {
	case needed[0] == '*':
		return "at least 1 argument"
	case more != "":
		return fmt.Sprintf("%d to %d arguments", len(needed), len(needed)+len(more))
	case len(needed) == 1:
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", len(needed))
}

// mayBe reports whether a value of a type may be of a kind.
func mayBe(t reflect.Type, kind byte) bool {
	if t == nil || t.Kind() == reflect.Interface || kind == 'a' {
		return true
	}
	if t.PkgPath() == "time" || t == kinds['z'].typ {
		return t == kinds[kind].typ || (kind == 'i' || kind == 'n') && t.Kind() == reflect.Int
	}
	switch t.Kind() {
	case reflect.Int, reflect.Float64, reflect.Uint64:
		return kind == 'n' || kind == 'x' || kind == 'i' || kind == 'f'
	case reflect.Slice:
		return kind == 'l' || kind == 'x'
	case reflect.Map:
		return kind == 'm'
	}
	return t == kinds[kind].typ
}

// wordOf names a type of the checker's.
func wordOf(t reflect.Type) string {
	if t == nil {
		return "nil"
	}
	return inOurWords.Replace(t.String())
}

// check checks the kind of the i-th argument. It turns whole numbers into ints.
func (d *definition) check(i int, arg *any) error {
	kind := d.kind(i)
	if *arg == nil || kind == 'a' || kind == 'x' {
		return nil
	}
	if kind == 'i' {
		if _, isInt := (*arg).(int); isInt { // which need not be boxed again
			return nil
		}
		if whole, isWhole := wholeOf(*arg); isWhole {
			*arg = whole
			return nil
		}
	} else if mayBe(reflect.TypeOf(*arg), kind) {
		return nil
	}
	return fmt.Errorf("want %s, got %s", kinds[kind].word, kindOf(*arg))
}

// try reports a mistake in a call's constant arguments. It calls the function with harmless values for the others.
func (d *definition) try(args []part) error {
	values := make([]any, len(args))
	constants := 0
	for i, arg := range args {
		if values[i] = harmless[d.kind(i)]; arg.isConstant {
			values[i] = arg.value
			if err := d.check(i, &values[i]); err != nil {
				return runError(err)
			}
			constants++
		}
		if values[i] == nil {
			return nil
		}
	}
	if constants == 0 || constants == len(args) {
		return nil
	}
	b := &budget{foldSteps, foldBytes, foldSteps}
	if _, err := protected(func() (any, error) { return d.call(b, values) }); !errors.Is(err, ErrBudget) {
		return err
	}
	return nil
}

// harmless holds, by kind, values on which no function fails.
var harmless = map[byte]any{'s': "", 'i': 1, 'n': 1, 'l': []any{}, 'm': map[string]any{}}

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

// isMethod reports whether a method of package time returns one value of a kind that expressions know.
func isMethod(receiver reflect.Type, name string) bool {
	m, found := receiver.MethodByName(name)
	if !found || m.Type.NumOut() != 1 {
		return false
	}
	switch out := m.Type.Out(0); out.Kind() {
	case reflect.Bool, reflect.String, reflect.Int, reflect.Int64, reflect.Float64:
		return true
	default:
		return out.PkgPath() == "time" || out.Kind() == reflect.Pointer
	}
}

// method makes a function of a method of package time. The receiver is its first argument.
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
			if s, ok := arg.(string); ok { // a layout: the result is at most a few times as long
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

// methodSteps are the steps of a method, beside those of its arguments and its result.
const methodSteps = 20

// longestOfLayout is the most bytes that Format writes for a byte of its layout: "1" may become "10", and "MST" any zone's name.
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
