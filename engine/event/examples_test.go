package event_test

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

var noonOfExamples = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// A Reader finds the events in AWF's output and passes everything else on.
func ExampleReader() {
	reader := event.Reader{
		Name:   "<stdin>",
		Event:  func(ev event.Event) { fmt.Println(ev.Type, ev.WorkflowName) },
		Pass:   func(output []byte) { fmt.Printf("%q\n", output) },
		Broken: func(err *event.LineError) { fmt.Println(err) },
	}
	_, err := reader.ReadFrom(strings.NewReader(`building
{"event":"workflow_end","workflow_id":"7f3a","workflow_name":"deploy","timestamp":"2026-03-01T12:00:00Z","payload":{}}
{"event":"workflow_end","workflow_id":"7f3a","workflow_name":"deploy","timestamp":"noon","payload":{}}
`))
	fmt.Printf("%+v %v\n", reader.Counts(), err)
	// Output:
	// workflow_end deploy
	// "building\n"
	// <stdin>:3: timestamp: want an RFC 3339 time, got "noon"
	// {Events:1 Known:0 Passed:1 Broken:1} <nil>
}

// ParseLine decodes one line. A mistake has a column.
func ExampleParseLine() {
	for _, line := range []string{
		`{"event":"workflow_end","workflow_id":"7f3a","workflow_name":"deploy","timestamp":"2026-03-01T12:00:00Z","payload":{}}`,
		`no event`,
		`{"event":"workflow_end","workflow_id":"7f3a","workflow_name":"deploy","timestamp":"noon","payload":{}}`,
	} {
		rec, err := event.ParseLine([]byte(line), noonOfExamples)
		switch {
		case err != nil:
			fmt.Printf("column %d: %v\n", event.Column([]byte(line), err), err)
		case rec == nil:
			fmt.Println("AWF's own output")
		default:
			fmt.Println(rec.Type, rec.WorkflowName)
		}
	}
	// Output:
	// workflow_end deploy
	// AWF's own output
	// column 71: timestamp: want an RFC 3339 time, got "noon"
}

func ExampleColumn() {
	line := []byte(`{"event":"workflow_end","workflow_id":"7f3a",}`)
	_, err := event.ParseLine(line, noonOfExamples)
	fmt.Println(event.Column(line, err))
	// Output: 45
}

// ParseLong judges a line that is too long to keep, by its beginning.
func ExampleParseLong() {
	fmt.Println(event.ParseLong([]byte(`{"event":"workflow_end","workflow_id":"7f3a","workflow_name":"deploy","payload":{"log":"…`)))
	fmt.Println(event.ParseLong([]byte("a long line of AWF's own output …")))
	// Output:
	// line is over 1 MiB
	// <nil>
}

// Ids grow with the time.
func ExampleNewID() {
	earlier, later := event.NewID(noonOfExamples), event.NewID(noonOfExamples.Add(time.Second))
	fmt.Println(len(earlier), earlier < later)
	// Output: 36 true
}

func ExampleOwnID() {
	fmt.Println(event.OwnID("deploy-7", "emit"))
	// Output: deploy-7@emit
}

// Operator events are about awf-hook itself. A webhook gets them if its events name them.
func ExampleOperatorTypes() {
	for _, typ := range event.OperatorTypes() {
		fmt.Println(typ, event.IsOperator(typ))
	}
	// Output:
	// hook_lane_closed true
	// hook_lane_failing true
	// hook_lane_recovered true
	// hook_dead_letter true
	// hook_backlog true
	// hook_reload_failed true
}

func ExampleIsOperator() {
	fmt.Println(event.IsOperator(event.HookLaneClosed), event.IsOperator(event.WorkflowEnd))
	// Output: true false
}

// A store keeps an event's fields and its stamp, the timestamp as AWF wrote it.
func ExampleRestore() {
	ev, err := event.Restore(event.Event{ID: "e1", Type: event.WorkflowEnd}, "2026-03-01T13:00:00.50+01:00")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(ev.Timestamp, ev.Stamp())
	_, err = event.Restore(event.Event{}, "noon")
	fmt.Println(err)
	// Output:
	// 2026-03-01 12:00:00.5 +0000 UTC 2026-03-01T13:00:00.50+01:00
	// timestamp: want an RFC 3339 time, got "noon"
}

// A run's state file tells what its events lack. A file of another run tells nothing.
func ExampleDecodeRunState() {
	text := []byte(`{"WorkflowID":"7f3a","WorkflowName":"deploy","Status":"completed","States":{}}`)
	fmt.Println(event.DecodeRunState(text, "7f3a") != nil, event.DecodeRunState(text, "another") != nil)
	// Output: true false
}

// A LineError has the place and the reason of a broken line.
func ExampleLineError() {
	reason := errors.New("timestamp missing")
	err := &event.LineError{File: "<stdin>", Line: 41, Reason: reason}
	fmt.Println(err, errors.Is(err, reason))
	// Output: <stdin>:41: timestamp missing true
}
