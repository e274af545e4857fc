package server

import (
	"sync"
	"time"
)

// rate bounds a source's events. A request may take more than there is: the next one waits for it. So a request of any size passes, and
// nobody sends more than perSecond on average.
type rate struct {
	perSecond float64 // 0 for no bound
	burst     float64 // the most that is saved up

	mu   sync.Mutex
	left float64 // below 0: what was taken too early
	at   time.Time
}

func newRate(perSecond float64, now time.Time) *rate {
	burst := max(1, perSecond)
	return &rate{perSecond: perSecond, burst: burst, left: burst, at: now}
}

// wait is how long the source has to wait; 0 if it may send now.
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

// take counts events that were sent.
func (r *rate) take(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left -= float64(n)
}
