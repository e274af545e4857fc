package wasm_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// The binary format, as far as modules are made here.
func uleb(n int) []byte { return binary.AppendUvarint(nil, uint64(n)) }

func vector(items ...[]byte) []byte { return append(uleb(len(items)), bytes.Join(items, nil)...) }

func sized(parts ...[]byte) []byte {
	b := bytes.Join(parts, nil)
	return append(uleb(len(b)), b...)
}

func section(id byte, parts ...[]byte) []byte { return append([]byte{id}, sized(parts...)...) }

func text(s string) []byte { return sized([]byte(s)) }

func times(n int, b ...byte) []byte { return bytes.Repeat(b, n) }

const magic = "\x00asm\x01\x00\x00\x00"

// recipe is a reactor: function 0 is alloc, 1 is transform, what follows is its own.
type recipe struct {
	types     [][]byte // beside 0 (i32) -> i32, 1 (i32, i32) -> i64, 2 () -> ()
	locals    []byte   // of transform
	body      []byte   // of transform, before its result, which is 0
	functions []function
	sections  map[byte][]byte // more of them, by what they come after
}

type function struct {
	kind   int    // its type
	locals []byte // nil for none
	body   []byte // without its end
}

func (f function) code() []byte {
	locals := f.locals
	if locals == nil {
		locals = []byte{0}
	}
	return sized(locals, f.body, []byte{0x0b})
}

func (r recipe) module() []byte {
	functions := append([]function{
		{0, nil, []byte{0x41, 0x80, 0x08}}, // i32.const 1024
		{1, r.locals, append(bytes.Clone(r.body), 0x42, 0x00)},
	}, r.functions...)
	var kinds, codes [][]byte
	for _, f := range functions {
		kinds = append(kinds, uleb(f.kind))
		codes = append(codes, f.code())
	}
	types := append([][]byte{{0x60, 1, 0x7f, 1, 0x7f}, {0x60, 2, 0x7f, 0x7f, 1, 0x7e}, {0x60, 0, 0}}, r.types...)
	out := []byte(magic)
	for _, s := range [][]byte{
		section(1, vector(types...)),
		section(3, vector(kinds...)),
		section(5, vector([]byte{0, 1})),
		section(7, vector(append(text("memory"), 2, 0), append(text("alloc"), 0, 0), append(text("transform"), 0, 1))),
		section(10, vector(codes...)),
	} {
		out = append(append(out, s...), r.sections[s[0]]...)
	}
	return out
}

const call, drop, end = 0x10, 0x1a, 0x0b

// made are hostile modules that are too long, or too broken, to be written down.
func made() []hostile { return slices.Concat(madeLarge(), madeCode(), madeSections(), madeOdd()) }

// madeLarge have more of something than is good.
func madeLarge() []hostile {
	var all []hostile
	add := func(name, want string, r recipe) { all = append(all, hostile{name, want, r.module()}) }

	many := make([]function, 10_000)
	for i := range many {
		many[i] = function{kind: 2}
	}
	add("made_functions", "dropped", recipe{functions: many})
	chain := make([]function, 10_000)
	for i := range chain {
		chain[i] = function{kind: 2}
		if i+1 < len(chain) {
			chain[i].body = append([]byte{call}, uleb(i+3)...)
		}
	}
	add("made_chain", "invalid module: its functions take", recipe{body: []byte{call, 2}, functions: chain})

	locals := func(n int) []byte { return vector(append(uleb(n), 0x7e)) }
	self := function{2, locals(15_000), []byte{0x20, 0, 0x42, 1, 0x7c, 0x21, 1, call, 2, 0x20, 1, 0x21, 2}}
	add("made_locals", "calls too deep", recipe{body: []byte{call, 2}, functions: []function{self}})
	add("made_locals_too_many", "invalid module: ", recipe{locals: locals(60_000)})
	add("made_locals_overflow", "invalid module: ", recipe{locals: vector(append(uleb(1<<32-1), 0x7e), append(uleb(1<<32-1), 0x7e))})
	phi := func(n, loops int) function {
		f := function{2, locals(n), nil}
		for range loops {
			for i := range n {
				f.body = append(append(append(append(f.body, 0x20), uleb(i)...), 0x42, 1, 0x7c, 0x21), uleb(i)...)
			}
			f.body = append(f.body, 0x03, 0x40) // loop
		}
		f.body = append(f.body, call, 2)
		f.body = append(f.body, times(loops, end)...)
		return f
	}
	add("made_phi", "calls too deep", recipe{body: []byte{call, 2}, functions: []function{phi(301, 60)}})
	far := []byte{0x41, 0xff, 1, 0x40, 0, drop, 0x03, 0x40} // all memory that there may be, in an endless loop
	for i := range 2_000 {                                  // a store across two pages, each far from the one before
		at := binary.AppendUvarint([]byte{0x41, 0, 0x42, 0, 0x37, 0}, uint64(i*1_663%4_095*4_096+4_092))
		far = append(far, at...)
	}
	add("made_stores_far", "out of fuel", recipe{body: append(far, 0x0c, 0, end)})
	add("made_br_table_too_many", "invalid module: ", recipe{body: append(append([]byte{0x02, 0x40, 0x20, 0, 0x0e}, uleb(1<<30)...), end)})

	return all
}

