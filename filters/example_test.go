package filters_test

import (
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/filters"
)

// A filter wants an event if a glob matches its type and its expression is true.
func ExampleNew() {
	glob, err := filters.ParseGlob("workflow_*")
	if err != nil {
		fmt.Println(err)
		return
	}
	program, err := expression.CompileBool("payload.duration > 60")
	if err != nil {
		fmt.Println(err)
		return
	}
	filter := filters.New([]filters.Glob{glob}, program)
	for _, payload := range []string{`{"duration":61}`, `{}`} {
		ev := event.Event{Type: "workflow_end", WorkflowID: "7f3a", Timestamp: time.Now(), Payload: []byte(payload)}
		wanted, err := filter.Match(expression.NewEnv(&ev))
		fmt.Println(filter.MatchType(ev.Type), wanted, err)
	}
	// Output:
	// true true <nil>
	// true false <nil>
}

// A glob that matches no event of AWF's is probably a mistake.
func ExampleUnlikely() {
	for _, pattern := range []string{"workflow_*", "workflow_eror", "deploy_done"} {
		glob, err := filters.ParseGlob(pattern)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %q\n", pattern, filters.Unlikely(glob))
	}
	// Output:
	// workflow_*: ""
	// workflow_eror: "no event of AWF has this type, did you mean workflow_error?"
	// deploy_done: "no event of AWF has this type"
}

func ExampleParseGlob() {
	glob, err := filters.ParseGlob("step_*")
	fmt.Println(glob.Match("step_complete"), glob.Match("workflow_end"), err)
	_, err = filters.ParseGlob("step [a-z]")
	fmt.Println(err)
	// Output:
	// true false <nil>
	// want letters, digits, _, -, ., * and ?
}
