// Package guest is for transforms that are written in Go. A transform is a function that turns an event's JSON into a body:
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
// Build it with stock Go as a reactor, one instance of which can transform many events. Without -buildmode it becomes a command,
// which starts again for each event:
//
//	GOOS=wasip1 GOARCH=wasm go build -buildmode=c-shared -ldflags=-w -o transform.wasm .
//
// Outside the sandbox the program reads an event from stdin, writes the body to stdout and logs to stderr: go run . < event.json. It has
// no configuration there. The package imports no JSON library; use any.
package guest

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// Drop is the error that a transform returns if there is nothing to send. It is not a failure. Returning neither a body nor an error has
// the same effect.
//
//lint:ignore ST1012 it is a decision of the transform and not an error
var Drop = errors.New("nothing to send")

// Level is the severity of a log line.
type Level int32

// The levels.
const (
	Debug Level = iota
	Info
	Warn
	Error
)

// Main calls the transform for each event. A program's main function calls Main and does nothing else. The event is valid only until the
// transform returns; the body may share its memory. An error or a panic makes the event's delivery a dead letter with the error's text, cut
// to 1 KiB. That text must not quote secrets of the event.
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

// Config returns a value of the step's `with`: a text as it is, anything else as JSON. The key "" returns all of `with` as JSON.
// Config returns false if there is no such value.
func Config(key string) (value string, ok bool) { return config(key) }

// Log writes a line to awf-hook's log. Lines beyond the step's log_lines are left out, and longer lines are cut to 1 KiB.
func Log(level Level, line string) { logLine(level, line) }

// Event is the event that a transform gets, for a JSON library to decode. A transform that follows another one gets that one's output
// instead.
type Event struct {
	Type         string  `json:"event"` // "workflow_error"
	WorkflowID   string  `json:"workflow_id"`
	WorkflowName string  `json:"workflow_name"`
	Timestamp    string  `json:"timestamp"` // RFC 3339
	Payload      Payload `json:"payload"`
}

// Payload holds the data of an event. Fields that AWF did not give are empty.
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

// Raw is undecoded JSON. Its numbers keep all their digits, and its members keep their order.
type Raw []byte

// UnmarshalJSON keeps a copy of the text.
func (r *Raw) UnmarshalJSON(text []byte) error {
	*r = append((*r)[:0], text...)
	return nil
}

// MarshalJSON returns the text unchanged, or null if it is empty.
func (r Raw) MarshalJSON() ([]byte, error) {
	if len(r) == 0 {
		return []byte("null"), nil
	}
	return r, nil
}
