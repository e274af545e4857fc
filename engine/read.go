package engine

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/source"
)

// roomWait is how long a stream waits for room in a full queue before an event is refused.
// After a refusal it does not wait again until there was room: the workflow behind the pipe must not be held up.
const roomWait = time.Second

// Stream is AWF's output as it comes through a pipe: events among other lines.
type Stream struct {
	Name   string                 // of In, for errors: "<stdin>"
	In     io.Reader              // is read to its end
	Out    io.Writer              // gets what is not an event, byte for byte; nil drops it
	Broken func(*event.LineError) // is told the lines of a known dialect that are broken; may be nil
}

// Read submits the events of a stream, until its end or until ctx ends.
// The error is In's own or the context's; refused events and broken lines are in the report.
func (e *Engine) Read(ctx context.Context, s Stream) error {
	pipe := s.pipe(e.submitFromPipe(ctx))
	counts, err := pipe.Read(ctx)
	e.counts.known.Add(int64(counts.Known))
	e.counts.passed.Add(int64(counts.Passed))
	e.counts.badLines.Add(int64(counts.Broken))
	return err
}

// submitFromPipe returns what submits a pipe's events and waits for room as roomWait says.
func (e *Engine) submitFromPipe(ctx context.Context) func(event.Event) {
	noWait, cancel := context.WithCancel(ctx)
	cancel()
	patient := true
	return func(ev event.Event) {
		err := e.submit(noWait, ev)
		if errors.Is(err, ErrFull) && patient {
			room, cancel := context.WithTimeout(ctx, roomWait)
			err = e.submit(room, ev)
			cancel()
		}
		patient = err == nil
		switch {
		case errors.Is(err, ErrFull):
			e.counts.refused.Add(1)
			e.log.Debug("event refused", "event", ev.Type, "workflow_id", ev.WorkflowID, "err", err)
		case err != nil:
			e.log.Error("event not accepted", "event", ev.Type, "workflow_id", ev.WorkflowID, "err", err)
		}
	}
}

// PassThrough does for a stream what Read does, without an engine: events go nowhere, the rest goes out.
// It keeps a pipe whole where there is nothing to deliver with.
func PassThrough(ctx context.Context, s Stream) error {
	_, err := s.pipe(nil).Read(ctx)
	return err
}

func (s Stream) pipe(submit func(event.Event)) source.Pipe {
	return source.Pipe{Name: s.Name, In: s.In, Out: s.Out, Event: submit, Broken: s.Broken}
}
