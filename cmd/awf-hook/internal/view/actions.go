package view

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// What people do, as the record has it.
const (
	didReplay  = "replay"
	didDiscard = "discard"
	didSend    = "send now"
	didEnable  = "enable"
	didDisable = "disable"
	didPause   = "pause"
	didResume  = "resume"
	didTest    = "test"
	didCancel  = "cancel"
)

// record keeps in the queue who did what. Who it was is in the context. Every change goes through it.
func (d *Desk) record(ctx context.Context, what, target string, count int, why string) error {
	d.forget()
	op := engine.Operation{Who: access.From(ctx).Name, What: what, Target: target, Count: count, Note: why}
	if err := d.queue.Record(context.WithoutCancel(ctx), op); err != nil {
		return fmt.Errorf("%s of %s is done, and could not be recorded: %w", what, target, err)
	}
	return nil
}

// allowed refuses those whose role is less than operate.
func allowed(ctx context.Context) error {
	if access.From(ctx).Role < access.Operate {
		return fmt.Errorf("%w: this needs the role operate", ErrRefused)
	}
	return nil
}

// change changes what a filter selects, and records it.
func (d *Desk) change(ctx context.Context, what string, f engine.Filter, do func() (int, error)) (int, error) {
	if err := allowed(ctx); err != nil {
		return 0, err
	}
	n, err := do()
	if n == 0 {
		return 0, err
	}
	return n, errors.Join(err, d.record(ctx, what, Words(f), n, ""))
}

// Replay makes dead letters due again, or sends again what was delivered if the filter says so. It returns how many.
func (d *Desk) Replay(ctx context.Context, f engine.Filter, c engine.Change) (int, error) {
	return d.change(ctx, didReplay, f, func() (int, error) { return d.queue.Replay(ctx, replayed(f), c) })
}

// replayed is what a replay takes of a filter: dead letters where it does not say which.
func replayed(f engine.Filter) engine.Filter {
	if f.State != delivery.IsDelivered {
		f.State = delivery.IsDead
	}
	return f
}

// Discard forgets deliveries that are not in flight. Their ids stay known. It returns how many.
func (d *Desk) Discard(ctx context.Context, f engine.Filter) (int, error) {
	return d.change(ctx, didDiscard, f, func() (int, error) { return d.queue.Delete(ctx, f) })
}

// SendNow makes due at once what waits. It returns how many.
func (d *Desk) SendNow(ctx context.Context, f engine.Filter) (int, error) {
	f.State = delivery.Due
	return d.change(ctx, didSend, f, func() (int, error) { return d.queue.Replay(ctx, f, engine.Change{}) })
}

// changeLane changes the lane of a webhook, and records it.
func (d *Desk) changeLane(ctx context.Context, what, identity, why string, do func() (int, error)) error {
	if err := allowed(ctx); err != nil {
		return err
	}
	n, err := do()
	switch {
	case err != nil:
		return err
	case n == 0:
		return fmt.Errorf("%s has had no delivery yet: %w", identity, ErrUnknown)
	}
	return d.record(ctx, what, identity, n, why)
}

// Enable opens the lane of a webhook, by its identity, and ends its rest.
func (d *Desk) Enable(ctx context.Context, identity string) error {
	return d.changeLane(ctx, didEnable, identity, "", func() (int, error) { return d.queue.Enable(ctx, identity) })
}

// Resume ends the rest of a webhook.
func (d *Desk) Resume(ctx context.Context, identity string) error {
	return d.changeLane(ctx, didResume, identity, "", func() (int, error) { return d.queue.Enable(ctx, identity) })
}

// Disable closes the lane of a webhook for a reason: what is accepted for it waits.
func (d *Desk) Disable(ctx context.Context, identity, why string) error {
	reason := "by " + access.From(ctx).Name
	if why = strings.TrimSpace(why); why != "" {
		reason += ": " + why
	}
	return d.changeLane(ctx, didDisable, identity, why, func() (int, error) { return d.queue.Disable(ctx, identity, reason) })
}

// Pause lets a webhook rest for a time, 24 hours at most.
func (d *Desk) Pause(ctx context.Context, identity string, rest time.Duration, why string) error {
	if rest <= 0 || rest > engine.MaxPause {
		return fmt.Errorf("%w: want a pause of up to %v, got %v", ErrRefused, engine.MaxPause, rest)
	}
	why = strings.TrimSpace(fmt.Sprintf("for %v %s", rest, strings.TrimSpace(why)))
	return d.changeLane(ctx, didPause, identity, why, func() (int, error) { return d.queue.Pause(ctx, identity, rest) })
}
