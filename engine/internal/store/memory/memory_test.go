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
