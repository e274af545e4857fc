package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// bus is AWF's bus of events for its plugins, with a plugin behind it that prints each event as a line of JSON. As AWF's, it holds 256 events
// and drops what comes while it is full, and AWF's exit does not wait for it. Its texts are strings, its steps are those of the main loop
// and have no workflow's name, and a retry has neither run nor step.
type bus struct {
	to       *os.File
	queue    chan busEvent        // nil for a plugin that takes each event at once
	attempts func(string) int     // of a step that ended, by "RUN NAME"
	began    map[string]time.Time // of steps, by the same
	seen     int
}

type busEvent struct {
	ID        string            `json:"id"`
	Type      string            `json:"type"`
	Timestamp time.Time         `json:"timestamp"`
	Source    string            `json:"source"`
	Metadata  map[string]string `json:"metadata"`
}

const busSize = 256

// newBus starts a plugin that takes so long for an event.
func newBus(file string, slow time.Duration) *bus {
	to, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	must(err)
	b := &bus{to: to, began: map[string]time.Time{}}
	if slow > 0 {
		b.queue = make(chan busEvent, busSize)
		go func() {
			for e := range b.queue {
				time.Sleep(slow)
				b.print(e)
			}
		}()
	}
	return b
}

func (b *bus) print(e busEvent) {
	text, err := json.Marshal(e)
	must(err)
	_, _ = b.to.Write(append(text, '\n'))
}

// say tells of a line that AWF writes.
func (b *bus) say(text []byte) {
	var l struct {
		Event, Type, Path, Status, Error string
		ExecutionID                      string `json:"execution_id"`
		WorkflowName                     string `json:"workflow_name"`
		RunID                            string `json:"run_id"`
		DurationMS                       int64  `json:"duration_ms"`
		Timestamp                        time.Time
		Payload                          struct{ Name, Error string }
	}
	must(json.Unmarshal(text, &l))
	step := l.RunID + " " + l.Payload.Name
	switch {
	case l.Event == "workflow.started":
		b.send("workflow.started", l.Timestamp, map[string]string{"workflow_id": l.ExecutionID, "workflow_name": l.WorkflowName})
	case l.Event == "workflow.completed":
		typ, took := "workflow.completed", time.Duration(l.DurationMS)*time.Millisecond
		if l.Status != "success" {
			typ = "workflow.failed"
		}
		b.send(typ, l.Timestamp, map[string]string{
			"workflow_id": l.ExecutionID, "workflow_name": l.WorkflowName, "duration": took.String(), "error": l.Error,
		})
	case strings.ContainsAny(l.Path, ":/") || !strings.HasPrefix(l.Type, "step."): // within a loop, a message
	case l.Type == "step.started":
		b.began[step] = l.Timestamp
		b.send(l.Type, l.Timestamp, map[string]string{"workflow_id": l.RunID, "step_name": l.Payload.Name})
	case l.Type == "step.completed":
		for n := 2; n <= b.attempts(step); n++ {
			b.send("step.retrying", l.Timestamp, map[string]string{"attempt": fmt.Sprint(n)})
		}
		typ, took := l.Type, l.Timestamp.Sub(b.began[step])
		if l.Payload.Error != "" {
			typ = "step.failed"
		}
		b.send(typ, l.Timestamp, map[string]string{
			"workflow_id": l.RunID, "step_name": l.Payload.Name, "duration": took.String(), "error": l.Payload.Error,
		})
	}
}

func (b *bus) send(typ string, at time.Time, metadata map[string]string) {
	for key, value := range metadata {
		if value == "" {
			delete(metadata, key)
		}
	}
	b.seen++
	e := busEvent{fmt.Sprintf("bus-%d-%d", os.Getpid(), b.seen), typ, at, "core", metadata}
	if b.queue == nil {
		b.print(e)
		return
	}
	select {
	case b.queue <- e:
	default: // it is full
	}
}
