package meter_test

import (
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// one is a build of a function of (i32) -> () with a memory of one page, four at most.
func one(code string) build {
	return build{types: []string{sig(i32, "")}, bodies: []string{body("", code)}, memory: "\x01\x01\x01\x04"}
}

// unit costs 1 fuel: constants and drop cost nothing.
var unit = constant(0) + "\x45" + drop

func TestCostOfCode(t *testing.T) {
	const free, taken = 0, 1
	long := repeat(unit, 30)
	for _, tt := range []struct {
		name, code string
		arg        uint64
		want       int64
	}{
		{"nothing but the entry", "", 0, 1},
		{"an instruction each", unit + unit + unit, 0, 4},
		{"what becomes no instruction", nop + get(0) + drop + block + end, 0, 1},
		{"code after a branch is paid in advance", get(0) + brIf(0) + long, taken, 32},
		{"a division", constant(7) + constant(2) + "\x6d" + drop, 0, 1 + 8},
		{"a load", constant(0) + "\x28\x02\x00" + drop, 0, 1 + 32},
		{"a store", constant(0) + constant(0) + "\x36\x02\x00", 0, 1 + 10},
		{"a vector", "\xfd\x0c" + strings.Repeat("\x00", 16) + drop, 0, 1 + 4},
		{"a small arm is paid in advance", get(0) + if_ + unit + end, free, 1 + 2},
		{"small arms are not all paid in advance", repeat(get(0)+if_+repeat(unit, 8)+end, 10), free, 1 + 10 + 2*8},
		{"a large arm that is not taken", get(0) + if_ + long + end, free, 1 + 1},
		{"a large arm that is taken", get(0) + if_ + long + end, taken, 1 + 1 + 30},
		{"the large second arm", get(0) + if_ + unit + else_ + long + end, free, 1 + 1 + 2 + 30},
		{"the first of two arms", get(0) + if_ + unit + else_ + long + end, taken, 1 + 1 + 2},
		{"what follows a block that is left", block + get(0) + brIf(0) + br(1) + end + long, taken, 1 + 2 + 30},
		{"what follows a block and is not come to", block + get(0) + brIf(0) + br(1) + end + long, free, 1 + 2},
		{"what follows a block that nothing leaves", block + get(0) + brIf(0) + unit + end + long, taken, 1 + 2 + 30},
		{"what follows a block that is jumped over", block + get(0) + brIf(0) + block + end + long + end, taken, 1 + 1},
		{"what follows a block that is not jumped over", block + get(0) + brIf(0) + block + end + long + end, free, 1 + 1 + 30},
		{"what follows a loop that is returned from", block + loop + get(0) + if_ + "\x0f" + end + end + end + long, taken, 1 + 3},
		{"what follows a loop that ends", block + loop + get(0) + if_ + "\x0f" + end + end + end + long, free, 1 + 3 + 30},
		{"a loop that runs once", loop + unit + end, 0, 1 + 2},
		{"a loop that runs ten times", loop + get(0) + constant(1) + "\x6b\x22\x00" + brIf(0) + end, 10, 1 + 10*4},
		{"memory.fill of nothing", constant(0) + constant(0) + constant(0) + fill, 0, 1 + 48},
		{"memory.fill by length", constant(0) + constant(0) + constant(800) + fill, 0, 1 + 48 + 200},
		{"memory.copy by length", constant(0) + constant(8) + constant(800) + "\xfc\x0a\x00\x00", 0, 1 + 48 + 200},
		{"memory.grow by pages", constant(2) + grow + drop, 0, 1 + 1500 + 2*32768},
		{"memory.grow of nothing", constant(0) + grow + drop, 0, 1 + 1500},
		{"memory.grow that fails", constant(4) + grow + drop, 0, 1 + 1500},
	} {
		g := newGuest(t, one(tt.code).wasm(), limits())
		if got := g.cost(t, "a", tt.arg); got != tt.want {
			t.Errorf("%s costs %d fuel, want %d", tt.name, got, tt.want)
		}
	}
}

func TestCostOfTables(t *testing.T) {
	null := "\xd0\x70"
	three := constant(0) + constant(0)
	for _, tt := range []struct {
		name, code string
		want       int64
	}{
		{"table.init by length", three + constant(3) + "\xfc\x0c\x00\x00", 1 + 48 + 3},
		{"table.copy by length", three + constant(5) + "\xfc\x0e\x00\x00", 1 + 48 + 5},
		{"table.fill by length", constant(0) + null + constant(7) + "\xfc\x11\x00", 1 + 1 + 48 + 7},
		{"table.grow by length", null + constant(9) + "\xfc\x0f\x00" + drop, 1 + 1 + 300 + 9},
		{"ref.func", "\xd2\x00" + drop, 1 + 200},
	} {
		b := build{bodies: []string{body("", tt.code)}, table: "\x01\x70\x00\x0a", elements: list("\x01\x00" + list("\x00", "\x00", "\x00"))}
		if got := newGuest(t, b.wasm(), limits()).cost(t, "a"); got != tt.want {
			t.Errorf("%s costs %d fuel, want %d", tt.name, got, tt.want)
		}
	}
}

func TestCostOfMemoryInitAndDataSegments(t *testing.T) {
	b := one(constant(0) + constant(0) + constant(80) + "\xfc\x08\x00\x00")
	b.count, b.datas = "\x02", list("\x01"+vec(80, repeat("x", 80)), "\x00"+constant(0)+end+vec(64, repeat("y", 64)))
	g := newGuest(t, b.wasm(), limits())
	if got, want := g.cost(t, "a", 0), int64(1+48+20); got != want {
		t.Errorf("memory.init of 80 bytes costs %d fuel, want %d", got, want)
	}
	if got, want := limits().Fuel-g.meter.InitialFuel, int64(100_000+1_000+2*64); got != want {
		t.Errorf("an active segment of 64 bytes costs %d fuel, want %d", got, want)
	}
	few := limits()
	few.Fuel = 101_127
	const want = "an instance costs 101128 fuel to start, want at most 101127"
	if _, err := meter.Rewrite(b.wasm(), few); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Rewrite = %v, want a refusal of what an instance costs", err)
	}
}

