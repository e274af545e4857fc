package wasm_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// A module with 64 long calls in flight delays the calls of another by the length of a few of its own, not of all.
func TestModulesShareTheProcessors(t *testing.T) {
	s := newSandbox(t, "")
	slow := load(t, s, read(t, hostileDir, "loop.wasm"), wasm.Options{Limits: wasm.Limits{Fuel: 200_000_000}})
	quick := load(t, s, read(t, guestDir, "echo.wasm"), wasm.Options{})
	start := time.Now()
	if _, err := slow.Transform(t.Context(), input(sample)); !errors.Is(err, wasm.ErrFuel) {
		t.Fatal(err)
	}
	once := time.Since(start)

	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	defer busy.Wait()
	defer cancel()
	const inFlight = 64
	started := make(chan struct{}, inFlight)
	for range inFlight {
		busy.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				if i == 0 {
					started <- struct{}{}
				}
				slow.Transform(ctx, input(sample))
			}
		})
	}
	for range inFlight {
		<-started
	}
	for _, calls := range []int{1, inFlight} {
		start := time.Now()
		var wg sync.WaitGroup
		for range calls {
			wg.Go(func() {
				if _, err := quick.Transform(t.Context(), input(sample)); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		took := time.Since(start)
		t.Logf("%d calls took %v beside calls of %v", calls, took, once)
		if took > 8*once {
			t.Errorf("%d quick calls took %v beside %d calls of %v each, want at most %v", calls, took, inFlight, once, 8*once)
		}
	}
}

// Calls that give up while they wait, or just as their turn comes, leave the slots to others.
func TestCallsThatGiveUpLeaveTheirTurn(t *testing.T) {
	s := newSandbox(t, "")
	modules := []*wasm.Module{
		load(t, s, read(t, guestDir, "echo.wasm"), wasm.Options{}),
		load(t, s, read(t, guestDir, "reshape.wasm"), wasm.Options{}),
	}
	var wg sync.WaitGroup
	for i := range 8 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for round := range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration((i+round)%40)*time.Microsecond)
				if _, err := modules[i%2].Transform(ctx, input(sample)); err != nil && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	for _, m := range modules {
		if _, err := m.Transform(t.Context(), input(sample)); err != nil {
			t.Errorf("after all: %v", err)
		}
	}
}
