package engine

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/lane"
	"github.com/awf-project/awf-hook/transforms"
)

// attempt sends a claimed delivery once and returns the outcome. It makes the content first, unless an earlier
// attempt did.
func (w *webhook) attempt(ctx context.Context, claim *delivery.Claim) delivery.Settlement {
	d := &claim.Delivery
	err := w.askAgain(claim)
	var made *delivery.Content
	if err == nil {
		made, err = w.content(ctx, claim.Event, d)
	}
	if err != nil {
		return w.unsent(claim, err)
	}
	if ev := claim.Event; !ev.Trace.IsZero() {
		d.Trace = ev.Trace.Next()
	}
	attempt := w.sender.Send(ctx, d)
	if slices.Contains(w.Retry.Statuses, attempt.Status) {
		attempt.Outcome = delivery.Retry
	}
	w.recordSend(claim.Event, d, &attempt)
	st := delivery.Settlement{Claim: claim, Outcome: attempt.Outcome, Content: made, OrderMaxWait: w.OrderMaxWait,
		FuelPercent: w.chain.FuelPercent()}
	if attempt.Outcome == delivery.Retry && attempt.Status == 0 && ctx.Err() != nil {
		// This process ended the attempt. It does not count, and the next run makes it again.
		st.GivenBack = true
		return st
	}
	st.Attempt = &attempt
	var next string
	switch st.Outcome {
	case delivery.Retry:
		wait, dead := lane.Wait(w.Retry, d, &attempt, w.random())
		if dead == "" {
			st.After, next = wait, ", next in "+shortWait(wait)
			break
		}
		st.Outcome, st.Reason, next = delivery.Dead, dead+": "+attempt.Reason, ", dead: "+dead
	case delivery.Dead:
		next = ", dead"
	}
	w.sayAttempt(d, attempt, st.Outcome, next)
	return st
}

// content makes a delivery's content, unless an earlier attempt did. It returns what the transforms made, so that the
// store can keep it. The error is [transforms.ErrDrop], [transforms.ErrNotRun] or a [*transforms.Error].
func (w *webhook) content(ctx context.Context, ev *event.Event, d *delivery.Delivery) (made *delivery.Content, err error) {
	switch {
	case d.Body != nil:
		return nil, nil
	case len(w.chain) == 0:
		d.Body = ev.Body()
		return nil, nil
	}
	var began time.Time
	if w.record != nil {
		began = time.Now()
	}
	in := w.envs.Of(ev)
	d.Content, err = w.chain.Time(ctx, in, w.timer)
	w.envs.Keep(in)
	w.recordTransform(ev, d, began, err)
	if err != nil {
		return nil, err
	}
	d.Secret = w.secretsIn(&d.Content)
	return &d.Content, nil
}

// stoppedWait is how long a delivery waits if its module did not run because this process stops.
const stoppedWait = time.Second

// unsent settles a delivery that was not sent: dropped, dead because a transform failed, or due again later.
func (w *webhook) unsent(claim *delivery.Claim, err error) delivery.Settlement {
	st := delivery.Settlement{Claim: claim, Outcome: delivery.Dead, Reason: w.masker.Text(err.Error()),
		OrderMaxWait: w.OrderMaxWait, FuelPercent: w.chain.FuelPercent()}
	switch {
	case errors.Is(err, transforms.ErrDrop), errors.Is(err, errNotWanted):
		st.Outcome = delivery.Dropped
	case errors.Is(err, transforms.ErrNotRun):
		w.notRun(claim, &st, err)
	default:
		w.sayFault(claim.Event, st.Reason)
	}
	return st
}

// notRun settles a delivery whose module could not run. That is a fault on our side: the delivery is tried again until its max_age.
func (w *webhook) notRun(claim *delivery.Claim, st *delivery.Settlement, err error) {
	st.Outcome, st.After = delivery.Retry, stoppedWait
	if errors.Is(err, context.Canceled) {
		return
	}
	wait, dead := lane.Wait(w.Retry, &claim.Delivery, &delivery.Attempt{At: time.Now(), Free: true}, w.random())
	if dead != "" {
		st.Outcome, st.Reason = delivery.Dead, dead+": "+st.Reason
		w.sayFault(claim.Event, st.Reason)
		return
	}
	st.After = wait
	level := slog.LevelDebug
	if w.notRunSaid.CompareAndSwap(false, true) {
		level = slog.LevelWarn
	}
	w.log.LogAttrs(context.Background(), level, w.Name+": "+st.Reason+", next in "+shortWait(wait)+" (further ones are at level debug)",
		slog.String("delivery", claim.Delivery.ID), slog.String("event", claim.Event.Type))
}

// sayAttempt logs how an attempt ended and what follows: "oncall: attempt 3: 503 Service Unavailable after 1.2s, next
// in 42s".
func (w *webhook) sayAttempt(d *delivery.Delivery, a delivery.Attempt, outcome delivery.Outcome, next string) {
	level := slog.LevelDebug
	switch outcome {
	case delivery.Retry:
		level = slog.LevelInfo
	case delivery.Dead:
		level = slog.LevelWarn
	}
	if w.log.Enabled(context.Background(), level) {
		w.log.LogAttrs(context.Background(), level, w.Name+": "+a.String()+next, slog.String("delivery", d.ID), slog.String("event", d.Event))
	}
}

// shortWait rounds a wait to the precision that a reader needs.
func shortWait(d time.Duration) string {
	if d >= time.Second {
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}
