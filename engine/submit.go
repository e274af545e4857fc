package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// Submit accepts an event. When it returns nil, the event and its deliveries are in the queue. It never waits for a
// receiver. Run delivers: without it, the event stays in the queue. If the queue is full, Submit waits for room until
// ctx ends.
func (e *Engine) Submit(ctx context.Context, ev event.Event) error {
	if err := ev.Validate(); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	entry, err := e.entry(ctx, &ev, ev.WorkflowName)
	if err == nil {
		err = e.acceptPatiently(ctx, entry)
	}
	if err != nil {
		return fmt.Errorf("event %s: %w", ev.ID, err)
	}
	return nil
}

// roomPoll is how often Submit asks a full queue for room if no outcome makes some.
const roomPoll = 50 * time.Millisecond

// acceptPatiently accepts an event and waits for room until ctx ends.
func (e *Engine) acceptPatiently(ctx context.Context, entry *delivery.Entry) error {
	for full := error(nil); ; {
		changed := e.lanes.Changed()
		switch err := e.accept(ctx, []*delivery.Entry{entry}); {
		case errors.Is(err, ErrFull):
			full = err
		case err == nil || full == nil || ctx.Err() == nil:
			return err
		}
		select {
		case <-changed:
		case <-time.After(roomPoll):
		case <-ctx.Done():
			e.counts.refused.Add(1)
			return fmt.Errorf("%w: %w", full, context.Cause(ctx))
		}
	}
}

// submitAll submits events in order, in one transaction if there is room for all. packed is the pack's workflow,
// "PACK/NAME", that a command ran; its events say only NAME.
func (e *Engine) submitAll(ctx context.Context, events []event.Event, packed string) error {
	entries := make([]*delivery.Entry, 0, len(events))
	for i := range events {
		workflow := events[i].WorkflowName
		if packed != "" && workflow == path.Base(packed) {
			workflow = packed
		}
		entry, err := e.entry(ctx, &events[i], workflow)
		if err != nil {
			return err
		}
		entries = append(entries, entry)
	}
	if err := e.accept(ctx, entries); !errors.Is(err, ErrFull) {
		return err
	}
	for _, entry := range entries {
		if err := e.acceptPatiently(ctx, entry); err != nil {
			return fmt.Errorf("event %s: %w", entry.Event.ID, err)
		}
	}
	return nil
}

// entry routes an event of a workflow, whose definition may have another name than the event says. It waits until the
// webhooks of the definition are compiled.
func (e *Engine) entry(ctx context.Context, ev *event.Event, workflow string) (*delivery.Entry, error) {
	webhooks, err := e.routes.Of(workflow).Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	return e.wants(ev, webhooks), nil
}
