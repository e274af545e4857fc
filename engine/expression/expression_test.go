package expression_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

func compile(t testing.TB, source string) *expression.Program {
	t.Helper()
	program, err := expression.CompileBool(source)
	if err != nil {
		t.Fatalf("CompileBool(%q) = %v, want no error", source, err)
	}
	return program
}

func ended(payload string) *event.Event {
	return &event.Event{
		Type: "workflow_end", WorkflowID: "w-1", WorkflowName: "deploy-eu",
		Timestamp: time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("CET", 3600)),
		Payload:   []byte(payload),
	}
}

func TestCompileErrorsHaveTheirPlace(t *testing.T) {
	for _, tt := range []struct {
		source    string
		line, col int
		message   string
	}{
		{"wokflow_name == 'a'", 1, 0, "unknown name wokflow_name: did you mean workflow_name?"},
		{"event == 'a' and wokflow_name == 'a'", 1, 17, "unknown name wokflow_name: did you mean workflow_name?"},
		{"event == 'a'\n  and wokflow_name == 'a'\n", 2, 6, "unknown name wokflow_name: did you mean workflow_name?"},
		{"event == 'é日本' and x", 1, 19, "unknown name x: want event, workflow_id, workflow_name, timestamp or payload"},
		{"event > 60", 1, 6, "> is not for string and int: want the number in quotes, or int(…) around the text"},
		{"event + 1 == 'a'", 1, 6, "+ is not for string and int: want string(…) around the number, or int(…) around the text"},
		{"event", 1, 0, "want a condition that is true or false, got string"},
		{"1 + 1", 1, 0, "want a condition that is true or false, got int"},
		{"timestamp", 1, 0, "want a condition that is true or false, got time"},
		{"event.length == 1", 1, 6, "want len(event)"},
		{"event == ", 1, 8, "the expression ends where a value is wanted"},
		{"", 1, 0, "want an expression, got nothing"},
		{"event = 'a'", 1, 6, "want == to compare"},
		{"event == 'a", 1, 11, "a text begins with a quote and does not end with the same one"},
		{"event matches '['", 1, 6, "the pattern cannot be read: missing closing ]: `[`"},
		{"now() > timestamp", 1, 0, "unknown name now: want timestamp"},
		{"env('HOME') == ''", 1, 0, "unknown name env: want with of a transform, which reads variables"},
		{"1 % 0 == 1", 1, 2, "division by zero"},
		{"9223372036854775807 + 1 == 1", 1, 20, "integer overflow"},
		{"$env.event == 'a'", 1, 0, "unknown name $env"},
		{"payload == $env", 1, 11, "unknown name $env"},
		{"event matches payload.pattern", 1, 22, "want the pattern as a text in quotes, so that it is compiled once; glob() takes any"},
		{"event matches '([a-z]{30}b){31}'", 1, 14, "the pattern is too large: its repetitions multiply to over 1000 steps"},
		{"timestamp.Hour == 3", 1, 15, "Hour is a function: want timestamp.Hour(…)"},
		{"timestamp.Local().Hour() == 3", 1, 10, `unknown name Local: want In(timezone("Europe/Paris"))`},
		{"timestamp.In(timezone('Nowhere')).Hour() == 3", 1, 22, "unknown time zone Nowhere"},
		{"payload.exit_code > '1'", 1, 18, "want the number without quotes"},
		{"payload.status > 60", 1, 15, "> is not for string and int: want the number in quotes, or int(…) around the text"},
		{"payload.duration contains 'a'", 1, 17, "contains is not for float and string: want two texts, string(…) makes one"},
		{"payload.status.code == 3", 1, 15, "payload.status is a string, which has no members"},
		{"payload.f(1) == 3", 1, 8, "payload.f is not a function"},
		{"body == nil", 1, 0, "unknown name body: a filter sees the event alone"},
	} {
		_, err := expression.CompileBool(tt.source)
		var got *expression.Error
		if !errors.As(err, &got) {
			t.Errorf("CompileBool(%q) = %v, want an *expression.Error", tt.source, err)
			continue
		}
		if want := (expression.Error{Line: tt.line, Col: tt.col, Message: tt.message, Code: got.Code}); *got != want || got.Code == "" {
			t.Errorf("CompileBool(%q) = %+v, want %+v", tt.source, *got, want)
		}
	}
}

func TestLongExpressionIsRefused(t *testing.T) {
	long := "event == '" + strings.Repeat("x", expression.MaxSource-len("event == ''")) + "'"
	compile(t, long)
	const want = "want at most 16 KiB, got 16385 bytes"
	if _, err := expression.CompileBool(long + " "); err == nil || err.Error() != want {
		t.Errorf("CompileBool of %d bytes = %v, want %s", len(long)+1, err, want)
	}
}

