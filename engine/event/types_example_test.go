package event_test

import (
	"fmt"
	"slices"

	"github.com/awf-project/awf-hook/engine/event"
)

func ExampleTypes() {
	fmt.Println(slices.Contains(event.Types(), "workflow_error"), slices.Contains(event.Types(), "step_retry"))
	// Output: true true
}
