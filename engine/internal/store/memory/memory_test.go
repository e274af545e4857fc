package memory_test

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
	"github.com/awf-project/awf-hook/engine/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(_ *testing.T, now func() time.Time) store.Queue {
		return memory.Open(store.Options{Now: now})
	})
}

// Deliveries that are moving to another store still wait, so a drain must not take their lane for one in which nothing
// may be claimed.
func TestMovingDeliveriesAreAboutToBeDue(t *testing.T) {
	s := memory.Open(store.Options{})
	entry := &delivery.Entry{Event: &event.Event{ID: "a", Type: "workflow_end"}, Wants: []delivery.Want{{Webhook: "hook"}}}
	if err := s.Accept(t.Context(), []*delivery.Entry{entry}); err != nil {
		t.Fatal(err)
	}
	s.Pack()
	lanes, err := s.Lanes(t.Context())
	if err != nil || len(lanes) != 1 || lanes[0].Waiting != 1 || lanes[0].Due.IsZero() {
		t.Errorf("%+v, %v, want one that waits and is due", lanes, err)
	}
}

// A failed move puts back only what waits: a dead letter and what was delivered are never claimed again.
func TestUnpackedDeliveriesKeepTheirStates(t *testing.T) {
	now := time.Now()
	s := memory.Open(store.Options{Now: func() time.Time { return now }})
	for _, id := range []string{"delivered", "dead", "due"} {
		entry := &delivery.Entry{Event: &event.Event{ID: id, Type: "workflow_end"}, Wants: []delivery.Want{{Webhook: "hook"}}}
		if err := s.Accept(t.Context(), []*delivery.Entry{entry}); err != nil {
			t.Fatal(err)
		}
	}
	lane := delivery.Lane{Webhook: "hook", Lease: time.Minute}
	claims, _, err := s.Claim(t.Context(), lane, 2)
	if err != nil || len(claims) != 2 {
		t.Fatalf("claimed %d, %v, want 2", len(claims), err)
	}
	settlements := []delivery.Settlement{{Claim: claims[0], Outcome: delivery.Delivered}, {Claim: claims[1], Outcome: delivery.Dead}}
	if lost, err := s.Settle(t.Context(), settlements); err != nil || len(lost) > 0 {
		t.Fatalf("Settle: %d lost, %v", len(lost), err)
	}
	s.Pack()
	s.Unpack()
	now = now.Add(time.Hour)
	claims, _, err = s.Claim(t.Context(), lane, 10)
	if err != nil || len(claims) != 1 || claims[0].Event.ID != "due" {
		t.Errorf("claimed %d, %v, want only the one that waits", len(claims), err)
	}
}

// A claim that ended late does not end the hold of the claim that another store made after it.
func TestLateReleaseLeavesTheHoldOfAnother(t *testing.T) {
	now := time.Now()
	s := memory.Open(store.Options{Now: func() time.Time { return now }})
	claim := func(id string) *delivery.Claim {
		return &delivery.Claim{
			Delivery: delivery.Delivery{ID: id, Webhook: "hook"}, Event: &event.Event{ID: id}, OrderKey: "k", Until: now.Add(time.Minute),
		}
	}
	late := claim("late")
	s.Hold(late)
	now = now.Add(2 * time.Minute)
	current := claim("current")
	s.Hold(current)
	s.Release(late)
	take := func(id string) int {
		entry := &delivery.Entry{
			Event: &event.Event{ID: id, Type: "workflow_end"}, Wants: []delivery.Want{{Webhook: "hook", OrderKey: "k", Take: time.Minute}},
		}
		if err := s.Accept(t.Context(), []*delivery.Entry{entry}); err != nil {
			t.Fatal(err)
		}
		claims, _, err := s.Claim(t.Context(), delivery.Lane{Webhook: "hook", Lease: time.Minute}, 10)
		if err != nil {
			t.Fatal(err)
		}
		return len(entry.Claims) + len(claims)
	}
	if n := take("next"); n != 0 {
		t.Errorf("%d claimed while another store has a delivery of the key in flight, want none", n)
	}
	s.Release(current)
	now = now.Add(store.KeyPatience)
	if n := take("after"); n != 1 {
		t.Errorf("%d claimed after the release, want the next one", n)
	}
}

// Whatever their lengths, and however often they are renewed, leases end at their times.
func TestLeasesEndAtTheirTimes(t *testing.T) {
	now := time.Now()
	s := memory.Open(store.Options{Now: func() time.Time { return now }})
	claim := func(lease time.Duration) (ids string) {
		t.Helper()
		claims, _, err := s.Claim(t.Context(), delivery.Lane{Webhook: "hook", Lease: lease}, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range claims {
			ids += c.Event.ID
		}
		return ids
	}
	accept := func(id string, take time.Duration) *delivery.Claim {
		t.Helper()
		want := delivery.Want{Webhook: "hook", Take: take}
		entry := &delivery.Entry{Event: &event.Event{ID: id, Type: "workflow_end"}, Wants: []delivery.Want{want}}
		if err := s.Accept(t.Context(), []*delivery.Entry{entry}); err != nil || len(entry.Claims) != 1 {
			t.Fatalf("%s: %d claims, %v", id, len(entry.Claims), err)
		}
		return entry.Claims[0]
	}
	accept("a", 60*time.Second)
	b := accept("b", 10*time.Second)
	accept("c", 30*time.Second)
	accept("d", 10*time.Second)
	if held, err := s.Renew(t.Context(), b, 40*time.Second); !held || err != nil {
		t.Fatalf("Renew: %v, %v", held, err)
	}
	for _, step := range []struct {
		after time.Duration
		want  string
	}{{9 * time.Second, ""}, {11 * time.Second, "d"}, {31 * time.Second, "c"}, {41 * time.Second, "b"}, {61 * time.Second, "a"}} {
		begun := now
		now = begun.Add(step.after)
		if got := claim(time.Hour); got != step.want {
			t.Errorf("after %v: claimed %q, want %q", step.after, got, step.want)
		}
		lanes, err := s.Lanes(t.Context())
		if err != nil || !lanes[0].Due.After(now) {
			t.Errorf("after %v: %+v, %v, want the end of the next lease", step.after, lanes, err)
		}
		now = begun
	}
}