func TestCostOfCalls(t *testing.T) {
	imports := list(vec(4, "host") + vec(1, "f") + "\x00\x00")
	table, elements := "\x01\x70\x00\x02", list("\x00"+constant(0)+end+list("\x01", "\x02"))
	small, large := body("", repeat(unit, 9)), body("", repeat(unit, 200))
	for _, tt := range []struct {
		name, code string
		want       int64
	}{
		{"a host function", call(0), 1 + 1 + 300},
		{"a small function is paid by its caller", call(1), 1 + 1 + 24 + 10},
		{"a large function pays itself", call(2), 1 + 1 + 24 + 201},
		{"a small function through the table", constant(0) + callIndirect(0), 1 + 1 + 10 + 32},
		{"a large function through the table", constant(1) + callIndirect(0), 1 + 1 + 10 + 32 + 201},
	} {
		b := build{imports: imports, imported: 1, table: table, elements: elements}
		b.bodies = []string{small, large, body("", tt.code)}
		wasm := b.wasm()
		// The functions called are not exported, since an exported one always pays itself.
		all, last := section(7, list(export("a", 0, 1), export("b", 0, 2), export("c", 0, 3))), section(7, list(export("c", 0, 3)))
		wasm = []byte(strings.Replace(string(wasm), string(all), string(last), 1))
		if got := newGuest(t, wasm, limits()).cost(t, "c"); got != tt.want {
			t.Errorf("%s costs %d fuel, want %d", tt.name, got, tt.want)
		}
	}
}

// recursive calls itself as often as its argument says, through the table if so wanted.
func recursive(indirect bool) build {
	self := call(0)
	if indirect {
		self = constant(0) + callIndirect(0)
	}
	b := one(get(0) + if_ + get(0) + constant(1) + "\x6b" + self + end)
	b.table, b.elements = "\x01\x70\x00\x01", list("\x00"+constant(0)+end+list("\x00"))
	return b
}

