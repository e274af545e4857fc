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

// A user who asks for AWF's own name of an event finds the type that it has here.
func ExampleOtherNames() {
	fmt.Println(event.OtherNames()["workflow_failed"], event.OtherNames()["step_failed"])
	// Output: [workflow_error] [step_complete]
}
