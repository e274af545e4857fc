package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/google/go-cmp/cmp"
)

// tellsFates tests an event that one webhook knows, that is new to a second, and that is a dead letter of a third.
func tellsFates(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	e := entry("a", hook, "two", "three")
	e.Wants[2].Dead = "filter: invalid operation"
	acceptAll(t, q, at(1), e)
	for i, want := range []delivery.Fate{delivery.Known, delivery.Accepted, delivery.BornDead} {
		if got := e.Wants[i].Fate; got != want {
			t.Errorf("the fate of %s is %q, want %q", e.Wants[i].Webhook, got, want)
		}
	}
	acceptAll(t, q, at(2), e)
	for _, want := range e.Wants {
		if want.Fate != delivery.Known {
			t.Errorf("the second time the fate of %s is %q, want known", want.Webhook, want.Fate)
		}
	}
}

// past returns the history of a waiting delivery in another store.
func past(state delivery.State) *delivery.Past {
	p := &delivery.Past{
		State: state, Since: at(-50), Accepted: at(-60), Spent: 1, Reason: "503 Service Unavailable",
		Content: &delivery.Content{
			Body: []byte("made"), ContentType: "text/plain", Secret: [][2]int{{0, 2}},
			Header: [][2]string{{"X-A", "b"}}, URLSuffix: "?a=b",
		},
		Attempts: []delivery.Attempt{
			{Number: 1, At: at(-40), Took: time.Second, Status: 200, Outcome: delivery.Delivered, Reason: "200 OK"},
			{Number: 2, At: at(-10), Took: time.Second, Status: 503, Outcome: delivery.Retry, Reason: "503 Service Unavailable"},
		},
	}
	if state == delivery.Due {
		p.After = 30 * time.Second
	} else {
		p.Done = at(-9)
	}
	return p
}

func bringsPast(t *testing.T, q *queue) {
	for _, state := range []delivery.State{delivery.Due, delivery.IsDead, delivery.IsDelivered, delivery.IsDropped} {
		id := string(state)
		e := entry(id, hook)
		e.Wants[0].Past = past(state)
		acceptAll(t, q, at(0), e)
		d, err := q.Show(q.set(at(1)), delivery.ID(id, hook))
		if err != nil {
			t.Fatal(err)
		}
		p := past(state)
		if d.State != state || d.Reason != p.Reason || !d.Accepted.Equal(p.Accepted) || !d.Done.Equal(p.Done) ||
			!d.Delivery.Since.Equal(p.Since) || d.Delivery.Attempts != 2 || d.Delivery.Spent != 1 {
			t.Errorf("%s: %+v, want it as it was", state, d.Item)
		}
		if diff := cmp.Diff(p.Content, d.Content); diff != "" {
			t.Errorf("%s: content (-want +got):\n%s", state, diff)
		}
		if diff := cmp.Diff(p.Attempts, d.Attempts, cmp.Comparer(time.Time.Equal)); diff != "" {
			t.Errorf("%s: attempts (-want +got):\n%s", state, diff)
		}
	}
	wantClaims(t, q, hook, at(29), 10, "") // before it is due
	wantClaims(t, q, hook, at(30), 10, "due")
	l := lanesOf(t, q, at(30))[0]
	if l.Waiting != 1 || l.Dead != 1 || l.Delivered != 1 || l.Dropped != 1 {
		t.Errorf("the lane counts %+v, want one of each", l)
	}
}

// A known delivery stays as it is, whatever past another store reports.
func knownKeepsItsOwn(t *testing.T, q *queue) {
	accept(t, q, at(0), "delivered", hook)
	settle(t, q, claim(t, q, hook, at(0), 1)[0], delivery.Delivered, at(0), time.Time{})
	accept(t, q, at(1), "due", hook)
	for id, state := range map[string]delivery.State{"delivered": delivery.IsDead, "due": delivery.IsDelivered} {
		e := entry(id, hook)
		e.Wants[0].Past = past(state)
		if err := q.Accept(q.set(at(2)), []*delivery.Entry{e}); err != nil || e.Wants[0].Fate != delivery.Known {
			t.Fatalf("Accept = %v, fate %q, want known", err, e.Wants[0].Fate)
		}
	}
	for id, want := range map[string]delivery.State{"delivered": delivery.IsDelivered, "due": delivery.Due} {
		d, err := q.Show(q.set(at(3)), delivery.ID(id, hook))
		if err != nil || d.State != want || d.Content != nil {
			t.Errorf("Show(%s) = %+v, %v, want it to be %s as before", id, d, err, want)
		}
	}
}

