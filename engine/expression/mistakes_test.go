package expression_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/expression"
)

// mistakes are filters of people who know other languages or are in a hurry.
var mistakes = []string{
	// operators of other languages
	`event = "workflow_error"`, `event === "workflow_error"`, `event !== "workflow_error"`, `event =~ "error"`,
	`event !~ "error"`, `event <> "a"`,
	`event == "a" & payload.exit_code == 1`, `event == "a" | event == "b"`, `event == "a" AND payload.exit_code == 1`,
	`event == "a" Or event == "b"`,
	`NOT (event == "a")`, `event is "a"`, `event is not nil`, `event eq "a"`, `event like "work%"`, `payload.exit_code =! 0`,
	`payload.exit_code => 1`, `payload.exit_code =< 1`,
	`event ! = "a"`, `event ~ "a"`, `if event == "a" then true else false`, `event == "a" && && true`, `payload.exit_code++ > 1`,
	`event has "a"`, `event.in(["a"])`,
	// null, true and false
	`payload.error == null`, `payload.error == None`, `payload.error == undefined`, `payload.error is null`,
	`payload.result == True`, `payload.result == FALSE`, `payload.error == ""nil`,
	// functions called as methods, and methods called as functions
	`event.startsWith("workflow")`, `startsWith(event, "workflow")`, `event.contains("x")`, `contains(event, "x")`,
	`event.endsWith("x")`, `endsWith(event, "x")`,
	`matches(event, "x")`, `event.matches("x")`, `event.match("x")`, `event.length > 3`, `event.length() > 3`, `event.size() > 3`,
	`event.toLowerCase() == "a"`, `event.upper() == "A"`,
	`payload.inputs.keys() == []`, `workflow_name.split("-")[0] == "a"`, `payload.list.some(x => x > 1)`,
	`some(payload.list, # > 1)`, `any(payload.list, x -> x > 1)`,
	`every(payload.list, # > 1)`, `exists(payload.error)`, `has(payload.error)`, `defined(payload.error)`, `lower event == "a"`,
	`regex(event, "a")`, `substr(event, 1)`,
	`now() > timestamp`, `env("HOME") == "/"`, `getenv("HOME") == "/"`,
	// names
	`lenght(event) > 1`, `uper(event) == "A"`, `trunctate(event, 3) == "a"`, `status == "failure"`, `duration > 60`,
	`exit_code != 0`, `error contains "x"`, `type == "workflow_error"`,
	`name == "deploy"`, `workflow == "deploy"`, `workflow.name == "deploy"`, `wrkflow_name == "a"`, `workflowName == "a"`,
	`Event == "a"`, `evnt == "a"`, `paylod.error == "a"`,
	`timestmp > date("2026-01-01")`, `event == workflow_error`, `event in [workflow_error, workflow_end]`, `event == deploy-eu`,
	`$event == "a"`, `${event} == "a"`, `{{ event }} == "a"`, `.event == "a"`,
	`payload.status.code == 1`, `event.name == "a"`, `body == nil`, `with.x == 1`,
	// texts and patterns
	`event == "a`, `event == 'a`, `event == “a”`, `event == ‘a’`, `event == "a""`, `event == "C:\dir"`, `event matches "["`,
	`event matches "(?=a)"`, `event matches /a/`, `event matches payload.pattern`, `event == a"`,
	// lists, maps and brackets
	`event in (“a”, “b”)`, `event in ("a", "b")`, `event in {"a", "b"}`, `event in "a", "b"`, `event in ["a", "b"`,
	`(event == "a"`, `event == "a")`, `event in []]`, `payload["a" == 1`, `any(payload.list, {# > 1)`, `[1, 2`, `{"a" 1} == nil`,
	`payload.list[one] == 1`, `event[1] == "a"`,
	// numbers, times and durations
	`payload.duration > 60s`, `payload.duration > "60"`, `payload.duration > duration("60s")`, `payload.duration > 1,5`,
	`payload.exit_code == "1"`, `payload.duration > 1.2.3`,
	`timestamp.Hour == 3`, `timestamp.hour() == 3`, `timestamp.Weekday() == 2`, `timestamp.Weekday() == "Monday"`,
	`timestamp.Month() == 2`, `timestamp > "2026-01-01"`, `timestamp > 2026-01-01`, `timestamp.Local().Hour() == 1`,
	`timestamp.In("Europe/Paris").Hour() == 1`, `timestamp - 60 > timestamp`, `timestamp + timestamp > timestamp`,
	`timestamp.ISOWeek() == 1`, `timestamp.Foo() == 1`,
	// precedence
	`not event startsWith "b"`, `not event == "a"`, `!event contains "a"`, `event == "a" or "b"`,
	`truncate(event, 2.5) == ""`, `truncate(payload.error, .0) == ""`, `repeat(payload.error, 1.5) == ""`,
	// expressions that are not conditions
	`event`, `payload.duration`, `1`, `"true"`, `timestamp`, `[event]`, `len(event)`, `truncate(event, 3)`, `payload.inputs`, ``,
	` `, `# a comment`, `// a comment`,
	`payload.a ?? "x"`, `payload.a ?? timezone("UTC")`, `payload.a ? true : {"a": 1}`, `payload.a ? "x" : [1]`, `payload.a + payload.b`,
	`-payload.exit ?? true`, `event == "a" and payload.a[0:2]`, `not (payload.a - 1)`, `payload.a * 2 ? true : false`,
	`let x = payload.a; x ?? payload`, `any(payload.list, # + 1)`, `len(filter(payload.list, max(#))) > 1`, `abs(payload.a) or event == "a"`,
	`sum(payload.list)`, `fromJSON("3")`, `payload.a in "abc"`, `payload.a in payload.error`, `timestamp + "1h" > timestamp`,
	`timestamp.MarshalJSON() == 1`, `event == "a"; payload.a ?? 1`,
	// arguments
	`duration("1x") > duration("1s")`, `date("24/11/2026") < timestamp`, `int("abc") == 1`, `float("1,5") == 1`,
	`truncate(event, 0) == ""`, `truncate(event) == ""`, `truncate(3, event) == ""`, `fromJSON("{bad") == nil`,
	`sort([1], "descending") == []`, `sortBy([1], #, "up") == []`, `timezone("") == nil`, `timezone("Nowhere") == nil`,
	`timestamp.In(timezone(event)).Hour() == 1`, `repeat("a", -1) == ""`, `fromBase64("*") == ""`, `urldecode("%zz") == ""`,
	`upper() == ""`, `upper(event, event) == ""`, `upper(1) == ""`, `len(1) == 1`, `len() == 1`, `glob(event) == true`,
	`glob("a*", 3)`, `join("a") == ""`, `keys([1]) == []`, `split(event) == []`, `max("a") == 1`,
	`any(event, # == 1)`, `any(payload.list)`, `any(payload.list, 3)`, `map(payload.list) == []`, `sum(event) == 1`, `# == 1`,
	`#acc == 1`, `map([1], #acc) == []`, `bitand(1) == 1`, `bitshl(1, -1) == 1`, `take([1], "a") == []`,
	`1 / 0 == 1`, `1 % 0 == 1`, `9223372036854775807 + 1 == 1`, `99999999999999999999 == 1`, `event + 1 == "a"`, `-event == 1`,
	`not payload.duration`, `event > 60`, `event and true`, `event ? 1 : 2`,
	`let event = 1; true`, `let x = 1`, `let x = let y = 1; y; x`, `let x = 1; let y = 2`, `let = 1; true`, `let len = 1; true`,
	`x == 1`, `payload.f(1) == 1`, `event() == 1`,
	`(1)(2) == 3`, `event..event == 1`, `payload.?error == 1`, `payload?.[0] == 1`, `payload. == 1`, `payload..error == 1`,
}

