package format_test

import (
	"fmt"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms/format"
)

// A format makes a receiver's message from an event, and reads the receiver's answers.
func ExampleLookup() {
	receiver, known := format.Lookup("ntfy")
	if !known {
		fmt.Println(format.Unknown("ntfy"))
		return
	}
	ntfy, mistakes := receiver.New([]format.Option{{Name: "topic", Value: "deploys"}})
	if len(mistakes) > 0 {
		fmt.Println(mistakes)
		return
	}
	ev := event.Event{Type: "workflow_error", WorkflowID: "7f3a", WorkflowName: "deploy", Payload: []byte(`{"error":"exit status 1"}`)}
	content, err := ntfy.Content(expression.NewEnv(&ev), ev.Body())
	fmt.Println(string(content.Body), err)
	fmt.Println(ntfy.Judge(delivery.Answer{Status: 429}).Outcome)
	// Output:
	// {"topic":"deploys","title":"deploy failed","message":"exit status 1\n\nRun: 7f3a","priority":4,"tags":["red_circle"]} <nil>
	// retry
}

// A mistake in the name of an option suggests the right one.
func ExampleReceiver_New() {
	slack, _ := format.Lookup("slack")
	_, mistakes := slack.New([]format.Option{{Name: "titel", Value: "x"}})
	for _, m := range mistakes {
		fmt.Println(m.Message)
	}
	// Output:
	// unknown option of slack, did you mean title?
}

func ExampleUnknown() {
	fmt.Println(format.Unknown("slak"))
	// Output:
	// unknown format "slak", did you mean slack?
}
