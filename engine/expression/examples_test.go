package expression_test

import (
	"fmt"
	"slices"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// An Env holds one event for any number of programs.
func ExampleNewEnv() {
	long, err := expression.CompileBool("payload.duration > 60")
	if err != nil {
		fmt.Println(err)
		return
	}
	env := expression.NewEnv(&event.Event{Type: event.WorkflowEnd, WorkflowName: "deploy", Payload: []byte(`{"duration":90}`)})
	isLong, err := long.Bool(env)
	fmt.Println(env.Event().WorkflowName, isLong, err)
	// Output: deploy true <nil>
}

// An editor can complete these names.
func ExampleNames() {
	names := expression.Names()
	fmt.Println(slices.Contains(names, "workflow_name"), slices.Contains(names, "payload.status"))
	// Output: true true
}

// AppendJSON writes any value that an expression can have.
func ExampleAppendJSON() {
	text, err := expression.AppendJSON(nil, map[string]any{"steps": []any{"build", "test"}, "duration": 1.5})
	fmt.Println(string(text), err)
	// Output: {"duration":1.5,"steps":["build","test"]} <nil>
}

// Warnings point at parts that are valid, but probably not intended.
func ExampleProgram_Warnings() {
	program, err := expression.CompileBool(`payload.statsu == "failure"`)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, w := range program.Warnings() {
		fmt.Println(w)
	}
	// Output: AWF gives no payload.statsu: did you mean payload.status?
}

func ExampleParseDuration() {
	for _, text := range []string{"90s", "1d12h", "1d-12h", "0d-12h"} {
		took, err := expression.ParseDuration(text)
		fmt.Println(took, err)
	}
	// Output:
	// 1m30s <nil>
	// 36h0m0s <nil>
	// 0s want a duration like "90s", "1h30m" or "2d"
	// 0s want a duration like "90s", "1h30m" or "2d"
}
