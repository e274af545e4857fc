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
