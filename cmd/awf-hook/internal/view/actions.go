package view

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// Names of operations in the record.
const (
	replay  = "replay"
	discard = "delete"
	enable  = "enable"
	disable = "disable"
	pause   = "pause"
)

// record records an operation that package api does not record. The context says who did it.
func (d *Desk) record(ctx context.Context, what, target string, count int, why string) error {
	d.forget()
	op := engine.Operation{Who: access.From(ctx).Name, What: what, Target: target, Count: count, Note: why}
	if err := d.queue.Record(context.WithoutCancel(ctx), op); err != nil {
		return fmt.Errorf("%s of %s is done, and could not be recorded: %w", what, target, err)
	}
	return nil
}

// allowed returns an error for users without the role operate.
func allowed(ctx context.Context) error {
	if access.From(ctx).Role < access.Operate {
		return fmt.Errorf("%w: this needs the role operate", ErrRefused)
	}
	return nil
}

// change makes a recorded change if the user may. It returns how many deliveries or lanes changed.
func (d *Desk) change(ctx context.Context, do func() (int, error)) (int, error) {
	if err := allowed(ctx); err != nil {
		return 0, err
	}
	n, err := do()
	d.forget()
	return n, err
}

// Replay makes dead letters due again, or delivered deliveries if the filter says so. It returns how many.
func (d *Desk) Replay(ctx context.Context, f engine.Filter, c engine.Change) (int, error) {
	return d.change(ctx, func() (int, error) { return d.api.Replay(ctx, f, c) })
}

// Delete deletes deliveries that are not in flight, and returns how many. Their ids stay known.
func (d *Desk) Delete(ctx context.Context, f engine.Filter) (int, error) {
	return d.change(ctx, func() (int, error) { return d.api.Delete(ctx, f) })
}

// SendNow makes waiting deliveries due at once, and returns how many.
func (d *Desk) SendNow(ctx context.Context, f engine.Filter) (int, error) {
	f.State = delivery.Due
	return d.change(ctx, func() (int, error) { return d.api.Replay(ctx, f, engine.Change{}) })
}

// changeLane changes the lane of a webhook if the user may.
func (d *Desk) changeLane(ctx context.Context, do func() (api.LaneAnswer, error)) error {
	_, err := d.change(ctx, func() (int, error) {
		answer, err := do()
		return answer.Count, err
	})
	return err
}

// Enable opens the lane of a webhook, by its identity, and ends its pause.
func (d *Desk) Enable(ctx context.Context, identity string) error {
	return d.changeLane(ctx, func() (api.LaneAnswer, error) { return d.api.Enable(ctx, identity) })
}

// Disable closes the lane of a webhook for a reason. New deliveries for it wait.
func (d *Desk) Disable(ctx context.Context, identity, why string) error {
	reason := "by " + access.From(ctx).Name
	if why = strings.TrimSpace(why); why != "" {
		reason += ": " + why
	}
	return d.changeLane(ctx, func() (api.LaneAnswer, error) { return d.api.Disable(ctx, identity, reason) })
}

// Pause pauses a webhook for a time that api.ParseRest allows.
func (d *Desk) Pause(ctx context.Context, identity string, rest time.Duration, why string) error {
	return d.changeLane(ctx, func() (api.LaneAnswer, error) { return d.api.Pause(ctx, identity, rest, strings.TrimSpace(why)) })
}
