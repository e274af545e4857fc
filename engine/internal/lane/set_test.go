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

// late is a store whose claims return a second after they were made.
type late struct{ *memory.Store }

func (s late) Claim(ctx context.Context, lane delivery.Lane, n int) ([]*delivery.Claim, time.Duration, error) {
	claims, next, err := s.Store.Claim(ctx, lane, n)
	time.Sleep(time.Second)
	return claims, next, err
}

// A lane that is closed during a claim makes no attempt with what the claim brings.
func TestRestReachesAClaimUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.Open(store.Options{})
		entry := &delivery.Entry{Event: &event.Event{ID: "a"}, Wants: []delivery.Want{{Webhook: "w"}}}
		if err := st.Accept(t.Context(), []*delivery.Entry{entry}); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		set := NewSet(late{st}, slog.New(slog.DiscardHandler), func(*delivery.Settlement) {})
		set.Add(Options{
			Name: "w", Lane: delivery.Lane{Webhook: "w", Lease: time.Minute}, MaxInFlight: 1,
			Attempt: func(_ context.Context, c *delivery.Claim) delivery.Settlement {
				t.Error("an attempt was made")
				return delivery.Settlement{Claim: c, Outcome: delivery.Delivered}
			},
		})
		set.LookAt("w", time.Now())
		err := set.Run(ctx, func(context.Context) {
			time.Sleep(time.Second / 2)
			if n, err := st.ChangeLanes(t.Context(), "w", store.Disable("by hand")); n != 1 || err != nil {
				t.Errorf("closed %d lanes, %v", n, err)
			}
			set.Rest("w")
			time.Sleep(5 * time.Second)
			cancel()
		})
		if err != nil {
			t.Fatal(err)
		}
		if lanes, err := st.Lanes(t.Context()); err != nil || len(lanes) != 1 || lanes[0].Waiting != 1 {
			t.Errorf("%v, %v: want one delivery that waits", lanes, err)
		}
	})
}

// A lane that was recalled begins and ends as if it had not been, also if nothing was given to it.
func TestRunEndsAfterARecall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := memory.Open(store.Options{})
		set := NewSet(st, slog.New(slog.DiscardHandler), func(*delivery.Settlement) {})
		for range 2 {
			set.Add(Options{Name: "w", Lane: delivery.Lane{Webhook: "w", Lease: time.Minute}, MaxInFlight: 1})
			set.Recall()
			ctx, cancel := context.WithCancel(t.Context())
			if err := set.Run(ctx, func(context.Context) { time.Sleep(time.Second); cancel() }); err != nil {
				t.Fatal(err)
			}
		}
	})
}
