package engine

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/queue"
)

const (
	maxUnsettled = 256                  // outcomes that wait to be committed; a worker whose outcome finds no room waits
	settleDelay  = 5 * time.Millisecond // between commits, for which an outcome waits for others while attempts are under way
)

// settler commits outcomes: all that wait in one transaction, so that a lane's workers need not wait for the disk each time.
// What a process's death takes with it are outcomes of attempts that were in flight a moment before: they are made again, with the same id.
type settler struct {
	engine   *Engine
	outcomes chan outcome
	last     time.Time // a commit began
}

// outcome is what became of a lane's claim.
type outcome struct {
	lane *lane
	queue.Settlement
}

func (s *settler) init(e *Engine) { s.engine, s.outcomes = e, make(chan outcome, maxUnsettled) }

// add hands an outcome over. It is kept whatever becomes of anybody's context.
func (s *settler) add(l *lane, st queue.Settlement) {
	l.settles.Add(1)
	s.outcomes <- outcome{l, st}
}

// run commits outcomes until ctx ends and none is left.
func (s *settler) run(ctx context.Context) {
	for {
		select {
		case first := <-s.outcomes:
			s.commit(first)
			continue
		default:
		}
		select {
		case first := <-s.outcomes:
			s.commit(first)
		case <-ctx.Done():
			if len(s.outcomes) == 0 {
				return
			}
		}
	}
}

// commit commits an outcome with all that wait.
func (s *settler) commit(first outcome) {
	batch := []outcome{first}
	if wait := settleDelay - time.Since(s.last); wait > 0 && int(s.engine.open.Load()) > 1+len(s.outcomes) {
		time.Sleep(wait)
	}
	for n := len(s.outcomes); n > 0; n-- {
		batch = append(batch, <-s.outcomes)
	}
	settlements := make([]queue.Settlement, len(batch))
	for i, o := range batch {
		settlements[i] = o.Settlement
	}
	s.last = time.Now()
	lost, err := s.engine.queue.Settle(time.Now(), settlements)
	if err != nil {
		s.engine.log.Error("queue", "err", err)
	}
	for _, claim := range lost {
		s.engine.log.Warn("a delivery's lease had ended before its outcome", "delivery", claim.Delivery.ID)
	}
	for _, o := range batch {
		s.count(o)
		o.lane.settled(o.Settlement)
	}
	s.engine.wakeDrain()
}

func (s *settler) count(o outcome) {
	counts := &s.engine.counts
	switch o.Outcome {
	case delivery.Delivered:
		counts.delivered.Add(1)
	case delivery.Dead:
		counts.dead.Add(1)
	case delivery.Dropped:
		counts.dropped.Add(1)
	}
}
