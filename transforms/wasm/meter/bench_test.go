package meter_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// benchGuests are ours and those of wazero's own benchmark.
func benchGuests(b *testing.B) map[string][]byte {
	guests := map[string][]byte{}
	for name, file := range map[string]string{
		"json.c": "testdata/json.wasm", "tinygo": filepath.Join(wazeroDir(b), "internal/integration_test/bench/testdata/case.wasm"),
	} {
		wasm, err := os.ReadFile(file)
		if err != nil {
			b.Fatal(err)
		}
		guests[name] = wasm
	}
	return guests
}

// BenchmarkMetered prints how much longer a metered function takes than the same unmetered, called in turns in the same run.
func BenchmarkMetered(b *testing.B) {
	guests := benchGuests(b)
	for _, bb := range []struct {
		guest, function string
		arg             uint64
	}{
		{"json.c", "run", 10}, {"tinygo", "fibonacci", 20}, {"tinygo", "string_manipulation", 50},
		{"tinygo", "reverse_array", 500}, {"tinygo", "random_mat_mul", 10},
	} {
		b.Run(bb.guest+"/"+bb.function, func(b *testing.B) {
			l := limits()
			l.Fuel = 1 << 50
			m, err := meter.Rewrite(guests[bb.guest], l)
			if err != nil {
				b.Fatal(err)
			}
			plain, metered := benchInstance(b, guests[bb.guest]), benchInstance(b, m.Wasm)
			fuel := metered.ExportedGlobal(meter.FuelGlobal)
			best := [2]time.Duration{time.Hour, time.Hour}
			before, calls := fuel.Get(), uint64(0)
			for range max(b.N, 2000) {
				for i, instance := range []api.Module{plain, metered} {
					f := instance.ExportedFunction(bb.function)
					start := time.Now()
					if _, err := f.Call(b.Context(), bb.arg); err != nil {
						b.Fatal(err)
					}
					best[i] = min(best[i], time.Since(start))
				}
				calls++
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(best[1])/float64(best[0]), "x-unmetered")
			b.ReportMetric(float64(best[1].Microseconds()), "µs")
			b.ReportMetric(float64((before-fuel.Get())/calls), "fuel")
		})
	}
}

func benchInstance(b *testing.B, wasm []byte) api.Module {
	b.Helper()
	r := newRuntime(b)
	wasi_snapshot_preview1.MustInstantiate(b.Context(), r)
	env := r.NewHostModuleBuilder("env")
	env.NewFunctionBuilder().WithFunc(func(uint32, uint32) {}).Export("get_random_string")
	if _, err := env.Instantiate(b.Context()); err != nil {
		b.Fatal(err)
	}
	instance, err := r.InstantiateWithConfig(b.Context(), wasm, wazero.NewModuleConfig())
	if err != nil {
		b.Fatal(err)
	}
	return instance
}

// storms spend 50 M fuel as slowly as is known.
func storms() map[string][]byte {
	const pages = 256
	memory := "\x01\x01" + u32(pages) + u32(pages)
	shift, lines := constant(6)+"\x74", constant(1<<18-1)+"\x71"
	// Each line of memory holds the address of another, in one cycle through all.
	next := get(0) + constant(1664525) + "\x6c" + constant(1013904223) + "\x6a" + lines + shift
	cycle := loop + get(0) + shift + next + "\x36\x02\x00" + get(0) + constant(1) + "\x6a\x22\x00" + constant(1<<18) + "\x49" + brIf(0) + end
	pad := repeat(get(0)+constant(7)+"\x6c"+set(0), 30) // skipped, for its length
	calls, jumps := "", []string{""}
	for i := range 150 {
		calls += get(0) + call(i+1)
		jumps = append(jumps, body("", repeat(get(0)+if_+pad+end, 200)))
	}
	jumps[0] = body("", loop+calls+br(0)+end)
	sets := ""
	for i := range 400 {
		sets += get(1+(i+1)%400) + constant64(1) + "\x7c" + set(1+i)
	}
	locals := "\x01" + u32(400) + i64
	of := []string{sig(i32, "")}
	inMemory := func(code string) []byte {
		return build{types: of, memory: memory, bodies: []string{body("", code)}}.wasm()
	}
	far := get(0) + constant(1052741) + "\x6a" + constant(1<<24-1) + "\x71\x22\x00" + get(0) + "\x3a\x00\x00"
	return map[string][]byte{
		"a loop":               build{types: of, bodies: []string{body("", loop+br(0)+end)}}.wasm(),
		"loads that wait":      inMemory(cycle + loop + get(0) + repeat("\x28\x02\x00", 200) + set(0) + br(0) + end),
		"stores far apart":     inMemory(loop + repeat(far, 50) + br(0) + end),
		"jumps across code":    build{types: of, bodies: jumps}.wasm(),
		"values that move":     build{types: of, bodies: []string{body(locals, loop+get(0)+if_+sets+end+br(0)+end)}}.wasm(),
		"memory.fill of 16 MB": inMemory(loop + constant(0) + constant(0) + constant(1<<24) + fill + br(0) + end),
		"memory.copy":          inMemory(loop + constant(1) + constant(0) + constant(15<<20) + "\xfc\x0a\x00\x00" + br(0) + end),
	}
}

// BenchmarkStorms prints what 50 M fuel take at worst.
func BenchmarkStorms(b *testing.B) {
	for name, wasm := range storms() {
		b.Run(name, func(b *testing.B) {
			g := newGuest(b, wasm, limits())
			best := time.Hour
			for range b.N {
				g.global(meter.FuelGlobal).Set(uint64(limits().Fuel))
				start := time.Now()
				if _, err := g.ExportedFunction("a").Call(b.Context(), 0); err == nil || g.fuel() >= 0 {
					b.Fatalf("a storm ended by itself: %v", err)
				}
				best = min(best, time.Since(start))
			}
			b.ReportMetric(float64(best.Milliseconds()), "ms/50M-fuel")
		})
	}
}

func BenchmarkRewrite(b *testing.B) {
	for name, wasm := range benchGuests(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(wasm)))
			for b.Loop() {
				if _, err := meter.Rewrite(wasm, limits()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
