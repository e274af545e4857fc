package storetest

import (
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/google/go-cmp/cmp"
)

// leftTellsApart checks that deliveries that were tried are counted apart from those that were not, through retries,
// keys, replays and outcomes.
func leftTellsApart(t *testing.T, q *queue) {
	check := func(want ...delivery.Counts) {
		t.Helper()
		lanes, err := q.Left(q.set(at(100)))
		if err != nil {
			t.Fatal(err)
		}
		var got []delivery.Counts
		for _, l := range lanes {
			got = append(got, l.Own)
			if l.Earlier != (delivery.Counts{}) {
				t.Errorf("%s: %+v of earlier runs, want none", l.Webhook, l.Earlier)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
	}
	check()
	accept(t, q, at(0), "a", hook, "two")
	accept(t, q, at(0), "b", hook)
	keyed := entry("c", hook)
	keyed.Wants[0].OrderKey = "k"
	behind := entry("d", hook)
	behind.Wants[0].OrderKey = "k"
	if err := q.Accept(at(0), []*delivery.Entry{keyed, behind}); err != nil {
		t.Fatal(err)
	}
	check(delivery.Counts{Waiting: 4}, delivery.Counts{Waiting: 1})
	claims := claim(t, q, hook, at(0), 3)
	check(delivery.Counts{Waiting: 4}, delivery.Counts{Waiting: 1}) // one's own deliveries in flight count as waiting
	for _, c := range claims {
		if !c.Own {
			t.Errorf("%s is not its acceptor's own", c.Delivery.ID)
		}
		settle(t, q, c, delivery.Retry, at(0), at(10))
	}
	check(delivery.Counts{Waiting: 1, Retrying: 3}, delivery.Counts{Waiting: 1})
	claims = claim(t, q, hook, at(10), 3)
	settle(t, q, claims[0], delivery.Delivered, at(10), at(10))
	settle(t, q, claims[1], delivery.Dead, at(10), at(10))
	check(delivery.Counts{Waiting: 1, Retrying: 1}, delivery.Counts{Waiting: 1})
	if n, err := q.Replay(at(11), delivery.Filter{State: delivery.IsDead}, delivery.Change{}); n != 1 || err != nil {
		t.Fatalf("replayed %d, %v", n, err)
	}
	check(delivery.Counts{Waiting: 1, Retrying: 2}, delivery.Counts{Waiting: 1})
	if n, err := q.Queue.Delete(q.set(at(100)), delivery.Filter{Webhook: "two"}); n != 1 || err != nil {
		t.Fatalf("deleted %d, %v", n, err)
	}
	check(delivery.Counts{Waiting: 1, Retrying: 2})
}
