package store

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Lane is the state of a lane that all processes share: its breaker, pause, closure and rate. Its methods are pure: they
// depend on their arguments alone, and stores load and save it. Times are the store's.
type Lane struct {
	delivery.LaneState
	ProbeUntil time.Time // the breaker's probe is in flight until then; zero without a probe
}

// MaySend reports whether a newly accepted delivery may be sent at once.
func (l *Lane) MaySend(now time.Time) bool {
	return !l.BreakerOpen() && l.Closed == "" && !l.PausedUntil.After(now)
}

// Allow returns how many of n claims the lane allows. If it allows none, it returns how long to wait, or Never.
func (l *Lane) Allow(now time.Time, lane delivery.Lane, n int) (int, time.Duration) {
	switch {
	case l.Closed != "":
		return 0, Never
	case l.PausedUntil.After(now):
		return 0, l.PausedUntil.Sub(now)
	}
	if l.BreakerOpen() {
		if l.ProbeUntil.After(now) {
			return 0, l.ProbeUntil.Sub(now)
		}
		n = min(n, 1)
	}
	if lane.Rate == 0 {
		return n, 0
	}
	switch passed := now.Sub(l.TokensAt); {
	case passed > 0:
		l.Tokens = min(float64(max(1, lane.Burst)), l.Tokens+passed.Seconds()*lane.Rate)
	case passed < -time.Minute: // the clock was set back: start the rate again
		l.Tokens = 1
	}
	l.TokensAt = now
	if l.Tokens < 1 {
		return 0, l.nextToken(lane.Rate)
	}
	return min(n, int(l.Tokens)), 0
}

// Within returns how many of n claims fit under a lane's limit for all processes while others are in flight. If none fits, it
// returns how long to wait.
func Within(lane delivery.Lane, n, inFlight int) (int, time.Duration) {
	if n = min(n, lane.Total-inFlight); n > 0 {
		return n, 0
	}
	return 0, TotalPatience
}

// Took notes that n of the allowed claims were made, and returns how long to wait before the next one. lease is how long
// they last.
func (l *Lane) Took(now time.Time, lane delivery.Lane, n int) time.Duration {
	if n == 0 {
		return 0
	}
	if lane.Rate > 0 {
		l.Tokens -= float64(n)
	}
	if l.BreakerOpen() {
		l.ProbeUntil = now.Add(lane.Lease)
		return lane.Lease
	}
	return l.nextToken(lane.Rate)
}

func (l *Lane) nextToken(rate float64) time.Duration {
	if rate == 0 || l.Tokens >= 1 {
		return 0
	}
	wait := delivery.TokenWait(l.Tokens, rate) + time.Millisecond - 1 // stores keep times in milliseconds
	return wait.Truncate(time.Millisecond) + time.Millisecond
}

// NextClaim returns when the first waiting delivery may be claimed; zero if none may. due is when it is due.
func (l *Lane) NextClaim(now, due time.Time) time.Time {
	if due.IsZero() || l.Closed != "" {
		return time.Time{}
	}
	if l.PausedUntil.After(now) && l.PausedUntil.After(due) {
		due = l.PausedUntil
	}
	if l.BreakerOpen() && l.ProbeUntil.After(now) && l.ProbeUntil.After(due) {
		due = l.ProbeUntil
	}
	return due
}

// Status returns the lane's state for people.
func (l *Lane) Status(now time.Time, webhook string) delivery.LaneStatus {
	st := delivery.LaneStatus{Webhook: webhook, LaneState: l.LaneState}
	if !l.PausedUntil.After(now) {
		st.PausedUntil = time.Time{}
	}
	return st
}

// Replayable returns the state of deliveries that a replay selects: dead, or delivered if a filter says so.
func Replayable(s delivery.State) delivery.State {
	if s == delivery.IsDelivered {
		return s
	}
	return delivery.IsDead
}
