package transforms_test

import (
	"context"
	"fmt"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms"
)

// The steps of a configuration make a body, each from the output of the one before.
func ExampleCompiler_Compile() {
	cfg, err := config.Parse("awf-hook.yaml", []byte(`
webhooks:
  - url: https://hooks.example.com/
    transform:
      - map: {text: "{{ workflow_name }} failed", minutes: =payload.duration / 60}
      - map: {content: =body.text}
`), config.NoEnv)
	if err != nil {
		fmt.Println(err)
		return
	}
	var compiler transforms.Compiler
	chain, mistakes := compiler.Compile(context.Background(), cfg.Webhooks[0].Transform)
	if len(mistakes) > 0 {
		fmt.Println(mistakes)
		return
	}
	defer chain.Close()
	ev := event.Event{Type: "workflow_error", WorkflowID: "7f3a", WorkflowName: "deploy", Payload: []byte(`{"duration":90}`)}
	content, err := chain.Apply(context.Background(), expression.NewEnv(&ev))
	fmt.Println(string(content.Body), err)
	// Output:
	// {"content":"deploy failed"} <nil>
}

// NewModules makes the sandboxes of WebAssembly modules and scripts, which a compiler loads them into.
func ExampleNewModules() {
	modules := transforms.NewModules("", nil)
	compiler := transforms.Compiler{Modules: modules}
	chain, mistakes := compiler.Compile(context.Background(), nil)
	fmt.Println(len(chain), len(mistakes))
	fmt.Println(modules.Close(context.Background()))
	// Output:
	// 0 0
	// <nil>
}
