package server

import (
	"sync"
	"time"
)

// rate limits a source's events. A request may take more than is left: the next one waits for that. So a request of any
// size passes, and nobody exceeds perSecond on average.
type rate struct {
	perSecond float64 // 0 for no limit
	burst     float64 // the most that can be saved up

	mu   sync.Mutex
	left float64 // below 0 if more was taken
	at   time.Time
}

func newRate(perSecond float64, now time.Time) *rate {
	burst := max(1, perSecond)
	return &rate{perSecond: perSecond, burst: burst, left: burst, at: now}
}

// wait returns how long the source must wait; 0 if it may send now.
func (r *rate) wait(now time.Time) time.Duration {
	if r.perSecond == 0 {
		return 0
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left = min(r.burst, r.left+max(0, now.Sub(r.at).Seconds())*r.perSecond)
	r.at = now
	if r.left > 0 {
		return 0
	}
	return time.Duration((1 - r.left) / r.perSecond * float64(time.Second))
}

// take counts sent events.
func (r *rate) take(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left -= float64(n)
}
