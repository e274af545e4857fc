package format_test

import (
	"encoding/json"
	"testing"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/awf-project/awf-hook/transforms/format/testdata/wild"
)

// FuzzContent makes messages from any payload and any body of a previous step. All are within the limits.
func FuzzContent(f *testing.F) {
	for n := range uint64(50) {
		e := wild.Event(n)
		if len(e.Payload) < 10_000 {
			f.Add(e.Type, e.WorkflowName, []byte(e.Payload), []byte(nil))
			f.Add(e.Type, e.WorkflowName, []byte("{}"), e.Body())
		}
	}
	formats := map[string]*format.Format{}
	for _, name := range format.Names() {
		formats[name] = open(f, name, with(name)...)
	}
	f.Fuzz(func(t *testing.T, typ, workflow string, payload, body []byte) {
		e := event.Event{ID: "1", Type: typ, WorkflowName: workflow, Payload: payload, Timestamp: ordinary().Timestamp}
		if e.Validate() != nil {
			t.Skip("not a valid event")
		}
		for name, f := range formats {
			values := expression.NewEnv(&e)
			if body != nil {
				values.SetBody(body, json.Valid(body), nil)
			}
			c, err := f.Content(values, body)
			if err != nil || c.Body == nil {
				continue
			}
			p := &proof{format: name}
			p.check(c)
			for _, fault := range p.faults {
				t.Errorf("%s: %s\n%.1000s", name, fault, c.Body)
			}
		}
	})
}
