package meter_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// The WebAssembly core test suite, versions 1 and 2 and extended constants, as wazero's module carries it. Every module runs as it is and
// metered, in wazero's compiler and, metered, in its interpreter; every invocation must have the same outcome in all.
// make spec runs all of it; go test runs the files about control flow, calls, memory and tables, where the meter's code goes.

// specAll is the environment variable that runs all files, and many more mutants (make spec).
const specAll = "AWF_SPEC"

var specSlice = []string{
	"block", "br", "br_if", "br_table", "call", "call_indirect", "fac", "func_ptrs", "global", "if", "labels", "loop", "memory_grow",
	"nop", "return", "select", "start", "switch", "unreachable", "unwind", "bulk", "memory_copy", "memory_fill", "memory_init",
	"table_copy", "table_fill", "table_grow", "table_init", "elem", "data", "binary-leb128", "simd_const", "simd_i64x2_arith", "simd_store",
}

type specValue struct {
	Type  string          `json:"type"`
	Lane  string          `json:"lane_type"`
	Value json.RawMessage `json:"value"`
}

type specCommand struct {
	Type     string `json:"type"`
	Line     int    `json:"line"`
	Name     string `json:"name"`
	Filename string `json:"filename"`
	As       string `json:"as"`
	Kind     string `json:"module_type"`
	Action   struct {
		Type   string      `json:"type"`
		Module string      `json:"module"`
		Field  string      `json:"field"`
		Args   []specValue `json:"args"`
	} `json:"action"`
}

type specTally struct{ files, modules, skipped, invokes, trapped, invalid, looser int }

func wazeroDir(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

func TestCoreSuiteRunsTheSameMetered(t *testing.T) {
	var tally specTally
	for _, version := range []string{"v1", "v2", "extended-const"} {
		files, err := filepath.Glob(filepath.Join(wazeroDir(t), "internal/integration_test/spectest", version, "testdata/*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no test suite in wazero's module: %v", err)
		}
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".json")
			if os.Getenv(specAll) == "" && (version == "v1" || version == "v2" && !slices.Contains(specSlice, name)) {
				continue
			}
			runSpec(t, file, &tally)
		}
	}
	t.Logf("%d files, %d modules (%d refused by design), %d invocations, %d trapped, %d invalid modules, "+
		"%d of them invalid only in dropped custom sections",
		tally.files, tally.modules, tally.skipped, tally.invokes, tally.trapped, tally.invalid, tally.looser)
	if tally.invokes < 5_000 {
		t.Errorf("%d invocations, want thousands", tally.invokes)
	}
}

// track is one of the ways that the suite's modules run.
type track struct {
	name    string
	runtime wazero.Runtime
	metered bool
	refills *refills // nil: fuel that is used up is a trap
	byName  map[string]*specInstance
	last    *specInstance
}

type specInstance struct {
	api.Module
	fuel, stack api.MutableGlobal
	full        uint64 // the stack counter at rest
}

const specFuel = 1 << 50

func specLimits() meter.Limits {
	return meter.Limits{Fuel: specFuel, Stack: 1 << 20, MemoryPages: 65536}.Foreign()
}

