// Package event defines events and their ids, and decodes everything that AWF writes.
//
// Use a [Reader] to make events of a stream of lines in which AWF's dialects may be mixed: the F028 envelope, the audit trail,
// transcripts, plugin events and server-sent events. A [Joiner] does the same for records of several files. Equal ids mean the same
// event, so reading the same lines again makes the same events.
package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/engine/trace"
)

// The event types that awf-hook knows by name. Any other type is AWF's dotted name with "_" for each dot.
const (
	WorkflowStart  = "workflow_start"
	WorkflowEnd    = "workflow_end"
	WorkflowError  = "workflow_error"
	WorkflowCancel = "workflow_cancel"
	StepStart      = "step_start"
	StepComplete   = "step_complete"
	StepRetry      = "step_retry" // made by awf-hook: a further attempt of a step
)

// Types lists the types of the events that AWF is known to write or that are made of them. Others may have any type.
func Types() []string {
	return []string{WorkflowStart, WorkflowEnd, WorkflowError, WorkflowCancel, StepStart, StepComplete, StepRetry,
		"message_user", "message_assistant", "tool_call", "tool_result"}
}

// OtherNames maps AWF's own names of events, with "_" for the dot, and variants of them to the types that these events have here.
func OtherNames() map[string][]string {
	return map[string][]string{
		"workflow_started": {WorkflowStart}, "workflow_success": {WorkflowEnd},
		"workflow_completed": {WorkflowEnd, WorkflowError, WorkflowCancel}, "workflow_complete": {WorkflowEnd, WorkflowError, WorkflowCancel},
		"workflow_finished": {WorkflowEnd, WorkflowError, WorkflowCancel},
		"workflow_failed":   {WorkflowError}, "workflow_failure": {WorkflowError},
		"workflow_cancelled": {WorkflowCancel}, "workflow_canceled": {WorkflowCancel},
		"step_started": {StepStart}, "step_call_workflow_started": {StepStart},
		"step_completed": {StepComplete}, "step_failed": {StepComplete}, "step_error": {StepComplete}, "step_end": {StepComplete},
		"step_call_workflow_completed": {StepComplete}, "step_call_workflow_failed": {StepComplete},
	}
}

// maxQuoted is how much of its input an error quotes, in bytes.
const maxQuoted = 40

// Event is one thing that happened in AWF. It is immutable once it is submitted.
type Event struct {
	ID           string // equal ids mean the same event; if empty, submitting the event makes one
	Type         string // as webhooks name it: "workflow_end"
	WorkflowID   string // the run's id
	WorkflowName string // the definition's name, "" if AWF did not say
	Timestamp    time.Time
	Payload      json.RawMessage // a JSON object of at most 1 MiB, which goes into the body byte for byte; nil for {}
	Webhooks     []string        // identities of the webhooks that get it, regardless of their filters; nil for all webhooks that want it

	Trace  trace.Context // the cause of the event; zero for none. It goes into headers of requests, not into bodies
	Source string        // the token or signature by which a server got the event; "" for this machine's own

	stamp string // the timestamp as its writer wrote it, if there was one
	line  int    // see Record.SetLine
}

// Line returns the number from [Record.SetLine], 0 for an event that awf-hook made.
func (e *Event) Line() int { return e.line }

// New returns an event with a new id. The payload is any value that encoding/json encodes as an object, or nil for {}.
func New(typ, workflowID, workflowName string, payload any) (Event, error) {
	now := time.Now()
	e := Event{ID: NewID(now), Type: typ, WorkflowID: workflowID, WorkflowName: workflowName, Timestamp: now.UTC()}
	if payload != nil {
		b, err := json.Marshal(payload)
		if err != nil {
			return Event{}, fmt.Errorf("payload: %w", err)
		}
		e.Payload = b
	}
	return e, e.Validate()
}

// Validate returns an error if something is missing or malformed in the event.
func (e *Event) Validate() error {
	switch {
	case e.Type == "":
		return errors.New("event: missing")
	case e.Timestamp.IsZero() && e.stamp == "": // a writer may mean Go's zero time
		return errors.New("timestamp: missing")
	case !hasStamp(e):
		return fmt.Errorf("timestamp: want a year from 0 to 9999, got %d", e.Timestamp.UTC().Year())
	case e.Payload == nil:
		return nil
	case !json.Valid(e.Payload):
		return errors.New("payload: invalid JSON")
	case !utf8.Valid(e.Payload):
		return errors.New("payload: invalid UTF-8")
	case len(e.Payload) > MaxLine:
		return fmt.Errorf("payload: want at most %d MiB, got %d bytes", MaxLine>>20, len(e.Payload))
	}
	if kind := jsonbytes.KindOf(bytes.TrimLeft(e.Payload, " \t\r\n")); kind != "an object" {
		return fmt.Errorf("payload: want an object, got %s", kind)
	}
	return nil
}

