package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/google/go-cmp/cmp"
)

// durable returns the queue as one that survives its processes; nil if it is another, which makes no such promise.
func durable(q *queue) store.Durable {
	d, _ := q.Queue.(store.Durable)
	return d
}

// agrees checks the queue's invariants.
func agrees(t *testing.T, q *queue) {
	t.Helper()
	if durable(q) == nil {
		return
	}
	wrong, err := durable(q).Check(q.set(q.now()))
	if err != nil && !errors.Is(err, store.ErrClosed) || len(wrong) > 0 {
		t.Errorf("Check = %q, %v", wrong, err)
	}
}

// leaveAll takes everything that may leave.
func leaveAll(t *testing.T, q *queue, seconds int) (entries []*delivery.Entry) {
	t.Helper()
	for cursor := (store.Cursor{}); ; {
		some, next, err := durable(q).Leave(q.set(at(seconds)), cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 && next == cursor {
			return entries
		}
		entries, cursor = append(entries, some...), next
	}
}

func leaves(t *testing.T, q *queue) {
	if durable(q) == nil {
		return
	}
	for _, state := range []delivery.State{delivery.Due, delivery.IsDead, delivery.IsDelivered, delivery.IsDropped} {
		e := entry(string(state), hook)
		e.Wants[0].Past = past(state)
		e.Wants[0].Past.ID = "msg_" + string(state)
		acceptAll(t, q, at(0), e)
	}
	for _, id := range []string{"k1", "k2", "k3", "b1", "b2"} {
		acceptAll(t, q, at(1), keyed(id, id[:1], "two"))
	}
	busy := wantClaims(t, q, "two", at(2), 2, "k1 b1")
	settle(t, q, busy[0], delivery.Retry, at(2), at(60))
	var order string
	got := map[string]*delivery.Past{}
	for _, e := range leaveAll(t, q, 10) {
		for _, w := range e.Wants {
			if got[e.Event.ID] = w.Past; w.Webhook == "two" {
				order += e.Event.ID + " "
			}
		}
	}
	if order != "k1 k2 k3 " {
		t.Errorf("left %q of the keys, want all of k in order, and none of b, which is in flight", order)
	}
	for _, state := range []delivery.State{delivery.Due, delivery.IsDead, delivery.IsDelivered, delivery.IsDropped} {
		want := past(state)
		want.ID, want.Token = "msg_"+string(state), got[string(state)].Token
		if state == delivery.Due {
			want.After -= at(10).Sub(at(0))
		}
		if diff := cmp.Diff(want, got[string(state)], cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Errorf("%s: %s", state, diff)
		}
	}
	wantClaims(t, q, hook, at(1000), 10, "") // of what left
	again, err := durable(q).Leaving(q.set(at(20)))
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, e := range again {
		left[e.Event.ID] = true
	}
	if !left["due"] || !left["dead"] || !left["k1"] || left["b1"] {
		t.Errorf("%v left and may be handed on again", left)
	}
	var ids []string
	for _, p := range got {
		ids = append(ids, p.ID)
	}
	if err := durable(q).Forget(q.set(at(21)), ids); err != nil {
		t.Fatal(err)
	}
	if rest := leaveAll(t, q, 22); len(rest) != 0 {
		t.Errorf("%d leave twice", len(rest))
	}
	if known := accept(t, q, at(23), "k1", "two"); known != 1 {
		t.Error("what left is not known any more")
	}
	settleKeyed(t, q, busy[1], delivery.Delivered, at(24), at(24))
	if rest := leaveAll(t, q, 25); len(rest) != 2 {
		t.Errorf("%d leave after the delivery in flight is settled, want it and the one behind it", len(rest))
	} else if err := durable(q).Forget(q.set(at(26)), store.IDs(rest)); err != nil {
		t.Fatal(err)
	}
}

// comeBack checks that deliveries that left for another queue may be carried back, once each, and that nothing else comes back.
func comeBack(t *testing.T, q *queue) {
	if durable(q) == nil {
		return
	}
	fates := func(what string, want delivery.Fate, entries ...*delivery.Entry) {
		t.Helper()
		acceptAll(t, q, at(5), entries...)
		for _, e := range entries {
			if e.Wants[0].Fate != want {
				t.Errorf("%s: %s is %s, want %s", what, e.Event.ID, e.Wants[0].Fate, want)
			}
		}
	}
	var older []*delivery.Entry
	for round := range 2 {
		if round == 0 {
			accept(t, q, at(0), "a", hook)
			acceptAll(t, q, at(0), keyed("k1", "k", hook), keyed("k2", "k", hook))
			settle(t, q, claim(t, q, hook, at(1), 1)[0], delivery.Delivered, at(1), at(1))
		}
		left := leaveAll(t, q, 2)
		if err := durable(q).Forget(q.set(at(3)), store.IDs(left)); err != nil || len(left) != 3 {
			t.Fatalf("%d left, %v, want 3", len(left), err)
		}
		fates("of a spill file", delivery.Known, left...)
		for _, e := range left {
			e.Wants[0].Past.Carried = true
			e.Wants[0].Past.Token++ // it left the other queue
		}
		fates("a copy that is older than what left", delivery.Gone, older...)
		older = left
		fates("back", delivery.Accepted, left...)
		fates("back twice", delivery.Known, left...)
		fates("again", delivery.Known, entry("a", hook), keyed("k1", "k", hook))
		agrees(t, q)
	}
	wantClaims(t, q, hook, at(30), 5, "k1")
	wantN(t, 1)(q.Delete(q.set(at(100)), delivery.Filter{State: delivery.IsDelivered}))
	deleted := entry("a", hook)
	deleted.Wants[0].Past = past(delivery.Due)
	deleted.Wants[0].Past.ID, deleted.Wants[0].Past.Carried = "", true
	deleted.Wants[0].Past.Token = 1000
	fates("deleted", delivery.Gone, deleted)
}
