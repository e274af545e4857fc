package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// acceptMany accepts events named by the prefix and a number.
func acceptMany(t *testing.T, q *queue, now time.Time, prefix string, n int) {
	t.Helper()
	for i := range n {
		accept(t, q, now, fmt.Sprintf("%s%d", prefix, i), hook)
	}
}

func breakerOpens(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 20)
	for _, c := range claim(t, q, hook, at(0), 5) {
		settle(t, q, c, delivery.Retry, at(0), at(1000))
	}
	claims, next, err := q.Claim(at(1), lane, 10)
	if err != nil || len(claims) != 0 || !next.Equal(at(5)) {
		t.Fatalf("claimed %d, next %v, %v, want none until %v", len(claims), next, err, at(5))
	}
	probe := wantClaims(t, q, hook, at(5), 10, "e5")
	wantClaims(t, q, hook, at(6), 10, "") // beside the probe
	settle(t, q, probe[0], delivery.Retry, at(6), at(1000))
	wantClaims(t, q, hook, at(15), 10, "")           // before the second probe's time
	probe = wantClaims(t, q, hook, at(16), 10, "e6") // a second probe after twice the time
	settle(t, q, probe[0], delivery.Delivered, at(16), time.Time{})
	wantClaims(t, q, hook, at(16), 20, "e7 e8 e9 e10 e11 e12 e13 e14 e15 e16 e17 e18 e19") // after a good probe
	e := entry("new", hook)
	e.Wants[0].Take = time.Minute
	if err := q.Accept(q.set(at(17)), []*delivery.Entry{e}); err != nil || len(e.Claims) != 1 {
		t.Errorf("after a good probe %d were taken at once, %v, want 1", len(e.Claims), err)
	}
}

// breakTransform settles n claims as dead without an attempt, as a transform's failure does.
func breakTransform(t *testing.T, q *queue, now time.Time, n int) {
	t.Helper()
	for range n {
		claims := claim(t, q, hook, now, 1)
		if len(claims) != 1 {
			t.Fatal("nothing to claim")
		}
		settleAll(t, q, now, delivery.Settlement{Claim: claims[0], Outcome: delivery.Dead, Reason: "map: fuel"})
	}
}

func showsFuel(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 4)
	for _, tt := range []struct{ used, want int }{{0, 0}, {34, 34}, {0, 34}, {81, 81}} {
		st := tried(claim(t, q, hook, at(0), 1)[0], delivery.Delivered, at(0))
		st.FuelPercent = tt.used
		settleAll(t, q, at(0), st)
		lanes, err := q.Lanes(q.set(at(0)))
		if err != nil || len(lanes) != 1 || lanes[0].FuelPercent != tt.want {
			t.Errorf("after %d percent: lanes %+v, %v, want %d percent", tt.used, lanes, err, tt.want)
		}
	}
}

func brokenTransformPauses(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 20)
	breakTransform(t, q, at(0), delivery.BreakerFailures-1)
	settle(t, q, claim(t, q, hook, at(0), 1)[0], delivery.Delivered, at(0), time.Time{}) // they are no longer in a row
	breakTransform(t, q, at(0), delivery.BreakerFailures-1)
	settleAll(t, q, at(0), delivery.Settlement{Claim: claim(t, q, hook, at(0), 1)[0], Outcome: delivery.Dropped}) // neither are these
	breakTransform(t, q, at(1), delivery.BreakerFailures)
	claims, next, err := q.Claim(at(2), lane, 10)
	if err != nil || len(claims) != 0 || !next.Equal(at(6)) {
		t.Errorf("claimed %d, next %v, %v, want none until %v", len(claims), next, err, at(6))
	}
	breakTransform(t, q, at(6), 1)
	wantClaims(t, q, hook, at(15), 10, "") // within the second rest
}

