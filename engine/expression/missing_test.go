package expression_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// calls has one correct call of each function that is not an operator. A ";" separates its arguments.
var calls = []string{
	"len:'a'", "type:1", "abs:1", "ceil:1.5", "floor:1.5", "round:1.5", "int:'1'", "float:'1'", "string:1", "json:1", "toJSON:1",
	"fromJSON:'1'", "upper:'a'", "lower:'a'", "trim:'a'; 'b'", "trimPrefix:'ab'; 'a'", "trimSuffix:'ab'; 'b'", "hasPrefix:'ab'; 'a'",
	"hasSuffix:'ab'; 'b'", "indexOf:'ab'; 'b'", "lastIndexOf:'ab'; 'b'", "split:'a-b'; '-'; 1", "splitAfter:'a-b'; '-'; 1",
	"replace:'ab'; 'a'; 'b'; 1", "repeat:'a'; 2", "join:['a']; '-'", "glob:'a*'; 'ab'", "truncate:'abc'; 2", "toBase64:'a'",
	"fromBase64:'YQ=='",
	"urlencode:'a'", "urldecode:'a'", "duration:'1h'", "date:'2026-01-02'; '2006-01-02'", "max:1; 2", "min:1; 2", "mean:1; 2",
	"median:1; 2",
	"first:[1]", "last:[1]", "get:[1]; 0", "take:[1, 2]; 1", "keys:{'a': 1}", "values:{'a': 1}", "toPairs:{'a': 1}", "fromPairs:[['a', 1]]",
	"reverse:[1, 2]", "uniq:[1, 1]", "concat:[1]; [2]", "flatten:[[1]]", "sort:[2, 1]; 'asc'", "bitand:1; 1", "bitor:1; 1", "bitxor:1; 1",
	"bitnand:1; 1", "bitshl:1; 1", "bitshr:1; 1", "bitushr:1; 1", "bitnot:1",
	"all:[true]; #", "none:[true]; #", "any:[true]; #", "one:[true]; #", "filter:[true]; #", "map:[1]; #", "find:[true]; #",
	"findIndex:[true]; #",
	"findLast:[true]; #", "findLastIndex:[true]; #", "count:[true]; #", "sum:[1]; #", "groupBy:[1]; #", "sortBy:[2, 1]; #; 'asc'",
	"reduce:[1]; #acc; 1",
	"timestamp.Add:duration('1h')", "timestamp.After:date('2026-01-02')", "timestamp.Before:date('2026-01-02')",
	"timestamp.Equal:date('2026-01-02')",
	"timestamp.Sub:date('2026-01-02')", "timestamp.Format:'2006'", "timestamp.Truncate:duration('1h')", "timestamp.AddDate:1; 1; 1",
	"timestamp.Compare:date('2026-01-02')", "duration('1h').Round:duration('1m')", "date(payload.v_missing).Hour:",
	"date(payload.v_missing).Format:'2006'",
	"(date(payload.v_missing) - timestamp).String:",
}

// listOperands are lists with missing elements.
var listOperands = []struct{ name, json string }{
	{"nothing", "[]"}, {"nulls", "[null, null]"}, {"some", "[2, null, 1]"}, {"names", `["b", null, "a"]`}, {"maps", `[{"n": 1}, null, {}]`},
}

