package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
)

// ErrUnstored is wrapped by Commit's error when the queue's file cannot be written, or when there is no file.
var ErrUnstored = spill.ErrUnstored

// Fate says what happened to an event that was submitted.
type Fate string

const (
	EventAccepted Fate = "accepted" // at least one of its deliveries is new
	EventKnown    Fate = "known"    // all its deliveries existed before
	EventUnwanted Fate = "unwanted" // no webhook wants it, so the queue does not keep it
)

// commitWait is how long Commit waits for a definition's webhooks to be compiled, and how long Differs may take.
const commitWait = 10 * time.Second

// Commit accepts events in order: all of them or none. Unlike [Engine.Submit] it never keeps an event in memory alone
// and never waits for room. When it returns nil, the deliveries survive a crash of the process and of the machine. An
// error that wraps [ErrFull] or [ErrUnstored] is temporary: call Commit again later.
func (e *Engine) Commit(ctx context.Context, events []event.Event) ([]Fate, error) {
	fates := make([]Fate, len(events))
	entries, wanted := make([]*delivery.Entry, len(events)), make([]*delivery.Entry, 0, len(events))
	compiled, cancel := context.WithTimeout(ctx, commitWait)
	defer cancel()
	for i := range events {
		ev := events[i] // each alone, so that an event in flight does not hold a batch in memory
		if err := ev.Validate(); err != nil {
			return nil, fmt.Errorf("event %d: %w", i+1, err)
		}
		entry, err := e.entry(compiled, &ev, ev.WorkflowName)
		if err != nil {
			return nil, err
		}
		if entries[i] = entry; len(entry.Wants) > 0 {
			wanted = append(wanted, entry)
		}
	}
	if len(wanted) > 0 {
		if err := e.observed("accept", func() error { return e.queue.AcceptStored(ctx, wanted) }); err != nil {
			return nil, err
		}
	}
	e.accepted(wanted, len(events))
	for i, entry := range entries {
		fates[i] = fateOf(entry.Wants)
	}
	return fates, nil
}

// maxCompared is how many deliveries Differs looks for.
const maxCompared = 1000

// Differs returns the index of the first event whose id the queue knows with another body, or -1. Commit does not compare
// bodies: it takes an event with a known id as known. Differs looks at maxCompared deliveries at most.
func (e *Engine) Differs(ctx context.Context, events []event.Event) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, commitWait)
	defer cancel()
	looks := 0
	for i := range events {
		ev := &events[i]
		webhooks, err := e.routes.Of(ev.WorkflowName).Webhooks(ctx)
		if err != nil {
			return -1, err
		}
		for _, w := range webhooks {
			if looks++; looks > maxCompared {
				return -1, nil
			}
			want := delivery.Want{Webhook: w.Identity}
			held, err := e.queue.Show(ctx, want.DeliveryID(ev.ID))
			switch {
			case errors.Is(err, ErrUnknown):
				continue
			case err != nil:
				return -1, err
			case !bytes.Equal(held.Event.Body(), ev.Body()):
				return i, nil
			}
			break // its other deliveries hold the same event
		}
	}
	return -1, nil
}

func fateOf(wants []delivery.Want) Fate {
	if len(wants) == 0 {
		return EventUnwanted
	}
	for i := range wants {
		if wants[i].Fate != delivery.Known {
			return EventAccepted
		}
	}
	return EventKnown
}

// Ready returns nil if the queue can store events now, else the reason why not.
func (e *Engine) Ready(ctx context.Context) error { return e.queue.Ready(ctx) }
