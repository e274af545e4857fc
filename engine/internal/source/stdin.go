// Package source reads events: [Pipe] from stdin, [Command] from a wrapped command, and [Follow] from AWF's files.
package source

import (
	"context"
	"io"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// Pipe is AWF's output through a pipe: events among other lines.
type Pipe struct {
	Name   string                 // of In, for errors
	In     io.Reader              // read to its end
	Out    io.Writer              // receives all text that is not an event, byte for byte; nil discards it
	Event  func(event.Event)      // receives the events in order; nil discards them
	Broken func(*event.LineError) // receives broken lines of a known dialect; nil discards them

	OrphanAfter time.Duration              // see event.Reader
	Open        func(workflow, run string) // see event.Reader; may be nil
	Storage     string                     // where AWF keeps the states of its runs; "" reads none

	Sealed func(text []byte, mark string) bool // see event.Reader
}

// Read reads the pipe until its end or until ctx ends, and returns its counts. After a failed write to Out it discards
// the other lines and goes on with the events.
//
// A blocked read cannot be interrupted: when ctx ends, Read abandons the goroutine that reads, which then passes on
// nothing.
func (p Pipe) Read(ctx context.Context) (event.Counts, error) {
	var left atomic.Bool
	out := p.Out
	reader := &event.Reader{
		Name: p.Name, OrphanAfter: p.OrphanAfter, Sealed: p.Sealed,
		Event: func(e event.Event) {
			if p.Event != nil && !left.Load() {
				p.Event(e)
			}
		},
		Pass: func(text []byte) {
			if out == nil || left.Load() {
				return
			}
			if _, err := out.Write(text); err != nil {
				out = nil
			}
		},
		Broken: func(err *event.LineError) {
			if p.Broken != nil && !left.Load() {
				p.Broken(err)
			}
		},
	}
	if p.Open != nil {
		reader.Open = func(workflow, run string) {
			if !left.Load() {
				p.Open(workflow, run)
			}
		}
	}
	if p.Storage != "" {
		reader.State = newStates(p.Storage).of
	}
	done := make(chan error, 1)
	go func() {
		_, err := reader.ReadFrom(p.In)
		done <- err
	}()
	select {
	case err := <-done:
		return reader.Counts(), err
	case <-ctx.Done():
		left.Store(true)
		return reader.Counts(), context.Cause(ctx)
	}
}
