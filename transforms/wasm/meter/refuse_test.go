package meter_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

func refused(t *testing.T, name string, wasm []byte, want string) {
	t.Helper()
	if _, err := meter.Rewrite(wasm, limits()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: Rewrite = %v, want an error with %q", name, err, want)
	}
}

func TestRewriteRefusesCode(t *testing.T) {
	for _, tt := range []struct{ name, code, want string }{
		{"a legacy try", "\x06\x40", "exceptions are not supported: build with -fno-exceptions"},
		{"a call in the place of a return", "\x12\x00", "tail calls are not supported: build with -mno-tail-call"},
		{"an indirect call in the place of a return", "\x13\x00\x00", "tail calls are not supported: build with -mno-tail-call"},
		{"try_table", "\x1f\x40\x00", "exceptions are not supported: build with -fno-exceptions"},
		{"throw", "\x08\x00", "exceptions are not supported: build with -fno-exceptions"},
		{"an atomic instruction", "\xfe\x03\x00", "threads and atomics are not supported: build with -mno-atomics"},
		{"a reference's call", "\x14\x00", "function references and garbage collection are not supported: "},
		{"garbage collection", "\xfb\x00\x00", "function references and garbage collection are not supported: "},
		{"relaxed vectors", "\xfd\x80\x02", "relaxed SIMD instructions are not supported: build with -mno-relaxed-simd"},
		{"a hole among the vectors", "\xfd\x9a\x01", "is not known"},
		{"a long spelling behind 0xfc", constant(0) + constant(0) + constant(0) + "\xfc\x8b\x00\x00", "is not known"},
		{"a long spelling behind 0xfd", "\xfd\x8c\x00" + strings.Repeat("\x00", 16) + drop, "is not known"},
		{"an unknown one behind 0xfc", "\xfc\x12\x00", "is not known"},
		{"memory 1", constant(0) + "\x40\x01" + drop, "memory 0x1 of 1"},
		{"a long memory index", constant(0) + "\x40\x80\x00" + drop, "memory 0x80 of 1"},
		{"an alignment of 2^5", constant(0) + "\x28\x05\x00" + drop, "want at most 4"},
		{"a memory index in the alignment", constant(0) + "\x28\x42\x00\x00" + drop, "want at most 4"},
		{"the fuel global", constant64(1<<60) + globalSet(0), "global 0 of 0"},
		{"the stack global", constant(1<<30) + globalSet(1), "global 1 of 0"},
		{"reading the fuel global", globalGet(0) + drop, "global 0 of 0"},
		{"the meter's local", constant(0) + constant(0) + constant(0) + fill + get(1) + drop, "local 1 of 1"},
		{"a function too many", call(1), "function 1 of 1"},
		{"a function too many to refer to", "\xd2\x01" + drop, "function 1 of 1"},
		{"a type too many", constant(0) + callIndirect(1), "type 1 of 1"},
		{"a table too many", constant(0) + "\x11\x00\x00", "table 0 of 0"},
		{"a block of a type too many", "\x02\x01" + end, "block type 1 of 1"},
		{"a block of a negative type", "\x02\xc0\x7f" + end, "block type -64"},
		{"a data segment too many", "\xfc\x09\x00", "data segment 0 of 0"},
		{"an element segment too many", "\xfc\x0d\x00", "element segment 0 of 0"},
		{"a label too far", br(1), "label 1 of 1"},
		{"a label of br_table too far", constant(0) + "\x0e\x01\x00\x01", "label 1 of 1"},
		{"a label of br_table too far, not the last", constant(0) + "\x0e\x01\x01\x00", "label 1 of 1"},
		{"else without if", else_, "else without if"},
		{"a second else", get(0) + if_ + else_ + else_ + end, "else without if"},
		{"code after the end", end + nop, "code after the function's end"},
		{"no end", block, "cut short"},
		{"a select of two types", nop + "\x1c\x02\x7f\x7f", "select of 2 types"},
		{"a number of 33 bits", "\x41\x80\x80\x80\x80\x10" + drop, "does not fit 32 bits"},
		{"a number of 6 bytes", "\x41\x80\x80\x80\x80\x80\x00" + drop, "does not fit 32 bits"},
		{"a number of 65 bits", "\x42" + strings.Repeat("\x80", 9) + "\x02" + drop, "does not fit 64 bits"},
		{"an index of 33 bits", "\x20\x80\x80\x80\x80\x10" + drop, "does not fit 32 bits"},
		{"a reference to numbers", "\xd0\x7f" + drop, "not a type of references"},
		{"a deep nest", strings.Repeat(block, 5000) + strings.Repeat(end, 5000), "nested more than 5000 deep"},
		{"a wide br_table", constant(0) + "\x0e" + u32(8_193) + strings.Repeat("\x00", 8_194), "want at most 8192"},
	} {
		refused(t, tt.name, one(tt.code).wasm(), tt.want)
	}
}

