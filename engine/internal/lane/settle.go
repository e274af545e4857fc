package lane

import (
	"context"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

const (
	maxUnsettled = 256                  // outcomes that wait to be committed; if there is no room, a lane waits with its outcome
	settleDelay  = 5 * time.Millisecond // between commits while attempts are under way, so that one commit takes several outcomes
)

// settler commits outcomes. One transaction takes all that wait, so that a lane need not wait for the disk each time. If
// the process dies, the outcomes of the last attempts are lost: these attempts are made again, with the same ids.
type settler struct {
	*shared
	of       func(webhook string) *lane // the lane that has a webhook now
	settled  func(*delivery.Settlement)
	outcomes chan outcome
	last     time.Time // when the last commit began
}

// outcome is the outcome of a lane's claim.
type outcome struct {
	lane *lane
	delivery.Settlement
}

// add hands over an outcome. The outcome is kept even if a context ends.
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

// commit commits an outcome, together with all that wait.
func (s *settler) commit(ctx context.Context, first outcome) {
	batch := []outcome{first}
	if wait := settleDelay - time.Since(s.last); wait > 0 && int(s.busy.Load()) > 1+len(s.outcomes) {
		time.Sleep(wait)
	}
	n := len(s.outcomes)
	for batch = slices.Grow(batch, n); n > 0; n-- {
		batch = append(batch, <-s.outcomes)
	}
	settlements := make([]delivery.Settlement, len(batch))
	for i, o := range batch {
		settlements[i] = o.Settlement
	}
	s.last = time.Now()
	lost, err := s.store.Settle(context.WithoutCancel(ctx), settlements)
	s.trouble.Say("outcomes cannot be stored: their deliveries are sent again", err)
	isLost := map[*delivery.Claim]bool{}
	for _, claim := range lost {
		isLost[claim] = true
		s.trouble.log.Warn("a delivery's lease ended before its outcome was stored", "delivery", claim.Delivery.ID)
	}
	for i := range batch {
		o := &batch[i]
		failed := err != nil || isLost[o.Claim]
		if !failed {
			s.settled(&o.Settlement)
		}
		event := settled{&o.Settlement, failed}
		o.lane.post(event)
		if now := s.of(o.lane.Lane.Webhook); now != o.lane && now != nil { // a new lane replaced it
			now.post(lookAt(time.Now().Add(o.After)))
		}
	}
	s.opens(-int64(len(batch)))
}
