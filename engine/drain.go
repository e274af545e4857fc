package engine

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Drain waits until nothing is left that can be delivered before ctx's deadline.
// It returns nil if nothing is left at all. What other configurations' webhooks have in the queue does not count.
func (e *Engine) Drain(ctx context.Context) error {
	for {
		settled := e.nextOutcome()
		var wake <-chan time.Time
		if e.open.Load() == 0 { // nothing is in flight
			next, waits, err := e.nextDue()
			switch deadline, bounded := ctx.Deadline(); {
			case err != nil && !bounded, errors.Is(err, ErrClosed):
				return err
			case err != nil: // a disk that is full, perhaps: until it can be read again nobody knows what is left
				next = time.Now()
			case e.open.Load() != 0 || isClosed(settled): // what is due now may have been claimed before the look, and looks due at its lease's end
				continue
			case !waits:
				return e.leftError(nil)
			case bounded && next.After(deadline):
				return e.leftError(nil)
			}
			timer := time.NewTimer(max(time.Until(next), drainPoll))
			defer timer.Stop()
			wake = timer.C
		}
		select {
		case <-settled:
		case <-wake:
		case <-ctx.Done():
			return e.leftError(context.Cause(ctx))
		}
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// drainPoll is how often Drain looks again for what is due and nobody has claimed yet.
const drainPoll = 100 * time.Millisecond

// leftError says how much is left; nil if nothing is.
func (e *Engine) leftError(cause error) error {
	left, err := e.queue.Left(e.lanes.identities())
	switch {
	case err != nil:
		return err
	case left.Waiting == 0:
		return nil
	case cause == nil:
		return fmt.Errorf("%s left", count(int64(left.Waiting), "delivery"))
	}
	return fmt.Errorf("%s left: %w", count(int64(left.Waiting), "delivery"), cause)
}

// nextDue says when the first delivery of the webhooks that are open may be sent; false if none waits.
func (e *Engine) nextDue() (next time.Time, waits bool, err error) {
	due, err := e.queue.NextDue()
	for _, webhook := range e.lanes.identities() {
		if at, is := due[webhook]; is && (!waits || at.Before(next)) {
			next, waits = at, true
		}
	}
	return next, waits, err
}

// nextOutcome is closed when the next outcome is settled.
func (e *Engine) nextOutcome() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.settled == nil {
		e.settled = make(chan struct{})
	}
	return e.settled
}

// wakeDrain wakes those that wait for the next outcome.
func (e *Engine) wakeDrain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.settled != nil {
		close(e.settled)
		e.settled = nil
	}
}
