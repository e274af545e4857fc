package engine

import (
	"context"
	"errors"
	"log/slog"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/internal/queue"
	"github.com/awf-project/awf-hook/transforms"
)

// content gives a delivery its content, unless an attempt before did. What transforms made is returned, to be kept.
// The error is [transforms.ErrDrop] or a [*transforms.Error].
func (w *webhook) content(ctx context.Context, ev *event.Event, d *delivery.Delivery) (made *delivery.Content, err error) {
	switch {
	case d.Body != nil:
		return nil, nil
	case len(w.chain) == 0:
		d.Body = ev.Body()
		return nil, nil
	}
	if d.Content, err = w.chain.Apply(ctx, expression.NewInput(ev)); err != nil {
		return nil, err
	}
	return &d.Content, nil
}

// unsent settles a delivery without an attempt: dropped, or dead because a transform failed.
func (l *lane) unsent(claim *queue.Claim, err error) {
	st := queue.Settlement{Claim: claim, Outcome: delivery.Dead, Reason: l.webhook.maskText(err.Error())}
	if errors.Is(err, transforms.ErrDrop) {
		st.Outcome = delivery.Dropped
	} else {
		l.engine.log.LogAttrs(context.Background(), slog.LevelWarn, "delivery dead",
			slog.String("webhook", l.webhook.Name), slog.String("delivery", claim.Delivery.ID), slog.String("event", claim.Delivery.Event),
			slog.String("answer", st.Reason))
	}
	l.engine.settler.add(l, st)
}
