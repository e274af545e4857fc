package event_test

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// A line of a known dialect is broken wherever its JSON breaks. What has no dialect's keys is AWF's own output, broken or not.
func TestBrokenLinesAreOfTheirDialect(t *testing.T) {
	for line, broken := range map[string]bool{
		`{"event":"workflow_end","workflow_id":"1","workfl`:                  true,
		`{"event":"workflow_end",,"workflow_id":"1"}`:                        true,
		`{"workflow_name":bad,"event":"workflow_end","workflow_id":"1"}`:     true,
		`{bad,"event" : "workflow_end","workflow_id"	:"1"}`:                  true,
		`{"x":"\q","execution_id":"1","event":"workflow.started"}`:           true,
		`{"x":01,"run_id":"1","seq":1,"type":"step.started"}`:                true,
		`{"x":01,"source":"s","metadata":{},"type":"t"}`:                     true,
		`data: {"x":01,"kind":"step.started","run_id":"1"}`:                  true,
		`{"x":01,"event":"an event without the id of its run"}`:              false,
		`{bad, "the event": "x", "workflow_id_of": "1"}`:                     false,
		`{bad: "a text that names \"event\" and \"workflow_id\" is no key"}`: false,
		`{bad}`: false,
	} {
		rec, err := event.ParseLine([]byte(line), time.Time{})
		if rec != nil || (err != nil) != broken {
			t.Errorf("%s\nmade %v, %v; want it broken: %v", line, rec, err, broken)
		}
	}
}
