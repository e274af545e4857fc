package sqlite

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/google/go-cmp/cmp"
)

// Two processes share a queue: each counts its own deliveries apart from the other's, and does not count the other's in
// flight as its own to retry.
func TestLeftOfTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	open := func() *Store {
		s, err := Open(context.Background(), store.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	accept := func(s *Store, prefix string, n int) {
		for i := range n {
			must(t, s.Accept(t.Context(), entries(fmt.Sprint(prefix, i))))
		}
	}
	check := func(s *Store, own, earlier delivery.Counts) {
		t.Helper()
		lanes, err := s.Left(t.Context())
		if err != nil || len(lanes) != 1 {
			t.Fatalf("%d lanes, %v", len(lanes), err)
		}
		if diff := cmp.Diff(delivery.Left{Webhook: "a#one", Own: own, Earlier: earlier}, lanes[0]); diff != "" {
			t.Errorf("left (-want +got):\n%s", diff)
		}
	}
	first, second := open(), open()
	accept(first, "first", 3)
	accept(second, "second", 2)
	check(first, delivery.Counts{Waiting: 3}, delivery.Counts{Waiting: 2})
	check(second, delivery.Counts{Waiting: 2}, delivery.Counts{Waiting: 3})
	claims, _, err := second.Claim(t.Context(), delivery.Lane{Webhook: "a#one", Lease: time.Minute}, 4)
	if err != nil || len(claims) != 4 {
		t.Fatalf("%d claims, %v", len(claims), err)
	}
	own := 0
	for _, c := range claims {
		if c.Own {
			own++
		}
	}
	if own != 1 {
		t.Errorf("%d of the claims are the second's own, want 1", own)
	}
	check(first, delivery.Counts{InFlight: 3}, delivery.Counts{Waiting: 1, InFlight: 1})
	check(second, delivery.Counts{Waiting: 2}, delivery.Counts{Waiting: 3})
	var back []delivery.Settlement
	for _, c := range claims {
		back = append(back, delivery.Settlement{Claim: c, Outcome: delivery.Retry, Attempt: &delivery.Attempt{Number: 1}, After: time.Minute})
	}
	if _, err := second.Settle(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	check(first, delivery.Counts{Retrying: 3}, delivery.Counts{Waiting: 1, Retrying: 1})
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	check(open(), delivery.Counts{}, delivery.Counts{Waiting: 1, Retrying: 4})
}