// Every function is called with each argument missing, null and of every other kind, and testdata/functions.txt holds what it returned.
// A surprise there is a bug; UPDATE=1 writes it.
func TestEveryFunctionWithEveryKind(t *testing.T) {
	var members []string
	for _, o := range append(operands[1:len(operands):len(operands)], listOperands...) {
		members = append(members, fmt.Sprintf("%q: %s", "v_"+o.name, o.json))
	}
	env := expression.NewEnv(ended("{" + strings.Join(members, ", ") + "}"))
	names := make([]string, 0, len(operands)+2)
	for _, o := range operands {
		names = append(names, "payload.v_"+o.name)
	}
	names = append(names, "timestamp", "duration('1h')")
	var table strings.Builder
	tested := map[string]bool{}
	for _, c := range calls {
		name, list, _ := strings.Cut(c, ":")
		tested[name] = true
		args := strings.Split(list, ";")
		fmt.Fprintf(&table, "%s(%s) = %s\n", name, strings.ReplaceAll(list, ";", ","), functionOutcome(t, env, name, args))
		for i := range args {
			if strings.HasPrefix(strings.TrimSpace(args[i]), "#") || list == "" {
				continue
			}
			for _, operand := range names {
				with := append([]string{}, args...)
				with[i] = operand
				got := functionOutcome(t, env, name, with)
				if strings.HasSuffix(operand, "missing") || strings.HasSuffix(operand, "null") {
					if strings.HasPrefix(got, "error") {
						t.Errorf("%s(%s): %s, want no error for what is missing", name, strings.Join(with, ","), got)
					}
				}
				fmt.Fprintf(&table, "  %d = %-18s %s\n", i+1, strings.TrimPrefix(operand, "payload.v_"), got)
			}
		}
	}
	fmt.Fprintln(&table, "\nlists in which something is missing")
	for _, form := range []string{"len(%s)", "join(%s, ', ')", "max(%s)", "min(%s)", "mean(%s)", "median(%s)", "sum(%s)",
		"sum(%s, .n)", "sort(%s)", "sort(%s, 'desc')",
		"sortBy(%s, .n)", "reduce(%s, #acc + #)", "reduce(%s, #acc + #, 0)", "map(%s, .n)", "join(map(%s, .name), ', ')",
		"groupBy(%s, .n)", "uniq(%s)", "flatten(%s)",
		"first(%s)", "last(%s)", "any(%s, .n > 0)", "count(%s, .n > 0)", "map(%s, upper(#))", "string(%s)",
		"fromPairs(map(%s, [#, 1]))", "%s[0] + %s[1]", "concat(%s, %s)"} {
		for _, o := range listOperands {
			got := sourceOutcome(t, env, strings.ReplaceAll(form, "%s", "payload.v_"+o.name))
			fmt.Fprintf(&table, "  %-24s %-10s %s\n", strings.ReplaceAll(form, "%s", "list"), o.name, got)
		}
	}
	golden(t, "testdata/functions.txt", table.String())
	for _, name := range functionsOfTheDocs(t) {
		if !tested[name] {
			t.Errorf("the function %s is in the docs, but has no call in this test", name)
		}
	}
}

func functionOutcome(t *testing.T, env *expression.Env, name string, args []string) string {
	return sourceOutcome(t, env, fmt.Sprintf("%s(%s)", name, strings.Join(args, ", ")))
}

// sourceOutcome returns the value of an expression as JSON, or the text of its error.
func sourceOutcome(t *testing.T, env *expression.Env, source string) string {
	program, err := expression.CompileValue(source)
	if err != nil {
		return "refused: " + err.Error()
	}
	text, err := program.AppendJSON(nil, env)
	switch {
	case errors.Is(err, expression.ErrBudget):
		return "budget"
	case err != nil:
		return "error: " + err.Error()
	}
	return string(text)
}

// functionsOfTheDocs returns the names of the functions in docs/config.md.
func functionsOfTheDocs(t *testing.T) (names []string) {
	text, err := os.ReadFile("../../docs/config.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "### Functions")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, found := range regexp.MustCompile(`(?:^|[^.\w])([a-z]\w*)\(`).FindAllStringSubmatch(table, -1) {
		if found[1] != "timezone" { // it takes no value of an event
			names = append(names, found[1])
		}
	}
	return names
}

