package lane

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

const (
	maxUnsettled = 256                  // outcomes that wait to be committed; a lane whose outcome finds no room waits
	settleDelay  = 5 * time.Millisecond // between commits, while attempts are under way: outcomes wait for each other
)

// settler commits outcomes: all that wait in one transaction, so that a lane need not wait for the disk each time.
// The process's death loses outcomes of attempts that ended a moment before: they are made again, with the same id.
type settler struct {
	set      *Set
	settled  func(*delivery.Settlement)
	outcomes chan outcome
	last     time.Time // when the last commit began
}

// outcome is what became of a lane's claim.
type outcome struct {
	lane *lane
	delivery.Settlement
}

// add hands an outcome over. It is kept whatever becomes of anybody's context.
func (s *settler) add(o outcome) { s.outcomes <- o }

// run commits outcomes until ctx ends and none is left.
func (s *settler) run(ctx context.Context) {
	for {
		select {
		case first := <-s.outcomes:
			s.commit(ctx, first)
			continue
		default:
		}
		select {
		case first := <-s.outcomes:
			s.commit(ctx, first)
		case <-ctx.Done():
			if len(s.outcomes) == 0 {
				return
			}
		}
	}
}

// commit commits an outcome with all that wait.
func (s *settler) commit(ctx context.Context, first outcome) {
	batch := []outcome{first}
	if wait := settleDelay - time.Since(s.last); wait > 0 && int(s.set.busy.Load()) > 1+len(s.outcomes) {
		time.Sleep(wait)
	}
	for n := len(s.outcomes); n > 0; n-- {
		batch = append(batch, <-s.outcomes)
	}
	settlements := make([]delivery.Settlement, len(batch))
	for i, o := range batch {
		settlements[i] = o.Settlement
	}
	s.last = time.Now()
	lost, err := s.set.store.Settle(context.WithoutCancel(ctx), settlements)
	s.set.trouble.Say("outcomes cannot be stored, what they are of is sent again", err)
	isLost := map[*delivery.Claim]bool{}
	for _, claim := range lost {
		isLost[claim] = true
		s.set.trouble.log.Warn("a delivery's lease had ended before its outcome", "delivery", claim.Delivery.ID)
	}
	for i := range batch {
		o := &batch[i]
		failed := err != nil || isLost[o.Claim]
		if !failed {
			s.settled(&o.Settlement)
		}
		event := settled{&o.Settlement, failed}
		o.lane.post(event)
		if now := s.set.of(o.lane.Lane.Webhook); now != o.lane && now != nil { // has replaced it
			now.post(lookAt(time.Now().Add(o.After)))
		}
	}
	s.set.opens(-int64(len(batch)))
}