func TestBool(t *testing.T) {
	e := ended(`{
		"n": 9007199254740993, "min": -9223372036854775808, "over": 9223372036854775808, "f": 1.5, "one": 1.0, "e": 1e3,
		"s": "text", "t": true, "null": null, "list": [1, 9007199254740993, "a"], "deep": {"n": {"n": 9007199254740993}}
	}`)
	for _, tt := range []struct {
		source string
		want   bool
	}{
		{`event == "workflow_end"`, true},
		{`workflow_id == "w-1"`, true},
		{`workflow_name startsWith "deploy-"`, true},
		{`workflow_name startsWith "test-"`, false},
		{`workflow_name endsWith "-eu" and not (workflow_name contains "test")`, true},
		{`workflow_name matches "^deploy-(eu|us)$"`, true},
		{`workflow_name matches "^(eu|us)$"`, false},
		{`workflow_name in ["deploy-us", "deploy-eu"]`, true},

		{`payload.n == 9007199254740993`, true},
		{`payload.n == 9007199254740992`, false},
		{`payload.n > 9007199254740992`, true},
		{`payload.n + 1 == 9007199254740994`, true},
		{`payload.min < -9223372036854775807`, true},
		{`payload.over > 9e18`, true},
		{`type(payload.n) == "int" and type(payload.over) == "float"`, true},
		{`payload.f == 1.5 and payload.f > 1`, true},
		{`payload.one == 1`, true},
		{`payload.e == 1000 and type(payload.e) == "float"`, true},
		{`payload.list[1] == 9007199254740993`, true},
		{`payload.deep.n.n == 9007199254740993`, true},
		{`len(payload.list) == 3 and "a" in payload.list`, true},
		{`any(payload.list, # == 1)`, true},
		{`payload["s"] == "text"`, true},
		{`let p = payload; p.s == "text"`, true},

		{`payload.t`, true},
		{`payload.missing`, false},
		{`payload.missing == nil`, true},
		{`payload.null == nil`, true},
		{`payload.missing != 0`, true},
		{`payload.missing == "text"`, false},
		{`payload.missing?.deeper == nil`, true},
		{`payload.missing.deeper.still == nil`, true},
		{`payload.missing > 60`, false},
		{`not (payload.missing > 60)`, true},
		{`payload.list[9] == nil and payload.list[-1] == "a"`, true},
		{`payload.n.deeper == nil and payload.n[3] == nil and payload.s.deeper.still == nil and payload.t["code"] == nil`, true},
		{`payload.list["a"] == nil and payload.deep[0] == nil`, true},
		{`get(fromJSON('{"": 1}'), 0) == nil and get(fromJSON('{"": 1}'), "") == 1`, true},
		{`payload.missing[0] == nil and payload.missing["a"] == nil`, true},
		{`"missing" in payload`, false},
		{`"null" in payload`, true},
		{`(payload.missing ?? 61) > 60`, true},

		{`timestamp.Hour() == 23 and timestamp.Day() == 28 and int(timestamp.Month()) == 2`, true},
		{`string(timestamp) == "2026-02-28T23:30:00Z"`, true},
		{`timestamp == date("2026-02-28T23:30:00Z")`, true},
		{`timestamp < date("2026-02-28T23:30:01Z") - duration("1s")`, false},
		{`duration("1h") * get([timestamp.Month()], 0) == duration("2h") and get([1.5], 0) * duration("2s") == duration("3s")`, true},
	} {
		got, err := compile(t, tt.source).Bool(expression.NewEnv(e))
		if err != nil || got != tt.want {
			t.Errorf("Bool(%q) = %v, %v, want %v, no error", tt.source, got, err, tt.want)
		}
	}
}

func TestEventWithoutPayload(t *testing.T) {
	for _, source := range []string{`payload.missing == nil`, `len(payload) == 0`, `event == "workflow_end"`} {
		if got, err := compile(t, source).Bool(expression.NewEnv(&event.Event{Type: "workflow_end"})); err != nil || !got {
			t.Errorf("Bool(%q) = %v, %v, want true, no error", source, got, err)
		}
	}
}

// Reading a payload takes most of the time, so it is read only if an expression uses it.
func TestPayloadIsReadOnlyIfUsed(t *testing.T) {
	broken := ended(`{"cut":`)
	if got, err := compile(t, `event == "workflow_end"`).Bool(expression.NewEnv(broken)); err != nil || !got {
		t.Errorf("Bool without payload = %v, %v, want true, no error", got, err)
	}
	const want = "payload: invalid JSON at byte 7: unexpected EOF"
	for _, source := range []string{`payload.cut == nil`, `payload["cut"] == nil`, `payload.status == nil`, `len(payload) == 0`,
		`any([1], payload.cut == #)`} {
		if _, err := compile(t, source).Bool(expression.NewEnv(broken)); err == nil || err.Error() != want {
			t.Errorf("Bool(%q) = %v, want %s", source, err, want)
		}
	}
}

