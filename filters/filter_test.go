package filters_test

import (
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/filters"
)

func parse(t testing.TB, pattern string) filters.Glob {
	t.Helper()
	glob, err := filters.ParseGlob(pattern)
	if err != nil {
		t.Fatalf("ParseGlob(%q) = %v, want no error", pattern, err)
	}
	return glob
}

func TestGlobMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		yes, no []string
	}{
		{"workflow_end", []string{"workflow_end"}, []string{"", "workflow_en", "workflow_ends", "xworkflow_end", "Workflow_end"}},
		{"*", []string{"", "a", "workflow_end", "a*b"}, nil},
		{"**", []string{"", "a", "workflow_end"}, nil},
		{"?", []string{"a", "*"}, []string{"", "ab"}},
		{"??", []string{"ab"}, []string{"a", "abc"}},
		{"*?", []string{"a", "abc"}, []string{""}},
		{"?*", []string{"a", "abc"}, []string{""}},
		{"workflow_*", []string{"workflow_", "workflow_end"}, []string{"workflow", "step_end", "a_workflow_end"}},
		{"*_end", []string{"_end", "workflow_end", "_end_end"}, []string{"end", "workflow_end_", "workflow_ends"}},
		{"*_*", []string{"_", "a_b", "a_b_c"}, []string{"", "ab"}},
		{"a*b*c", []string{"abc", "abbc", "aXbYc", "abcbc", "abcabc"}, []string{"ab", "ac", "acb", "abcX", "Xabc"}},
		{"a**b", []string{"ab", "aXb"}, []string{"a", "b"}},
		{"*a", []string{"a", "aa", "ba"}, []string{"", "ab"}},
		{"step_?omplete", []string{"step_complete"}, []string{"step_omplete", "step_ccomplete"}},
		{"a.b", []string{"a.b"}, []string{"aXb", "a_b"}},
		{"*abab", []string{"abab", "ababab", "aabab", "abaabab"}, []string{"aba", "ababa"}},
	} {
		glob := parse(t, tt.pattern)
		for _, s := range tt.yes {
			if !glob.Match(s) {
				t.Errorf("Glob(%q).Match(%q) = false, want true", tt.pattern, s)
			}
		}
		for _, s := range tt.no {
			if glob.Match(s) {
				t.Errorf("Glob(%q).Match(%q) = true, want false", tt.pattern, s)
			}
		}
	}
}

// slowMatch is the definition of a match. It takes exponential time.
func slowMatch(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return slowMatch(pattern[1:], s) || s != "" && slowMatch(pattern, s[1:])
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && slowMatch(pattern[1:], s[1:])
}

// words are all words of the letters, up to the length.
func words(letters string, length int) []string {
	all := []string{""}
	for last := all; length > 0; length-- {
		var longer []string
		for _, word := range last {
			for _, letter := range letters {
				longer = append(longer, word+string(letter))
			}
		}
		all = append(all, longer...)
		last = longer
	}
	return all
}

func TestGlobMatchesAsDefined(t *testing.T) {
	for _, pattern := range words("ab*?", 5)[1:] {
		glob := parse(t, pattern)
		for _, s := range words("ab", 6) {
			if got, want := glob.Match(s), slowMatch(pattern, s); got != want {
				t.Errorf("Glob(%q).Match(%q) = %v, want %v", pattern, s, got, want)
			}
		}
	}
}

func TestGlobTimeIsNotExponential(t *testing.T) {
	s := strings.Repeat("a", 100_000)
	start := time.Now()
	for _, pattern := range []string{"a*a*a*a*a*a*b", strings.Repeat("a*", 49) + "b", strings.Repeat("*", 99) + "b", strings.Repeat("*a?",
		33) + "b"} {
		if parse(t, pattern).Match(s) {
			t.Errorf("Glob(%q).Match of %d letters a = true, want false", pattern, len(s))
		}
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("matching took %v, want less than 5s", took)
	}
}

func TestParseGlobRefuses(t *testing.T) {
	const characters = "want letters, digits, _, -, ., * and ?"
	for _, tt := range []struct{ pattern, want string }{
		{"", "want an event or a glob, got nothing"},
		{strings.Repeat("a", 101), "want at most 100 bytes"},
		{"workflow.failed", "want workflow_error for AWF's workflow.failed"},
		{"step.*", "want step_start or step_complete for AWF's step.*"},
		{"step.call_workflow.started", "want step_start for AWF's step.call_workflow.started"},
		{"message.user", "want message_user for AWF's message.user"},
		{"tool.call", "want tool_call for AWF's tool.call"},
		{"run.*", "want run_* for AWF's run.*"},
		{"a b", characters},
		{"{a,b}", "want one event or glob; a list has several: [workflow_end, step_*]"},
		{"[ab]", characters},
		{`a\*`, characters},
		{"a/b", characters},
		{"!a", `want the events to send; a filter leaves some out: not (event startsWith "step_")`},
		{"é", characters},
		{"a\xff", characters},
		{"a\x00", characters},
		{"step.a\nb", characters}, // the error does not quote the line break
	} {
		_, err := filters.ParseGlob(tt.pattern)
		if err == nil || err.Error() != tt.want {
			t.Errorf("ParseGlob(%q) = %v, want %s", tt.pattern, err, tt.want)
		}
	}
}