func TestNumbersKeepWhatTheyAre(t *testing.T) {
	env := expression.NewEnv(&event.Event{Type: "workflow_error",
		Payload: []byte(`{"exit_code": "127", "duration": "61.5", "iteration": "12", "n": "5",
		"big": 18446744073709551615, "over": 18446744073709551616,
		"big2": 18446744073709551614, "whole": 4.0, "list": ["a", "b"], "least": -9223372036854775808, "far": 1e400, "deep": [-1e400]}`)})
	for source, want := range map[string]string{
		`payload.exit_code == 127 and payload.exit_code > 100`: `true`,
		`payload.exit_code`:                      `127`,
		`payload["exit_code"]`:                   `127`,
		`payload.duration > 60`:                  `true`,
		`payload.iteration % 5`:                  `2`,
		`payload.n`:                              `"5"`,
		`let p = payload; p.exit_code + 1`:       `128`,
		`payload.big`:                            `18446744073709551615`,
		`json(payload.big)`:                      `"18446744073709551615"`,
		`string(payload.big)`:                    `"18446744073709551615"`,
		`json({"n": [payload.big]})`:             `"{\"n\":[18446744073709551615]}"`,
		`max(payload.big, 1)`:                    `18446744073709551615`,
		`payload.big > 9e18 and payload.big > 1`: `true`,
		`type(payload.big)`:                      `"float"`,
		`payload.over`:                           `18446744073709551616`,
		`payload.least`:                          `-9223372036854775808`,
		`payload.far`:                            `1e400`,
		`json(payload.far)`:                      `"1.7976931348623157e+308"`,
		`string(payload.deep)`:                   `"[-1.7976931348623157e+308]"`,
		`payload.far > 1e308`:                    `true`,
		`payload.exit_code in 1..1_000_000_000`:  `true`,
		`payload.whole in 4..4`:                  `true`,
		`payload.duration in 1..100`:             `false`,
		`payload.big in 1..payload.exit_code`:    `false`,
		`payload.missing in 1..3`:                `false`,
		`1 in payload.missing..3`:                `false`,
		`1 in payload.n..3`:                      `error: .. is not for string and int`,

		// beyond 2^53 and 2^63
		`payload.big == payload.big2`:                                 `false`,
		`payload.big > payload.big2`:                                  `true`,
		`payload.big2 in [payload.big]`:                               `false`,
		`{"a": payload.big} == {"a": payload.big2}`:                   `false`,
		`min([payload.big, payload.big2])`:                            `18446744073709551614`,
		`sort([payload.big, payload.big2])`:                           `[18446744073709551614,18446744073709551615]`,
		`uniq([payload.big, payload.big2, payload.big])`:              `[18446744073709551615,18446744073709551614]`,
		`payload.big == 18446744073709551615.0`:                       `false`,
		`abs(payload.big)`:                                            `18446744073709551615`,
		`floor(payload.big) == payload.big * 1.0`:                     `true`,
		`-payload.big`:                                                `-18446744073709552000`,
		`abs(payload.least)`:                                          `error: abs: integer overflow`,
		`-payload.least`:                                              `error: integer overflow`,
		`int(payload.big)`:                                            `error: int: integer overflow`,
		`9007199254740993 == 9007199254740992.0`:                      `false`,
		`payload.whole % 2 == 0 and payload.whole == 4`:               `true`,
		`payload.list[payload.whole - 4]`:                             `"a"`,
		`payload.list[payload.whole - 3:]`:                            `["b"]`,
		`(payload.whole - 1)..payload.whole`:                          `[3,4]`,
		`payload.list[payload.duration]`:                              `null`,
		`payload.duration % 2`:                                        `refused: % is not for float and int`,
		`duration("2562047h") + duration("2562047h")`:                 `refused: integer overflow`,
		`duration("-2562047h") - duration("2562047h")`:                `refused: integer overflow`,
		`duration("1h") * payload.big`:                                `error: integer overflow`,
		`-(payload.missing ?? duration("-2562047h47m16.854775808s"))`: `error: integer overflow`,
		`-(payload.missing ?? duration("1h"))`:                        `"-1h0m0s"`,
		`float(payload.n) * 2`:                                        `10`,
		`map(["inf", "NaN", "0x1p4", "1_000"], float(#))`:             `error: float: the string is not a number`,
		`max(payload.n)`:                                              `error: max: want numbers, got string`,
	} {
		if got := sourceOutcome(t, env, source); got != want {
			t.Errorf("%s = %s, want %s", source, got, want)
		}
	}
	for _, refused := range []string{"timestamp.ISOWeek()", "timestamp.Zone()", "timestamp.MarshalJSON()"} {
		if got := sourceOutcome(t, env, refused); !strings.HasPrefix(got, "refused") {
			t.Errorf("%s = %s, want it refused", refused, got)
		}
	}
}