func newTracks(t *testing.T, dir string) []*track {
	t.Helper()
	host, err := os.ReadFile(filepath.Join(dir, "../../testdata/spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	var tracks []*track
	for _, tt := range []struct {
		name    string
		config  wazero.RuntimeConfig
		metered bool
		refills *refills
	}{
		{"plain", wazero.NewRuntimeConfig(), false, nil},
		{"metered", wazero.NewRuntimeConfig(), true, nil},
		{"metered with refills", wazero.NewRuntimeConfig(), true, newRefills()},
		{"plain, interpreted", wazero.NewRuntimeConfigInterpreter(), false, nil}, // the payloads of NaN are an engine's own
		{"metered, interpreted", wazero.NewRuntimeConfigInterpreter(), true, nil},
	} {
		r := wazero.NewRuntimeWithConfig(t.Context(), tt.config.WithCoreFeatures(api.CoreFeaturesV2|experimental.CoreFeaturesExtendedConst))
		if _, err := r.Instantiate(t.Context(), host); err != nil {
			t.Fatal(err)
		}
		if tt.refills != nil {
			tt.refills.provide(t, r)
		}
		tracks = append(tracks, &track{tt.name, r, tt.metered, tt.refills, map[string]*specInstance{}, nil})
	}
	return tracks
}

func runSpec(t *testing.T, file string, tally *specTally) {
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var suite struct{ Commands []specCommand }
	if err := json.Unmarshal(raw, &suite); err != nil {
		t.Fatal(err)
	}
	tally.files++
	tracks := newTracks(t, filepath.Dir(file))
	defer func() {
		for _, track := range tracks {
			track.runtime.Close(context.Background())
		}
	}()
	for i, c := range suite.Commands {
		where := fmt.Sprintf("%s:%d", filepath.Base(file), c.Line)
		var wasm []byte
		if strings.HasSuffix(c.Filename, ".wasm") {
			if wasm, err = os.ReadFile(filepath.Join(filepath.Dir(file), c.Filename)); err != nil {
				t.Fatal(err)
			}
		}
		switch {
		case c.Type == "module":
			if i+1 < len(suite.Commands) && suite.Commands[i+1].Type == "register" {
				c.As = suite.Commands[i+1].As
			}
			specModule(t, where, tracks, &c, wasm, tally)
		case strings.HasPrefix(c.Type, "assert_") && wasm != nil:
			specInvalid(t, where, tracks, wasm, tally)
		case c.Action.Type == "invoke":
			specInvoke(t, where, tracks, &c, tally)
		case c.Action.Type == "get":
			specGet(t, where, tracks, &c)
		}
	}
}

// specModule instantiates a module in all tracks, or in none.
func specModule(t *testing.T, where string, tracks []*track, c *specCommand, wasm []byte, tally *specTally) {
	tally.modules++
	m, err := meter.Rewrite(wasm, specLimits())
	if err != nil {
		tally.skipped++
		t.Logf("%s: refused: %v", where, err)
	}
	refilling, err2 := meter.Rewrite(wasm, withRefills(specLimits()))
	if (err == nil) != (err2 == nil) {
		t.Errorf("%s: with refills: %v, without: %v", where, err2, err)
		return
	}
	for _, track := range tracks {
		track.last = nil
		if m == nil {
			continue
		}
		bytes := wasm
		if track.metered {
			bytes = m.Wasm
		}
		if track.refills != nil {
			bytes = refilling.Wasm
		}
		instance, err := track.runtime.InstantiateWithConfig(t.Context(), bytes, wazero.NewModuleConfig().WithName(c.As))
		if err != nil {
			t.Errorf("%s: %s: %v", where, track.name, err)
			continue
		}
		in := &specInstance{Module: instance}
		if track.metered && m.HasStart {
			if _, err := instance.ExportedFunction(meter.StartExport).Call(t.Context()); err != nil {
				t.Errorf("%s: %s: start: %v", where, track.name, err)
				continue
			}
		}
		if track.metered {
			in.fuel = instance.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
			in.stack = instance.ExportedGlobal(meter.StackGlobal).(api.MutableGlobal)
			in.full = in.stack.Get()
		}
		track.last = in
		if c.Name != "" {
			track.byName[c.Name] = in
		}
	}
}

// specInvalid checks that what wazero refuses, the meter or wazero refuses after it: save what is in custom sections.
func specInvalid(t *testing.T, where string, tracks []*track, wasm []byte, tally *specTally) {
	tally.invalid++
	_, plain := tracks[0].runtime.CompileModule(t.Context(), wasm)
	m, err := meter.Rewrite(wasm, specLimits())
	if err == nil {
		_, err = tracks[0].runtime.CompileModule(t.Context(), m.Wasm)
	}
	if plain != nil && err == nil {
		if !strings.HasPrefix(where, "custom") && !strings.HasPrefix(where, "utf8-custom") && !strings.Contains(plain.Error(), "custom") {
			t.Errorf("%s: accepted, want the refusal of %v", where, plain)
		}
		tally.looser++
	}
}

func (tr *track) of(c *specCommand) *specInstance {
	if c.Action.Module != "" {
		return tr.byName[c.Action.Module]
	}
	return tr.last
}

func specInvoke(t *testing.T, where string, tracks []*track, c *specCommand, tally *specTally) {
	args := specArgs(t, c.Action.Args)
	var want string // of the same engine, plain
	var used []uint64
	for _, track := range tracks {
		instance := track.of(c)
		if instance == nil {
			return
		}
		if track.metered {
			instance.fuel.Set(track.refills.begin(instance.Module, specFuel))
		}
		f := instance.ExportedFunction(c.Action.Field)
		results, err := f.Call(t.Context(), args...)
		got := outcome(f, results, err)
		if c.Type == "assert_exhaustion" && err != nil {
			got = "exhausted" // the counter stops a recursion before the engine does, with its own trap
		}
		if !track.metered {
			want = got
			continue
		}
		if got != want {
			t.Errorf("%s: %s(%v), %s: %s, want %s", where, c.Action.Field, args, track.name, got, want)
		}
		if err == nil && instance.stack.Get() != instance.full {
			t.Errorf("%s: %s: the stack counter is %d after the call, want %d", where, track.name, instance.stack.Get(), instance.full)
		}
		used = append(used, specFuel-track.refills.left(instance.Module, instance.fuel.Get()))
		restore(track)
	}
	tally.invokes++
	if strings.HasPrefix(want, "wasm error") {
		tally.trapped++
	}
	if (used[0] != used[1] || used[0] != used[2]) && c.Type != "assert_exhaustion" { // the interpreter holds 2000 frames
		t.Errorf("%s: %s(%v) costs %d fuel compiled, %d with refills, %d interpreted", where, c.Action.Field, args, used[0], used[1], used[2])
	}
}

// restore resets the stack counters, which a trap leaves as they are.
func restore(tr *track) {
	for _, in := range append(slices.Collect(maps.Values(tr.byName)), tr.last) {
		if in != nil && in.stack != nil {
			in.stack.Set(in.full)
		}
	}
}

// outcome writes a call's results, or its trap. References are pointers, of which only null is the same everywhere.
func outcome(f api.Function, results []uint64, err error) string {
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		return first
	}
	at := 0
	text := []string{}
	for _, of := range f.Definition().ResultTypes() {
		v := results[at]
		at++
		switch {
		case of == 0x7b:
			text = append(text, fmt.Sprintf("%#x:%#x", v, results[at]))
			at++
		case of == 0x70:
			text = append(text, fmt.Sprint("null? ", v == 0))
		case of == 0x7f || of == 0x7d:
			text = append(text, fmt.Sprintf("%#x", uint32(v))) // wazero leaves what it likes above
		default:
			text = append(text, fmt.Sprintf("%#x", v))
		}
	}
	return strings.Join(text, " ")
}

func specGet(t *testing.T, where string, tracks []*track, c *specCommand) {
	for _, track := range tracks[1:] {
		if tracks[0].of(c) == nil || track.of(c) == nil {
			return
		}
		got, want := track.of(c).ExportedGlobal(c.Action.Field), tracks[0].of(c).ExportedGlobal(c.Action.Field)
		if got.Get() != want.Get() && got.Type() != 0x70 {
			t.Errorf("%s: %s: global %s = %v, want %v", where, track.name, c.Action.Field, got, want)
		}
	}
}

func specArgs(t *testing.T, values []specValue) []uint64 {
	t.Helper()
	var args []uint64
	for _, v := range values {
		if v.Type != "v128" {
			var text string
			json.Unmarshal(v.Value, &text)
			args = append(args, specNumber(t, text, v.Type))
			continue
		}
		var lanes []string
		if err := json.Unmarshal(v.Value, &lanes); err != nil {
			t.Fatal(err)
		}
		width := 128 / len(lanes)
		var halves [2]uint64
		for i, lane := range lanes {
			at := i * width
			halves[at/64] |= specNumber(t, lane, v.Lane) << (at % 64)
		}
		args = append(args, halves[:]...)
	}
	return args
}

func specNumber(t *testing.T, text, of string) uint64 {
	t.Helper()
	switch {
	case text == "" || text == "null":
		return 0
	case strings.HasPrefix(text, "nan") && of == "f32":
		return 0x7fc00000
	case strings.HasPrefix(text, "nan"):
		return 0x7ff8000000000000
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if of == "externref" {
		n++ // 0 is null
	}
	return n
}
