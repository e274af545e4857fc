package lane

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

const (
	maxUnsettled = 512 // outcomes that wait to be committed; if there is no room, a lane waits with its outcome

	// The time between commits while attempts are under way, so that one commit takes several outcomes.
	settleDelay     = 25 * time.Millisecond
	leastSettleTime = 5 * time.Millisecond // if something waits for an outcome
)

// settler commits outcomes. One transaction takes all that wait, so that a lane need not wait for the disk each time. If
// the process dies, the outcomes of the last attempts are lost: these attempts are made again, with the same ids.
type settler struct {
	*shared
	of       func(webhook string) *lane // the lane that has a webhook now
	settled  func(*delivery.Settlement)
	outcomes chan outcome
	hurry    chan struct{} // holds a value if something waits for an outcome
	last     time.Time     // when the last commit began
}

func newSettler(s *shared, of func(webhook string) *lane, settled func(*delivery.Settlement)) *settler {
	return &settler{shared: s, of: of, settled: settled, outcomes: make(chan outcome, maxUnsettled), hurry: make(chan struct{}, 1)}
}

// outcome is the outcome of a lane's claim.
type outcome struct {
	lane *lane
	delivery.Settlement
}

// add hands over an outcome. The outcome is kept even if a context ends. It is committed soon if other deliveries may start after
// it, if it failed, which may pause the lane, and if nothing else is under way.
func (s *settler) add(o outcome) {
	s.outcomes <- o
	if letsStart(o.lane.Lane, o.Claim) || o.Outcome != delivery.Delivered || !s.underWay() || len(s.outcomes) > maxUnsettled/2 {
		select {
		case s.hurry <- struct{}{}:
		default:
		}
	}
}

// underWay reports whether there are claims that have no outcome yet, beside the one whose outcome is being added or committed.
func (s *settler) underWay() bool { return int(s.busy.Load()) > 1+len(s.outcomes) }

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

// wait waits for more outcomes.
func (s *settler) wait() {
	since := time.Since(s.last)
	if least := leastSettleTime - since; least > 0 && s.underWay() {
		time.Sleep(least)
	}
	if since < settleDelay && s.underWay() {
		select {
		case <-s.hurry:
		case <-time.After(settleDelay - max(since, leastSettleTime)):
		}
	}
}

// commit commits an outcome, together with all that wait.
func (s *settler) commit(ctx context.Context, first outcome) {
	s.wait()
	n := 1 + len(s.outcomes)
	lanes, settlements := make([]*lane, n), make([]delivery.Settlement, n)
	lanes[0], settlements[0] = first.lane, first.Settlement
	for i := 1; i < n; i++ {
		o := <-s.outcomes
		lanes[i], settlements[i] = o.lane, o.Settlement
	}
	s.last = time.Now()
	lost, err := s.store.Settle(context.WithoutCancel(ctx), settlements)
	s.trouble.Say("outcomes cannot be stored: their deliveries are sent again", err)
	isLost := map[*delivery.Claim]bool{}
	for _, claim := range lost {
		isLost[claim] = true
		s.trouble.log.Warn("a delivery's lease ended before its outcome was stored", "delivery", claim.Delivery.ID)
	}
	ends := map[*lane]settled{}
	for i, l := range lanes {
		st := &settlements[i]
		failed := err != nil || isLost[st.Claim]
		if !failed {
			s.settled(st)
		}
		ends[l] = append(ends[l], end{st, failed})
		if now := s.of(l.Lane.Webhook); now != l && now != nil { // a new lane replaced it
			now.post(lookAt(time.Now().Add(st.After)))
		}
	}
	for l, ends := range ends {
		l.post(ends)
	}
	s.opens(-int64(n))
}
