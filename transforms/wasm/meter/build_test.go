package meter_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// A module is assembled from bytes here, so that tests can write what no assembler would.

const (
	i32, i64, v128 = "\x7f", "\x7e", "\x7b"
	end            = "\x0b"
	nop            = "\x01"
	drop           = "\x1a"
	void           = "\x40"
	loop           = "\x03" + void
	block          = "\x02" + void
	if_            = "\x04" + void
	else_          = "\x05"
	grow           = "\x40\x00"
	fill           = "\xfc\x0b\x00"
)

// sig is a function's type.
func sig(params, results string) string {
	return "\x60" + vec(len(params), params) + vec(len(results), results)
}

func u32(n int) string { return string(binary.AppendUvarint(nil, uint64(n))) }

// s64 is a signed LEB128.
func s64(n int64) string {
	var b []byte
	for n < -64 || n > 63 {
		b = append(b, byte(n)|0x80)
		n >>= 7
	}
	return string(append(b, byte(n)&0x7f))
}

func vec(n int, content string) string { return u32(n) + content }

func list(items ...string) string { return vec(len(items), strings.Join(items, "")) }

func section(id byte, content string) string { return string(id) + vec(len(content), content) }

func constant(n int) string      { return "\x41" + s64(int64(n)) }
func constant64(n int64) string  { return "\x42" + s64(n) }
func get(i int) string           { return "\x20" + u32(i) }
func set(i int) string           { return "\x21" + u32(i) }
func globalGet(i int) string     { return "\x23" + u32(i) }
func globalSet(i int) string     { return "\x24" + u32(i) }
func br(i int) string            { return "\x0c" + u32(i) }
func brIf(i int) string          { return "\x0d" + u32(i) }
func call(i int) string          { return "\x10" + u32(i) }
func callIndirect(of int) string { return "\x11" + u32(of) + "\x00" }

// repeat is code many times.
func repeat(code string, n int) string { return string(bytes.Repeat([]byte(code), n)) }

// body is a function's entry in the code section: groups of locals and code, without its end.
func body(locals, code string) string {
	if locals == "" {
		locals = "\x00"
	}
	return vec(len(locals)+len(code)+1, locals+code+end)
}

// build is a module in the making. Functions are defined in order, of the type of the same number if there is one, else of the last.
type build struct {
	types    []string
	imports  string // the section's content
	imported int    // functions
	bodies   []string
	of       []int // types of functions
	table    string
	memory   string // limits
	globals  string
	exports  []string // in addition to each function, as its index in letters
	start    string
	elements string
	datas    string
	count    string // data count
	custom   string
}

// letters names the function of an index: a, b, c …
func letters(i int) string {
	if i >= 26 {
		return letters(i/26-1) + string(rune('a'+i%26))
	}
	return string(rune('a' + i))
}

func (b build) wasm() []byte {
	if len(b.types) == 0 {
		b.types = []string{sig("", "")}
	}
	out := empty + section(1, list(b.types...))
	if b.imports != "" {
		out += section(2, b.imports)
	}
	funcs := ""
	for i := range b.bodies {
		of := min(i, len(b.types)-1)
		if i < len(b.of) {
			of = b.of[i]
		}
		funcs += u32(of)
		if len(b.bodies) < 200 {
			b.exports = append(b.exports, export(letters(i), 0, i+b.imported))
		}
	}
	out += section(3, vec(len(b.bodies), funcs))
	for id, content := range []string{4: b.table, 5: b.memory, 6: b.globals, 7: list(b.exports...), 8: b.start, 9: b.elements, 10: b.count} {
		if content == "" {
			continue
		}
		if id == 10 {
			id = 12
		}
		out += section(byte(id), content)
	}
	out += section(10, list(b.bodies...))
	if b.datas != "" {
		out += section(11, b.datas)
	}
	return []byte(out + b.custom)
}

func export(name string, kind byte, index int) string {
	return vec(len(name), name) + string(kind) + u32(index)
}

func newRuntime(t testing.TB) wazero.Runtime {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2))
	t.Cleanup(func() { r.Close(context.Background()) })
	return r
}

// guest is a metered instance.
type guest struct {
	api.Module
	meter *meter.Module
}

func newGuest(t testing.TB, wasm []byte, l meter.Limits) *guest {
	t.Helper()
	m, err := meter.Rewrite(wasm, l)
	if err != nil {
		t.Fatalf("Rewrite: %v", err)
	}
	r := newRuntime(t)
	_, err = r.NewHostModuleBuilder("host").NewFunctionBuilder().WithFunc(func() {}).Export("f").Instantiate(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	instance, err := r.Instantiate(t.Context(), m.Wasm)
	if err != nil {
		t.Fatalf("instantiate: %v", err)
	}
	return &guest{instance, m}
}

func (g *guest) global(name string) api.MutableGlobal {
	return g.ExportedGlobal(name).(api.MutableGlobal)
}

func (g *guest) fuel() int64 { return int64(g.global(meter.FuelGlobal).Get()) }

func (g *guest) stack() int32 { return int32(g.global(meter.StackGlobal).Get()) }

// cost calls a function and returns the fuel that it took.
func (g *guest) cost(t testing.TB, name string, args ...uint64) int64 {
	t.Helper()
	before := g.fuel()
	if _, err := g.ExportedFunction(name).Call(t.Context(), args...); err != nil {
		t.Fatalf("%s(%v): %v", name, args, err)
	}
	return before - g.fuel()
}
