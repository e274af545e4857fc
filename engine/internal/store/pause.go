package store

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

const (
	minBreakerWait = 5 * time.Second // between a breaker's probes; it doubles
	maxBreakerWait = 5 * time.Minute
)

// Settle notes what a settlement means for the lane. until is when the claim's lease would have ended, by the store's
// clock.
func (l *Lane) Settle(now time.Time, st *delivery.Settlement, until time.Time) {
	if st.FuelPercent > 0 {
		l.FuelPercent = st.FuelPercent
	}
	a := st.Attempt
	switch {
	case a == nil && st.Outcome == delivery.Dead:
		l.fail(now, &l.TransformFailures, st.Reason)
	case a == nil && st.Outcome == delivery.Dropped:
		l.TransformFailures = 0
		l.endProbe(until)
	case a == nil:
		l.endProbe(until)
	case a.Outcome == delivery.Delivered:
		l.Failures, l.TransformFailures, l.ProbeUntil = 0, 0, time.Time{}
	case a.Blame == delivery.BlameEvent: // says nothing about the next event
		l.TransformFailures, l.LastError, l.LastErrorAt = 0, a.Reason, now
		l.endProbe(until)
	default:
		l.TransformFailures = 0
		l.fail(now, &l.Failures, a.Reason)
	}
	if a == nil {
		return
	}
	if a.RetryAfter > 0 {
		l.pause(now.Add(a.RetryAfter))
	}
	if a.Gone {
		l.Closed = a.Reason
	}
}

// endProbe ends the probe whose lease ends at until. It made no attempt.
func (l *Lane) endProbe(until time.Time) {
	if l.ProbeUntil.Equal(until) {
		l.ProbeUntil = time.Time{}
	}
}

// fail counts a failure. An open breaker pauses the lane, longer after each probe. A failure during a pause is not
// counted, since its attempt began before.
func (l *Lane) fail(now time.Time, failures *int, reason string) {
	paused := l.PausedUntil.After(now)
	if !paused {
		*failures++
	}
	l.ProbeUntil, l.LastError, l.LastErrorAt = time.Time{}, reason, now
	if *failures < delivery.BreakerFailures || paused {
		return
	}
	l.pause(now.Add(min(minBreakerWait<<min(*failures-delivery.BreakerFailures, 16), maxBreakerWait)))
}

func (l *Lane) pause(until time.Time) {
	if until.After(l.PausedUntil) {
		l.PausedUntil = until
	}
}

// LaneChange is a change of a lane that somebody makes by hand: see [Browser].
type LaneChange func(l *Lane, now time.Time)

// Enable opens a lane and ends its pause.
func Enable(l *Lane, _ time.Time) {
	l.Closed, l.Failures, l.TransformFailures, l.PausedUntil, l.ProbeUntil = "", 0, 0, time.Time{}, time.Time{}
}

// Disable closes a lane for a reason. New deliveries are still accepted and kept.
func Disable(reason string) LaneChange { return func(l *Lane, _ time.Time) { l.Closed = reason } }

// Pause pauses a lane, for MaxWait at most. It never shortens a pause.
func Pause(length time.Duration) LaneChange {
	return func(l *Lane, now time.Time) { l.pause(now.Add(min(length, MaxWait))) }
}

// Replayed ends a pause that transforms caused: whoever replays has mended them, and the next probe shows whether that
// worked.
func (l *Lane) Replayed() {
	if l.TransformFailures >= delivery.BreakerFailures {
		l.PausedUntil = time.Time{}
	}
}

// LongestWaits returns times after which no wait and no lease can end.
func LongestWaits(now time.Time) (wait, lease time.Time) {
	return now.Add(MaxWait + MaxSet), now.Add(MaxLease + MaxSet)
}

// Jumped ends pauses and probes that last longer than possible: a wrong clock stored them.
func (l *Lane) Jumped(now time.Time) {
	wait, lease := LongestWaits(now)
	if l.PausedUntil.After(wait) {
		l.PausedUntil = time.Time{}
	}
	if l.ProbeUntil.After(lease) {
		l.ProbeUntil = time.Time{}
	}
}
