package engine

import (
	"context"
	"strings"
	"time"
)

const (
	housePeriod = 2 * time.Second  // how often it is looked for what other processes left or added
	prunePeriod = 10 * time.Minute // how often what was kept long enough is taken away
)

// keepHouse does what is due now and then until ctx ends: it wakes lanes that have something, lets the queue heal and prunes it.
func (e *Engine) keepHouse(ctx context.Context) {
	period := housePeriod
	if e.options.Queue == Memory { // nobody else adds to it
		period = prunePeriod
	}
	tick := time.NewTicker(period)
	defer tick.Stop()
	pruned := time.Now()
	for {
		e.lookAround()
		if time.Since(pruned) >= prunePeriod {
			pruned = time.Now()
			if err := e.queue.Prune(pruned); err != nil {
				e.log.Error("queue", "err", err)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		if err := e.queue.Heal(time.Now()); err != nil {
			e.log.Error("queue", "err", err)
		}
	}
}

// lookAround wakes the lanes that have something in the queue, and opens those of webhooks that a workflow's definition has.
func (e *Engine) lookAround() {
	due, err := e.queue.NextDue()
	if err != nil {
		e.log.Error("queue", "err", err)
		return
	}
	for webhook, at := range due {
		l := e.lanes.of(webhook)
		if l == nil {
			l = e.routes.adopt(webhook)
		}
		if l != nil {
			l.lookAt(at)
		}
	}
}

// fileOf is the file that defines a webhook, of its identity.
func fileOf(identity string) string {
	file, _, _ := strings.Cut(identity, "#")
	return file
}