// goWords are words that mean something only to a Go programmer.
var goWords = regexp.MustCompile(strings.Join([]string{
	`%!\w?\(`, `interface`, `reflect`, `runtime`, `\[\]`, `map\[`, `(?:Operator|Bracket|Identifier|Number|String)\("`, `EOF`,
	`float64`, `int64`, `time\.[A-Z]`, `mismatched`, `predicate`, `builtin`, `overload`, `token`, `panic`, `index out of range`,
	`got unknown`, `literal`, `\bfunc\b`, `callable`, `regexp`, `Operator`, `array`,
}, "|"))

// Each filter in the style of jq, JavaScript, Python, CEL, Jinja, SQL, a shell or a CI system has an answer; UPDATE=1 writes the answers.
func TestOtherLanguagesAreAnsweredInOurWords(t *testing.T) {
	const file = "testdata/foreign.txt"
	known, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	for source := range strings.Lines(string(known)) {
		if source = strings.TrimSuffix(source, "\n"); strings.HasPrefix(source, "    ") {
			continue
		}
		fmt.Fprintf(&table, "%s\n    %s\n", source, answerTo(t, source))
	}
	golden(t, file, table.String())
}

// answerTo returns the mistake in a filter, or its warnings.
func answerTo(t *testing.T, source string) string {
	program, err := expression.CompileBool(source)
	if err == nil {
		if len(program.Warnings()) == 0 {
			t.Errorf("%s: neither a mistake nor a warning", source)
			return "good"
		}
		return "warning: " + program.Warnings()[0].Message
	}
	inOurWords(t, source, err.Error())
	return err.Error()
}

