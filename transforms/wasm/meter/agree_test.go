package meter_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// agreeFuel is little, so that no mutant runs long.
const agreeFuel = 200_000

// engine compiles many modules. Mutants are run by the interpreter, which is faster where each runs once; wazero's
// compiler sees them in TestHandmadeModulesAgree and in the core suite.
type engine struct {
	runtime wazero.Runtime
	refills *refills
	tally   struct{ mutants, accepted, ran, exhausted, panics int }
}

func newEngine(t testing.TB, config wazero.RuntimeConfig) *engine {
	r := wazero.NewRuntimeWithConfig(context.Background(), config.WithCoreFeatures(api.CoreFeaturesV2).WithMemoryLimitPages(16))
	e := &engine{runtime: r, refills: newRefills()}
	e.refills.provide(t, r)
	return e
}

// compile is CompileModule, which panics on some modules.
func (e *engine) compile(wasm []byte) (c wazero.CompiledModule, err error) {
	defer func() {
		if r := recover(); r != nil {
			e.tally.panics++
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return e.runtime.CompileModule(context.Background(), wasm)
}

// check says how the meter and wazero disagree on a module, or a metered module with the one that it was, or with one that refills.
func (e *engine) check(wasm []byte) error {
	e.tally.mutants++
	limits := meter.Limits{Fuel: agreeFuel, Stack: 1 << 16, MemoryPages: 16}
	m, err := meter.Rewrite(wasm, limits)
	refilling, err2 := meter.Rewrite(wasm, withRefills(limits))
	if (err == nil) != (err2 == nil) {
		return fmt.Errorf("metered: %v, with refills: %v", err, err2)
	}
	if err != nil {
		return nil
	}
	e.tally.accepted++
	metered, meteredErr := e.compile(m.Wasm)
	if meteredErr == nil {
		defer metered.Close(context.Background())
	}
	plain, plainErr := e.compile(withoutCustom(wasm))
	if plainErr == nil {
		defer plain.Close(context.Background())
	}
	if (meteredErr == nil) != (plainErr == nil) {
		return fmt.Errorf("metered: %v, plain: %v", meteredErr, plainErr)
	}
	if meteredErr != nil || len(m.Imports) > 0 {
		return nil
	}
	withRefills, err := e.compile(refilling.Wasm)
	if err != nil {
		return fmt.Errorf("with refills: %w", err)
	}
	defer withRefills.Close(context.Background())
	first, fuel := e.run(metered, m, nil)
	second, again := e.run(withRefills, m, e.refills)
	if fuel != again || first != second {
		return fmt.Errorf("a metered run leaves %d fuel for %s, one with refills %d for %s", fuel, first, again, second)
	}
	if strings.Contains(first, "stopped") {
		e.tally.exhausted++
		return nil
	}
	e.tally.ran++
	if got, _ := e.run(plain, m, nil); got != first && !strings.Contains(string(wasm), "\xfc\x0f") { // table.grow has another limit
		return fmt.Errorf("metered: %s, plain: %s", first, got)
	}
	return nil
}

// run instantiates a module, calls all that it exports, and writes what it saw, which is "stopped" when a limit was reached.
func (e *engine) run(c wazero.CompiledModule, m *meter.Module, of *refills) (seen string, fuel int64) {
	ctx := context.Background()
	instance, err := e.runtime.InstantiateModule(ctx, c, wazero.NewModuleConfig().WithName("").WithStartFunctions())
	if err == nil && of != nil {
		instance.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal).Set(of.begin(instance, uint64(m.InitialFuel)))
	}
	if err == nil && instance.ExportedFunction(meter.StartExport) != nil {
		if _, err = instance.ExportedFunction(meter.StartExport).Call(ctx); err != nil {
			instance.Close(ctx)
		}
	}
	if err != nil {
		if m.HasStart && (strings.Contains(err.Error(), "unreachable") || strings.Contains(err.Error(), errNoFuel.Error())) {
			return "stopped", 0 // or its own: the globals cannot be read
		}
		return "no instance", 0
	}
	defer func() {
		instance.Close(ctx)
		of.forget(instance)
	}()
	left := func(name string) int64 {
		g := instance.ExportedGlobal(name)
		switch {
		case g == nil:
			return 0
		case name == meter.FuelGlobal:
			return int64(of.left(instance, g.Get()))
		}
		return int64(g.Get())
	}
	for _, e := range m.Exports {
		if e.Kind != meter.Func {
			continue
		}
		f := instance.ExportedFunction(e.Name)
		args := make([]uint64, len(f.Definition().ParamTypes())+strings.Count(e.Signature.Params, "\x7b"))
		for i := range args {
			args[i] = uint64(i) + 3
		}
		if strings.ContainsAny(e.Signature.Params, "\x70\x6f") {
			continue // a number is not a reference
		}
		results, err := f.Call(ctx, args...)
		if left(meter.FuelGlobal) < 0 || int32(left(meter.StackGlobal)) < 0 {
			return "stopped", left(meter.FuelGlobal)
		}
		seen += e.Name + " " + describe(e.Signature.Results, results, err) + "\n"
	}
	return seen, left(meter.FuelGlobal)
}

// describe writes results with all NaN alike, and traps by their first line.
func describe(types string, results []uint64, err error) string {
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return first
	}
	text := ""
	for at, i := 0, 0; i < len(types); i++ {
		v := results[at]
		at++
		switch {
		case types[i] == '\x7d' && math.IsNaN(float64(math.Float32frombits(uint32(v)))),
			types[i] == '\x7c' && math.IsNaN(math.Float64frombits(v)):
			text += " nan"
		case types[i] == '\x7d' || types[i] == '\x7f':
			text += fmt.Sprintf(" %#x", uint32(v))
		case types[i] == '\x7b':
			text += " vector" // its lanes may be NaN
			at++
		case types[i] == '\x70' || types[i] == '\x6f':
			text += fmt.Sprint(" null ", v == 0)
		default:
			text += fmt.Sprintf(" %#x", v)
		}
	}
	return text
}