func TestParseGlobTakes(t *testing.T) {
	for _, pattern := range []string{"*", "workflow_end", "step_*", "a.b", "my-plugin.Event_1", "*.*", "workflow*", strings.Repeat("a", 100)} {
		if glob := parse(t, pattern); string(glob) != pattern {
			t.Errorf("ParseGlob(%q) = %q, want it as it is", pattern, glob)
		}
	}
}

func newFilter(t testing.TB, source string, patterns ...string) *filters.Filter {
	t.Helper()
	var globs []filters.Glob
	for _, pattern := range patterns {
		globs = append(globs, parse(t, pattern))
	}
	if source == "" {
		return filters.New(globs, nil)
	}
	program, err := expression.CompileBool(source)
	if err != nil {
		t.Fatal(err)
	}
	return filters.New(globs, program)
}

func TestFilterMatchesGlobAndExpression(t *testing.T) {
	failed := &event.Event{
		Type: "workflow_error", WorkflowID: "w1", WorkflowName: "deploy-eu", Payload: []byte(`{"duration":61.5,"error":"boom"}`),
	}
	for _, tt := range []struct {
		source   string
		patterns []string
		want     bool
	}{
		{"", []string{"workflow_error"}, true},
		{"", []string{"workflow_*"}, true},
		{"", []string{"step_*", "workflow_end", "*_error"}, true},
		{"", []string{"step_*", "workflow_end"}, false},
		{"", nil, false},
		{"true", []string{"workflow_*"}, true},
		{"false", []string{"workflow_*"}, false},
		{`workflow_name startsWith "deploy-"`, []string{"workflow_*"}, true},
		{`workflow_name startsWith "test-"`, []string{"workflow_*"}, false},
		{`payload.duration > 60`, []string{"*"}, true},
		{`payload.duration > 62`, []string{"*"}, false},
		{`event == "workflow_error"`, []string{"step_*"}, false},
	} {
		got, err := newFilter(t, tt.source, tt.patterns...).Match(expression.NewEnv(failed))
		if err != nil || got != tt.want {
			t.Errorf("filter %q of %q: Match = %v, %v, want %v, no error", tt.source, tt.patterns, got, err, tt.want)
		}
	}
}

func TestFilterErrorIsNoMatch(t *testing.T) {
	f := newFilter(t, `int(event) > 60`, "workflow_*")
	if got, err := f.Match(expression.NewEnv(&event.Event{Type: "workflow_end"})); err == nil || got {
		t.Errorf("Match = %v, %v, want false and the expression's error", got, err)
	}
}

// match runs a filter on an event of the type, and tells how often its expression ran.
func match(f *filters.Filter, typ string) (matched bool, runs int, err error) {
	env := expression.NewEnv(&event.Event{Type: typ})
	env.Watch(func(*expression.Trace) { runs++ })
	matched, err = f.Match(env)
	return matched, runs, err
}

func TestExpressionDoesNotRunForOtherTypes(t *testing.T) {
	f := newFilter(t, `int(event) > 60`, "workflow_*") // an error, where it runs
	if got, runs, err := match(f, "step_start"); err != nil || got || runs != 0 {
		t.Errorf("Match = %v, %v after %d runs, want false, no error, no run", got, err, runs)
	}
}

func TestExpressionRunsOnceWhereSeveralGlobsMatch(t *testing.T) {
	for source, want := range map[string]bool{`event == "other"`: false, `event == "workflow_end"`: true} {
		f := newFilter(t, source, "workflow_*", "*", "workflow_end")
		if got, runs, err := match(f, "workflow_end"); err != nil || got != want || runs != 1 {
			t.Errorf("Match of %s = %v, %v after %d runs, want %v, no error, one run", source, got, err, runs, want)
		}
	}
}

func BenchmarkFilter(b *testing.B) {
	f := newFilter(b, `workflow_name startsWith "deploy-" and event == "workflow_error"`, "step_*", "workflow_*")
	e := &event.Event{Type: "workflow_error", WorkflowName: "deploy-eu", Payload: []byte(`{"duration":61.5}`)}
	in := expression.NewEnv(e)
	for b.Loop() {
		if match, err := f.Match(in); !match || err != nil {
			b.Fatal(match, err)
		}
	}
}
