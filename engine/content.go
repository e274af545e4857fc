package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/internal/queue"
	"github.com/awf-project/awf-hook/transforms"
)

// content gives a delivery its content, unless an attempt before did. What transforms made is returned, to be kept.
// The error is [transforms.ErrDrop], [transforms.ErrNotRun] or a [*transforms.Error].
func (w *webhook) content(ctx context.Context, ev *event.Event, d *delivery.Delivery) (made *delivery.Content, err error) {
	switch {
	case d.Body != nil:
		return nil, nil
	case len(w.chain) == 0:
		d.Body = ev.Body()
		return nil, nil
	}
	if d.Content, err = w.chain.Apply(ctx, expression.NewEnv(ev)); err != nil {
		return nil, err
	}
	return &d.Content, nil
}

// notRunWait is when a delivery is looked at again whose module could not be run.
const notRunWait = time.Second

// unsent settles a delivery without an attempt: dropped, dead because a transform failed, or to be tried again.
func (l *lane) unsent(claim *queue.Claim, err error) {
	st := queue.Settlement{Claim: claim, Outcome: delivery.Dead, Reason: l.webhook.masker.Text(err.Error())}
	st.OrderMaxWait = l.webhook.OrderMaxWait
	switch {
	case errors.Is(err, transforms.ErrDrop), errors.Is(err, errNotWanted):
		st.Outcome = delivery.Dropped
	case errors.Is(err, transforms.ErrNotRun):
		st.Outcome, st.Due = delivery.Retry, time.Now().Add(notRunWait)
	default:
		l.webhook.sayFault(claim.Delivery.ID, claim.Event, st.Reason)
	}
	l.engine.settler.add(l, st)
	l.learnUnsent(st.Outcome)
}

// askAgain asks the filter of a delivery whose filter failed when its event was accepted. The error is errNotWanted or the filter's.
func (w *webhook) askAgain(claim *queue.Claim) error {
	if !claim.Unrouted || claim.Delivery.Attempts > 0 {
		return nil
	}
	match, err := w.filter.Match(expression.NewEnv(claim.Event))
	switch {
	case err != nil:
		return w.filterError(err)
	case !match:
		return errNotWanted
	}
	return nil
}

// errNotWanted is of a delivery whose filter failed when its event was accepted, and says no now.
var errNotWanted = errors.New("the filter does not match")

// filterError is a filter's failure with the filter's place.
func (w *webhook) filterError(err error) error { return w.Filter.Fail(1, 0, err.Error()) }

// sayFault says that the user's own code failed: the first time of a webhook, the others are counted in the report.
func (w *webhook) sayFault(delivery string, ev *event.Event, reason string) {
	level := slog.LevelDebug
	if w.faultSaid.CompareAndSwap(false, true) {
		level = slog.LevelWarn
	}
	w.engine.log.LogAttrs(context.Background(), level, w.Name+": dead: "+reason+" (further ones are counted)",
		slog.String("delivery", delivery), slog.String("event", ev.Type))
}
