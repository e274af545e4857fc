package view

import (
	"context"
	"fmt"
	"strings"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
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
		return fmt.Errorf("%w: this needs the role operate", api.ErrRefused)
	}
	return nil
}

// Change makes a recorded change of the queue if the user may. It returns how many deliveries or lanes changed.
func (d *Desk) Change(ctx context.Context, do func(q api.Queue) (int, error)) (int, error) {
	if err := allowed(ctx); err != nil {
		return 0, err
	}
	n, err := do(d.api)
	d.forget()
	return n, err
}

// Reason returns the reason for which a user closes a lane. It begins with the user's name, since lists of lanes show it alone.
func Reason(ctx context.Context, why string) string {
	return strings.TrimSuffix("by "+access.From(ctx).Name+": "+strings.TrimSpace(why), ": ")
}
