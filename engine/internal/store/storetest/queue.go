package storetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
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

const hook = "/etc/awf-hook.yaml#one"

// start has no monotonic clock, so that it survives being stored.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func newEvent(id string) event.Event {
	return event.Event{ID: id, Type: "workflow_end", WorkflowID: "run", Timestamp: start, Payload: []byte(`{"n":"` + id + `"}`)}
}

// entry makes an event's entry, with one delivery for each webhook.
func entry(id string, webhooks ...string) *delivery.Entry {
	ev := newEvent(id)
	e := &delivery.Entry{Event: &ev}
	for _, webhook := range webhooks {
		e.Wants = append(e.Wants, delivery.Want{Webhook: webhook})
	}
	return e
}

func acceptAll(t *testing.T, q *queue, now time.Time, entries ...*delivery.Entry) {
	t.Helper()
	if err := q.Accept(q.set(now), entries); err != nil {
		t.Fatal(err)
	}
}

// accept accepts an event with one delivery for each webhook, and returns how many were known.
func accept(t *testing.T, q *queue, now time.Time, id string, webhooks ...string) int {
	t.Helper()
	e := entry(id, webhooks...)
	acceptAll(t, q, now, e)
	known := 0
	for _, want := range e.Wants {
		if want.Fate == delivery.Known {
			known++
		}
	}
	return known
}

var lane = delivery.Lane{Webhook: hook, Lease: time.Minute}

func laneOf(webhook string) delivery.Lane { return delivery.Lane{Webhook: webhook, Lease: time.Minute} }

func claim(t *testing.T, q *queue, webhook string, now time.Time, n int) []*delivery.Claim {
	t.Helper()
	claims, _, err := q.Claim(now, laneOf(webhook), n)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// wantClaims claims deliveries of the events with the given names, "a b", and no others.
func wantClaims(t *testing.T, q *queue, webhook string, now time.Time, n int, want string) []*delivery.Claim {
	t.Helper()
	claims := claim(t, q, webhook, now, n)
	if got := ids(claims); got != want {
		t.Fatalf("%s claimed %q at %v, want %q", webhook, got, now, want)
	}
	return claims
}

// wantN wants a call to change n deliveries or lanes: wantN(t, 1)(q.Replay(q.set(…))).
func wantN(t *testing.T, want int) func(n int, err error) {
	return func(n int, err error) {
		t.Helper()
		if n != want || err != nil {
			t.Fatalf("changed %d, %v, want %d", n, err, want)
		}
	}
}

// attempt returns an attempt with the outcome.
func attempt(c *delivery.Claim, outcome delivery.Outcome, now time.Time) *delivery.Attempt {
	a := &delivery.Attempt{Number: c.Delivery.Attempts + 1, At: now, Took: time.Second, Status: 200, Outcome: outcome, Reason: "200 OK"}
	if outcome != delivery.Delivered {
		a.Status, a.Reason = 503, "503 Service Unavailable"
	}
	return a
}

// tried returns the settlement of an attempt with the outcome.
func tried(c *delivery.Claim, outcome delivery.Outcome, now time.Time) delivery.Settlement {
	return delivery.Settlement{Claim: c, Outcome: outcome, Attempt: attempt(c, outcome, now)}
}

// settle settles a claim after an attempt, and fails if the claim was lost.
func settle(t *testing.T, q *queue, c *delivery.Claim, outcome delivery.Outcome, now, due time.Time) {
	t.Helper()
	s := delivery.Settlement{Claim: c, Outcome: outcome, Attempt: attempt(c, outcome, now), After: wait(now, due)}
	if lost := settleAll(t, q, now, s); len(lost) > 0 {
		t.Fatalf("the claim of %s was lost", c.Delivery.EventID)
	}
}

func settleAll(t *testing.T, q *queue, now time.Time, settlements ...delivery.Settlement) []*delivery.Claim {
	t.Helper()
	lost, err := q.Settle(q.set(now), settlements)
	if err != nil {
		t.Fatal(err)
	}
	return lost
}

// wait returns how long a settlement waits that is due at a time; 0 for a final outcome.
func wait(now, due time.Time) time.Duration {
	if due.IsZero() {
		return 0
	}
	return due.Sub(now)
}

// left is what waits for the tests' webhooks.
type left struct {
	Waiting int
	Next    time.Time // when the first of them may be claimed; zero if none may
}

func waiting(t *testing.T, q *queue) left {
	t.Helper()
	var l left
	for _, lane := range lanesOf(t, q, q.now()) {
		if !slices.Contains([]string{hook, "two", "three"}, lane.Webhook) {
			continue
		}
		l.Waiting += lane.Waiting
		if !lane.Due.IsZero() && (l.Next.IsZero() || lane.Due.Before(l.Next)) {
			l.Next = lane.Due
		}
	}
	return l
}

func lanesOf(t *testing.T, q *queue, now time.Time) []delivery.LaneStatus {
	t.Helper()
	lanes, err := q.Lanes(q.set(now))
	if err != nil {
		t.Fatal(err)
	}
	return lanes
}
