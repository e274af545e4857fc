package spill_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
)

const hook = "/etc/awf-hook.yaml#one"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// queue is a queue in a file, with a clock.
type queue struct {
	*spill.Store
	t    *testing.T
	path string
	last int

	mu  sync.Mutex
	now time.Time
}

func open(t *testing.T, opts store.Options) *queue {
	t.Helper()
	if opts.Path == "" {
		opts.Path = filepath.Join(t.TempDir(), "queue.db")
	}
	q := &queue{t: t, path: opts.Path, now: start}
	opts.Now = func() time.Time {
		q.mu.Lock()
		defer q.mu.Unlock()
		return q.now
	}
	q.Store = spill.Open(context.Background(), opts)
	if err := q.Broken(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	return q
}

func (q *queue) set(seconds int) context.Context {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.now = at(seconds)
	return context.Background()
}

func entry(id, orderKey string, webhooks ...string) *delivery.Entry {
	e := &delivery.Entry{Event: &event.Event{ID: id, Type: "workflow_end", WorkflowID: "run", Timestamp: start, Payload: []byte(`{}`)}}
	for _, webhook := range webhooks {
		e.Wants = append(e.Wants, delivery.Want{Webhook: webhook, OrderKey: orderKey})
	}
	return e
}

func (q *queue) accept(seconds int, entries ...*delivery.Entry) {
	q.t.Helper()
	if err := q.Accept(q.set(seconds), entries); err != nil {
		q.t.Fatal(err)
	}
}

// acceptIDs accepts an event with one delivery for each id.
func (q *queue) acceptIDs(seconds int, orderKey string, ids ...string) {
	q.t.Helper()
	for _, id := range ids {
		q.accept(seconds, entry(id, orderKey, hook))
	}
}

func (q *queue) claim(seconds, n int) []*delivery.Claim {
	q.t.Helper()
	claims, _, err := q.Claim(q.set(seconds), delivery.Lane{Webhook: hook, Lease: time.Minute}, n)
	if err != nil {
		q.t.Fatal(err)
	}
	return claims
}

func ids(claims []*delivery.Claim) string {
	var list []string
	for _, c := range claims {
		list = append(list, c.Delivery.EventID)
	}
	return strings.Join(list, " ")
}

func (q *queue) settle(seconds int, c *delivery.Claim, outcome delivery.Outcome) {
	q.t.Helper()
	a := &delivery.Attempt{Number: c.Delivery.Attempts + 1, At: at(seconds), Outcome: outcome, Reason: "503 Service Unavailable"}
	st := delivery.Settlement{Claim: c, Outcome: outcome, Attempt: a}
	if outcome == delivery.Retry {
		st.After = time.Minute
	}
	if lost, err := q.Settle(q.set(seconds), []delivery.Settlement{st}); err != nil || len(lost) > 0 {
		q.t.Fatalf("Settle(%s): %d lost, %v", c.Delivery.EventID, len(lost), err)
	}
}

// keep lets the queue heal, and checks whether its file is in use afterwards.
func (q *queue) keep(seconds int, wantBroken bool) {
	q.t.Helper()
	if err := q.Keep(q.set(seconds)); err != nil || (q.Broken() != nil) != wantBroken {
		q.t.Fatalf("Keep = %v, broken: %v, want broken %v", err, q.Broken(), wantBroken)
	}
}

// states returns the state of each delivery in the file, by event.
func (q *queue) states() map[string]string {
	q.t.Helper()
	items, err := q.List(context.Background(), delivery.Filter{})
	if err != nil {
		q.t.Fatal(err)
	}
	states := map[string]string{}
	for _, item := range items {
		states[item.Event.ID] = string(item.State)
	}
	return states
}

func (q *queue) lane() delivery.LaneStatus {
	q.t.Helper()
	lanes, err := q.Lanes(context.Background())
	if err != nil {
		q.t.Fatal(err)
	}
	for _, l := range lanes {
		if l.Webhook == hook {
			return l
		}
	}
	return delivery.LaneStatus{}
}

// newID returns an id that no event has yet.
func (q *queue) newID() string {
	q.last++
	return fmt.Sprint("e", q.last)
}