// Body returns F028's envelope, which a webhook without a transform sends:
// {"event","workflow_id","workflow_name","timestamp","payload"} in this order, the payload byte for byte.
func (e *Event) Body() []byte {
	b := make([]byte, 0, 128+len(e.Type)+len(e.WorkflowID)+len(e.WorkflowName)+len(e.Payload))
	b = jsonbytes.AppendString(append(b, `{"event":`...), e.Type)
	b = jsonbytes.AppendString(append(b, `,"workflow_id":`...), e.WorkflowID)
	b = jsonbytes.AppendString(append(b, `,"workflow_name":`...), e.WorkflowName)
	b = append(b, `,"timestamp":"`...)
	b = append(b, e.Stamp()...)
	b = append(b, `","payload":`...)
	if e.Payload == nil {
		b = append(b, "{}"...)
	} else {
		b = append(b, e.Payload...)
	}
	return append(b, '}')
}

// Envelope returns the body with the event's id, its trace and, in only_webhooks, its Webhooks. It is one line: spaces replace the line
// breaks of a payload. A [Reader] makes the same event of it.
func (e *Event) Envelope() []byte { return append(e.open(), '}') }

// Sealed returns the envelope with the event's source and a seal, so that a [Reader] keeps its id and source. sign makes the seal from the
// text before it; if it returns "", there is no seal.
func (e *Event) Sealed(sign func(text []byte) string) []byte {
	b := e.open()
	if e.Source != "" {
		b = jsonbytes.AppendString(append(b, `,"source":`...), e.Source)
	}
	if mark := sign(b); mark != "" {
		return append(b, sealMember(mark)...)
	}
	return append(b, '}')
}

// open returns the envelope without its end.
func (e *Event) open() []byte {
	b := e.Body()
	for i, c := range b {
		if c == '\n' || c == '\r' { // between the payload's values: strings have none
			b[i] = ' '
		}
	}
	b = jsonbytes.AppendString(append(b[:len(b)-1], `,"id":`...), e.ID)
	if !e.Trace.IsZero() {
		b = jsonbytes.AppendString(append(b, `,"traceparent":`...), e.Trace.Parent())
	}
	if e.Trace.State != "" {
		b = jsonbytes.AppendString(append(b, `,"tracestate":`...), e.Trace.State)
	}
	for i, webhook := range e.Webhooks {
		lead := `,"only_webhooks":[`
		if i > 0 {
			lead = ","
		}
		b = jsonbytes.AppendString(append(b, lead...), webhook)
	}
	if len(e.Webhooks) > 0 {
		b = append(b, ']')
	}
	return b
}

// sealMember begins the end of an envelope with a seal.
func sealMember(mark string) []byte {
	return append(jsonbytes.AppendString([]byte(`,"seal":`), mark), '}')
}

// Stamp returns the timestamp for the body, as its writer wrote it.
func (e *Event) Stamp() string {
	if e.stamp != "" {
		return e.stamp
	}
	return e.Timestamp.UTC().Format(time.RFC3339Nano)
}

// hasStamp reports whether the event's timestamp can be read back from its body.
func hasStamp(e *Event) bool {
	year := e.Timestamp.UTC().Year()
	return e.stamp != "" || year >= 0 && year <= 9999
}

// Restore returns an event that was stored together with its [Event.Stamp].
func Restore(e Event, stamp string) (*Event, error) {
	t, valid := parseTime(stamp)
	if !valid {
		return nil, fmt.Errorf("timestamp: want an RFC 3339 time, got %q", legible.Shorten(stamp, maxQuoted))
	}
	e.Timestamp, e.stamp = t.UTC(), stamp
	return &e, nil
}

// Size estimates the memory that the event takes, in bytes.
func (e *Event) Size() int {
	const header = 224
	return header + len(e.ID) + len(e.WorkflowID) + len(e.Payload) + len(e.stamp) + len(e.Trace.State)
}
