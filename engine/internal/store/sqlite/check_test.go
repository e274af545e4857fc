package sqlite

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// entry returns an entry of an event with an id, for one webhook.
func entry(id, key string) *delivery.Entry {
	return &delivery.Entry{
		Event: &event.Event{ID: id, Type: "workflow_end", Timestamp: time.Now()}, Wants: []delivery.Want{{Webhook: "a#one", OrderKey: key}},
	}
}

// entries returns entries without a key.
func entries(ids ...string) (list []*delivery.Entry) {
	for _, id := range ids {
		list = append(list, entry(id, ""))
	}
	return list
}

// Check says what is wrong with a file that somebody changed by hand, and nothing else.
func TestDamagedFiles(t *testing.T) {
	for _, tt := range []struct{ change, want string }{
		{`UPDATE lanes SET webhook = webhook`, ""},
		{`UPDATE deliveries SET lane = 99 WHERE state = 0`, "belong to no lane"},
		{`DELETE FROM events WHERE id = 'waits'`, "have lost their event"},
		{`UPDATE deliveries SET state = 77 WHERE state = 0`, "state that this awf-hook does not know"},
		{`DELETE FROM deliveries WHERE state = 1`, "events have no delivery"},
		{`UPDATE deliveries SET state = 2 WHERE order_key IS NOT NULL AND state = 0`, "wait behind a key"},
		{`UPDATE deliveries SET order_key = NULL WHERE state = 5`, "wait behind a key"},
		{`UPDATE deliveries SET state = 0, owner = 1, due_at = 1e13 WHERE order_key IS NOT NULL`, "two deliveries in flight"},
		{`UPDATE deliveries SET done_at = 0`, "no time at which they ended"},
		{`UPDATE deliveries SET attempts = -1`, "below zero"},
		{`UPDATE events SET stamp = 'yesterday'`, "a time that cannot be read"},
		{`UPDATE events SET stamp = '10000-01-01T00:00:00Z'`, "a time that cannot be read"},
		{`UPDATE lanes SET waiting = waiting + 1`, "miscount what waits"},
		{`UPDATE lanes SET dead_letters = 0`, "miscount their dead letters"},
		{`UPDATE deliveries SET state = 8 WHERE state = 0`, "run awf-hook queue move again"},
	} {
		change, want := tt.change, tt.want
		s, err := Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "queue.db")})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		if err := s.Accept(ctx, entries("delivered", "dead")); err != nil {
			t.Fatal(err)
		}
		claims, _, err := s.Claim(ctx, delivery.Lane{Webhook: "a#one", Lease: time.Minute}, 2)
		if err != nil || len(claims) != 2 {
			t.Fatalf("%d claimed, %v", len(claims), err)
		}
		if _, err := s.Settle(ctx, []delivery.Settlement{
			{Claim: claims[0], Outcome: delivery.Delivered}, {Claim: claims[1], Outcome: delivery.Dead, Reason: "gone"},
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Accept(ctx, []*delivery.Entry{entry("waits", ""), entry("first", "k"), entry("second", "k")}); err != nil {
			t.Fatal(err)
		}
		if err := s.write(ctx, func(tx *tx) { tx.run(change) }); err != nil {
			t.Fatalf("%s: %v", change, err)
		}
		wrong, err := s.Check(context.WithoutCancel(ctx))
		said := strings.Join(wrong, "\n")
		if err != nil || !strings.Contains(said, want) || (want == "") != (said == "") {
			t.Errorf("%s: Check = %q, %v, want %q", change, wrong, err, want)
		}
		_ = s.Close()
	}
}
