package wasm_test

import (
	"bytes"
	"context"
	"slices"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/transforms/wasm"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// bare is an instance as wazero runs it, without limits: what Transform is measured against.
type bare struct {
	mod              api.Module
	alloc, transform api.Function
	stack            [2]uint64
}

func newBare(b *testing.B, module []byte, endsWithContext bool) *bare {
	b.Helper()
	r := wazero.NewRuntimeWithConfig(b.Context(), wazero.NewRuntimeConfig().WithCloseOnContextDone(endsWithContext))
	b.Cleanup(func() { r.Close(context.Background()) })
	wasi_snapshot_preview1.MustInstantiate(b.Context(), r)
	host := r.NewHostModuleBuilder("awf")
	host.NewFunctionBuilder().WithFunc(func(uint32, uint32) {}).Export("fail")
	if _, err := host.Instantiate(b.Context()); err != nil {
		b.Fatal(err)
	}
	mod, err := r.InstantiateWithConfig(b.Context(), module, wazero.NewModuleConfig().WithStartFunctions("_initialize"))
	if err != nil {
		b.Fatal(err)
	}
	return &bare{mod: mod, alloc: mod.ExportedFunction("alloc"), transform: mod.ExportedFunction("transform")}
}

// run does for an event what Transform does.
func (g *bare) run(ctx context.Context, event []byte) []byte {
	g.stack[0] = uint64(len(event))
	if err := g.alloc.CallWithStack(ctx, g.stack[:1]); err != nil {
		panic(err)
	}
	g.mod.Memory().Write(uint32(g.stack[0]), event)
	g.stack[1] = uint64(len(event))
	if err := g.transform.CallWithStack(ctx, g.stack[:]); err != nil {
		panic(err)
	}
	body, ok := g.mod.Memory().Read(uint32(g.stack[0]>>32), uint32(g.stack[0]))
	if !ok || !utf8.Valid(body) || jsonbytes.Check(body) != nil {
		panic("no body")
	}
	return bytes.Clone(body)
}

// measured are the guests that reshape events, and the examples' Slack messages.
func measured(b *testing.B) map[string][]byte {
	all := guests(b)
	for _, name := range []string{"slack-c", "slack-rust", "slack-assemblyscript"} {
		all[name] = read(b, "../../examples/transforms", name, "transform.wasm")
	}
	return all
}

// BenchmarkWarm prints how much longer a warm event takes than without metering, and how much less than with wazero's own way of stopping
// a guest, in turns in the same run.
func BenchmarkWarm(b *testing.B) {
	for name, module := range measured(b) {
		b.Run(name, func(b *testing.B) {
			m := load(b, newSandbox(b, cacheDir), module, wasm.Options{Isolation: wasm.IsolateInstance})
			in := input(sample)
			plain, stoppable := newBare(b, module, false), newBare(b, module, true)
			sandboxed := func() {
				if _, err := m.Transform(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			}
			times := inTurns(b, sandboxed, func() { plain.run(context.Background(), in.Body) }, func() {
				ctx, cancel := context.WithTimeout(context.Background(), time.Second)
				stoppable.run(ctx, in.Body)
				cancel()
			})
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(times[0].Seconds()*1e6, "µs")
			b.ReportMetric(times[0].Seconds()/times[1].Seconds(), "x-unmetered")
			b.ReportMetric(times[2].Seconds()/times[0].Seconds(), "x-faster-than-CloseOnContextDone")
			b.ReportMetric(testing.AllocsPerRun(100, sandboxed), "allocs")
		})
	}
}

// BenchmarkPristine prints what an event takes in an instance of its own.
func BenchmarkPristine(b *testing.B) {
	for name, module := range measured(b) {
		b.Run(name, func(b *testing.B) {
			m := load(b, newSandbox(b, cacheDir), module, wasm.Options{})
			in := input(sample)
			times := inTurns(b, func() {
				if _, err := m.Transform(b.Context(), in); err != nil {
					b.Fatal(err)
				}
			})
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(times[0].Seconds()*1e6, "µs")
		})
	}
}

// BenchmarkLoad prints what a process that begins spends on a guest whose code is cached, and on one whose code is not.
func BenchmarkLoad(b *testing.B) {
	for name, module := range guests(b) {
		b.Run(name, func(b *testing.B) {
			once := func(dir string) func() {
				return func() {
					s, err := wasm.New(dir)
					if err != nil {
						b.Fatal(err)
					}
					m, err := s.Load(b.Context(), "step", module, wasm.Options{})
					if err != nil {
						b.Fatal(err)
					}
					if _, err := m.Transform(b.Context(), input(sample)); err != nil {
						b.Fatal(err)
					}
					m.Close()
				}
			}
			once(cacheDir)()
			cached := make([]time.Duration, 10)
			for i := range cached {
				start := time.Now()
				once(cacheDir)()
				cached[i] = time.Since(start)
			}
			start := time.Now()
			once("")()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(time.Since(start).Seconds()*1e3, "ms-compiled")
			slices.Sort(cached)
			b.ReportMetric(cached[len(cached)/2].Seconds()*1e3, "ms-cached")
		})
	}
}

// inTurns runs each in rounds of a few milliseconds and returns what one run took in the best: other processes disturb the rest.
func inTurns(b *testing.B, each ...func()) []time.Duration {
	const rounds, length = 100, 3 * time.Millisecond
	took := make([][]time.Duration, len(each))
	for round := range rounds {
		for i := range each {
			f := each[(i+round)%len(each)]
			n := 0
			start := time.Now()
			for time.Since(start) < length {
				f()
				n++
			}
			took[(i+round)%len(each)] = append(took[(i+round)%len(each)], time.Since(start)/time.Duration(n))
		}
	}
	best := make([]time.Duration, len(each))
	for i := range took {
		best[i] = slices.Min(took[i])
	}
	return best
}