// madeCode is code that one decoder skips as an operand and another runs.
func madeCode() []hostile {
	var all []hostile
	add := func(name, want string, r recipe) { all = append(all, hostile{name, want, r.module()}) }
	endless := []byte{0x03, 0x40, 0x0c, 0, end} // loop br 0 end
	hidden := append(bytes.Clone(endless), times(16-len(endless), 0x01)...)
	for name, body := range map[string][]byte{
		"simd":       append(append([]byte{0xfd, 0x8c, 0x00}, hidden...), drop),
		"simd_long":  append(append([]byte{0xfd, 0x8c, 0x80, 0x00}, hidden...), drop),
		"simd_const": append([]byte{0xfd, 0x0c}, hidden...), // a real constant that is not dropped
		"misc":       {0x41, 0, 0x41, 0, 0x41, 0, 0xfc, 0x8b, 0x80, 0x00, 0},
		"misc_const": {0xfc, 0x80, 0x00, 0x0c, 0},
		"atomic":     {0x41, 0, 0x41, 0, 0xfe, 0x00, 2, 0, drop},
		"tail_call":  {0x12, 2},
		"exception":  {0x06, 0x40, end},
		"reference":  {0xd0, 0x6e, drop},
		"prefix":     {0xfb, 0x00, 0x00},
		"unknown":    {0xff},
		"block_type": append([]byte{0x02, 0xc0, 0x7f}, append(bytes.Clone(endless), end)...),
		"block_long": append([]byte{0x03, 0xc0, 0xff, 0x7f}, append([]byte{0x0c, 0}, end)...),
		"else":       {0x05},
		"end":        {end, end},
		"memory":     {0x3f, 0x80, 0x00, drop},
	} {
		add("made_desync_"+name, "invalid module: ", recipe{body: body})
	}
	// The same, where it is allowed: it must count.
	add("made_padded_branch", "out of fuel", recipe{body: []byte{0x03, 0x40, 0x0c, 0x80, 0x80, 0x00, end}})
	add("made_padded_constant", "out of fuel", recipe{body: append([]byte{0x41, 0x8c, 0x80, 0x80, 0x80, 0x00, drop}, endless...)})
	return all
}