// Deliveries that move to another webhook are claimed there with the same ids, and keep their order.
func movesDeliveries(t *testing.T, q *queue) {
	const other = "/new.yaml#one"
	for _, id := range []string{"k0", "k1", "k2"} {
		acceptKeyed(t, q, at(0), id, "k")
	}
	accept(t, q, at(0), "flying", hook)
	accept(t, q, at(1), "waits", hook)
	accept(t, q, at(1), "dead", hook)
	acceptMany(t, q, at(2), "many", 600)
	var flying *delivery.Claim
	for _, c := range claim(t, q, hook, at(1), 10) {
		switch c.Delivery.EventID {
		case "flying":
			flying = c
		case "dead":
			settle(t, q, c, delivery.Dead, at(1), time.Time{})
		default:
			settle(t, q, c, delivery.Retry, at(1), at(1))
		}
	}
	const all = 3 + 3 + 600
	wantN(t, all)(q.Move(q.set(at(3)), hook, other))
	wantN(t, 0)(q.Move(q.set(at(3)), hook, other))
	before := len(lanesOf(t, q, at(3)))
	for from, to := range map[string]string{other: other, "/nobody.yaml#one": "/new.yaml#two"} {
		wantN(t, 0)(q.Move(q.set(at(3)), from, to))
	}
	if after := len(lanesOf(t, q, at(3))); after != before {
		t.Errorf("%d lanes after moving nothing, want %d", after, before)
	}
	for _, l := range lanesOf(t, q, at(3)) {
		switch want := (delivery.LaneCounts{Waiting: all - 1, Dead: 1}); {
		case l.Webhook == hook && (l.Waiting != 0 || l.Dead != 0 || l.Bytes != 0):
			t.Errorf("the old lane still has %+v", l)
		case l.Webhook == other && (l.Waiting != want.Waiting || l.Dead != want.Dead || l.Bytes == 0):
			t.Errorf("the new lane has %+v, want %d that wait and one dead", l, all-1)
		}
	}
	if lost := settleAll(t, q, at(3), tried(flying, delivery.Delivered, at(3))); len(lost) > 0 {
		t.Error("a delivery in flight was lost by moving")
	}
	claims := claim(t, q, other, at(3), all)
	if got := ids(claims[:2]); got != "k0 waits" {
		t.Errorf("claimed %q first, want k0 waits", got)
	}
	if got, want := claims[0].Delivery.ID, delivery.ID("k0", hook); got != want {
		t.Errorf("the id is %s, want %s as before", got, want)
	}
	settle(t, q, claims[0], delivery.Delivered, at(3), time.Time{})
	next := wantClaims(t, q, other, at(4), 10, "k1") // behind k0
	settle(t, q, next[0], delivery.Delivered, at(4), time.Time{})
	wantClaims(t, q, other, at(5), 10, "k2") // behind k1
}

// A delivery that moves after its lease ended keeps its late outcome, although it is behind another one of its key by then.
func movesExpired(t *testing.T, q *queue) {
	for i, outcome := range []delivery.Outcome{delivery.Delivered, delivery.Dead, delivery.Retry} {
		begun, other := 100*i, fmt.Sprintf("/new.yaml#%d", i)
		id := outcome.String()
		acceptKeyed(t, q, at(begun), id, "k")
		head := keyed("head of "+id, "k", other)
		acceptAll(t, q, at(begun), head)
		late := claim(t, q, hook, at(begun), 1)[0]
		wantN(t, 1)(q.Move(q.set(at(begun+61)), hook, other))
		if lost := settleAll(t, q, at(begun+62), tried(late, outcome, at(begun+62))); len(lost) > 0 {
			t.Errorf("%s: the outcome was lost", id)
		}
		claims := wantClaims(t, q, other, at(begun+62), 10, "head of "+id)
		settle(t, q, claims[0], delivery.Delivered, at(begun+63), time.Time{})
		want := ""
		if outcome == delivery.Retry {
			want = id
		}
		claims = wantClaims(t, q, other, at(begun+64), 10, want)
		for _, c := range claims {
			settle(t, q, c, delivery.Delivered, at(begun+65), time.Time{})
		}
	}
}

// A delivery that moves after its lease ended is not in flight when it is next to pass the head of its key.
func movedIsNotInFlight(t *testing.T, q *queue) {
	const other = "/new.yaml#one"
	acceptKeyed(t, q, at(0), "late", "k")
	acceptAll(t, q, at(0), keyed("head", "k", other))
	claim(t, q, hook, at(0), 1)
	wantN(t, 1)(q.Move(q.set(at(61)), hook, other))
	st := tried(claim(t, q, other, at(61), 1)[0], delivery.Retry, at(62))
	st.After, st.OrderMaxWait = time.Hour, 100*time.Second
	settleAll(t, q, at(62), st)
	items, err := q.List(q.set(at(63)), delivery.Filter{State: delivery.InFlight})
	if err != nil || len(items) > 0 {
		t.Errorf("in flight: %v, %v, want none", items, err)
	}
	wantClaims(t, q, other, at(101), 10, "late")
}

func knownIDs(t *testing.T, q *queue) {
	again := func(when string) {
		t.Helper()
		if known := accept(t, q, at(0), "a", hook); known != 1 {
			t.Errorf("while %s: %d known, want 1", when, known)
		}
	}
	accept(t, q, at(0), "a", hook)
	again("it waits")
	claims := wantClaims(t, q, hook, at(0), 10, "a")
	again("it is in flight")
	settle(t, q, claims[0], delivery.Delivered, at(0), time.Time{})
	again("it is delivered")
	q.keep(t, at(0).Add(store.DefaultKeep+time.Hour))
	if items := list(t, q, delivery.Filter{}); len(items) != 0 {
		t.Fatalf("%d deliveries listed after pruning, want none", len(items))
	}
	again("it is pruned")
	if got := waiting(t, q); got != (left{}) {
		t.Errorf("left %+v, want nothing", got)
	}
	q.keep(t, at(0).Add(store.DefaultKeep+32*24*time.Hour))
	if known := accept(t, q, at(0), "a", hook); known != 0 {
		t.Error("an id is known for ever, want 30 days beyond pruning")
	}
}

func partlyKnown(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	if known := accept(t, q, at(0), "a", hook, "two", "three"); known != 1 {
		t.Errorf("%d known, want 1", known)
	}
	for _, webhook := range []string{hook, "two", "three"} {
		wantClaims(t, q, webhook, at(0), 10, "a")
	}
}
