package spill_test

import (
	"context"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
)

// beside changes the queue's file as another process does.
func (q *queue) beside(change func(context.Context, store.Browser) (int, error)) {
	q.t.Helper()
	other, err := sqlite.Open(context.Background(), store.Options{Path: q.path, Now: func() time.Time { return start }})
	if err != nil {
		q.t.Fatal(err)
	}
	defer other.Close()
	if n, err := change(context.Background(), other); n != 1 || err != nil {
		q.t.Fatalf("%d lanes changed, %v", n, err)
	}
}

func disable(ctx context.Context, b store.Browser) (int, error) {
	return b.ChangeLanes(ctx, hook, store.Disable("by hand"))
}
func enable(ctx context.Context, b store.Browser) (int, error) {
	return b.ChangeLanes(ctx, hook, store.Enable)
}
func pause(ctx context.Context, b store.Browser) (int, error) {
	return b.ChangeLanes(ctx, hook, store.Pause(time.Hour))
}

// A lane that the file says is closed or paused is so for the deliveries in memory, too.
func TestMemoryKeepsToTheFilesLanes(t *testing.T) {
	for name, change := range map[string]func(context.Context, store.Browser) (int, error){"closed": disable, "paused": pause} {
		for _, trouble := range []string{"broken", "full"} {
			t.Run(name+", "+trouble, func(t *testing.T) {
				q := open(t, store.Options{MaxSize: 100_000})
				q.acceptIDs(0, "", "old")
				q.beside(change)
				if trouble == "broken" {
					defer q.breaks()()
				} else {
					for q.lane().Unstored == 0 {
						e := entry(q.newID(), "", hook)
						e.Event.Payload = make([]byte, 8000)
						q.accept(0, e)
					}
				}
				e := entry("new", "", hook)
				e.Wants[0].Take = time.Minute
				q.accept(1, e)
				if len(e.Claims) > 0 {
					t.Error("it is claimed while it is accepted")
				}
				if got := ids(q.claim(2, 10)); got != "" {
					t.Errorf("claimed %q", got)
				}
			})
		}
	}
}

// The breaker's failures and the rate's tokens go with the deliveries: from the file into memory, and the failures back.
func TestCountsGoWithTheDeliveries(t *testing.T) {
	q := open(t, store.Options{})
	q.acceptIDs(0, "", "a", "b")
	q.beside(func(ctx context.Context, b store.Browser) (int, error) {
		return b.ChangeLanes(ctx, hook, func(l *store.Lane, now time.Time) {
			l.Failures, l.Tokens, l.TokensAt = delivery.BreakerFailures-1, 0.5, now
		})
	})
	mend := q.breaks()
	q.acceptIDs(1, "", "c", "d", "e")
	rated := delivery.Lane{Webhook: hook, Lease: time.Minute, Rate: 0.01, Burst: 1}
	if _, next, err := q.Claim(q.set(1), rated, 1); err != nil || next < 48*time.Second || next > 50*time.Second {
		t.Errorf("the next token comes after %v, %v, want half of 100 s", next, err)
	}
	q.settle(2, q.claim(2, 1)[0], delivery.Retry)
	if got := ids(q.claim(3, 10)); got != "" {
		t.Errorf("claimed %q while the breaker rests", got)
	}
	mend()
	q.keep(4, false)
	if got := ids(q.claim(8, 10)); got != "a" {
		t.Errorf("claimed %q from the file, want one probe", got)
	}
}

// A lane's pauses and counts survive the move of its deliveries from memory into the file.
func TestHealingKeepsPauses(t *testing.T) {
	for name, attempt := range map[string]delivery.Attempt{
		"Retry-After": {Outcome: delivery.Retry, RetryAfter: time.Hour},
		"410":         {Outcome: delivery.Dead, Gone: true, Reason: "410 Gone"},
	} {
		t.Run(name, func(t *testing.T) {
			q := open(t, store.Options{})
			mend := q.breaks()
			q.acceptIDs(0, "", "a", "b")
			attempt.Number = 1
			st := delivery.Settlement{Claim: q.claim(0, 1)[0], Outcome: attempt.Outcome, Attempt: &attempt, After: time.Minute}
			if _, err := q.Settle(q.set(1), []delivery.Settlement{st}); err != nil {
				t.Fatal(err)
			}
			mend()
			q.keep(2, false)
			q.acceptIDs(3, "", "c")
			if got := ids(q.claim(200, 10)); got != "" {
				t.Errorf("claimed %q", got)
			}
		})
	}
}

// Somebody opens the lane in the file while deliveries wait in memory.
func TestMemoryHearsOfOpenedLanes(t *testing.T) {
	q := open(t, store.Options{})
	q.acceptIDs(0, "", "old")
	old := q.claim(0, 1)
	q.settle(0, old[0], delivery.Delivered)
	if _, err := q.ChangeLanes(q.set(0), hook, store.Disable("by hand")); err != nil {
		t.Fatal(err)
	}
	q.beside(enable)
	q.lane()
	defer q.breaks()()
	q.acceptIDs(1, "", "new")
	if got := ids(q.claim(2, 10)); got != "new" {
		t.Errorf("claimed %q, want new", got)
	}
}
