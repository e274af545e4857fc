package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// queue is a store with a clock that each call sets.
type queue struct {
	store.Queue

	mu sync.Mutex
	at time.Time
}

func (q *queue) now() time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.at
}

// set sets the clock and returns a context for a call.
func (q *queue) set(now time.Time) context.Context {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.at = now
	return context.Background()
}

// Claim returns the time of the next claim: zero if nothing waits.
func (q *queue) Claim(now time.Time, lane delivery.Lane, n int) ([]*delivery.Claim, time.Time, error) {
	claims, wait, err := q.Queue.Claim(q.set(now), lane, n)
	if wait == store.Never {
		return claims, time.Time{}, err
	}
	return claims, now.Add(wait), err
}

func (q *queue) Renew(c *delivery.Claim, until time.Time) (bool, error) {
	now := q.now()
	return q.Queue.Renew(q.set(now), c, until.Sub(now))
}

func (q *queue) keep(t *testing.T, now time.Time) {
	t.Helper()
	if err := q.Keep(q.set(now)); err != nil {
		t.Fatal(err)
	}
}