// withoutCustom is a module, as well-formed as the meter takes it, without its custom sections.
func withoutCustom(wasm []byte) []byte {
	out := append([]byte(nil), wasm[:8]...)
	for at := 8; at < len(wasm); {
		start := at
		size, shift := 0, 0
		for at++; ; at++ {
			size |= int(wasm[at]&0x7f) << shift
			shift += 7
			if wasm[at] < 0x80 {
				break
			}
		}
		at += 1 + size
		if wasm[start] != 0 {
			out = append(out, wasm[start:at]...)
		}
	}
	return out
}

// seeds are modules of all sections and many instructions: handmade ones, and small ones of the core test suite.
func seeds(t testing.TB) [][]byte {
	t.Helper()
	var all [][]byte
	for _, b := range handmade() {
		all = append(all, b.wasm())
	}
	dir := filepath.Join(wazeroDir(t), "internal/integration_test/spectest/v2/testdata")
	for _, name := range []string{
		"br_table.0", "call_indirect.0", "loop.0", "if.0", "memory_fill.0", "memory_copy.0", "memory_init.0", "table_copy.1", "table_grow.0",
		"select.0", "labels.0", "switch.0", "fac.0", "memory_grow.0", "block.0", "unwind.0", "start.3", "simd_i32x4_arith.0",
		"simd_lane.0", "i64.0", "f64.0", "conversions.0", "global.0", "ref_func.1", "elem.0", "nop.0", "left-to-right.0",
		"memory_redundancy.0", "float_exprs.0",
	} {
		wasm, err := os.ReadFile(filepath.Join(dir, name+".wasm"))
		if err == nil {
			all = append(all, wasm)
		}
	}
	if len(all) < 30 {
		t.Fatalf("%d seeds, want more: has wazero moved its test suite?", len(all))
	}
	return all
}

