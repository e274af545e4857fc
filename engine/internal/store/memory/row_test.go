package memory

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// A dead letter that is replayed again and again takes no more memory than one.
func TestReplaysLeaveNothingBehind(t *testing.T) {
	s := Open(store.Options{})
	for _, id := range []string{"stays", "comes and goes"} {
		e := &delivery.Entry{Event: &event.Event{ID: id, Type: "workflow_end"}, Wants: []delivery.Want{{Webhook: "hook", Dead: "filter"}}}
		if err := s.Accept(t.Context(), []*delivery.Entry{e}); err != nil {
			t.Fatal(err)
		}
	}
	for range 1000 {
		f := delivery.Filter{ID: delivery.ID("comes and goes", "hook"), State: delivery.IsDead}
		if n, err := s.Replay(t.Context(), f, delivery.Change{}); n != 1 || err != nil {
			t.Fatalf("replayed %d, %v", n, err)
		}
		claims, _, err := s.Claim(t.Context(), delivery.Lane{Webhook: "hook", Lease: time.Minute}, 1)
		if err != nil || len(claims) != 1 {
			t.Fatalf("claimed %d, %v", len(claims), err)
		}
		a := &delivery.Attempt{Outcome: delivery.Dead, Blame: delivery.BlameEvent}
		if _, err := s.Settle(t.Context(), []delivery.Settlement{{Claim: claims[0], Outcome: delivery.Dead, Attempt: a}}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(s.final[delivery.IsDead].list); n > 10 {
		t.Errorf("two dead letters have %d entries", n)
	}
}
