package queue_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/queue"
	"github.com/google/go-cmp/cmp"
)

// testQueue is what every queue must do. open returns an empty one.
func testQueue(t *testing.T, open func(*testing.T) queue.Queue) {
	tests := []struct {
		name string
		test func(*testing.T, queue.Queue)
	}{
		{"a claim holds the event and the delivery", claimHoldsAll},
		{"claims come by due, then by acceptance", claimsInOrder},
		{"a claim takes no more than it asks for", claimsUpToN},
		{"what is not due is not claimed", claimsOnlyDue},
		{"a delivery is claimed once", claimsExclusively},
		{"a retry is due later and not earlier", retryWaits},
		{"a retry stands behind what is due longer", retryInOrder},
		{"delivered and dead leave", finalLeaves},
		{"only what is in flight can be settled", settlesClaimsOnly},
		{"a known id is counted and not queued again", knownIDs},
		{"an event that is partly known brings what is new", partlyKnown},
		{"next due is the first that waits", nextDue},
		{"left counts what waits and what is in flight", leftCounts},
		{"webhooks do not share deliveries", webhooksApart},
		{"a closed queue accepts and gives nothing", closedQueue},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := open(t)
			t.Cleanup(func() { _ = q.Close() })
			tt.test(t, q)
		})
	}
}

const hook = "/etc/awf-hook.yaml#one"

// start has no monotonic clock, so that it survives being stored.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

func newEvent(id string) event.Event {
	return event.Event{ID: id, Type: "workflow_end", WorkflowID: "run", Timestamp: start, Payload: []byte(`{"n":"` + id + `"}`)}
}

func newDelivery(eventID, webhook string, due time.Time) delivery.Delivery {
	return delivery.Delivery{
		ID: delivery.ID(eventID, webhook), Webhook: webhook, EventID: eventID, Event: "workflow_end", Due: due,
	}
}

// accept puts an event with one delivery for the webhook into the queue.
func accept(t *testing.T, q queue.Queue, id, webhook string, due time.Time) delivery.Delivery {
	t.Helper()
	d := newDelivery(id, webhook, due)
	known, err := q.Accept(t.Context(), newEvent(id), []delivery.Delivery{d})
	if err != nil || known != 0 {
		t.Fatalf("Accept(%s) = %d, %v, want 0, nil", id, known, err)
	}
	return d
}

func claim(t *testing.T, q queue.Queue, webhook string, now time.Time, n int) []queue.Claim {
	t.Helper()
	claims, err := q.Claim(t.Context(), webhook, now, n)
	if err != nil {
		t.Fatal(err)
	}
	return claims
}

// claimIDs claims and names the events, "a b".
func claimIDs(t *testing.T, q queue.Queue, webhook string, now time.Time, n int) string {
	t.Helper()
	var ids []string
	for _, c := range claim(t, q, webhook, now, n) {
		ids = append(ids, c.Delivery.EventID)
	}
	return strings.Join(ids, " ")
}

func settle(t *testing.T, q queue.Queue, settlements ...queue.Settlement) {
	t.Helper()
	if err := q.Settle(t.Context(), settlements...); err != nil {
		t.Fatal(err)
	}
}

