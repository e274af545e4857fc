package meter_test

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
	"github.com/google/go-cmp/cmp"
)

// whole is a module with everything that Module tells of.
func whole() build {
	functions := list("\x00"+vec(3, "log"), "\x01"+vec(3, "run"))
	names := section(0, vec(4, "name")+"\x00"+vec(4, vec(3, "mod"))+"\x01"+vec(11, functions)+"\x02"+vec(1, "\x00"))
	language := vec(8, "language") + list(vec(1, "C")+vec(3, "C11"))
	producers := section(0, vec(9, "producers")+list(language, vec(12, "processed-by")+list(vec(5, "clang")+vec(2, "19"))))
	return build{
		types:   []string{sig(i32+i64, ""), sig("", i64), sig(v128, i32+i32)},
		imports: list(vec(3, "awf") + vec(3, "log") + "\x00\x00"), imported: 1,
		bodies: []string{body("", constant64(7))}, of: []int{1},
		memory: "\x01\x00\x02", table: "\x01\x70\x00\x05", globals: list("\x7f\x00" + constant(1) + end),
		exports: []string{export("memory", 2, 0), export("table", 1, 0), export("g", 3, 0), export("again", 0, 0)},
		custom:  names + producers + section(0, vec(7, "dropped")+"rubbish"),
	}
}

func TestModuleTellsWhatItIs(t *testing.T) {
	m, err := meter.Rewrite(whole().wasm(), limits())
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(m.Wasm, []byte("rubbish")) || bytes.Contains(m.Wasm, []byte("mod")) || !bytes.Contains(m.Wasm, []byte("\x01\x03run")) {
		t.Errorf("custom sections of %q, want the functions' names and nothing else", m.Wasm)
	}
	log, run := meter.Signature{Params: i32 + i64}, meter.Signature{Results: i64}
	m.Wasm = nil
	want := &meter.Module{
		Imports: []meter.Import{{Module: "awf", Name: "log", Signature: log}},
		Exports: []meter.Export{
			{Name: "memory", Kind: meter.Memory}, {Name: "table", Kind: meter.Table}, {Name: "g", Kind: meter.Global},
			{Name: "again", Kind: meter.Func, Signature: log}, {Name: "a", Kind: meter.Func, Signature: run},
		},
		MinPages: 2, MaxPages: 256, InitialFuel: 50_000_000 - 100_000 - 1_400, UncountedStack: 130, Functions: 1, Compiled: 32,
		Producers: []meter.Producer{{Field: "language", Name: "C", Version: "C11"}, {Field: "processed-by", Name: "clang", Version: "19"}},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("Rewrite (-want +got):\n%s", diff)
	}
	vectors := meter.Signature{Params: v128, Results: i32 + i32}
	if got, want := log.String()+", "+run.String()+", "+vectors.String(), "(i32, i64), () -> i64, (v128) -> (i32, i32)"; got != want {
		t.Errorf("signatures %s, want %s", got, want)
	}
	if got := meter.Table.String(); got != "table" {
		t.Errorf("Table.String() = %s", got)
	}
}

func TestTrapNamesTheGuestsFunctions(t *testing.T) {
	b := build{bodies: []string{body("", "\x00")}, custom: section(0, vec(4, "name")+"\x01"+vec(8, list("\x00"+vec(5, "crash"))))}
	g := newGuest(t, b.wasm(), limits())
	if _, err := g.ExportedFunction("a").Call(t.Context()); err == nil || !strings.Contains(err.Error(), "crash") {
		t.Errorf("trap = %v, want the function's name in it", err)
	}
}

func TestBrokenCustomSectionsAreDropped(t *testing.T) {
	for name, custom := range map[string]string{
		"names cut short":     section(0, vec(4, "name")+"\x01\x05\x01"),
		"names too many":      section(0, vec(4, "name")+"\x01"+vec(4, u32(70_000)+"\x00")),
		"names out of order":  section(0, vec(4, "name")+"\x01"+vec(7, list("\x01"+vec(1, "a"), "\x00"+vec(1, "b")))),
		"names of none":       section(0, vec(4, "name")+"\x01"+vec(4, list("\x09"+vec(1, "a")))),
		"names not in UTF-8":  section(0, vec(4, "name")+"\x01"+vec(4, list("\x00"+vec(1, "\xff")))),
		"producers of rubble": section(0, vec(9, "producers")+"\xff\xff\xff"),
		"an empty one":        section(0, "\x00"),
	} {
		m, err := meter.Rewrite(build{bodies: []string{body("", nop)}, custom: custom}.wasm(), limits())
		if err != nil || bytes.Contains(m.Wasm, []byte("name")) || len(m.Producers) > 0 {
			t.Errorf("%s: Rewrite = %v, want the section dropped", name, err)
		}
	}
}

