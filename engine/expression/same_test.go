package expression_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// literals are constants as an expression writes them; JSON writes them in the same way.
var literals = []string{
	"null", "true", "false", "0", "1", "2", "-1", "3", "2.5", "2.0", "1e300", "9007199254740993", "9223372036854775807", `""`,
	`"a"`, `"b c"`, `"ab"`, `"1"`, `"2026-01-02"`, `"1h"`, `"YQ=="`, `"[1]"`, "[]", "[1, 2]", `["a", "b"]`, "[2, null, 1]",
	`[[1], "a"]`, "[true, false]", "{}", `{"a": 1}`, `{"n": 2, "a": "b"}`, `[{"n": 2}, {"n": 1}, {}]`,
}

// forms are parts of expressions in which each _ is another part.
var forms = []string{
	"_ == _", "_ != _", "_ < _", "_ <= _", "_ > _", "_ >= _", "_ in _", "_ contains _", "_ startsWith _", "_ endsWith _", "_ + _",
	"_ - _", "_ * _", "_ / _", "_ % _", "_ ** _", "_ .. _", "_ and _", "_ or _", "not _", "-_", "+_", "_ ?? _", "_ ? _ : _",
	"_[_]", "_[_:_]", "_[_:]", "[_, _]", `{"k": _, "a": _}`, "len(_)", "type(_)", "abs(_)", "ceil(_)", "floor(_)", "round(_)",
	"int(_)", "float(_)", "string(_)", "json(_)", "fromJSON(_)", "upper(_)", "lower(_)", "trim(_)", "trim(_, _)",
	"trimPrefix(_, _)", "hasPrefix(_, _)", "indexOf(_, _)", "split(_, _)", "split(_, _, _)", "replace(_, _, _)", "repeat(_, _)",
	"join(_)", "join(_, _)", "glob(_, _)", "truncate(_, _)", "toBase64(_)", "fromBase64(_)", "urlencode(_)", "urldecode(_)",
	"duration(_)", "date(_)", "max(_, _)", "min(_)", "mean(_)", "median(_)", "first(_)", "last(_)", "get(_, _)", "take(_, _)",
	"keys(_)", "values(_)", "toPairs(_)", "fromPairs(_)", "reverse(_)", "uniq(_)", "concat(_, _)", "flatten(_)", "sort(_)",
	"sort(_, _)", "bitand(_, _)", "bitshl(_, _)", "bitshr(_, _)", "bitushr(_, _)", "bitnot(_)", "any(_, # == _)",
	"all(_, # != _)", "none(_, # > _)", "one(_, # == _)", "filter(_, # != _)", "map(_, [#, _])", "count(_, # == _)",
	"find(_, # == _)", "findIndex(_, # == _)", "findLast(_, # != _)", "sum(_)", "sum(_, # + _)", "reduce(_, #acc + #, _)",
	"reduce(_, #acc + #)", "groupBy(_, #)", "groupBy(_, _)", "sortBy(_, #)", "sortBy(_, .n)", `sortBy(_, #, "desc")`,
	"let v = _; [v, _]", "_ matches \"^a\"", "timestamp - _", "timestamp > _", "_.a", "_.n.a", "_?.a",
}

// growing makes random expressions.
type growing struct {
	*rand.Rand
	consts []string
}

// grow makes an expression. Its leaves are constants in one text, and members of payload with the same values in the other.
func (g *growing) grow(depth int) (constant, source string) {
	if depth == 0 || g.IntN(4) == 0 {
		l := literals[g.IntN(len(literals))]
		g.consts = append(g.consts, l)
		written := strings.ReplaceAll(l, "null", "nil")
		if strings.HasPrefix(l, "-") {
			written = "(" + l + ")"
		}
		return written, fmt.Sprintf("payload.c_%d", len(g.consts)-1)
	}
	form := forms[g.IntN(len(forms))]
	var a, b strings.Builder
	for i, text := range strings.Split(form, "_") {
		if i > 0 {
			x, y := g.grow(depth - 1)
			a.WriteString("(" + x + ")")
			b.WriteString("(" + y + ")")
		}
		a.WriteString(text)
		b.WriteString(text)
	}
	return a.String(), b.String()
}

// An expression has the same value wherever it is: in a filter, a map or another expression, with or without a trace, in a new or a used
// environment, and whether its operands are constants or come from the event.
func TestSameEverywhere(t *testing.T) {
	var pool expression.Envs
	for seed := range uint64(2_000) {
		g := growing{Rand: rand.New(rand.NewPCG(seed, 1))}
		constant, source := g.grow(1 + int(seed%3))
		payload := ""
		for i, c := range g.consts {
			payload += fmt.Sprintf(`, "c_%d": %s`, i, c)
		}
		e := ended(`{"n": 1` + payload + "}")
		want := valueOf(t, source, expression.NewEnv(e), false)
		check := func(where, source, got string) {
			if got != want {
				t.Errorf("%s: %s = %s, want %s (payload %s)", where, source, got, want, e.Payload)
			}
		}
		if got := valueOf(t, constant, expression.NewEnv(e), false); !strings.HasPrefix(got, "refused") {
			check("constants", constant, got)
		}
		if strings.HasPrefix(want, "refused") {
			continue
		}
		watched := expression.NewEnv(e)
		watched.Watch(func(*expression.Trace) {})
		check("watched", source, valueOf(t, source, watched, false))
		used := pool.Of(e)
		check("used", source, valueOf(t, source, used, false))
		pool.Keep(used)
		for _, within := range []string{"(%s)", "[%s][0]", "true ? (%s) : nil", "(%s) ?? nil", "let whole = (%s); whole", `({"k": %s}).k`} {
			wrapped := fmt.Sprintf(within, source)
			check("within", wrapped, valueOf(t, wrapped, expression.NewEnv(e), false))
		}
		got := valueOf(t, source, expression.NewEnv(e), true)
		if !strings.HasPrefix(got, "refused") && !strings.Contains(got, "want true or false") {
			if want == "null" {
				want = "false" // in a filter
			}
			check("filter", source, got)
		}
	}
}

// valueOf returns the value of an expression or a filter as JSON, or why it has none.
func valueOf(t *testing.T, source string, env *expression.Env, isFilter bool) string {
	compile := expression.CompileValue
	if isFilter {
		compile = expression.CompileBool
	}
	program, err := compile(source)
	if err != nil {
		return "refused: " + err.Error()
	}
	text, err := program.AppendJSON(nil, env)
	if err != nil {
		return "error: " + err.Error()
	}
	v, err := jsonbytes.Decode(text) // a value that is passed on keeps its bytes
	if err != nil {
		t.Errorf("%s: %q: %v", source, text, err)
	}
	text, _ = expression.AppendJSON(nil, v)
	return string(text)
}