func replayEndsPause(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 20)
	breakTransform(t, q, at(0), delivery.BreakerFailures)
	wantN(t, delivery.BreakerFailures)(q.Replay(q.set(at(1)), delivery.Filter{Webhook: hook}, delivery.Change{}))
	probe := wantClaims(t, q, hook, at(1), 10, "e5") // as soon as it is replayed
	settle(t, q, probe[0], delivery.Delivered, at(1), time.Time{})
	c := claim(t, q, hook, at(1), 10)
	if len(c) != 10 {
		t.Fatalf("%d claimed after a good probe, want all that were asked for", len(c))
	}
	settle(t, q, c[0], delivery.Dead, at(1), time.Time{})
	a := attempt(c[1], delivery.Retry, at(1))
	a.RetryAfter = time.Minute
	settleAll(t, q, at(1), delivery.Settlement{Claim: c[1], Outcome: delivery.Retry, Attempt: a, After: a.RetryAfter})
	wantN(t, 1)(q.Replay(q.set(at(2)), delivery.Filter{Webhook: hook}, delivery.Change{}))
	wantClaims(t, q, hook, at(60), 10, "") // within the rest that the receiver asked for
}

func pausesLane(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 3)
	c := claim(t, q, hook, at(0), 1)[0]
	a := attempt(c, delivery.Retry, at(0))
	a.RetryAfter = 42 * time.Second
	settleAll(t, q, at(0), delivery.Settlement{Claim: c, Outcome: delivery.Retry, Attempt: a, After: a.RetryAfter})
	e := entry("new", hook)
	e.Wants[0].Take = time.Minute
	if err := q.Accept(q.set(at(1)), []*delivery.Entry{e}); err != nil || len(e.Claims) != 0 {
		t.Errorf("%d were taken while the lane rests, %v, want none", len(e.Claims), err)
	}
	claims, next, err := q.Claim(at(41), lane, 10)
	if err != nil || len(claims) != 0 || !next.Equal(at(42)) {
		t.Errorf("claimed %d, next %v, %v, want none until %v", len(claims), next, err, at(42))
	}
	wantClaims(t, q, hook, at(42), 10, "e1 e2 new e0")
}

func closesLane(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 3)
	c := claim(t, q, hook, at(0), 1)[0]
	a := attempt(c, delivery.Dead, at(0))
	a.Gone = true
	settleAll(t, q, at(0), delivery.Settlement{Claim: c, Outcome: delivery.Dead, Attempt: a})
	wantClaims(t, q, hook, at(100_000), 10, "") // of a closed lane
	accept(t, q, at(1), "later", hook)          // is kept
	if got := waiting(t, q).Waiting; got != 3 {
		t.Errorf("%d wait, want 3", got)
	}
}

func keepsRate(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 100)
	limited := delivery.Lane{Webhook: hook, Lease: time.Minute, Rate: 5, Burst: 2}
	claimed := 0
	var times []time.Time
	for now := at(0); now.Before(at(10)); {
		claims, next, err := q.Claim(now, limited, 10)
		if err != nil {
			t.Fatal(err)
		}
		for range claims {
			times = append(times, now)
		}
		claimed += len(claims)
		if len(claims) == 0 {
			if !next.After(now) {
				t.Fatalf("nothing claimed at %v, and next is %v", now, next)
			}
			now = next
		}
	}
	if allowed := lanesOf(t, q, at(10))[0].Allowed(limited.Rate); !allowed.After(at(9)) || allowed.After(at(11)) {
		t.Errorf("the rate allows the next one at %v, want about now, %v", allowed, at(10))
	}
	if claimed < 48 || claimed > 52 {
		t.Errorf("%d claimed in 10 s, want about 5 a second", claimed)
	}
	for i, first := range times {
		within := 0
		for _, later := range times[i:] {
			if later.Sub(first) < time.Second {
				within++
			}
		}
		if within > 5+2 {
			t.Fatalf("%d claimed within a second, want at most the rate and the burst", within)
		}
	}
}

