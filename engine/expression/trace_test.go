package expression_test

import (
	"fmt"
	"testing"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/google/go-cmp/cmp"
)

// traceOf runs a program and returns the trace of the run.
func traceOf(program *expression.Program, env *expression.Env) (trace *expression.Trace) {
	env.Watch(func(t *expression.Trace) { trace = t })
	defer env.Watch(nil)
	_, _ = program.Value(env)
	return trace
}

func TestTraceTellsEachPart(t *testing.T) {
	const source = `payload.a > 1 and (payload.none > 1 or any(payload.list, # > 2)) and not (payload.b == 1 and payload.c == 2)`
	in := expression.NewEnv(ended(`{"a": 2, "list": [1, 2, 3, 4], "b": 0}`))
	trace := traceOf(compile(t, source), in)
	if trace.Err != nil {
		t.Fatal(trace.Err)
	}
	var got []string
	for _, p := range trace.Parts() {
		got = append(got, fmt.Sprintf("%d %s: %v ×%d", p.Depth, p.Source, p.Value, p.Times))
	}
	want := []string{
		`0 payload.a > 1 and (payload.none > 1 or any(payload.list, # > 2)) and not (payload.b == 1 and payload.c == 2): true ×1`,
		`1 payload.a > 1 and (payload.none > 1 or any(payload.list, # > 2)): true ×1`,
		`2 payload.a > 1: true ×1`,
		`3 payload.a: 2 ×1`,
		`2 payload.none > 1 or any(payload.list, # > 2): true ×1`,
		`3 payload.none > 1: false ×1`,
		`4 payload.none: <nil> ×1`,
		`3 any(payload.list, # > 2): true ×1`,
		`4 payload.list: [1 2 3 4] ×1`,
		`4 # > 2: true ×3`,
		`1 not (payload.b == 1 and payload.c == 2): true ×1`,
		`2 payload.b == 1 and payload.c == 2: false ×1`,
		`3 payload.b == 1: false ×1`,
		`4 payload.b: 0 ×1`,
		`3 payload.c == 2: <nil> ×0`,
		`4 payload.c: <nil> ×0`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("parts (-want +got):\n%s", diff)
	}
	if missing := trace.Parts()[6]; !missing.Missing() || trace.Parts()[15].Missing() {
		t.Errorf("payload.none is %+v, payload.c is %+v; want the first one missing and the second one not evaluated", missing, trace.Parts()[15])
	}
}

func TestTraceOfAFailure(t *testing.T) {
	program, err := expression.CompileValue(`[upper(payload.s), int(payload.s)]`)
	if err != nil {
		t.Fatal(err)
	}
	trace := traceOf(program, expression.NewEnv(ended(`{"s": "a"}`)))
	if trace.Err == nil || trace.Value != nil {
		t.Fatalf("%+v, want an error and no value", trace)
	}
	if got := trace.Parts()[0]; got.Source != "upper(payload.s)" || got.Value != "A" {
		t.Errorf("the first part is %+v, want its value from before the failure", got)
	}
}

// The trace marks the part that made a filter true or false. If it took several parts, each has a mark.
func TestTraceMarksWhatDecided(t *testing.T) {
	for _, tt := range []struct {
		source string
		want   []string
	}{
		{`payload.a > 1`, []string{"payload.a > 1"}},
		{`payload.a > 1 and payload.a < 2`, []string{"payload.a < 2"}},
		{`payload.a > 9 and payload.a < 2`, []string{"payload.a > 9"}},
		{`payload.a > 1 and payload.a < 3`, []string{"payload.a > 1", "payload.a < 3"}},
		{`payload.a > 9 or payload.none > 1 or payload.a == 2`, []string{"payload.a == 2"}},
		{`payload.a > 9 || payload.none > 1`, []string{"payload.a > 9", "payload.none > 1"}},
		{`not (payload.a > 1 && payload.none == 3)`, []string{"payload.none == 3"}},
		{`!(payload.a > 1)`, []string{"payload.a > 1"}},
		{`payload.flag and payload.a > 1`, []string{"payload.flag"}},
		{`any(payload.list, # > 3 or # < 0)`, []string{"any(payload.list, # > 3 or # < 0)"}},
		{`(payload.a > 1 ? payload.a > 5 : true) and true`, []string{"payload.a > 1 ? payload.a > 5 : true"}},
		{`payload.a == 2 and (payload.a == 3 or glob("x*", workflow_name))`, []string{"payload.a == 3", `glob("x*", workflow_name)`}},
	} {
		program, err := expression.CompileBool(tt.source)
		if err != nil {
			t.Fatalf("%s: %v", tt.source, err)
		}
		trace := traceOf(program, expression.NewEnv(ended(`{"a": 2, "list": [1, 2, 3, 4]}`)))
		var got []string
		for _, p := range trace.Parts() {
			if p.Decided {
				got = append(got, p.Source)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.source, diff)
		}
	}
}
