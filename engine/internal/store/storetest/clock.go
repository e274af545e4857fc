package storetest

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/google/go-cmp/cmp"
)

// A clock was days ahead and is corrected: what it stored is due now, and waits that a right clock can have stored go on.
func clockJumps(t *testing.T, q *queue) {
	accept(t, q, at(0), "waits", hook)
	settle(t, q, claim(t, q, hook, at(0), 1)[0], delivery.Retry, at(0), at(0).Add(store.MaxWait))
	accept(t, q, at(0), "rests", "two")
	rests := claim(t, q, "two", at(0), 1)[0]
	a := attempt(rests, delivery.Retry, at(0))
	a.RetryAfter = store.MaxWait
	settleAll(t, q, at(0), delivery.Settlement{Claim: rests, Outcome: delivery.Retry, Attempt: a, After: a.RetryAfter})
	accept(t, q, at(0), "in flight", "three")
	flies := claim(t, q, "three", at(0), 1)

	for _, set := range []time.Duration{0, time.Second, 30 * time.Minute} { // small corrections are not jumps
		q.keep(t, at(0).Add(-set))
		for _, webhook := range []string{hook, "two", "three"} {
			wantClaims(t, q, webhook, at(0).Add(-set), 1, "")
		}
	}
	before := at(0).Add(-72 * time.Hour)
	q.keep(t, before)
	for webhook, want := range map[string]string{hook: "waits", "two": "rests", "three": "in flight"} {
		wantClaims(t, q, webhook, before, 1, want)
	}
	if lost := settleAll(t, q, before, tried(flies[0], delivery.Delivered, before)); len(lost) != 1 {
		t.Error("a claim from before the jump was settled though another one followed")
	}
}

func probeJumps(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 10)
	for _, c := range claim(t, q, hook, at(0), delivery.BreakerFailures) {
		settle(t, q, c, delivery.Retry, at(0), at(1))
	}
	wantClaims(t, q, hook, at(5), 10, "e5") // a probe
	before := at(0).Add(-72 * time.Hour)
	q.keep(t, before)
	wantClaims(t, q, hook, before, 10, "e0") // another one
}

func prunesAfterJump(t *testing.T, q *queue) {
	const day = 24 * time.Hour
	q.keep(t, at(0).Add(30*365*day))
	q.keep(t, at(0))
	accept(t, q, at(0), "a", hook)
	settle(t, q, claim(t, q, hook, at(0), 1)[0], delivery.Delivered, at(1), at(1))
	if items := list(t, q, delivery.Filter{}); len(items) != 1 {
		t.Errorf("%d shown, want the one that was delivered", len(items))
	}
	q.keep(t, at(0).Add(store.DefaultKeep+2*day))
	if items := list(t, q, delivery.Filter{}); len(items) != 0 {
		t.Errorf("%d kept, want none", len(items))
	}
	if known := accept(t, q, at(0).Add(store.DefaultKeep+2*day), "a", hook); known != 1 {
		t.Error("an id is forgotten too early")
	}
}

func rateJumps(t *testing.T, q *queue) {
	acceptMany(t, q, at(0), "e", 10)
	limited := delivery.Lane{Webhook: hook, Lease: time.Minute, Rate: 1, Burst: 1}
	before := at(0).Add(-72 * time.Hour)
	for _, now := range []time.Time{at(0), before, before.Add(time.Second)} {
		if now.Before(at(0)) {
			q.keep(t, now)
		}
		claims, _, err := q.Claim(now, limited, 10)
		if err != nil || len(claims) != 1 {
			t.Fatalf("%d claimed at %v, %v, want one a second", len(claims), now, err)
		}
	}
}

// A wait that a wrong clock stored, if shorter than the longest wait, looks like a right one, and can be made due by
// hand.
func clockShows(t *testing.T, q *queue) {
	accept(t, q, at(20*3600), "wrong", hook)
	accept(t, q, at(0), "right", hook)
	settle(t, q, claim(t, q, hook, at(0), 1)[0], delivery.Retry, at(0), at(20*3600))
	held := map[string]string{}
	for _, item := range list(t, q, delivery.Filter{}) {
		held[item.Event.ID] = item.Held
	}
	want := map[string]string{"right": "", "wrong": "due in 19h59m50s, stored while the clock was at 2026-03-02T08:00:00Z"}
	if diff := cmp.Diff(want, held); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	wantN(t, 2)(q.Replay(q.set(at(11)), delivery.Filter{State: delivery.Due}, delivery.Change{}))
	claims := wantClaims(t, q, hook, at(11), 10, "wrong right")
	for _, c := range claims {
		if c.Delivery.EventID == "right" && (c.Delivery.Spent != 1 || !c.Delivery.Since.Equal(at(0))) {
			t.Errorf("%d spent since %v, want the budget as it was", c.Delivery.Spent, c.Delivery.Since)
		}
	}
}
