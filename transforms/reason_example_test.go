package transforms_test

import (
	"context"
	"fmt"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms"
)

// Reason names a failure in a word, for metrics. Reasons lists the words that a kind of step can have.
func ExampleReason() {
	cfg, err := config.Parse("awf-hook.yaml", []byte(`
webhooks:
  - url: https://hooks.example.com/
    transform: {map: {share: =1 % payload.count}}
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
	_, err = chain.Apply(context.Background(), expression.NewEnv(&event.Event{Type: "workflow_error", Payload: []byte(`{"count":0}`)}))
	fmt.Println(err)
	fmt.Println(transforms.Reason(err))
	// Output:
	// transform 1, map: share: division by zero
	// error
}

func ExampleReasons() {
	fmt.Println(transforms.Reasons("map"))
	// Output: [budget output error]
}