func TestStackIsBoundedInCycles(t *testing.T) {
	mutual := recursive(false)
	mutual.bodies = []string{body("", get(0)+if_+get(0)+call(1)+end), body("", get(0)+constant(1)+"\x6b"+call(0))}
	for name, b := range map[string]build{"direct": recursive(false), "indirect": recursive(true), "mutual": mutual} {
		g := newGuest(t, b.wasm(), limits())
		full := g.stack()
		g.cost(t, "a", 1000)
		if got := g.stack(); got != full {
			t.Errorf("%s recursion leaves a stack of %d, want the %d at rest", name, got, full)
		}
		_, err := g.ExportedFunction("a").Call(t.Context(), 1_000_000)
		if err == nil || !strings.Contains(err.Error(), "unreachable") || g.stack() >= 0 || g.fuel() < 0 {
			t.Errorf("%s recursion without end = %v with %d stack and %d fuel left, want a trap of the stack", name, err, g.stack(), g.fuel())
		}
	}
}

func TestStackIsNotCountedOutsideCycles(t *testing.T) {
	b := one(get(0) + call(1))
	b.bodies = append(b.bodies, body("", get(0)+drop))
	wasm := b.wasm()
	g := newGuest(t, wasm, limits())
	if g.meter.UncountedStack < 256 || g.stack() != 1<<20-int32(g.meter.UncountedStack) {
		t.Errorf("UncountedStack = %d with %d to begin with, want two frames taken off", g.meter.UncountedStack, g.stack())
	}
	small := limits()
	small.Stack = int32(g.meter.UncountedStack) - 1
	if _, err := meter.Rewrite(wasm, small); err == nil || !strings.Contains(err.Error(), "deepest chain of calls") {
		t.Errorf("Rewrite = %v, want a refusal of the chain of calls", err)
	}
}

func TestStartFunctionIsMetered(t *testing.T) {
	b := build{bodies: []string{body("", loop+br(0)+end)}, start: "\x00"}
	m, err := meter.Rewrite(b.wasm(), limits())
	if err != nil || !m.HasStart {
		t.Fatalf("Rewrite = %+v, %v, want a module with a start function", m, err)
	}
	instance, err := newRuntime(t).Instantiate(t.Context(), m.Wasm)
	if err != nil {
		t.Fatalf("instantiate = %v, want an instance whose start function has not run", err)
	}
	if _, err := instance.ExportedFunction(meter.StartExport).Call(t.Context()); err == nil || !strings.Contains(err.Error(), "unreachable") {
		t.Errorf("start = %v, want a trap", err)
	}
}

// After a recursion each frame takes fuel in branches that do not trap: however much, all frames together overdraw little.
func TestReturningFramesOverdrawLittle(t *testing.T) {
	const depth, fuel = 1000, 100_000
	worst := int64(0)
	for _, nops := range []int{100, 300, 500, 800, 1000, 3000} {
		late := get(0) + if_ + repeat(unit, nops) + end
		b := one(get(0) + if_ + get(0) + constant(1) + "\x6b" + call(0) + end + repeat(late, 2))
		g := newGuest(t, b.wasm(), limits())
		g.global(meter.FuelGlobal).Set(fuel)
		g.ExportedFunction("a").Call(t.Context(), depth)
		worst = max(worst, -g.fuel())
	}
	// maxLate, and maxLateByte for each byte of the stack
	if most := int64(200_000 + 8<<20); worst < fuel || worst > most {
		t.Errorf("the fuel is overdrawn by %d, want between %d and %d", worst, fuel, most)
	}
}

// wazero fuses a comparison and the jump that depends on it only if the jump's target is its own.
func TestChargesHaveTrapsOfTheirOwn(t *testing.T) {
	for _, tt := range []struct {
		name, code string
		want       int
	}{
		{"entry", "", 1},
		{"entry, loop and recursion", loop + get(0) + call(0) + end, 3},
		{"entry and 100 loops", repeat(loop+end, 100), 32},
	} {
		m, err := meter.Rewrite(one(tt.code).wasm(), limits())
		if err != nil {
			t.Fatal(err)
		}
		const trap = end + "\x00"
		if got := strings.Count(string(m.Wasm), trap); got != tt.want || !strings.HasSuffix(string(m.Wasm), strings.Repeat(trap, got)+end) {
			t.Errorf("%s: %d traps behind the code, want %d", tt.name, got, tt.want)
		}
	}
}
