package expression_test

import (
	"errors"
	"fmt"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// failed is an event of a workflow that failed after two minutes.
var failed = event.Event{
	Type: "workflow_error", WorkflowID: "7f3a", WorkflowName: "deploy-site",
	Payload: []byte(`{"status":"failure","duration":120.5,"error":"step push: exit status 1"}`),
}

// A filter's expression is true or false. A comparison with a missing value is false.
func ExampleCompileBool() {
	for _, source := range []string{`payload.duration > 60 and workflow_name startsWith "deploy"`, "payload.exit_code > 0"} {
		program, err := expression.CompileBool(source)
		if err != nil {
			fmt.Println(err)
			return
		}
		wanted, err := program.Bool(expression.NewEnv(&failed))
		fmt.Println(wanted, err)
	}
	// Output:
	// true <nil>
	// false <nil>
}

// A mistake has its place, and suggests the right name.
func ExampleCompileBool_mistake() {
	_, err := expression.CompileBool("payload.duration > 60 and workflow_nam == 1")
	var mistake *expression.Error
	if errors.As(err, &mistake) {
		fmt.Println(mistake.Line, mistake.Col, mistake)
	}
	// Output:
	// 1 26 unknown name workflow_nam: did you mean workflow_name?
}

// A map's expression has a value of any type.
func ExampleCompileValue() {
	program, err := expression.CompileValue(`{"text": workflow_name + ": " + payload.error, "minutes": payload.duration / 60}`)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := program.AppendJSON(nil, expression.NewEnv(&failed))
	fmt.Println(string(text), err)
	// Output:
	// {"minutes":2.0083333333333333,"text":"deploy-site: step push: exit status 1"} <nil>
}

// Template splits a text with expressions in it into parts.
func ExampleCompiler_Template() {
	parts, _, mistakes := new(expression.Compiler).Template("{{ workflow_name }} failed")
	if len(mistakes) > 0 {
		fmt.Println(mistakes)
		return
	}
	for _, part := range parts {
		if part.Program == nil {
			fmt.Printf("text %q\n", part.Text)
			continue
		}
		value, err := part.Program.Value(expression.NewEnv(&failed))
		fmt.Printf("%q is %q %v\n", part.Program.Source(), value, err)
	}
	// Output:
	// " workflow_name " is "deploy-site" <nil>
	// text " failed"
}

// Watch shows the value of each part of an expression.
func ExampleEnv_Watch() {
	program, err := expression.CompileBool("payload.duration > 60 and payload.exit_code > 1")
	if err != nil {
		fmt.Println(err)
		return
	}
	env := expression.NewEnv(&failed)
	env.Watch(func(trace *expression.Trace) {
		for _, part := range trace.Parts() {
			fmt.Println(part.Source, part.Value, part.Decided)
		}
	})
	if _, err := program.Bool(env); err != nil {
		fmt.Println(err)
	}
	// Output:
	// payload.duration > 60 and payload.exit_code > 1 false false
	// payload.duration > 60 true false
	// payload.duration 120.5 false
	// payload.exit_code > 1 false true
	// payload.exit_code <nil> false
}

func ExampleMatchGlob() {
	fmt.Println(expression.MatchGlob("deploy-*", "deploy-site"), expression.MatchGlob("deploy-?", "deploy-site"))
	// Output:
	// true false
}

func ExampleText() {
	text, err := expression.Text([]any{1, "two"})
	fmt.Println(text, err)
	// Output:
	// [1,"two"] <nil>
}