// keyed makes an event's entry with one delivery that has an order key.
func keyed(id, key, webhook string) *delivery.Entry {
	e := entry(id, webhook)
	e.Wants[0].OrderKey = key
	return e
}

// acceptKeyed accepts an event with an order key.
func acceptKeyed(t *testing.T, q *queue, now time.Time, id, key string) {
	t.Helper()
	acceptAll(t, q, now, keyed(id, key, hook))
}

// deliverEach claims and delivers in each second from one to another, and names the events in order, "a b".
func deliverEach(t *testing.T, q *queue, from, to int) string {
	t.Helper()
	var order []*delivery.Claim
	for now := from; now < to; now++ {
		for _, c := range claim(t, q, hook, at(now), 10) {
			order = append(order, c)
			settle(t, q, c, delivery.Delivered, at(now), time.Time{})
		}
	}
	return ids(order)
}

func keepsOrder(t *testing.T, q *queue) {
	for i := range 3 {
		acceptKeyed(t, q, at(i), fmt.Sprintf("a%d", i), "a")
		acceptKeyed(t, q, at(i), fmt.Sprintf("b%d", i), "b")
	}
	heads := wantClaims(t, q, hook, at(10), 10, "a0 b0")
	settle(t, q, heads[0], delivery.Retry, at(10), at(100)) // a waiting retry holds its key
	settle(t, q, heads[1], delivery.Delivered, at(10), time.Time{})
	next := wantClaims(t, q, hook, at(11), 10, "b1")
	settle(t, q, next[0], delivery.Delivered, at(11), time.Time{})
	settle(t, q, claim(t, q, hook, at(11), 10)[0], delivery.Delivered, at(11), time.Time{})
	if got := deliverEach(t, q, 100, 110); got != "a0 a1 a2" {
		t.Errorf("then came %q, want a0 a1 a2", got)
	}
}

// ids names the events of claims, "a b".
func ids(claims []*delivery.Claim) string {
	var list []string
	for _, c := range claims {
		list = append(list, c.Delivery.EventID)
	}
	return strings.Join(list, " ")
}

func deadFreesKey(t *testing.T, q *queue) {
	for i := range 3 {
		acceptKeyed(t, q, at(0), fmt.Sprint(i), "k")
	}
	settle(t, q, claim(t, q, hook, at(0), 1)[0], delivery.Dead, at(0), time.Time{})
	wantN(t, 1)(q.Replay(q.set(at(1)), delivery.Filter{Webhook: hook}, delivery.Change{}))
	if got := deliverEach(t, q, 1, 5); got != "1 2 0" {
		t.Errorf("delivered %q, want the replay at the tail: 1 2 0", got)
	}
}

// settleKeyed settles a claim of a webhook that lets later deliveries of the key pass after a while.
func settleKeyed(t *testing.T, q *queue, c *delivery.Claim, outcome delivery.Outcome, now, due time.Time) {
	t.Helper()
	st := tried(c, outcome, now)
	st.After, st.OrderMaxWait = wait(now, due), 10*time.Second
	settleAll(t, q, now, st)
}

func boundsTotal(t *testing.T, q *queue) {
	for i := range 8 {
		accept(t, q, at(0), fmt.Sprint(i), hook)
	}
	bounded := delivery.Lane{Webhook: hook, Lease: time.Minute, Total: 3}
	first, _, err := q.Claim(at(0), bounded, 2)
	if err != nil || len(first) != 2 {
		t.Fatalf("%d claimed, %v, want 2", len(first), err)
	}
	second, _, err := q.Claim(at(0), bounded, 5)
	if err != nil || len(second) != 1 {
		t.Fatalf("%d claimed beside 2, %v, want 1 of 3 in all", len(second), err)
	}
	none, again, err := q.Claim(at(0), bounded, 5)
	if err != nil || len(none) != 0 || again.IsZero() || again.After(at(1)) {
		t.Fatalf("%d claimed beside 3, ask again at %v, %v, want none, and to be asked soon", len(none), again, err)
	}
	settle(t, q, first[0], delivery.Delivered, at(1), at(1))
	settle(t, q, first[1], delivery.Retry, at(1), at(30))
	if more, _, err := q.Claim(at(1), bounded, 5); err != nil || len(more) != 2 {
		t.Errorf("%d claimed when two were settled, %v, want 2", len(more), err)
	}
	if after, _, err := q.Claim(at(62), bounded, 5); err != nil || len(after) != 3 {
		t.Errorf("%d claimed when all leases had ended, %v, want 3", len(after), err)
	}
}