func left(t *testing.T, q queue.Queue) queue.Left {
	t.Helper()
	l, err := q.Left(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func claimHoldsAll(t *testing.T, q queue.Queue) {
	want, ev := accept(t, q, "a", hook, at(0)), newEvent("a")
	claims := claim(t, q, hook, at(0), 1)
	if len(claims) != 1 {
		t.Fatalf("%d claims, want 1", len(claims))
	}
	if diff := cmp.Diff(want, claims[0].Delivery); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
	if got, want := string(claims[0].Event.Body()), string(ev.Body()); got != want {
		t.Errorf("event's body = %s, want %s", got, want)
	}
}

func claimsInOrder(t *testing.T, q queue.Queue) {
	for _, a := range []struct {
		id  string
		due int
	}{{"late", 3}, {"first", 1}, {"second", 1}, {"soon", 0}, {"third", 1}, {"middle", 2}} {
		accept(t, q, a.id, hook, at(a.due))
	}
	const want = "soon first second third middle late"
	if got := claimIDs(t, q, hook, at(3), 10); got != want {
		t.Errorf("claimed %q, want %q", got, want)
	}
}

func claimsUpToN(t *testing.T, q queue.Queue) {
	for _, id := range []string{"a", "b", "c"} {
		accept(t, q, id, hook, at(0))
	}
	for _, tt := range []struct {
		n    int
		want string
	}{{0, ""}, {2, "a b"}, {2, "c"}, {2, ""}} {
		if got := claimIDs(t, q, hook, at(0), tt.n); got != tt.want {
			t.Errorf("%d claimed: %q, want %q", tt.n, got, tt.want)
		}
	}
}

func claimsOnlyDue(t *testing.T, q queue.Queue) {
	accept(t, q, "later", hook, at(10))
	accept(t, q, "now", hook, at(0))
	for _, tt := range []struct {
		now  int
		want string
	}{{-1, ""}, {0, "now"}, {9, ""}, {10, "later"}} {
		if got := claimIDs(t, q, hook, at(tt.now), 10); got != tt.want {
			t.Errorf("claimed at %d s: %q, want %q", tt.now, got, tt.want)
		}
	}
}

func claimsExclusively(t *testing.T, q queue.Queue) {
	const accepting, claiming, each = 4, 8, 50
	var mu sync.Mutex
	claimed := map[string]int{}
	sum := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, times := range claimed {
			n += times
		}
		return n
	}
	var wg sync.WaitGroup
	for i := range accepting {
		wg.Go(func() {
			for j := range each {
				id := fmt.Sprintf("%d-%d", i, j)
				if _, err := q.Accept(t.Context(), newEvent(id), []delivery.Delivery{newDelivery(id, hook, at(0))}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range claiming {
		wg.Go(func() {
			for sum() < accepting*each && !t.Failed() {
				claims, err := q.Claim(t.Context(), hook, at(0), 3)
				if err != nil {
					t.Error(err)
				}
				for _, c := range claims {
					mu.Lock()
					claimed[c.Delivery.ID]++
					mu.Unlock()
					if err := q.Settle(t.Context(), queue.Settlement{Delivery: c.Delivery, Outcome: delivery.Delivered}); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	for id, times := range claimed {
		if times != 1 {
			t.Errorf("%s claimed %d times, want once", id, times)
		}
	}
	if len(claimed) != accepting*each {
		t.Errorf("%d deliveries claimed, want %d", len(claimed), accepting*each)
	}
	if got := left(t, q); got != (queue.Left{}) {
		t.Errorf("left %+v, want nothing", got)
	}
}

func retryWaits(t *testing.T, q queue.Queue) {
	accept(t, q, "a", hook, at(0))
	d := claim(t, q, hook, at(0), 1)[0].Delivery
	d.Body, d.Attempts, d.Due = []byte(`{"made":"once"}`), 1, at(60)
	settle(t, q, queue.Settlement{Delivery: d, Outcome: delivery.Retry})

	if got := claimIDs(t, q, hook, at(59), 1); got != "" {
		t.Errorf("claimed %q before it is due", got)
	}
	claims := claim(t, q, hook, at(60), 1)
	if len(claims) != 1 {
		t.Fatal("not claimed when it is due")
	}
	if diff := cmp.Diff(d, claims[0].Delivery); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
	if claims[0].Event == nil || claims[0].Event.ID != "a" {
		t.Errorf("event = %+v, want a", claims[0].Event)
	}
}

func retryInOrder(t *testing.T, q queue.Queue) {
	accept(t, q, "again", hook, at(0))
	d := claim(t, q, hook, at(0), 1)[0].Delivery
	accept(t, q, "before", hook, at(4))
	accept(t, q, "after", hook, at(6))
	d.Due = at(5)
	settle(t, q, queue.Settlement{Delivery: d, Outcome: delivery.Retry})
	if got, want := claimIDs(t, q, hook, at(6), 3), "before again after"; got != want {
		t.Errorf("claimed %q, want %q", got, want)
	}
}

func finalLeaves(t *testing.T, q queue.Queue) {
	for _, outcome := range []delivery.Outcome{delivery.Delivered, delivery.Dead} {
		accept(t, q, outcome.String(), hook, at(0))
		d := claim(t, q, hook, at(0), 1)[0].Delivery
		settle(t, q, queue.Settlement{Delivery: d, Outcome: outcome})
		if got := left(t, q); got != (queue.Left{}) {
			t.Errorf("%v: left %+v, want nothing", outcome, got)
		}
		if got := claimIDs(t, q, hook, at(3600), 1); got != "" {
			t.Errorf("%v: claimed again: %q", outcome, got)
		}
	}
}

func settlesClaimsOnly(t *testing.T, q queue.Queue) {
	d := accept(t, q, "a", hook, at(0))
	s := queue.Settlement{Delivery: d, Outcome: delivery.Delivered}
	if err := q.Settle(t.Context(), s); err == nil {
		t.Error("settled what nobody claimed")
	}
	claim(t, q, hook, at(0), 1)
	settle(t, q, s)
	if err := q.Settle(t.Context(), s); err == nil {
		t.Error("settled twice")
	}
}

func knownIDs(t *testing.T, q queue.Queue) {
	again := func(when string) {
		t.Helper()
		d := newDelivery("a", hook, at(0))
		known, err := q.Accept(t.Context(), newEvent("a"), []delivery.Delivery{d})
		if err != nil || known != 1 {
			t.Errorf("while %s: Accept = %d, %v, want 1, nil", when, known, err)
		}
	}
	accept(t, q, "a", hook, at(0))
	again("it waits")
	claims := claim(t, q, hook, at(0), 10)
	if len(claims) != 1 {
		t.Fatalf("%d claims, want 1", len(claims))
	}
	again("it is in flight")
	settle(t, q, queue.Settlement{Delivery: claims[0].Delivery, Outcome: delivery.Delivered})
	again("it is delivered")
	if got := left(t, q); got != (queue.Left{}) {
		t.Errorf("left %+v, want nothing", got)
	}
}

func partlyKnown(t *testing.T, q queue.Queue) {
	accept(t, q, "a", hook, at(0))
	known, err := q.Accept(t.Context(), newEvent("a"), []delivery.Delivery{
		newDelivery("a", hook, at(0)), newDelivery("a", "two", at(0)), newDelivery("a", "three", at(0)),
	})
	if err != nil || known != 1 {
		t.Errorf("Accept = %d, %v, want 1, nil", known, err)
	}
	for _, webhook := range []string{hook, "two", "three"} {
		if got := claimIDs(t, q, webhook, at(0), 10); got != "a" {
			t.Errorf("%s claimed %q, want a", webhook, got)
		}
	}
}

func nextDue(t *testing.T, q queue.Queue) {
	check := func(want time.Time, wantWaits bool) {
		t.Helper()
		due, waits, err := q.NextDue(t.Context(), hook)
		if err != nil || waits != wantWaits || waits && !due.Equal(want) {
			t.Errorf("NextDue = %v, %v, %v, want %v, %v, nil", due, waits, err, want, wantWaits)
		}
	}
	check(time.Time{}, false)
	accept(t, q, "other", "two", at(1))
	check(time.Time{}, false)
	accept(t, q, "b", hook, at(20))
	check(at(20), true)
	accept(t, q, "a", hook, at(10))
	check(at(10), true)
	claims := claim(t, q, hook, at(20), 2)
	check(time.Time{}, false)
	d := claims[0].Delivery
	d.Due = at(30)
	settle(t, q, queue.Settlement{Delivery: d, Outcome: delivery.Retry})
	check(at(30), true)
}

func leftCounts(t *testing.T, q queue.Queue) {
	check := func(want queue.Left) {
		t.Helper()
		if diff := cmp.Diff(want, left(t, q)); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
	}
	check(queue.Left{})
	accept(t, q, "a", hook, at(20))
	accept(t, q, "b", "two", at(10))
	accept(t, q, "c", "two", at(30))
	check(queue.Left{Waiting: 3, Next: at(10)})
	d := claim(t, q, "two", at(10), 1)[0].Delivery
	check(queue.Left{Waiting: 2, InFlight: 1, Next: at(20)})
	d.Due = at(15)
	settle(t, q, queue.Settlement{Delivery: d, Outcome: delivery.Retry})
	check(queue.Left{Waiting: 3, Next: at(15)})
}

func webhooksApart(t *testing.T, q queue.Queue) {
	hooks := []string{"one", "two", "three"}
	var deliveries []delivery.Delivery
	for _, h := range hooks {
		deliveries = append(deliveries, newDelivery("a", h, at(0)))
	}
	if known, err := q.Accept(t.Context(), newEvent("a"), deliveries); known != 0 || err != nil {
		t.Fatalf("Accept = %d, %v, want 0, nil", known, err)
	}
	if got := claimIDs(t, q, "four", at(0), 10); got != "" {
		t.Errorf("a webhook without deliveries claimed %q", got)
	}
	var seen []string
	for _, h := range hooks {
		for _, c := range claim(t, q, h, at(0), 10) {
			seen = append(seen, c.Delivery.Webhook)
			settle(t, q, queue.Settlement{Delivery: c.Delivery, Outcome: delivery.Delivered})
		}
	}
	if !slices.Equal(seen, hooks) {
		t.Errorf("claimed for %q, want %q", seen, hooks)
	}
}

func closedQueue(t *testing.T, q queue.Queue) {
	accept(t, q, "a", hook, at(0))
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := q.Accept(t.Context(), newEvent("b"), []delivery.Delivery{newDelivery("b", hook, at(0))})
	if !errors.Is(err, queue.ErrClosed) {
		t.Errorf("Accept: %v, want ErrClosed", err)
	}
	if claims, _ := q.Claim(t.Context(), hook, at(0), 1); len(claims) > 0 {
		t.Errorf("%d claims, want none", len(claims))
	}
}
