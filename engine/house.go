package engine

import (
	"context"
	"time"
)

const (
	housePeriod = 2 * time.Second  // how often the engine looks for deliveries that other processes left or added
	quietPeriod = 10 * time.Minute // the same, if no other process uses the queue
)

// keepHouse wakes lanes that have something due and lets the queue heal and prune, at intervals until ctx ends.
func (e *Engine) keepHouse(ctx context.Context) {
	period := housePeriod
	if e.opts.Queue == Memory {
		period = quietPeriod
	}
	tick := time.NewTicker(period)
	defer tick.Stop()
	changed := e.queue.Watch(ctx) // nil if the queue must be polled
	e.lookAround(ctx)
	for {
		e.turned.Store(time.Now().UnixNano())
		select {
		case webhooks, told := <-changed:
			if !told {
				changed = nil
			}
			for _, webhook := range webhooks {
				e.lookAt(webhook, time.Now())
			}
			continue
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		keep := e.queue.Keep
		if e.opts.Keeps != nil && !e.opts.Keeps() {
			keep = e.queue.Heal
		}
		err := keep(ctx)
		if ctx.Err() == nil {
			e.trouble.Say("the queue cannot be kept in order", err)
		}
		e.lookAround(ctx)
	}
}

// Turned returns when Run last looked after the queue; zero before the first time. If other processes may use the
// queue, Run does so every two seconds: an older time means that Run hangs on the store.
func (e *Engine) Turned() time.Time {
	if at := e.turned.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// KeepsHouse reports whether this process prunes the queue and exports its gauges.
func (e *Engine) KeepsHouse() bool { return (e.opts.Keeps == nil || e.opts.Keeps()) && e.queue.Keeps() }

// lookAround wakes the lanes that have something in the queue, stops those that somebody closed or paused, and opens the
// lanes of webhooks from definitions.
func (e *Engine) lookAround(ctx context.Context) {
	lanes, err := e.queue.Lanes(ctx)
	if ctx.Err() != nil {
		return
	}
	e.trouble.Say("the queue cannot be read", err)
	if err == nil {
		e.noticeLanes(ctx, lanes)
	}
	for _, l := range lanes {
		if l.Closed != "" || !l.PausedUntil.IsZero() {
			e.lanes.Rest(l.Webhook)
		}
		if !l.Due.IsZero() {
			e.lookAt(l.Webhook, l.Due)
		}
	}
}

// lookAt makes a webhook's lane ask the queue at a time. A webhook without a lane may belong to a workflow's
// definition.
func (e *Engine) lookAt(webhook string, at time.Time) {
	if !e.lanes.LookAt(webhook, at) {
		e.routes.Adopt(webhook)
	}
}
