package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/google/go-cmp/cmp"
)

func claimHoldsAll(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	ev := newEvent("a")
	claims := wantClaims(t, q, hook, at(1), 1, "a")
	want := delivery.Delivery{ID: delivery.ID("a", hook), Webhook: hook, EventID: "a", Event: "workflow_end", Due: at(0), Since: at(0)}
	if diff := cmp.Diff(want, claims[0].Delivery); diff != "" {
		t.Errorf("delivery (-want +got):\n%s", diff)
	}
	if got, want := string(claims[0].Event.Body()), string(ev.Body()); got != want {
		t.Errorf("event's body = %s, want %s", got, want)
	}
	if want := at(61); !claims[0].Until.Equal(want) {
		t.Errorf("claimed until %v, want %v", claims[0].Until, want)
	}
}

func claimsInOrder(t *testing.T, q *queue) {
	for _, a := range []struct {
		id  string
		due int
	}{{"late", 3}, {"first", 1}, {"second", 1}, {"soon", 0}, {"third", 1}, {"middle", 2}} {
		accept(t, q, at(a.due), a.id, hook)
	}
	const want = "soon first second third middle late"
	wantClaims(t, q, hook, at(3), 10, want)
}

func claimsUpToN(t *testing.T, q *queue) {
	for _, id := range []string{"a", "b", "c"} {
		accept(t, q, at(0), id, hook)
	}
	for _, tt := range []struct {
		n    int
		want string
	}{{0, ""}, {2, "a b"}, {2, "c"}, {2, ""}} {
		wantClaims(t, q, hook, at(0), tt.n, tt.want)
	}
}

func claimsOnlyDue(t *testing.T, q *queue) {
	accept(t, q, at(10), "later", hook)
	accept(t, q, at(0), "now", hook)
	for _, tt := range []struct {
		now  int
		want string
	}{{-1, ""}, {0, "now"}, {9, ""}, {10, "later"}} {
		wantClaims(t, q, hook, at(tt.now), 10, tt.want)
	}
}

func claimsExclusively(t *testing.T, q *queue) {
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
				if err := q.Accept(q.set(at(0)), []*delivery.Entry{entry(fmt.Sprintf("%d-%d", i, j), hook)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range claiming {
		wg.Go(func() {
			for sum() < accepting*each && !t.Failed() {
				claims, _, err := q.Claim(at(0), lane, 3)
				if err != nil {
					t.Error(err)
				}
				for _, c := range claims {
					mu.Lock()
					claimed[c.Delivery.ID]++
					mu.Unlock()
					lost, err := q.Settle(q.set(at(0)), []delivery.Settlement{tried(c, delivery.Delivered, at(0))})
					if err != nil || len(lost) > 0 {
						t.Errorf("Settle = %v, %v", lost, err)
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
	if got := waiting(t, q); got != (left{}) {
		t.Errorf("left %+v, want nothing", got)
	}
}

func leasesEnd(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook)
	first := claim(t, q, hook, at(0), 1)[0]
	wantClaims(t, q, hook, at(59), 1, "")            // while it was in flight
	second := wantClaims(t, q, hook, at(60), 1, "a") // its lease has ended
	if held, err := q.Renew(first, at(200)); held || err != nil {
		t.Errorf("Renew of a lost claim = %v, %v, want false", held, err)
	}
	if lost := settleAll(t, q, at(61), tried(first, delivery.Dead, at(61))); len(lost) != 1 {
		t.Error("a lost claim was settled")
	}
	if held, err := q.Renew(second[0], at(200)); !held || err != nil {
		t.Errorf("Renew = %v, %v, want true", held, err)
	}
	wantClaims(t, q, hook, at(199), 1, "") // though its lease was renewed
	settle(t, q, second[0], delivery.Delivered, at(199), time.Time{})
}

// An accepted delivery can be claimed at once if its lane is healthy.
func takesAtOnce(t *testing.T, q *queue) {
	e := entry("a", hook, "two")
	e.Wants[0].Take = time.Minute
	acceptAll(t, q, at(0), e)
	if len(e.Claims) != 1 || e.Claims[0].Delivery.Webhook != hook || !e.Claims[0].Until.Equal(at(60)) {
		t.Fatalf("claims = %+v, want one of %s until %v", e.Claims, hook, at(60))
	}
	wantClaims(t, q, hook, at(59), 1, "")  // it was taken
	wantClaims(t, q, "two", at(0), 1, "a") // of the other webhook
	settle(t, q, e.Claims[0], delivery.Delivered, at(1), time.Time{})

	again := entry("a", hook)
	again.Wants[0].Take = time.Minute
	if err := q.Accept(q.set(at(0)), []*delivery.Entry{again}); err != nil || again.Wants[0].Fate != delivery.Known || len(again.Claims) != 0 {
		t.Errorf("a known delivery: %v, %q, %d claims, want known and none", err, again.Wants[0].Fate, len(again.Claims))
	}
}
