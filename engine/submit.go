package engine

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
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
	entry, err := e.entry(ctx, &ev)
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

// submitAll submits events in order, in one transaction if there is room for all.
func (e *Engine) submitAll(ctx context.Context, events []event.Event) error {
	return e.submitOf(ctx, events, "")
}

// submitOf is submitAll for a command that ran a pack's workflow, "PACK/NAME". The events say only NAME.
func (e *Engine) submitOf(ctx context.Context, events []event.Event, packed string) error {
	entries := make([]*delivery.Entry, 0, len(events))
	for i := range events {
		workflow := events[i].WorkflowName
		if packed != "" && workflow == path.Base(packed) {
			workflow = packed
		}
		entry, err := e.entryOf(ctx, &events[i], workflow)
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

// entry routes an event. It waits until the webhooks of the workflow's definition are compiled.
func (e *Engine) entry(ctx context.Context, ev *event.Event) (*delivery.Entry, error) {
	return e.entryOf(ctx, ev, ev.WorkflowName)
}

// entryOf routes an event of a workflow whose definition may have another name than the event says.
func (e *Engine) entryOf(ctx context.Context, ev *event.Event, workflow string) (*delivery.Entry, error) {
	webhooks, err := e.routes.Of(workflow).Webhooks(ctx)
	if err != nil {
		return nil, err
	}
	return e.wants(ev, webhooks), nil
}

// wants makes an event's entry, with one delivery for each webhook that wants the event. It sets a missing id.
func (e *Engine) wants(ev *event.Event, webhooks []*webhook) *delivery.Entry {
	if ev.ID == "" {
		ev.ID = event.NewID(time.Now())
	}
	entry := &delivery.Entry{Event: ev, Span: e.beginSpan(ev)}
	in := e.envs.Of(ev) // decoded once for all webhooks
	defer e.envs.Keep(in)
	for _, w := range webhooks {
		asked := slices.Contains(ev.Webhooks, w.Identity)
		if ev.Webhooks != nil && !asked {
			continue
		}
		if want, wants := w.want(in, asked); wants {
			if want.Dead == "" {
				want.Take = e.lanes.Lease(w.Identity, ev.Size())
			}
			entry.Wants = append(entry.Wants, want)
		}
	}
	e.sayMissing(ev, webhooks)
	return entry
}

// sayMissing logs that an event names webhooks that the configuration does not have.
func (e *Engine) sayMissing(ev *event.Event, webhooks []*webhook) {
	for _, identity := range ev.Webhooks {
		if !slices.ContainsFunc(webhooks, func(w *webhook) bool { return w.Identity == identity }) {
			e.log.Error("an event names a webhook that the configuration does not have", "webhook", identity, "event", ev.ID)
			e.counts.refused.Add(1)
		}
	}
}

// accept commits events with their deliveries, in order, and hands the lanes what they may send at once.
func (e *Engine) accept(ctx context.Context, entries []*delivery.Entry) error {
	wanted := make([]*delivery.Entry, 0, len(entries))
	for _, entry := range entries {
		if len(entry.Wants) > 0 {
			wanted = append(wanted, entry)
		}
	}
	if len(wanted) > 0 {
		if err := e.observed("accept", func() error { return e.queue.Accept(ctx, wanted) }); err != nil {
			return err
		}
	}
	e.accepted(wanted, len(entries))
	if observe := e.opts.Observer.Event; observe != nil {
		for _, entry := range entries {
			observe(entry.Event, fateOf(entry.Wants))
		}
	}
	return nil
}

// accepted counts accepted events and hands the lanes what they may send at once.
func (e *Engine) accepted(wanted []*delivery.Entry, events int) {
	e.counts.events.Add(int64(events))
	for _, entry := range wanted {
		e.endSpan(entry)
		given := map[string]bool{}
		for _, claim := range entry.Claims {
			e.lanes.Give(claim)
			given[claim.Delivery.Webhook] = true
		}
		for _, want := range entry.Wants {
			e.counts.accepted(want.Fate)
			if want.Fate != delivery.Known {
				e.observeAccepted(want.Webhook)
			}
			if want.Fate == delivery.BornDead {
				e.noticeBornDead(entry.Event, &want)
			}
			if want.Fate == delivery.Accepted && !given[want.Webhook] {
				e.lanes.LookAt(want.Webhook, time.Now())
			}
		}
	}
}

// accepted counts a want by its fate.
func (c *counts) accepted(fate delivery.Fate) {
	if fate == delivery.Known {
		c.known.Add(1)
		return
	}
	c.deliveries.Add(1)
	if fate == delivery.BornDead {
		c.own.dead.Add(1)
	}
}
