package engine

import (
	"context"
	"io"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/source"
)

// Stream is AWF's output through a pipe: events among other lines.
type Stream struct {
	Name   string                 // names In in errors: "<stdin>"
	In     io.Reader              // read to its end
	Out    io.Writer              // receives all text that is not an event, byte for byte; nil discards it
	Broken func(*event.LineError) // receives broken lines of a known dialect; may be nil

	// OrphanAfter is how long a run may be quiet before it gets an end with "synthetic": true. A run that is open
	// when the stream ends gets one then. 0 makes no ends.
	OrphanAfter time.Duration
	Open        func(workflow, run string) // receives the runs that are open at the end and get no end; may be nil

	Storage string // the folder where AWF keeps the states of its runs; "" reads none

	Seal *Seal // recognizes what Close wrote; nil treats all lines as foreign

	// Waits reports whether reading may wait, since nobody waits for the reader, as with a file. Read then keeps the pace
	// of receivers that take deliveries quickly, and waits for a slow queue instead of refusing events. Nil never waits.
	Waits func() bool

	Resend bool // gives events new ids, so that known ones are sent again: for experiments
}

// Read submits the events of a stream until the stream or ctx ends, and returns when they are accepted. The error is
// In's or the context's. The report counts refused events and broken lines. When ctx ends, a Read of In that blocks cannot be interrupted,
// and what it returns later is lost: end In itself to lose nothing.
func (e *Engine) Read(ctx context.Context, s Stream) error {
	return s.Begin(ctx).To(e)
}

// Reading is a stream that is being read. Its events wait until you call [Reading.To] or [Reading.Drop].
type Reading struct {
	intake *intake
	ended  chan struct{} // closed when the fields below are set
	counts event.Counts
	err    error
}

// Begin starts to read a stream. Lines that are not events pass through at once, even before an engine is open.
func (s Stream) Begin(ctx context.Context) *Reading {
	r := &Reading{intake: newIntake(s.Waits), ended: make(chan struct{})}
	add := r.intake.add
	if s.Resend {
		add = func(ev event.Event) {
			ev.ID = "" // wants sets a new one
			r.intake.add(ev)
		}
	}
	go func() {
		defer close(r.ended)
		r.counts, r.err = s.pipe(ctx, add)
	}()
	return r
}

// To submits the events to an engine, as [Engine.Read] does.
func (r *Reading) To(e *Engine) error {
	r.intake.open(e)
	<-r.ended
	r.intake.close()
	e.counts.known.Add(int64(r.counts.Known))
	e.counts.passed.Add(int64(r.counts.Passed))
	e.counts.badLines.Add(int64(r.counts.Broken))
	return r.err
}

// Counts returns, after [Reading.To] or [Reading.Drop], how many events and other lines the stream had.
func (r *Reading) Counts() event.Counts { return r.counts }

// Drop discards the events and waits for the stream's end. It keeps a pipe whole when there is no engine.
func (r *Reading) Drop() error {
	r.intake.drop()
	<-r.ended
	return r.err
}

// Events reads the events of a stream as [Engine.Read] does, without an engine.
func Events(ctx context.Context, s Stream, each func(event.Event)) error {
	_, err := s.pipe(ctx, each)
	return err
}

// pipe passes the events to submit and all other text to Out. After a failed write to Out it discards the other text.
func (s Stream) pipe(ctx context.Context, submit func(event.Event)) (event.Counts, error) {
	reader := &event.Reader{
		Name: s.Name, Event: submit, Broken: s.Broken, OrphanAfter: s.OrphanAfter, Open: s.Open,
		State: source.States(s.Storage), Sealed: s.Seal.verify,
	}
	if out := s.Out; out != nil {
		reader.Pass = func(text []byte) {
			if out == nil {
				return
			}
			if _, err := out.Write(text); err != nil {
				out = nil
			}
		}
	}
	return source.Pipe(ctx, s.In, reader)
}
