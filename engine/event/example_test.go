package event_test

import (
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// New makes an event. Its payload is a value, encoded as JSON.
func ExampleNew() {
	ev, err := event.New(event.WorkflowError, "7f3a", "deploy", map[string]any{"exit_code": 2})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ev.Type, ev.WorkflowName, string(ev.Payload))
	// Output: workflow_error deploy {"exit_code":2}
}

// ReadLine returns the event of a line in any of AWF's dialects. Every other line is AWF's own output.
func ExampleReadLine() {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, line := range []string{
		`{"event":"workflow.completed","execution_id":"7f3a","timestamp":"2026-03-01T12:00:00Z",` +
			`"workflow_name":"deploy","status":"success","schema_version":1}`,
		`Workflow completed`,
	} {
		read := event.ReadLine([]byte(line), now)
		fmt.Println(len(read.Records), string(read.Before) == line)
	}
	// Output:
	// 1 false
	// 0 true
}