func TestMemoryAndTablesCannotGrowBeyondTheLimits(t *testing.T) {
	l := limits()
	l.MemoryPages = 3
	for _, memory := range []string{"\x01\x00\x01", "\x01\x01\x01\x02", "\x01\x01\x01" + u32(60_000)} {
		three := constant(1) + grow + drop + constant(1) + grow + drop + constant(1) + grow
		b := build{types: []string{sig("", i32)}, bodies: []string{body("", three)}, memory: memory}
		g := newGuest(t, b.wasm(), l)
		results, err := g.ExportedFunction("a").Call(t.Context())
		if err != nil || int32(results[0]) != -1 || g.meter.MaxPages > 3 {
			t.Errorf("the third page more of memory %q = %v, %v with MaxPages %d, want -1 and at most 3", memory, results, err, g.meter.MaxPages)
		}
	}
	growTwice := "\xd0\x70" + constant(65_535) + "\xfc\x0f\x00" + drop + "\xd0\x70" + constant(1) + "\xfc\x0f\x00"
	b := build{types: []string{sig("", i32)}, bodies: []string{body("", growTwice)}, table: "\x01\x70\x00\x01"}
	results, err := newGuest(t, b.wasm(), limits()).ExportedFunction("a").Call(t.Context())
	if err != nil || int32(results[0]) != -1 {
		t.Errorf("growing a table beyond 65536 = %v, %v, want -1", results, err)
	}
}

func TestRewriteIsDeterministic(t *testing.T) {
	for _, wasm := range seeds(t) {
		first, err := meter.Rewrite(wasm, limits())
		if err != nil {
			continue // a module of the suite that imports what a guest may not
		}
		for range 3 {
			if again, err := meter.Rewrite(wasm, limits()); err != nil || !bytes.Equal(first.Wasm, again.Wasm) {
				t.Fatalf("Rewrite again = %v with other bytes, want the same", err)
			}
		}
	}
}

func TestDoublingCallsAreMetered(t *testing.T) {
	bodies := make([]string, 40)
	for i := range bodies {
		bodies[i] = body("", call(min(i+1, 39))+call(min(i+1, 39)))
	}
	bodies[39] = body("", nop)
	g := newGuest(t, build{bodies: bodies}.wasm(), limits())
	used := processorTime()
	if _, err := g.ExportedFunction("a").Call(t.Context()); err == nil || g.fuel() >= 0 {
		t.Errorf("2^39 calls = %v with %d fuel left, want a trap", err, g.fuel())
	}
	if took := processorTime() - used; took > 5*time.Second {
		t.Errorf("stopped after %v, want less than 5s", took)
	}
}

// processorTime returns the processor time that this process has used.
func processorTime() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func TestStormsRunOutOfFuel(t *testing.T) {
	for name, wasm := range storms() {
		l := limits()
		l.Fuel = 5_000_000
		g := newGuest(t, wasm, l)
		used := processorTime()
		if _, err := g.ExportedFunction("a").Call(t.Context(), 0); err == nil || g.fuel() >= 0 {
			t.Errorf("%s: ended with %v and %d fuel left, want a trap without any", name, err, g.fuel())
		}
		if took := processorTime() - used; took > 2*time.Second { // 20 ms on a machine at rest
			t.Errorf("%s: 5 M fuel lasted %v, want less than 2s", name, took)
		}
	}
}

// Large but honest modules are taken, and rewriting takes time in proportion.
func TestLargeModules(t *testing.T) {
	functions := func(n int) []byte {
		bodies := make([]string, n)
		for i := range bodies {
			bodies[i] = body("\x01\x08"+i64, repeat(get(0)+constant64(3)+"\x7c"+set(0), 20)+call((i+1)%n))
		}
		return build{bodies: bodies}.wasm()
	}
	times := [2]time.Duration{time.Hour, time.Hour}
	for i, n := range []int{1_000, 8_000} {
		wasm := functions(n)
		for range 5 {
			start := processorTime()
			m, err := meter.Rewrite(wasm, limits())
			if err != nil || m.Functions != n {
				t.Fatalf("Rewrite of %d functions = %v", n, err)
			}
			times[i] = min(times[i], processorTime()-start)
		}
	}
	if ratio := float64(times[1]) / float64(times[0]); ratio > 30 { // 64 if it were quadratic
		t.Errorf("8 times the functions take %.1f times as long: %v", ratio, times)
	}
	locals := build{bodies: []string{body("\x01"+u32(19_999)+i64, repeat(get(19_998)+"\x50"+drop, 1000))}}
	nested := strings.Repeat(block, 4_000) + constant(3) + "\x0e" + u32(4000) + repeat("\x01", 4001) + strings.Repeat(end, 4_000)
	nest := build{bodies: []string{body("", nested)}}
	for name, b := range map[string]build{"20,000 locals": locals, "4,000 blocks and targets": nest} {
		g := newGuest(t, b.wasm(), limits())
		if cost := g.cost(t, "a"); cost < 1000 {
			t.Errorf("%s cost %d fuel", name, cost)
		}
	}
}
