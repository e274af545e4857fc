package postgres_test

import (
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
)

// BenchmarkStores measures events per second from acceptance to outcome, in batches, with 1, 2 and 4 processes' stores on
// one database, compared with SQLite's file in the same run.
func BenchmarkStores(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		s, err := sqlite.Open(b.Context(), store.Options{Path: filepath.Join(b.TempDir(), "state", "queue.db")})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		work(b, []store.Queue{s})
	})
	for _, nodes := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("postgres-%d", nodes), func(b *testing.B) {
			url := database(b)
			var stores []store.Queue
			for range nodes {
				stores = append(stores, open(b, store.Options{Path: url}))
			}
			work(b, stores)
		})
	}
}

// work accepts b.N batches of 256 events, and claims and settles them.
func work(b *testing.B, stores []store.Queue) {
	const batch = 256
	var begun, done atomic.Int64
	total := int64(b.N) * batch
	b.ResetTimer()
	var wg sync.WaitGroup
	for _, s := range stores {
		wg.Go(func() {
			for n := begun.Add(1); n <= int64(b.N); n = begun.Add(1) {
				var entries []*delivery.Entry
				for i := range batch {
					entries = append(entries, entry(fmt.Sprintf("%d-%d", n, i), ""))
				}
				if err := s.Accept(b.Context(), entries); err != nil {
					b.Error(err)
				}
			}
			for done.Load() < total && !b.Failed() {
				claims, _, err := s.Claim(b.Context(), lane, 100)
				if err != nil {
					b.Error(err)
				}
				var settlements []delivery.Settlement
				for _, c := range claims {
					settlements = append(settlements, attempted(c, delivery.Delivered))
				}
				if len(settlements) > 0 {
					if _, err := s.Settle(b.Context(), settlements); err != nil {
						b.Error(err)
					}
				}
				done.Add(int64(len(claims)))
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(total)/b.Elapsed().Seconds(), "deliveries/s")
}