func TestRunTimeErrorsAreOneShortLine(t *testing.T) {
	values := `{"n": 1, "s": "a\nb\tc\u0000\u2028d", "list": [1, "a"], "long": "` + strings.Repeat("é", 1000) + `"}`
	for _, tt := range []struct{ source, want string }{
		{`payload.s > 60`, "> is not for string and int"},
		{`payload.s > payload.n`, "> is not for string and int"},
		{`payload.n`, "want true or false, got int from payload.n"},
		{`payload.n and true`, "want true or false, got int from payload.n"},
		{`not payload.s`, "want true or false, got string from payload.s"},
		{`let x = payload.none ?? 1; not x`, "want true or false, got int from x"},
		{`any(payload.list, #)`, "want true or false, got int from #"},
		{`count(payload.list) > 1`, "want true or false, got int from count(payload.list)"},
		{`int(payload.s) == 1`, "int: the string is not a whole number"},
		{`float(payload.long) == 1`, "float: the string is not a number"},
		{`date(payload.s) == timestamp`, `date: want a time like "2026-11-24" or "2026-11-24T01:24:00Z"`},
		{`"a\nb" in payload.n`, "in is not for string and int"},
		{"event == 'workflow_end' and\n  payload.n > 'a'", "> is not for int and string"},
		{`payload.n startsWith "a"`, "startsWith is not for int and string"},
		{`upper(payload.n) == "1"`, "upper: want string, got int"},
		{`payload.n matches "a"`, "matches is not for int and string"},
		{`sum(payload.list) == 1`, "+ is not for int and string"},
		{`any(payload.s, # == 1)`, "any: want a list, got string"},
		{`payload.list + 1 == 2`, "+ is not for list and int"},
		{`payload.n + 9223372036854775807 > 1`, "integer overflow"},
		{`1 / (payload.n - 1) > 1`, "division by zero"},
		{`json(1e308 * (9.9 + payload.n)) == ""`, "the result is too large for a number"},
		{`1e308 * (9.9 + payload.n) > 5`, "the result is too large for a number"},
		{`(-8 * payload.n) ** 0.5 > 5`, "the result is not a number"},
		{`mean([1e308, 1e308 * payload.n]) > payload.n`, "mean: the result is too large for a number"},
	} {
		got, err := compile(t, tt.source).Bool(expression.NewEnv(ended(values)))
		var run *expression.RunError
		if !errors.As(err, &run) || got || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("Bool(%q) = %v, %v, want false, %s", tt.source, got, err, tt.want)
			continue
		}
		if text := err.Error(); len(text) > 200 || strings.ContainsFunc(text, isBreak) {
			t.Errorf("Bool(%q) = %q, want one line of at most 200 bytes", tt.source, text)
		}
	}
}

func isBreak(r rune) bool { return unicode.IsControl(r) || r == '\u2028' || r == '\u2029' }

func TestProgramIsSharedByGoroutines(t *testing.T) {
	program := compile(t, `payload.n == 1 and any(payload.list, # == 2) and event == "workflow_end"`)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 200 {
				if got, err := program.Bool(expression.NewEnv(ended(`{"n": 1, "list": [1, 2]}`))); err != nil || !got {
					t.Errorf("Bool = %v, %v, want true, no error", got, err)
				}
			}
		})
	}
	group.Wait()
}

func FuzzCompileBool(f *testing.F) {
	for _, source := range []string{
		`event == "workflow_end"`, "event ==\n 1", `workflow_name matches "["`, `payload.a?.b ?? 1 > 2`, `sortBy(payload.l, #)[0] == nil`,
		`groupBy(payload.l, #)["1"] != nil`, `reduce(payload.l, #acc)`, `truncate(payload.s, 1)`, `glob("*", payload.s)`,
		`date(payload.s).Hour() > 1`, `payload.a[1:2]`, `any(payload.l, {# > 1})`,
		`let x = 1; x == 2`, `1..10 == [1]`, `timestamp - duration("1h") > date("2026-01-01")`, `"é" in payload`,
		`int(payload.s) | string() == ""`,
	} {
		f.Add(source)
	}
	f.Fuzz(func(t *testing.T, source string) {
		program, err := expression.CompileBool(source)
		if err != nil {
			at := (*expression.Error)(nil)
			if !errors.As(err, &at) || at.Line < 1 || at.Line > strings.Count(source, "\n")+1 || at.Col < 0 || at.Message == "" {
				t.Errorf("CompileBool(%q) = %#v, want an *expression.Error with a place in the text", source, err)
			}
			if strings.ContainsFunc(err.Error(), isBreak) {
				t.Errorf("CompileBool(%q) = %q, want one line", source, err)
			}
			return
		}
		if _, err := program.Bool(expression.NewEnv(ended(`{"a": {"b": 1}, "l": [1, 2.5, "a", null], "s": "a\nb"}`))); err != nil &&
			strings.ContainsFunc(err.Error(), isBreak) {
			t.Errorf("Bool(%q) = %q, want one line", source, err)
		}
	})
}