func passesOldHead(t *testing.T, q *queue) {
	for i := range 3 {
		acceptKeyed(t, q, at(0), fmt.Sprint(i), "k")
	}
	settleKeyed(t, q, claim(t, q, hook, at(0), 10)[0], delivery.Retry, at(0), at(60))
	wantClaims(t, q, hook, at(9), 10, "")             // while the head has not waited for order_max_wait
	second := wantClaims(t, q, hook, at(10), 10, "1") // when the head has waited for order_max_wait
	wantClaims(t, q, hook, at(30), 10, "")            // beside one of its key that is in flight
	settleKeyed(t, q, second[0], delivery.Delivered, at(30), time.Time{})
	third := wantClaims(t, q, hook, at(30), 10, "2") // behind one that passed the head
	wantClaims(t, q, hook, at(60), 10, "")           // the head is due, beside one of its key that is in flight
	settleKeyed(t, q, third[0], delivery.Delivered, at(60), time.Time{})
	wantClaims(t, q, hook, at(62), 10, "0")
}

func faultShows(t *testing.T, q *queue) {
	e := entry("e", hook)
	e.Wants[0].Dead = "awf-hook.yaml:3:5: webhooks[0].filter: invalid operation"
	acceptAll(t, q, at(0), e)
	lanes, err := q.Lanes(q.set(at(1)))
	if err != nil || len(lanes) != 1 || lanes[0].LastError != e.Wants[0].Dead || !lanes[0].LastErrorAt.Equal(at(0)) || lanes[0].Dead != 1 {
		t.Errorf("lanes %+v, %v, want one with the reason", lanes, err)
	}
}

func dueAfterPause(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 10)
	check := func(now int, want time.Time) {
		t.Helper()
		if l := lanesOf(t, q, at(now))[0]; !l.Due.Equal(want) {
			t.Errorf("at %d s the lane is due at %v, want %v", now, l.Due, want)
		}
	}
	check(0, at(0))
	breakTransform(t, q, at(0), delivery.BreakerFailures)
	check(1, at(5)) // the pause
	probe := claim(t, q, hook, at(5), 10)
	check(6, at(65)) // the probe's lease
	settle(t, q, probe[0], delivery.Delivered, at(6), time.Time{})
	check(7, at(0))
	c := claim(t, q, hook, at(7), 1)[0]
	a := attempt(c, delivery.Dead, at(7))
	a.Gone = true
	settleAll(t, q, at(7), delivery.Settlement{Claim: c, Outcome: delivery.Dead, Attempt: a})
	check(8, time.Time{}) // closed
}

func disables(t *testing.T, q *queue) {
	accept(t, q, at(0), "a", hook, "/other.yaml#one", "/other.yaml#two")
	wantN(t, 2)(q.ChangeLanes(q.set(at(1)), "one", store.Disable("by hand")))
	for _, webhook := range []string{hook, "/other.yaml#one"} {
		wantClaims(t, q, webhook, at(2), 1, "")
	}
	wantClaims(t, q, "/other.yaml#two", at(2), 1, "a") // the other webhook
	if item := list(t, q, delivery.Filter{Webhook: hook})[0]; item.Held != "closed: by hand" {
		t.Errorf("held: %q, want closed: by hand", item.Held)
	}
	wantN(t, 1)(q.ChangeLanes(q.set(at(3)), hook, store.Enable))
	wantClaims(t, q, hook, at(4), 1, "a") // after Enable
}
