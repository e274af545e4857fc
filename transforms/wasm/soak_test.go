package wasm_test

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// TestEventsLeaveNothing runs 20,000 events through both isolations, a million with SOAK (make soak).
func TestEventsLeaveNothing(t *testing.T) {
	events := 20_000
	if os.Getenv("SOAK") != "" {
		events = 1_000_000
	}
	s := newSandbox(t, cacheDir)
	for _, name := range []string{"reshape", "rust"} {
		for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
			m := load(t, s, read(t, guestDir, name+".wasm"), wasm.Options{Isolation: isolation})
			run := func(n int) {
				var wg sync.WaitGroup
				const workers = 4
				for range workers {
					wg.Go(func() {
						for range n / workers {
							if out, err := m.Transform(t.Context(), input(sample)); err != nil || len(out.Body) == 0 {
								t.Errorf("got %s, %v", out.Body, err)
								return
							}
						}
					})
				}
				wg.Wait()
			}
			run(events / 10) // until everything has its size
			debug.FreeOSMemory()
			before := rss()
			start := time.Now()
			run(events)
			took := time.Since(start)
			debug.FreeOSMemory()
			after := rss()
			t.Logf("%s, isolation %v: %d events in %v, RSS %d -> %d KiB",
				name, isolation, events, took.Round(time.Millisecond), before>>10, after>>10)
			if grown := after - before; grown > max(before/10, 4<<20)*slowdown {
				t.Errorf("%s, isolation %v: RSS grew by %d KiB from %d", name, isolation, grown>>10, before>>10)
			}
			if n := s.Instances(); isolation == wasm.IsolateEvent && n != 0 || n > runtime.GOMAXPROCS(0) {
				t.Errorf("%s, isolation %v: %d instances are open", name, isolation, n)
			}
			m.Close()
			if n := s.Instances(); n != 0 {
				t.Errorf("%s, isolation %v: %d instances are left", name, isolation, n)
			}
		}
	}
}

// heldUp is how long the collector may wait for a guest.
const heldUp = 150 * time.Millisecond * slowdown

// TestHostileModulesUnderPressure runs all hostile modules side by side, with good ones between them, while the collector works all the
// time, and looks at how long nothing else could run.
func TestHostileModulesUnderPressure(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	s := newSandbox(t, "")
	good := load(t, s, read(t, guestDir, "reshape.wasm"), wasm.Options{})
	all := hostiles(t)
	slices.SortFunc(all, func(a, b hostile) int { return strings.Compare(a.name[1:], b.name[1:]) })
	for try := 1; ; try++ { // whatever else the machine does, it does not do so each time
		longest, peak := press(t, s, good, all)
		t.Logf("the longest stall was %v, RSS grew by %d MiB", longest, peak>>20)
		if peak > rssOver {
			t.Errorf("RSS grew by %d MiB, want at most %d", peak>>20, rssOver>>20)
		}
		if longest <= heldUp {
			return
		}
		if try == 3 {
			t.Fatalf("the collector was held up for %v, want at most %v", longest, heldUp)
		}
	}
}

// press runs all modules once, and says how long nothing else could run and how far the memory grew.
func press(t *testing.T, s *wasm.Sandbox, good *wasm.Module, all []hostile) (longest time.Duration, peak int64) {
	watch := watchProcess(t)
	watch.begin()
	stalls := watchStalls()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(all)); i = next.Add(1) - 1 {
				h := all[i]
				if _, err := try(t, s, h.module, wasm.Options{}); err == nil || !strings.HasPrefix(err.Error(), h.want) {
					t.Errorf("%s: got %v, want %s", h.name, err, h.want)
				}
				if out, err := good.Transform(t.Context(), input(sample)); err != nil || string(out.Body) != reshaped {
					t.Errorf("beside %s: got %s, %v", h.name, out.Body, err)
				}
			}
		})
	}
	wg.Wait()
	longest = stalls()
	_, peak = watch.end()
	return longest, peak
}

// watchStalls collects garbage without a pause, while another goroutine measures how long it cannot run. It counts only the time that this
// process had on the processors, as a busy machine gives time to others too. The function that it returns gives the longest such time, or
// the longest time that the collector waited if that is less, as a goroutine may also wait for its turn.
func watchStalls() func() time.Duration {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				runtime.GC()
			}
		}
	})
	var longest time.Duration
	wg.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		wall, used := time.Now(), processorTime()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			w, u := time.Now(), processorTime()
			longest = max(longest, min(w.Sub(wall), u-used))
			wall, used = w, u
		}
	})
	before := pauses()
	return func() time.Duration {
		close(stop)
		wg.Wait()
		return min(longest, longestPause(before, pauses()))
	}
}

// pauses are how long the collector had to wait for all goroutines to stop, so far.
func pauses() *metrics.Float64Histogram {
	sample := []metrics.Sample{{Name: "/sched/pauses/stopping/gc:seconds"}}
	metrics.Read(sample)
	return sample[0].Value.Float64Histogram()
}

// longestPause is the lower end of the highest bucket that has more than before.
func longestPause(before, after *metrics.Float64Histogram) time.Duration {
	for i := len(after.Counts) - 1; i > 0; i-- {
		if after.Counts[i] > before.Counts[i] {
			return time.Duration(after.Buckets[i] * float64(time.Second))
		}
	}
	return 0
}
