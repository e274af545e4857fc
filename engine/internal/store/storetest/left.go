package storetest

import (
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/google/go-cmp/cmp"
)

// standingTellsApart checks that waiting deliveries are due, later, behind their key or in flight, and that Lanes counts their sum.
func standingTellsApart(t *testing.T, q *queue) {
	check := func(seconds int, want delivery.Standing) {
		t.Helper()
		got, err := q.Standing(q.set(at(seconds)))
		if err != nil || got[hook] != want {
			t.Errorf("after %d s it stands %+v, %v, want %+v", seconds, got[hook], err, want)
		}
		lanes, err := q.Lanes(q.set(at(seconds)))
		if err != nil || len(lanes) > 0 && lanes[0].Waiting != got[hook].Sum() {
			t.Errorf("after %d s the lane says %+v, %v, want %d that wait", seconds, lanes, err, got[hook].Sum())
		}
	}
	check(0, delivery.Standing{})
	accept(t, q, at(0), "a", hook)
	accept(t, q, at(0), "b", hook)
	batch := []*delivery.Entry{keyed("c", "k", hook), keyed("d", "k", hook), keyed("e", "k", hook)}
	if err := q.Accept(q.set(at(0)), batch); err != nil {
		t.Fatal(err)
	}
	check(0, delivery.Standing{Due: 3, Behind: 2})
	claims := claim(t, q, hook, at(0), 2)
	check(0, delivery.Standing{Due: 1, Behind: 2, InFlight: 2})
	settle(t, q, claims[0], delivery.Retry, at(0), at(30))
	check(0, delivery.Standing{Due: 1, Later: 1, Behind: 2, InFlight: 1})
	settle(t, q, claims[1], delivery.Delivered, at(1), at(1))
	check(1, delivery.Standing{Due: 1, Later: 1, Behind: 2})
	check(31, delivery.Standing{Due: 2, Behind: 2})
	for _, c := range claim(t, q, hook, at(31), 2) {
		settle(t, q, c, delivery.Dead, at(31), at(31))
	}
	check(32, delivery.Standing{Due: 1, Behind: 1})
}

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
	acceptKeyed(t, q, at(0), "c", "k")
	acceptKeyed(t, q, at(0), "d", "k")
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
	wantN(t, 1)(q.Replay(q.set(at(11)), delivery.Filter{State: delivery.IsDead}, delivery.Change{}))
	check(delivery.Counts{Waiting: 1, Retrying: 2}, delivery.Counts{Waiting: 1})
	wantN(t, 1)(q.Replay(q.set(at(11)), delivery.Filter{State: delivery.IsDelivered}, delivery.Change{}))
	check(delivery.Counts{Waiting: 1, Retrying: 3}, delivery.Counts{Waiting: 1})
	wantN(t, 1)(q.Delete(q.set(at(100)), delivery.Filter{Webhook: "two"}))
	check(delivery.Counts{Waiting: 1, Retrying: 3})
}

// putOffIsNotInFlight checks that a delivery whose lease ended is not in flight while it waits for another one of its key.
func putOffIsNotInFlight(t *testing.T, q *queue) {
	for _, id := range []string{"head", "passes"} {
		acceptKeyed(t, q, at(0), id, "k")
	}
	settleKeyed(t, q, claim(t, q, hook, at(0), 1)[0], delivery.Retry, at(0), at(60))
	wantClaims(t, q, hook, at(10), 1, "passes") // passes the head; its process dies
	wantClaims(t, q, hook, at(70), 10, "head")  // when the lease had ended
	standing, err := q.Standing(q.set(at(70)))
	if want := (delivery.Standing{Later: 1, InFlight: 1}); err != nil || standing[hook] != want {
		t.Errorf("it stands %+v, %v, want %+v", standing[hook], err, want)
	}
}