// madeSections are broken or odd outside of code.
func madeSections() []hostile {
	var all []hostile
	add := func(name, want string, r recipe) { all = append(all, hostile{name, want, r.module()}) }
	terminal := recipe{body: []byte{call, 2}, functions: []function{{2, nil, []byte{0x00}}}, sections: map[byte][]byte{
		10: section(0, text("name"), []byte{1}, sized(vector(append([]byte{2}, text("\x1b]0;owned\x07\x1b[31m\nred")...)))),
	}}
	add("made_names", "trapped: unreachable, in ]0;owned  [31m < red < $1, at fuel", terminal)
	add("made_names_broken", "dropped", recipe{sections: map[byte][]byte{
		10: section(0, text("name"), []byte{1, 0xff, 0xff, 0xff, 0xff, 0x0f, 1}),
	}})
	add("made_import_terminal", "invalid module: imports env.]0;owned", recipe{sections: map[byte][]byte{
		1: section(2, vector(append(append(text("env"), text("\x1b]0;owned\x07")...), 0, 2))),
	}})
	for kind, what := range map[string][]byte{"memory": {2, 0, 1}, "unknown": {9, 0}} {
		for name, from := range map[string]string{"terminal": "\x1b]0;owned\x07\n", "long": strings.Repeat("\x1b", 90_000)} {
			b := append(append(text(from), text(from)...), what...)
			add("made_import_"+kind+"_"+name, "invalid module: byte ", recipe{sections: map[byte][]byte{1: section(2, vector(b))}})
		}
	}
	add("made_sections_twice", "invalid module: ", recipe{sections: map[byte][]byte{10: section(10, vector())}})
	add("made_sections_unknown", "invalid module: ", recipe{sections: map[byte][]byte{10: section(77)}})
	add("made_memories", "invalid module: ", recipe{sections: map[byte][]byte{3: section(5, vector([]byte{0, 1}, []byte{0, 1}))}})
	imports := make([][]byte, 2_000)
	for i := range imports {
		imports[i] = append(append(text("awf"), text("log")...), 0, 2)
	}
	add("made_imports", "invalid module: ", recipe{sections: map[byte][]byte{1: section(2, vector(imports...))}})
	parameters := append(uleb(70_000), times(70_000, 0x7e)...)
	add("made_types", "invalid module: ", recipe{types: [][]byte{append(append([]byte{0x60}, parameters...), 0)}})
	add("made_counts", "invalid module: ", recipe{sections: map[byte][]byte{10: section(11, uleb(1<<32-1))}})
	return all
}

// slowToCompile are modules that take the compiler longer than others of their length.
func slowToCompile() []hostile {
	locals := vector(append(uleb(19_000), 0x7e))
	table := append(append([]byte{0x02, 0x40, 0x20, 0, 0x0e}, uleb(60_000)...), times(60_001, 0)...)
	var straight []byte
	for range 100_000 {
		straight = append(straight, 0x20, 0, 0x20, 1, 0x6a, 0x21, 0) // local.set 0 (local.get 0 + local.get 1)
	}
	return []hostile{
		{"locals and loops", "", recipe{functions: []function{{2, locals, append(times(2_000, 0x03, 0x40), times(2_000, end)...)}}}.module()},
		{"br_table", "", recipe{body: append(table, end)}.module()},
		{"straight", "", recipe{body: straight}.module()},
		{"calls", "", recipe{functions: []function{{2, nil, nil}}, body: times(100_000, call, 2)}.module()},
		{"blocks", "", recipe{body: append(times(4_000, 0x02, 0x40), times(4_000, end)...)}.module()},
		{"ifs", "", recipe{body: times(50_000, 0x20, 0, 0x04, 0x40, end)}.module()},
		{"loads", "", recipe{body: times(30_000, 0x20, 0, 0x28, 2, 0, drop)}.module()},
		{"reads in loops", "", valuesThatLive(19_000, nil, times(50, 0x03, 0x40), times(50, end))},
		{"reads in few loops", "", valuesThatLive(360, nil, times(900, 0x03, 0x40), times(900, end))},
		{"reads behind ifs", "", valuesThatLive(19_000, nil, times(400, 0x41, 0, 0x04, 0x40, end), nil)},
		{"reads behind few ifs", "", valuesThatLive(1_000, nil, times(60, 0x41, 0, 0x04, 0x40, end), nil)},
		{"reads behind branches", "", valuesThatLive(200_000, nil, append([]byte{0x02, 0x40}, times(2_000, 0x41, 0, 0x0d, 0)...), []byte{end})},
		{"operands behind ifs", "",
			valuesThatLive(0, times(100_000, 0x41, 0, 0x29, 3, 0), times(400, 0x41, 0, 0x04, 0x40, end), times(100_000, drop))},
		{"loops that lead back", "", valuesThatLive(360, nil, times(400, 0x03, 0x40), times(400, 0x41, 0, 0x28, 2, 0, 0x0d, 0, end))},
		{"fewer loops that lead back", "", valuesThatLive(100, nil, times(100, 0x03, 0x40), times(100, 0x41, 0, 0x28, 2, 0, 0x0d, 0, end))},
		{"a loop that hands on", "", recipe{functions: []function{{2, locals, handOn(5_000)}}}.module()},
		{"a loop that hands on less", "", recipe{functions: []function{{2, locals, handOn(1_000)}}}.module()},
		{"many accesses", "", recipe{body: times(200_000, 0x41, 0, 0x20, 0, 0x36, 2, 0)}.module()},
		{"fewer accesses", "", recipe{body: times(32_000, 0x41, 0, 0x20, 0, 0x36, 2, 0)}.module()},
		{"globals and calls", "", manyGlobals(20_000, []function{{2, nil, nil}, {2, nil, times(1_000, call, 2)}})},
		{"fewer globals and calls", "", manyGlobals(1_000, []function{{2, nil, nil}, {2, nil, times(250, call, 2)}})},
		{"globals and functions", "", manyGlobals(20_000, slices.Repeat([]function{{2, nil, nil}}, 40_000))},
		{"fewer globals and functions", "", manyGlobals(1_500, slices.Repeat([]function{{2, nil, nil}}, 40_000))},
		{"results on many ways", "", manyResults(500, times(100, 0x41, 0, 0x28, 2, 0, 0x0d, 0))},
		{"returns of many results", "", manyResults(500, times(100, 0x41, 0, 0x28, 2, 0, 0x04, 0x40, 0x0f, end))},
	}
}

