package engine_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// openBench opens an engine that runs until the end of a round of the benchmark.
func openBench(b *testing.B, transport http.RoundTripper, queue, yaml string) (e *engine.Engine, end func()) {
	b.Helper()
	cfg, err := config.Parse("awf-hook.yaml", []byte(yaml), nil)
	if err != nil {
		b.Fatal(err)
	}
	if e, err = engine.Open(cfg, engine.Options{Queue: queue, Transport: transport}); err != nil {
		b.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(context.Background()) })
	return e, func() {
		if err := e.Close(); err != nil {
			b.Error(err)
		}
		running.Wait()
	}
}

func answered() *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("ok"))}
}

// wakeups returns how often a goroutine has been woken so far.
func wakeups() (n uint64) {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(sample)
	for _, count := range sample[0].Value.Float64Histogram().Counts {
		n += count
	}
	return n
}

// BenchmarkDelivery counts what a delivery costs without HTTP: wake-ups of goroutines, allocations and their bytes.
func BenchmarkDelivery(b *testing.B) {
	for _, queue := range []string{"file", "memory"} {
		b.Run(queue, func(b *testing.B) {
			at := engine.Memory
			if queue == "file" {
				at = filepath.Join(b.TempDir(), "queue.db")
			}
			transport := roundTripper(func(*http.Request) (*http.Response, error) { return answered(), nil })
			e, end := openBench(b, transport, at, "webhooks: [{url: 'https://one.test/', max_in_flight: 16}]")
			defer end()
			const events = 20_000
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			woken := wakeups()
			for round := range b.N {
				for i := range events {
					if err := e.Submit(b.Context(), newEvent(fmt.Sprint(round, "-", i))); err != nil {
						b.Fatal(err)
					}
				}
				if err := e.Drain(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
			runtime.ReadMemStats(&after)
			n := float64(events * b.N)
			b.ReportMetric(float64(wakeups()-woken)/n, "wakeups/delivery")
			b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/delivery")
			b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/delivery")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkSlowWebhooks sends each event to 40 webhooks, first alone and then beside ten that take a second for each answer. It reports the
// ratio of the times until the 40 have all events, and the largest number of goroutines beside the ten, when some 3,000 deliveries wait.
func BenchmarkSlowWebhooks(b *testing.B) {
	const good, slow, events = 40, 10, 300
	var mu sync.Mutex
	left := 0
	all := make(chan struct{}, 1)
	transport := roundTripper(func(r *http.Request) (*http.Response, error) {
		if r.URL.Host == "slow.test" {
			time.Sleep(time.Second)
			return answered(), nil
		}
		mu.Lock()
		defer mu.Unlock()
		if left--; left == 0 {
			all <- struct{}{}
		}
		return answered(), nil
	})
	measure := func(slow int) (took time.Duration, goroutines int) {
		var yaml strings.Builder
		yaml.WriteString("webhooks:\n")
		for range good {
			yaml.WriteString("  - {url: 'https://good.test/'}\n")
		}
		for range slow {
			yaml.WriteString("  - {url: 'https://slow.test/'}\n")
		}
		before := runtime.NumGoroutine()
		e, end := openBench(b, transport, filepath.Join(b.TempDir(), "queue.db"), yaml.String())
		defer end()
		mu.Lock()
		left = good * events
		mu.Unlock()
		begun := time.Now()
		for i := range events {
			if err := e.Submit(b.Context(), newEvent(fmt.Sprint(i))); err != nil {
				b.Fatal(err)
			}
			goroutines = max(goroutines, runtime.NumGoroutine()-before)
		}
		<-all
		return time.Since(begun), goroutines
	}
	var ratios []float64
	most := 0
	for range 3 * b.N {
		alone, _ := measure(0)
		beside, goroutines := measure(slow)
		ratios, most = append(ratios, float64(beside)/float64(alone)), max(most, goroutines)
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "x-without-slow")
	b.ReportMetric(float64(most), "goroutines")
	b.ReportMetric(0, "ns/op")
}
