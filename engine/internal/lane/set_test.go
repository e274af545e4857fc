package lane

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
)

// A limit for all processes does not slow a lane down that has it for itself.
func TestTotalIsUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n, total, took = 100, 4, 10 * time.Millisecond
		st := memory.Open(store.Options{})
		for i := range n {
			entry := &delivery.Entry{Event: &event.Event{ID: fmt.Sprint(i)}, Wants: []delivery.Want{{Webhook: "w"}}}
			if err := st.Accept(t.Context(), []*delivery.Entry{entry}); err != nil {
				t.Fatal(err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := n
		set := NewSet(st, slog.New(slog.DiscardHandler), func(*delivery.Settlement) {
			if left--; left == 0 {
				cancel()
			}
		})
		set.Add(Options{
			Name: "w", Lane: delivery.Lane{Webhook: "w", Lease: time.Minute, Total: total}, MaxInFlight: total,
			Attempt: func(_ context.Context, c *delivery.Claim) delivery.Settlement {
				time.Sleep(took)
				return delivery.Settlement{Claim: c, Outcome: delivery.Delivered, Attempt: &delivery.Attempt{Took: took}}
			},
		})
		set.LookAt("w", time.Now())
		begun := time.Now()
		if err := set.Run(ctx, func(context.Context) {}); err != nil {
			t.Fatal(err)
		}
		least := n / total * took
		if ran := time.Since(begun); ran > 2*least {
			t.Errorf("%d deliveries took %v, and at least %v is needed", n, ran, least)
		}
	})
}