// valuesThatLive is a function with 19,000 locals. It puts values on the stack, does something, reads locals, and then does the rest.
func valuesThatLive(reads int, values, between, after []byte) []byte {
	body := append(bytes.Clone(values), between...)
	for i := range reads {
		body = append(append(append(body, 0x20), uleb(i%19_000)...), drop)
	}
	return recipe{functions: []function{{2, vector(append(uleb(19_000), 0x7e)), append(body, after...)}}}.module()
}

// handOn is a loop in which each of so many locals gets what the next one had.
func handOn(n int) []byte {
	body := []byte{0x03, 0x40}
	for i := range n {
		body = append(append(append(body, 0x20), uleb(i+1)...), 0x21)
		body = append(body, uleb(i)...)
	}
	body = append(body, 0x41, 0, 0x28, 2, 0, 0x0d, 0, end)
	for i := range n {
		body = append(append(append(body, 0x20), uleb(i)...), drop)
	}
	return body
}

// manyGlobals are functions in a module of globals that can change.
func manyGlobals(n int, functions []function) []byte {
	globals := section(6, append(uleb(n), bytes.Repeat([]byte{0x7f, 1, 0x41, 0, 0x0b}, n)...))
	return recipe{functions: functions, sections: map[byte][]byte{5: globals}}.module()
}

// manyResults are functions of a thousand results, with code behind these.
func manyResults(n int, code []byte) []byte {
	functions := make([]function, n)
	for i := range functions {
		functions[i] = function{3, nil, append(times(1_000, 0x41, 0, 0x29, 3, 0), code...)}
	}
	results := append(append([]byte{0x60, 0}, uleb(1_000)...), times(1_000, 0x7e)...)
	return recipe{types: [][]byte{results}, functions: functions}.module()
}

// TestCompilingIsBounded loads what is slow to compile: it may be refused, but must come to an end.
func TestCompilingIsBounded(t *testing.T) {
	s := newSandbox(t, "")
	watch := watchProcess(t)
	for _, h := range slowToCompile() {
		watch.begin()
		err := s.CompileForLongEvents(t.Context(), h.module)
		used, peak := watch.end()
		t.Logf("%-16s %7d bytes %6.0f ms %3d MiB  %v", h.name, len(h.module), used.Seconds()*1000, peak>>20, err)
		if used > 5*time.Second*slowdown {
			t.Errorf("%s: took %v, want at most 5s", h.name, used)
		}
		if most := int64(384<<20) * slowdown; peak > most {
			t.Errorf("%s: took %d MiB, want at most %d", h.name, peak>>20, most>>20)
		}
	}
}

// TestBytesThatAreNoModule loads pieces of a module, and modules with a byte too many or another one.
func TestBytesThatAreNoModule(t *testing.T) {
	s := newSandbox(t, "")
	module := read(t, guestDir, "abi.wasm")
	for n := range len(module) - 1 {
		if _, err := s.Load(t.Context(), "step", module[:n], wasm.Options{}); err == nil && n < 1_000 {
			t.Fatalf("the first %d bytes of a module of %d are one", n, len(module))
		} else if err != nil && strings.ContainsAny(err.Error(), "\n\t\x1b") {
			t.Fatalf("the first %d bytes: %q", n, err)
		}
	}
}
