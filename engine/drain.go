package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// drainPoll is how often Drain looks for deliveries that are due and not claimed.
const drainPoll = 100 * time.Millisecond

// openPoll is how often Drain looks whether a webhook of a definition is open.
const openPoll = 5 * time.Millisecond

// runWithin is how soon Run must run after Drain was called. It gives "go e.Run(ctx)" time to start.
const runWithin = time.Second

// Drain waits until nothing is left that can be delivered before ctx's deadline. It returns nil if nothing is left at
// all. Deliveries of webhooks that neither the configuration nor a workflow's definition has do not count. Nothing is
// delivered while Run is not running: Drain then returns ErrNotRun.
func (e *Engine) Drain(ctx context.Context) error {
	for began := time.Now(); ; {
		changed := e.lanes.Changed()
		pause := time.Duration(math.MaxInt64) // until the next look, if nothing changes
		runs := e.runs.Load()
		switch {
		case !runs && time.Since(began) > runWithin:
			return e.leftError(ctx, ErrNotRun)
		case e.lanes.Busy():
		case e.notices.waiting.Load() > 0:
			pause = noticePoll
		default:
			least := drainPoll
			left, err := e.remains(context.WithoutCancel(ctx)) // ask even after ctx has ended: perhaps nothing is left
			switch deadline, bounded := ctx.Deadline(); {
			case err != nil && !bounded, errors.Is(err, ErrClosed):
				return err
			case err != nil: // on a full disk, for example, nobody knows what is left until the queue can be read
				left.next = time.Now()
			case e.lanes.Busy() || isClosed(changed): // a delivery that was claimed before this look seems due when its lease ends
				continue
			case e.opens(left.others):
				left.next, least = time.Now(), openPoll
			case left.next.IsZero(), bounded && left.next.After(deadline):
				return left.error(nil)
			}
			pause = max(time.Until(left.next), least)
		}
		if !runs {
			pause = min(pause, runWithin)
		}
		if err := wait(ctx, changed, time.After(pause)); err != nil {
			return e.leftError(ctx, err)
		}
	}
}

// opens reports whether one of the webhooks, which had no lane, belongs to a definition and is being opened, or has a lane now.
func (e *Engine) opens(webhooks []string) (some bool) {
	for _, webhook := range webhooks {
		opening := e.routes.Adopt(webhook)
		_, opened := e.lanes.Name(webhook)
		some = opening || opened || some
	}
	return some
}

// wait waits for a change or until a time. The error is the context's.
func wait(ctx context.Context, changed <-chan struct{}, wake <-chan time.Time) error {
	select {
	case <-changed:
	case <-wake:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// leftError says how many deliveries are left after cause ended the wait. It is nil if none is left.
func (e *Engine) leftError(ctx context.Context, cause error) error {
	left, err := e.remains(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	return left.error(cause)
}

func (r *remains) error(cause error) error {
	switch {
	case r.waiting == 0:
		return nil
	case cause == nil:
		return fmt.Errorf("%s left", count(r.waiting, "delivery"))
	}
	return fmt.Errorf("%s left: %w", count(r.waiting, "delivery"), cause)
}
