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

func (q *queue) Accept(now time.Time, entries []*delivery.Entry) error {
	return q.Queue.Accept(q.set(now), entries)
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

func (q *queue) Settle(now time.Time, settlements []delivery.Settlement) ([]*delivery.Claim, error) {
	return q.Queue.Settle(q.set(now), settlements)
}

func (q *queue) Lanes(now time.Time) ([]delivery.LaneStatus, error) { return q.Queue.Lanes(q.set(now)) }

func (q *queue) List(now time.Time, f delivery.Filter) ([]delivery.Item, error) {
	return q.Queue.List(q.set(now), f)
}

func (q *queue) Show(now time.Time, id string) (*delivery.Detail, error) {
	return q.Queue.Show(q.set(now), id)
}

func (q *queue) Replay(now time.Time, f delivery.Filter, c delivery.Change) (int, error) {
	return q.Queue.Replay(q.set(now), f, c)
}

func (q *queue) Delete(now time.Time, f delivery.Filter) (int, error) {
	return q.Queue.Delete(q.set(now), f)
}

func (q *queue) keep(t *testing.T, now time.Time) {
	t.Helper()
	if err := q.Keep(q.set(now)); err != nil {
		t.Fatal(err)
	}
}
