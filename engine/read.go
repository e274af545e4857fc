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
	wait := roomWait
	pipe := s.pipe(func(ev event.Event) {
		room, cancel := context.WithTimeout(ctx, wait)
		defer cancel()
		switch err := e.Submit(room, ev); {
		case errors.Is(err, ErrFull):
			wait = 0
			e.log.Debug("event refused", "event", ev.Type, "workflow_id", ev.WorkflowID, "err", err)
		case err == nil:
			wait = roomWait
		default:
			e.log.Error("event not accepted", "event", ev.Type, "workflow_id", ev.WorkflowID, "err", err)
		}
	})
	counts, err := pipe.Read(ctx)
	e.counts.known.Add(int64(counts.Known))
	e.counts.passed.Add(int64(counts.Passed))
	e.counts.badLines.Add(int64(counts.Broken))
	return err
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
