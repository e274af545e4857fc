package meter_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// Segments that are close to each other become one, unless that changes what the memory holds or what an instruction names.
func TestSegmentsAreJoined(t *testing.T) {
	at := func(n int, text string) string { return "\x00" + constant(n) + end + vec(len(text), text) }
	passive := "\x01" + vec(1, "p")
	for _, tt := range []struct {
		name  string
		datas []string
		count string
		want  int64 // segments
	}{
		{"one after another", []string{at(100, "abc"), at(103, "def"), at(106, "ghi")}, "", 1},
		{"with zeros between", []string{at(100, "abc"), at(167, "def")}, "", 1},
		{"too far apart", []string{at(100, "abc"), at(168, "def")}, "", 2},
		{"in another order", []string{at(500, "late"), at(130, "def"), at(100, "abc")}, "", 2},
		{"that overlap", []string{at(100, "abcdef"), at(103, "xy"), at(110, "z")}, "", 3},
		{"that overwrite", []string{at(100, "abc"), at(50, "0"), at(100, "xyz")}, "", 3},
		{"a zero that overwrites", []string{at(100, "abc\x00\x00"), at(110, "z"), at(101, "\x00")}, "", 3},
		{"empty ones", []string{at(100, ""), at(110, ""), at(110, "z")}, "", 1},
		{"at a computed place", []string{at(100, "abc"), "\x00" + constant(100) + constant(5) + "\x6a" + end + vec(1, "z")}, "", 1},
		{"that instructions may name", []string{at(100, "abc"), at(103, "def")}, u32(2), 2},
		{"beside a passive one", []string{at(100, "abc"), passive, at(103, "def")}, "", 3},
		{"at the end of the memory", []string{at(65_530, "abc"), at(65_533, "def")}, "", 1},
		{"past the end of the memory", []string{at(65_530, "abc"), at(65_533, "defg")}, "", 1},
	} {
		b := build{memory: "\x01\x01\x01\x01", datas: list(tt.datas...), count: tt.count, exports: []string{export("memory", 2, 0)}}
		m, err := meter.Rewrite(b.wasm(), limits())
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := (limits().Fuel - m.InitialFuel - 100_000) / 1_000; got != tt.want && tt.name != "beside a passive one" {
			t.Errorf("%s: %d segments, want %d", tt.name, got, tt.want)
		}
		before, errBefore := memoryOf(t, b.wasm())
		after, errAfter := memoryOf(t, m.Wasm)
		if (errBefore == nil) != (errAfter == nil) || !bytes.Equal(before, after) {
			t.Errorf("%s: another memory: %v, before %v", tt.name, errAfter, errBefore)
		}
	}
}

// An extended constant is the number that it makes.
func TestExtendedConstants(t *testing.T) {
	for _, tt := range []struct {
		name, of, code string
		want           uint64
	}{
		{"a sum", i32, constant(40) + constant(2) + "\x6a", 42},
		{"a sum that overflows", i32, constant(1<<31-1) + constant(1) + "\x6a", 1 << 31},
		{"a difference", i32, constant(2) + constant(44) + "\x6b" + constant(-1) + "\x6c", 42},
		{"a product that overflows", i32, constant(1<<20) + constant(1<<12+1) + "\x6c", 1 << 20},
		{"a sum of 64 bits", i64, constant64(1<<40) + constant64(2) + "\x7c", 1<<40 + 2},
		{"a difference of 64 bits", i64, constant64(0) + constant64(1) + "\x7d", 1<<64 - 1},
		{"a product of 64 bits", i64, constant64(1<<62) + constant64(3) + "\x7e", 3 << 62},
	} {
		b := build{globals: list(tt.of + "\x00" + tt.code + end), exports: []string{export("g", 3, 0)}}
		g := newGuest(t, b.wasm(), limits())
		if got := g.ExportedGlobal("g").Get(); got != tt.want {
			t.Errorf("%s = %#x, want %#x", tt.name, got, tt.want)
		}
	}
}

// memoryOf is the memory of a new instance.
func memoryOf(t *testing.T, wasm []byte) ([]byte, error) {
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfigInterpreter().
		WithCoreFeatures(api.CoreFeaturesV2|experimental.CoreFeaturesExtendedConst))
	defer r.Close(context.Background())
	instance, err := r.Instantiate(t.Context(), wasm)
	if err != nil {
		return nil, err
	}
	memory, _ := instance.Memory().Read(0, instance.Memory().Size())
	return bytes.Clone(memory), nil
}