// handmade are modules that meet most of what the meter inserts.
func handmade() []build {
	doubling := make([]string, 34)
	for i := range doubling {
		doubling[i] = body("", call(min(i+1, 33))+call(min(i+1, 33)))
	}
	doubling[33] = body("", nop)
	grows := one(loop + constant(1) + grow + drop + get(0) + constant(1) + "\x6b\x22\x00" + brIf(0) + end)
	bulk := one(constant(0) + get(0) + constant(100) + fill + constant(50) + constant(0) + constant(100) + "\xfc\x0a\x00\x00")
	bulk.globals, bulk.datas = list("\x7e\x01"+constant64(7)+end), list("\x00"+constant(0)+end+vec(5, "hello"))
	values := build{types: []string{sig(i32+i64, i64+i32)}, bodies: make([]string, 1)}
	values.bodies[0] = body("\x01\x02"+i64, get(1)+set(2)+get(2)+get(0))
	started := build{bodies: []string{body("", constant(7)+globalSet(0))}, globals: list("\x7f\x01" + constant(1) + end), start: "\x00"}
	started.exports = []string{export("g", 3, 0)}
	return []build{recursive(false), recursive(true), grows, bulk, values, started, {bodies: doubling}}
}

func TestHandmadeModulesAgree(t *testing.T) {
	for _, config := range []wazero.RuntimeConfig{wazero.NewRuntimeConfig(), wazero.NewRuntimeConfigInterpreter()} {
		e := newEngine(t, config)
		for i, b := range handmade() {
			if err := e.check(b.wasm()); err != nil {
				t.Errorf("module %d: %v", i, err)
			}
		}
		if e.tally.accepted != len(handmade()) || e.tally.ran < 4 {
			t.Errorf("%+v, want all accepted and most run", e.tally)
		}
		e.runtime.Close(t.Context())
	}
}

// mutate changes some bytes: to others, to opcodes that the meter minds, away or twice.
func mutate(r *rand.Rand, wasm []byte) []byte {
	out := append([]byte(nil), wasm...)
	interesting := []byte("\x00\x01\x02\x03\x04\x05\x0b\x0c\x0d\x0e\x0f\x10\x11\x1a\x20\x21\x22\x23\x24\x40\x41\x7f\x80\xfc\xfd\xff")
	if r.IntN(20) == 0 { // a function cut short, its length made right
		return cutCode(r, out)
	}
	for range 1 + r.IntN(3) {
		at := 8 + r.IntN(len(out)-8)
		switch r.IntN(5) {
		case 0:
			out[at] = byte(r.Uint32())
		case 1:
			out[at] ^= 1 << r.IntN(8)
		case 2, 3:
			out[at] = interesting[r.IntN(len(interesting))]
		case 4: // swap with a neighbour, so that lengths stay right
			out[at], out[8+(at-7)%(len(out)-8)] = out[8+(at-7)%(len(out)-8)], out[at]
		}
	}
	return out
}

// cutCode makes a module of one function, which is some of the module's bytes.
func cutCode(r *rand.Rand, wasm []byte) []byte {
	from := 8 + r.IntN(len(wasm)-8)
	code := string(wasm[from:min(len(wasm), from+1+r.IntN(60))])
	bodies := []string{vec(1+len(code), "\x00"+code)}
	return build{types: []string{sig(i32, "")}, bodies: bodies, memory: "\x01\x00\x01", table: "\x01\x70\x00\x01"}.wasm()
}

func TestMutantsAgree(t *testing.T) {
	mutants := 3_000
	if os.Getenv(specAll) != "" {
		mutants = 250_000
	}
	all := seeds(t)
	r := rand.New(rand.NewPCG(1, 2))
	e := newEngine(t, wazero.NewRuntimeConfigInterpreter())
	defer func() { e.runtime.Close(context.Background()) }()
	for i := range mutants {
		wasm := mutate(r, all[i%len(all)])
		if err := e.check(wasm); err != nil {
			t.Errorf("mutant %d: %v\n%x", i, err, wasm)
		}
	}
	t.Logf("%+v", e.tally)
	if e.tally.accepted < mutants/20 || e.tally.ran == 0 {
		t.Errorf("%+v: too few are accepted to mean anything", e.tally)
	}
}

// FuzzMeter looks for modules on which the meter panics, on which it and wazero disagree, or which do something else when metered.
func FuzzMeter(f *testing.F) {
	for _, wasm := range seeds(f) {
		f.Add(wasm)
	}
	e := newEngine(f, wazero.NewRuntimeConfigInterpreter())
	f.Fuzz(func(t *testing.T, wasm []byte) {
		if err := e.check(wasm); err != nil {
			t.Error(err)
		}
	})
}
