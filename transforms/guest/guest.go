// Package guest is what a transform written in Go imports. A transform is a function from an event's JSON to a body:
//
//	func main() { guest.Main(transform) }
//
//	func transform(event []byte) ([]byte, error) {
//		var e guest.Event
//		if err := json.Unmarshal(event, &e); err != nil {
//			return nil, err
//		}
//		if e.Payload.Status == "success" {
//			return nil, guest.Drop
//		}
//		return json.Marshal(map[string]string{"text": e.WorkflowName + ": " + e.Payload.Error})
//	}
//
// Stock Go builds it, as a reactor, which takes one instance for many events, or without -buildmode as a command, which begins anew for each:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags=-w -o transform.wasm .
//
// Elsewhere than in the sandbox the program turns the event on its stdin into a body on its stdout, without a configuration, and logs to
// stderr: go run . < event.json. The package needs no JSON library and brings none.
package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Drop is what a transform returns if there is nothing to send. It is no failure. No body and no error is the same.
//
//lint:ignore ST1012 a transform returns it as what it decides, not as what went wrong
var Drop = errors.New("nothing to send")

// Level is how much a line of the log matters.
type Level int32

// The levels.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

// Main answers events with what the transform makes of them, and is all that main does. The event is valid only until the transform returns; the
// body may share its memory. An error, or a panic, fails the event's delivery for good with its text, of which 1 KiB is kept: it must not
// quote what is secret in the event.
func Main(transform func(event []byte) (body []byte, err error)) {
	if keep(transform) {
		return
	}
	event, err := io.ReadAll(os.Stdin)
	var body []byte
	if err == nil {
		body, err = transform(event)
	}
	if err == nil {
		_, err = os.Stdout.Write(body)
	}
	if err != nil && !errors.Is(err, Drop) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Config returns a value of the step's `with`: a text as it is, anything else as JSON. The key "" is all of it, as JSON.
// It is false if there is none.
func Config(key string) (value string, ok bool) { return config(key) }

// Log says a line in awf-hook's log. What is beyond the step's log_lines, or 1 KiB in a line, is cut.
func Log(level Level, line string) { logLine(level, line) }

// Event is an event as a transform is fed it, for a JSON library to decode. A transform that follows another sees what that one made instead.
type Event struct {
	Type         string  `json:"event"` // "workflow_error"
	WorkflowID   string  `json:"workflow_id"`
	WorkflowName string  `json:"workflow_name"`
	Timestamp    string  `json:"timestamp"` // RFC 3339
	Payload      Payload `json:"payload"`
}

// Payload is what AWF says of an event. What it did not say is empty.
type Payload struct {
	// Of workflows.
	Status   string   `json:"status"`    // "success", "failure" or "cancelled"; of steps too
	Duration *float64 `json:"duration"`  // seconds; of steps too
	ExitCode *int     `json:"exit_code"` // never 0 for a failure
	Error    string   `json:"error"`     // of steps too
	User     string   `json:"user"`
	ParentID string   `json:"parent_id"`
	Inputs   Raw      `json:"inputs"`

	// Of steps.
	Step      string `json:"step"`
	Kind      string `json:"kind"`
	Path      string `json:"path"`
	Iteration *int   `json:"iteration"`
	ChildID   string `json:"child_id"` // the run of a sub-workflow
	Result    Raw    `json:"result"`
}

// Raw is JSON as it came: its numbers keep all their digits, its members their order.
type Raw []byte

// UnmarshalJSON keeps a copy.
func (r *Raw) UnmarshalJSON(text []byte) error {
	*r = append((*r)[:0], text...)
	return nil
}

// MarshalJSON writes it as it is, nothing as null.
func (r Raw) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}
