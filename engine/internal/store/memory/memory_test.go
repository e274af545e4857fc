package memory_test

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
	"github.com/awf-project/awf-hook/engine/internal/store/storetest"
	"github.com/google/go-cmp/cmp"
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

// What could not move is as it was: nothing that was delivered, dropped or given up is sent again, and what waits is due.
func TestUnpackedDeliveriesAreAsTheyWere(t *testing.T) {
	now := time.Now()
	s := memory.Open(store.Options{Now: func() time.Time { return now }})
	for id, outcome := range map[string]delivery.Outcome{"waits": 0, "sent": delivery.Delivered, "no": delivery.Dropped, "lost": delivery.Dead} {
		entry := &delivery.Entry{Event: &event.Event{ID: id, Type: "workflow_end"}, Wants: []delivery.Want{{Webhook: "hook"}}}
		if id != "waits" {
			entry.Wants[0].Take = time.Minute
		}
		if err := s.Accept(t.Context(), []*delivery.Entry{entry}); err != nil {
			t.Fatal(err)
		}
		for _, c := range entry.Claims {
			if lost, err := s.Settle(t.Context(), []delivery.Settlement{{Claim: c, Outcome: outcome}}); err != nil || len(lost) > 0 {
				t.Fatal(lost, err)
			}
		}
	}
	before, err := s.Lanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if packed := s.Pack(); len(packed) != 4 {
			t.Errorf("%d deliveries are packed, want 4", len(packed))
		}
		s.Unpack()
	}
	after, err := s.Lanes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("lanes (-before +after)\n%s", diff)
	}
	now = now.Add(time.Hour) // after the ends of their leases
	claims, _, err := s.Claim(t.Context(), delivery.Lane{Webhook: "hook", Lease: time.Minute}, 10)
	if err != nil || len(claims) != 1 || claims[0].Delivery.EventID != "waits" {
		t.Errorf("%d claims, %v, want the one that waits", len(claims), err)
	}
}
