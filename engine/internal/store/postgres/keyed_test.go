package postgres_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
)

// The first deliveries with an order key come into a lane while nodes claim from it: each is claimed once.
func TestLanesFirstKeys(t *testing.T) {
	url := database(t)
	stores := []*postgres.Store{open(t, store.Options{Path: url}), open(t, store.Options{Path: url}), open(t, store.Options{Path: url})}
	const keys = 5
	for round := range 40 {
		webhook := fmt.Sprint("prod#hook", round)
		of := delivery.Lane{Webhook: webhook, Lease: time.Minute}
		var claimed atomic.Int64
		var wg sync.WaitGroup
		for i, s := range stores {
			wg.Go(func() {
				for claimed.Load() < keys && !t.Failed() {
					claims, _, err := s.Claim(t.Context(), of, keys)
					if err != nil {
						t.Error(err)
					}
					claimed.Add(int64(len(claims)))
				}
			})
			if i == 0 {
				wg.Go(func() {
					var entries []*delivery.Entry
					for k := range keys {
						e := entry(fmt.Sprint(round, "-", k), fmt.Sprint("k", k))
						e.Wants[0].Webhook = webhook
						entries = append(entries, e)
					}
					accept(t, s, entries...)
				})
			}
		}
		wg.Wait()
		if n := claimed.Load(); n != keys {
			t.Fatalf("round %d: %d claims of %d deliveries", round, n, keys)
		}
	}
}