func TestRewriteRefusesDeclarations(t *testing.T) {
	imports := func(name, what string) string { return list(vec(3, "env") + vec(len(name), name) + what) }
	for _, tt := range []struct {
		name string
		b    build
		want string
	}{
		{"an imported table", build{imports: imports("t", "\x01\x70\x00\x01")}, "import env.t: a table cannot be imported"},
		{"an imported memory", build{imports: imports("m", "\x02\x00\x01")},
			"import env.m: a memory cannot be imported, only functions can: build without --import-memory"},
		{"an imported global", build{imports: imports("g", "\x03\x7f\x00")}, "import env.g: a global cannot be imported"},
		{"an imported tag", build{imports: imports("e", "\x04\x00\x00")}, "import env.e: exceptions are not supported: build with"},
		{"an exported tag", build{exports: []string{export("e", 4, 0)}}, `export "e": exceptions are not supported: build with -fno-exceptions`},
		{"an import of no kind", build{imports: imports("e", "\x05\x00\x00")}, "import env.e: kind 0x5 is not known"},
		{"an import of the fuel", build{imports: imports("awf:fuel", "\x00\x00")}, "reserved"},
		{"an export of the fuel's name", build{globals: list("\x7e\x01" + constant64(0) + end), exports: []string{export("awf:fuel", 3, 0)}},
			"reserved"},
		{"an export of the stack's name", build{globals: list("\x7f\x01" + constant(0) + end), exports: []string{export("awf:stack", 3, 0)}},
			"reserved"},
		{"an export of the fuel's index", build{exports: []string{export("g", 3, 0)}}, "global 0 of 0"},
		{"an export of the stack's index", build{globals: list("\x7f\x01" + constant(0) + end), exports: []string{export("g", 3, 2)}},
			"global 2 of 1"},
		{"a repeated export", build{memory: "\x01\x00\x01", exports: []string{export("m", 2, 0), export("m", 2, 0)}}, `export "m" is repeated`},
		{"a constant of the fuel", build{globals: list("\x7e\x00" + globalGet(1) + end)}, "imported global 1 of 0"},
		{"an element by the fuel", build{table: "\x01\x70\x00\x01", elements: list("\x00" + globalGet(0) + end + "\x00")},
			"imported global 0 of 0"},
		{"a data segment by the fuel", build{memory: "\x01\x00\x01", datas: list("\x00" + globalGet(0) + end + "\x00")},
			"imported global 0 of 0"},
		{"an extended constant of two types", build{globals: list("\x7f\x00" + constant(1) + constant64(2) + "\x6a" + end)},
			"a constant computes with values of two types"},
		{"an extended constant of one value", build{globals: list("\x7f\x00" + constant(1) + "\x6a" + end)},
			"a constant computes with too few values"},
		{"a constant of a sum of real numbers", build{globals: list("\x7d\x00" + repeat("\x43\x00\x00\x00\x00", 2) + "\x6a" + end)},
			"a constant computes with values of two types"},
		{"a constant of two values", build{globals: list("\x7f\x00" + constant(1) + constant(2) + end)}, "a constant of 2 values"},
		{"a constant of none", build{globals: list("\x7f\x00" + end)}, "a constant of 0 values"},
		{"a long constant", build{globals: list("\x7f\x00" + constant(1) + repeat(constant(1)+"\x6a", 500) + end)},
			"a constant of more than 1000 instructions"},
		{"an element of no function", build{table: "\x01\x70\x00\x01", elements: list("\x00" + constant(0) + end + "\x01\x00")},
			"function 0 of 0"},
		{"an element of no table", build{elements: list("\x00" + constant(0) + end + "\x00")}, "table 0 of 0"},
		{"a table that is large at once", build{table: "\x01\x70\x00" + u32(65_537)}, "65537 elements, want at most 65536"},
		{"tables that are large together", build{table: "\x02\x70\x00" + u32(40_000) + "\x70\x00" + u32(40_000)}, "80000 elements"},
		{"a table with an initialiser", build{table: "\x01\x40\x00\x70\x00\x01\xd0\x70\x0b"}, "value type 0x40"},
		{"memory over the limit", build{memory: "\x01\x00" + u32(257)}, "memory begins with 257 pages, want at most 256"},
		{"two memories", build{memory: "\x02\x00\x01\x00\x01"}, "2 memories: several memories are not supported: build with -mno-multimemory"},
		{"a shared memory", build{memory: "\x01\x03\x01\x01"}, "threads and atomics are not supported"},
		{"a 64-bit memory", build{memory: "\x01\x04\x01"}, "64-bit memories are not supported: build for wasm32"},
		{"a maximum below the minimum", build{memory: "\x01\x01\x02\x01"}, "the maximum 1 is below the minimum 2"},
		{"a start function that is not", build{start: "\x00"}, "function 0 of 0"},
		{"a data count that is wrong", build{memory: "\x01\x00\x01", count: "\x02", datas: list("\x01\x00")},
			"the data count is 2, but there are 1 segments"},
		{"a type that is not a function's", build{types: []string{"\x5f\x00"}}, "function references and garbage collection are not supported"},
		{"typed references", build{types: []string{"\x60\x01\x64\x70\x00"}}, "function references and garbage collection are not supported"},
		{"a type that there is not", build{types: []string{"\x5a\x00"}}, "type form 0x5a is not known"},
		{"a value of a type that there is not", build{types: []string{"\x60\x01\x62\x00"}}, "value type 0x62 is not known"},
		{"many parameters", build{types: []string{sig(strings.Repeat(i32, 1001), "")}}, "want at most 1000"},
		{"many locals", build{bodies: []string{body("\x01"+u32(20_001)+i32, "")}}, "want at most 20000"},
		{"a block type that is cut", build{bodies: []string{vec(3, "\x00\x02\xe8")}}, "cut short"},
		{"an index that is cut", build{bodies: []string{vec(3, "\x00\x10\xe8")}}, "cut short"},
		{"a number that is cut", build{bodies: []string{vec(3, "\x00\x41\xe8")}}, "cut short"},
		{"labels that are cut", build{bodies: []string{vec(4, "\x00\x0e\x09\xe8")}}, "cut short"},
		{"code of nothing", build{bodies: []string{"\x00"}}, "cut short"},
		{"many locals in groups", build{bodies: []string{body("\x02"+u32(15_000)+i32+u32(15_000)+i64, "")}}, "too many locals"},
		{"4 G locals", build{bodies: []string{body("\x01\xff\xff\xff\xff\x0f"+i32, "")}}, "want at most 20000"},
		{"a section twice", build{custom: section(11, "\x00") + section(11, "\x00")}, "the data section is out of order"},
		{"a section that is not known", build{custom: section(14, "\x00")}, "section 14 is not known"},
		{"a section of tags", build{custom: section(13, "\x00")}, "exceptions are not supported"},
		{"a section with bytes left over", build{custom: section(11, "\x00\x00")}, "1 bytes are left over in the data section"},
		{"a custom section without a name", build{custom: section(0, "\xff")}, "byte"},
	} {
		refused(t, tt.name, tt.b.wasm(), tt.want)
	}
	refused(t, "a reference to the start function, which is not declared", []byte(empty+section(1, list(sig("", "")))+section(3, "\x01\x00")+
		section(8, "\x00")+section(10, list(body("", "\xd2\x00"+drop)))), "undeclared reference to function 0")
	refused(t, "no module", []byte("hello"), "not a WebAssembly module")
	refused(t, "a component", []byte("\x00asm\x0d\x00\x01\x00"), "not a WebAssembly module")
	m, err := meter.Rewrite([]byte(empty), limits())
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "a module that is metered already", m.Wasm, `export "awf:fuel": names that begin with awf: are reserved`)
	if _, err := meter.Rewrite([]byte(empty), meter.Limits{Fuel: -1}); err == nil {
		t.Error("Rewrite with -1 fuel = no error, want one")
	}
}

