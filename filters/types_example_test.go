package filters_test

import (
	"fmt"
	"slices"

	"github.com/awf-project/awf-hook/filters"
)

// Types are what a program can offer for a choice of events.
func ExampleTypes() {
	fmt.Println(slices.Contains(filters.Types(), "workflow_error"), slices.Contains(filters.Types(), "hook_lane_closed"))
	// Output: true true
}