// inOurWords reports words of an answer that mean something only to a Go programmer, unless the user wrote them.
func inOurWords(t *testing.T, source, answer string) {
	word := goWords.FindString(answer)
	if word != "" && !strings.Contains(source, word) || strings.Contains(answer, "cannot be written like this") {
		t.Errorf("%s: the answer has the word %q, which users do not know: %s", source, word, answer)
	}
}

// Whatever a user types, no error has a text of expr's parser or checker, or a word of Go.
func TestNoTextOfTheParserShows(t *testing.T) {
	tokens := strings.Fields(`event payload payload.error payload.duration timestamp workflow_name
		x "a" 'b' 1 1.5 60s nil true not and or in == != < >= = + - * / % ** .. ?? ? : ; , . ( ) [ ] { } # | & ! ~ @ $x
		let if else contains matches startsWith len len( any( map( date( duration("1h") timestamp.Hour() .Weekday()
		"[" /a/ ${x} {{ → ∀ upper sum( keys( get( json( timestamp.Month() timestamp.Location() body with.a #acc "" {"a":1} 2.0`)
	forms := []string{"%s %s %s", "map(%s, %s)", "any(%s, %s)", "%s(%s)", "%s[%s]", "%s.%s", "%s[%s:%s]", "reduce(%s, %s, %s)",
		"sortBy(%s, %s, %s)", "%s ? %s : %s", "not(%s)", "let x = %s; %s", "[%s, %s]", "{(%s): %s}", "timestamp.Format(%s)", "date(%s, %s)"}
	r := rand.New(rand.NewPCG(1, 2))
	word := func() string { return tokens[r.IntN(len(tokens))] }
	for i := range 8000 {
		source := forms[r.IntN(len(forms))]
		for strings.Contains(source, "%s") {
			source = strings.Replace(source, "%s", word(), 1)
		}
		if i%2 == 0 {
			source = word()
			for range r.IntN(7) {
				source += []string{" ", ""}[r.IntN(2)] + word()
			}
		}
		for _, compile := range []func(string) (*expression.Program, error){expression.CompileBool, expression.CompileValue} {
			if _, err := compile(source); err != nil {
				inOurWords(t, source, err.Error())
			}
		}
	}
}

func TestMistakesAreAnsweredInOurWords(t *testing.T) {
	var table strings.Builder
	for _, source := range mistakes {
		_, err := expression.CompileBool(source)
		if err == nil {
			fmt.Fprintf(&table, "%s\n    no error\n", source)
			t.Errorf("%s: no mistake", source)
			continue
		}
		at := err.(*expression.Error)
		fmt.Fprintf(&table, "%s\n    %d: %s\n", source, at.Col, at.Message)
		if word := goWords.FindString(at.Message); word != "" {
			t.Errorf("%s: the mistake has the word %q, which users do not know: %s", source, word, at.Message)
		}
	}
	golden(t, "testdata/mistakes.txt", table.String())
}