// A module that is cheap to write must not be expensive to compile or to run.
func TestRewriteRefusesBombs(t *testing.T) {
	sets := ""
	for i := range 2000 {
		sets += get(i) + set((i+1)%2000)
	}
	locals := "\x01" + u32(2000) + i64
	many := make([]string, 1500)
	for i := range many {
		many[i] = body("\x01"+u32(19_000)+i64, "")
	}
	wide := make([]string, 600)
	for i := range wide {
		wide[i] = body("", repeat(constant(0)+constant(0)+constant(0)+fill, 200))
	}
	deep := make([]string, 9000)
	for i := range deep {
		deep[i] = body("", call(min(i+1, len(deep)-1)))
	}
	deep[len(deep)-1] = body("", "")
	for _, tt := range []struct {
		name string
		b    build
		want string
	}{
		{"values that move at many loops",
			build{bodies: []string{body(locals, repeat(loop, 1000)+sets+constant(0)+brIf(3)+repeat(constant(0)+brIf(0)+end, 1000))}},
			"too many values meet"},
		{"values that move to one label", build{bodies: []string{body(locals, block+sets+constant(0)+"\x0e"+u32(1000)+repeat("\x00", 1001)+end)}},
			"too many values meet"},
		{"locals of many functions", build{bodies: many}, "too many locals"},
		{"bulk operations by the thousands", build{bodies: wide, memory: "\x01\x00\x01"},
			"too much code in all functions: want at most 67108864 bytes when compiled in a module of "},
		{"a chain of calls without a cycle", build{bodies: deep}, "the deepest chain of calls"},
		{"loops without anything",
			build{
				bodies:  slices.Repeat([]string{body("", repeat(loop+end, 10))}, 30_000),
				globals: list(slices.Repeat([]string{"\x7f\x00" + constant(0) + end}, 200)...),
			},
			"grows to more than 6 times"},
		{"ifs after each other", build{bodies: []string{body("", repeat(constant(0)+"\x04\x40"+end, 4_000))}},
			"too many branches after each other"},
		{"branches after each other", build{bodies: []string{body("", block+repeat(constant(0)+brIf(0), 5_000)+end)}},
			"too many branches after each other"},
		{"blocks that end after each other", build{bodies: slices.Repeat([]string{body("", repeat(block, 4_900)+repeat(end, 4_900))}, 3)},
			"too many branches after each other"},
		{"blocks that end after each other, in groups", build{bodies: []string{body("", repeat(repeat(block, 2_000)+repeat(end, 2_000), 4))}},
			"too many branches after each other"},
		{"loops after each other in many functions", build{bodies: slices.Repeat([]string{body("", repeat(loop+end, 500))}, 600)},
			"too many branches after each other"},
		{"loops without end in a function", build{bodies: []string{body("", repeat(loop+end, 1001))}},
			"1001 loops in a function, want at most 1000"},
		{"branches without end in a function", build{bodies: []string{body("", repeat(block+end, 20_000))}},
			"20001 branches in a function, want at most 16384"},
		{"bulk operations in a function",
			build{bodies: []string{body("", repeat(constant(0)+constant(0)+constant(0)+fill, 1001))}, memory: "\x01\x00\x01"},
			"1001 bulk operations in a function, want at most 1000"},
	} {
		wasm := tt.b.wasm()
		used := processorTime()
		refused(t, tt.name, wasm, tt.want)
		if took := processorTime() - used; took > 5*time.Second {
			t.Errorf("%s: refused after %v, want less than 5s", tt.name, took)
		}
	}
}

func TestTruncatedModules(t *testing.T) {
	b := recursive(true)
	b.datas = list("\x00" + constant(0) + end + vec(3, "abc"))
	b.custom = section(0, vec(4, "name")+"\x01"+vec(4, list("\x00"+vec(1, "f"))))
	wasm := b.wasm()
	if _, err := meter.Rewrite(wasm, limits()); err != nil {
		t.Fatal(err)
	}
	accepted := 0
	for n := range len(wasm) {
		if _, err := meter.Rewrite(wasm[:n], limits()); err == nil {
			accepted++ // where a section ends
		}
	}
	if accepted > 11 {
		t.Errorf("%d truncated modules are accepted, want those at the ends of sections at most", accepted)
	}
}

// From 5 MiB on, the bound of all functions together grows with the module. Small modules keep their bound.
func TestBoundsGrowWithTheModule(t *testing.T) {
	for _, tt := range []struct {
		length int
		want   int64
	}{{8, 1 << 30}, {5 << 20, 1 << 30}, {10 << 20, 2 << 30}, {32 << 20, 6871947673}} {
		if got := meter.Grown(1<<30, tt.length); got != tt.want {
			t.Errorf("a module of %d bytes: %d, want %d", tt.length, got, tt.want)
		}
	}
}
