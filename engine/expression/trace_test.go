package expression_test

import (
	"fmt"
	"testing"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/google/go-cmp/cmp"
)

// traceOf runs a program and returns what the environment told of the run.
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
		t.Errorf("payload.none is missing, payload.c was not asked for: %+v, %+v", missing, trace.Parts()[15])
	}
}

func TestTraceOfAFailure(t *testing.T) {
	program, err := expression.CompileValue(`[upper(payload.s), int(payload.s)]`)
	if err != nil {
		t.Fatal(err)
	}
	trace := traceOf(program, expression.NewEnv(ended(`{"s": "a"}`)))
	if trace.Err == nil || trace.Value != nil {
		t.Fatalf("%+v, want its error", trace)
	}
	if got := trace.Parts()[0]; got.Source != "upper(payload.s)" || got.Value != "A" {
		t.Errorf("the first part is %+v, want what it came to before the failure", got)
	}
}
