package expression_test

import (
	"testing"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
	"github.com/go-json-experiment/json"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// benchEvent is a failed run as AWF reports it, with a few more keys.
var benchEvent = &event.Event{
	ID: "e", Type: "workflow_error", WorkflowID: "77f9bc50-22d6-4f84-8be8-96f1520ddd6b", WorkflowName: "deploy-production",
	Timestamp: time.Date(2026, 11, 24, 1, 24, 0, 0, time.UTC),
	Payload: []byte(`{"status":"failure","duration":61.5,"exit_code":1,"error":"step push: exit code 1",` +
		`"team":"platform","region":"eu-west-1","attempt":3,` +
		`"note":"a payload of an ordinary size, with some text and a number or two: 3.14159, 2.71828, 1.41421"}`),
}

// bare is a program that decodes the payload into a map and runs a filter on expr's own machine.
func bare(b *testing.B, source string) func() {
	b.Helper()
	env := map[string]any{
		"event": benchEvent.Type, "workflow_id": benchEvent.WorkflowID, "workflow_name": benchEvent.WorkflowName,
		"timestamp": benchEvent.Timestamp, "payload": map[string]any{},
	}
	program, err := expr.Compile(source, expr.Env(env), expr.AsBool())
	if err != nil {
		b.Fatal(err)
	}
	var machine vm.VM
	return func() {
		var payload map[string]any
		if err := json.Unmarshal(benchEvent.Payload, &payload); err != nil {
			b.Fatal(err)
		}
		env["payload"] = payload
		ok, err := machine.Run(program, env)
		if ok != true || err != nil {
			b.Fatal(ok, err)
		}
	}
}

// ratio measures two functions in turns and returns the ratio of their shortest times.
func ratio(f, other func()) float64 {
	const pairs, rounds = 200, 100
	shortest := [2]time.Duration{time.Hour, time.Hour}
	for range pairs {
		for i, f := range []func(){f, other} {
			start := time.Now()
			for range rounds {
				f()
			}
			shortest[i] = min(shortest[i], time.Since(start))
		}
	}
	return float64(shortest[0]) / float64(shortest[1])
}

// The payload of a seen event was decoded before, for another webhook. An event in a new environment is the first of its process; a run
// uses environments again.
func BenchmarkFilter(b *testing.B) {
	for name, source := range map[string]string{
		"known":   `workflow_name startsWith "deploy-" and payload.duration > 60`,
		"known3":  `event == "workflow_error" and payload.status == "failure" and payload.exit_code != 0`,
		"unknown": `payload.team == "platform" and payload.attempt > 2`,
		"in":      `payload.region in ["eu-west-1", "eu-west-2"] or workflow_name matches "^deploy-"`,
		"closure": `any(["eu", "us"], payload.region startsWith #)`,
	} {
		program := compile(b, source)
		match := func(in *expression.Env) {
			if ok, err := program.Bool(in); !ok || err != nil {
				b.Fatal(ok, err)
			}
		}
		seen := expression.NewEnv(benchEvent)
		var envs expression.Envs
		bare := bare(b, source)
		for way, f := range map[string]func(){
			"seen": func() { match(seen) },
			"new":  func() { match(expression.NewEnv(benchEvent)) },
			"run": func() {
				in := envs.Of(benchEvent)
				match(in)
				envs.Keep(in)
			},
		} {
			b.Run(name+"/"+way, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
				b.ReportMetric(ratio(f, bare), "x-bare-expr")
			})
		}
	}
}
