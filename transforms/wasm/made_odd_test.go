package wasm_test

import (
	"bytes"
	"fmt"
	"strings"
)

// madeOdd have much, or contradictions, where a decoder may not look: in names, exports, segments, types and dead code.
func madeOdd() []hostile {
	var all []hostile
	add := func(name, want string, r recipe) { all = append(all, hostile{name, want, r.module()}) }
	after := func(id byte, sections ...[]byte) map[byte][]byte {
		return map[byte][]byte{id: bytes.Join(sections, nil)}
	}
	repeated := func(n int, item []byte) []byte { return append(uleb(n), bytes.Repeat(item, n)...) }
	zero := []byte{0x41, 0, end}
	nops := function{2, nil, nil}

	// Much of something.
	huge := append([]byte{1}, uleb(4<<20)...)
	add("made_data_huge", "out of fuel", recipe{
		body:     []byte{0x03, 0x40, 0x0c, 0, end},
		sections: after(10, section(11, vector(append(huge, times(4<<20, 'x')...)))),
	})
	kilobytes := append(append([]byte{0}, zero...), append(uleb(2_000), times(2_000, 'x')...)...)
	add("made_data_many", "dropped", recipe{sections: after(10, section(11, repeated(3_000, kilobytes)))})
	add("made_data_empty", "dropped", recipe{sections: after(10, section(11, repeated(100_000, append(append([]byte{0}, zero...), 0))))})
	add("made_globals", "dropped", recipe{sections: after(5, section(6, repeated(20_000, append([]byte{0x7f, 0}, zero...))))})
	add("made_tables", "dropped", recipe{sections: after(3, section(4, repeated(16, []byte{0x70, 0, 0x80, 0x20})))})
	add("made_tables_too_many", "invalid module: byte ", recipe{sections: after(3, section(4, repeated(1_000, []byte{0x70, 0, 1})))})
	add("made_tables_too_large", "invalid module: byte ", recipe{sections: after(3, section(4, repeated(16, []byte{0x70, 0, 0xff, 0xff, 3})))})
	add("made_elements", "dropped", recipe{sections: map[byte][]byte{
		3: section(4, vector([]byte{0x70, 0, 0x80, 0x80, 2})),
		7: section(9, vector(append(append([]byte{0}, zero...), repeated(30_000, []byte{1})...))),
	}})
	add("made_elements_outside", "dropped", recipe{sections: map[byte][]byte{
		3: section(4, vector([]byte{0x70, 0, 1})), 7: section(9, vector(append(append([]byte{0}, 0x41, 0x7f, end), repeated(1, []byte{1})...))),
	}})
	exports := vector(append(text("memory"), 2, 0), append(text("alloc"), 0, 0), append(text("transform"), 0, 1))
	for i := range 10_000 {
		exports = append(exports, append(text(fmt.Sprint("f", i)), 0, 1)...)
	}
	all = append(all, hostile{"made_exports", "dropped", withSection(recipe{}, 7, append(uleb(10_003), exports[1:]...))})

	// Contradictions.
	twice := vector(append(text("memory"), 2, 0), append(text("alloc"), 0, 0),
		append(text("transform"), 0, 1), append(text("transform"), 0, 0))
	all = append(all, hostile{"made_exports_twice", "invalid module: byte ", withSection(recipe{}, 7, twice)})
	add("made_global_import", "invalid module: byte ", recipe{
		sections: after(1, section(2, vector(append(append(text("env"), text("g")...), 3, 0x7f, 1)))),
	})
	add("made_data_negative", "trapped", recipe{sections: after(10, section(11, vector(append([]byte{0, 0x41, 0x7f, end}, 1, 'x'))))})
	add("made_memory_negative", "trapped", recipe{body: []byte{0x41, 0x7f, 0x28, 2, 0, drop}})
	add("made_memory_offset", "trapped", recipe{body: []byte{0x41, 0x7f, 0x28, 2, 0xff, 0xff, 0xff, 0xff, 0x0f, drop}})
	many := append([]byte{0x60, 0}, append(uleb(1_000), times(1_000, 0x7f)...)...)
	add("made_results", "dropped", recipe{
		types:     [][]byte{many},
		functions: []function{{3, nil, times(1_000, 0x41, 0)}},
		body:      append([]byte{call, 2}, times(1_000, drop)...),
	})
	block := append([]byte{0x02, 3}, times(1_000, 0x41, 0)...)
	add("made_blocks_of_results", "dropped", recipe{
		types: [][]byte{many},
		body:  append(append(block, end), times(1_000, drop)...),
	})

	// Names and custom sections.
	names := uleb(100_000)
	for i := range 100_000 {
		names = append(names, append(uleb(i), text(strings.Repeat("n", 20))...)...)
	}
	add("made_names_megabytes", "dropped", recipe{sections: after(10, section(0, text("name"), []byte{1}, sized(names)))})
	long := vector(append([]byte{1}, text(strings.Repeat("n", 99_000))...))
	add("made_names_long", "trapped: unreachable, in nnn", recipe{
		body:     []byte{0},
		sections: after(10, section(0, text("name"), []byte{1}, sized(long))),
	})
	add("made_custom_lies", "dropped", recipe{
		sections: after(10, section(0, text("producers"), uleb(1<<31)), section(0, text("name"), []byte{1}, uleb(1<<30))),
	})
	add("made_custom_cut", "invalid module: byte ", recipe{sections: after(10, []byte{0, 0xff, 0xff, 3, 1, 'x'})})
	add("made_custom_many", "dropped", recipe{sections: after(10, bytes.Repeat(section(0, text("x"), times(10, 0)), 50_000))})

	// Code that is never reached.
	nested := func(n int) []byte { return append(append([]byte{0}, times(n, 0x02, 0x40)...), times(n, end)...) }
	add("made_dead_nesting", "trapped: unreachable", recipe{body: nested(4_000)})
	add("made_dead_nesting_deep", "invalid module: ", recipe{body: nested(60_000)})
	add("made_dead_loops", "trapped: unreachable", recipe{body: append(append([]byte{0}, times(900, 0x03, 0x40)...), times(900, end)...)})
	add("made_dead_calls", "trapped: unreachable", recipe{body: append([]byte{0}, times(100_000, call, 2)...), functions: []function{nops}})
	return all
}

// withSection is a recipe's module with another content in one of its sections.
func withSection(r recipe, id byte, content []byte) []byte {
	module := r.module()
	out := bytes.Clone(module[:8])
	for at := 8; at < len(module); {
		size, n := 0, at+1
		for shift := 0; ; shift += 7 {
			size |= int(module[n]&0x7f) << shift
			n++
			if module[n-1] < 0x80 {
				break
			}
		}
		if module[at] == id {
			out = append(out, section(id, content)...)
		} else {
			out = append(out, module[at:n+size]...)
		}
		at = n + size
	}
	return out
}
