package wasm_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// costsFile has the table that TestLongErrors writes with WRITE_COSTS=1, between these two lines.
const (
	costsFile  = "../../docs/transforms.md"
	costsBegin = "<!-- costs: make costs -->\n"
	costsEnd   = "<!-- costs end -->\n"
)

// longError is an event whose error has about so many bytes, in lines.
func longError(n int) string {
	const line = `connection refused by the database, which has said so before in so many words\n`
	return strings.Replace(sample, "connection refused by db:5432", strings.Repeat(line, n/len(line)+1), 1)
}

// Guests in every language handle an error of 100 kB with the default limits, and one of 900 kB if they may use the memory and the
// output that it takes. The docs have the table of what that costs.
func TestLongErrors(t *testing.T) {
	s := newSandbox(t, cacheDir)
	_, most := wasm.Bounds()
	rows := "| | isolation | error | fuel | time | fuel per ns | outcome |\n|---|---|---|---|---|---|---|\n"
	for _, language := range []struct{ name, example string }{
		{"Go", ""}, {"C", "slack-c"}, {"Rust", "slack-rust"}, {"AssemblyScript", "slack-assemblyscript"}, {"JavaScript", "slack-js"},
	} {
		loaded := func(o wasm.Options) *wasm.Module {
			switch language.name {
			case "Go":
				return load(t, s, goGuest(t, "reactor"), o)
			case "JavaScript":
				return loadExample(t, language.example, o)
			}
			return load(t, s, read(t, "../../examples/transforms", language.example, "transform.wasm"), o)
		}
		for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
			runs := 1
			if isolation == wasm.IsolateInstance {
				runs = 5 // until the guest's memory has its size
			}
			for _, n := range []int{100, 5_000, 100_000, 900_000} {
				o := wasm.Options{Isolation: isolation}
				if n > 100_000 {
					o.Limits = wasm.Limits{Memory: 64 << 20, Output: most.Output}
				}
				out, took, err := bestOf(t, loaded(o), longError(n), runs)
				outcome := "a body"
				if err != nil {
					outcome = err.Error()
					t.Errorf("%s, isolation %v, an error of %d bytes: %v", language.name, isolation, n, err)
				}
				rows += fmt.Sprintf("| %s | %v | %s | %s | %.2f ms | %.0f | %s |\n", language.name, isolation, inSize(n),
					thousands(out.Fuel), took.Seconds()*1e3, float64(out.Fuel)/float64(took.Nanoseconds()), outcome)
			}
		}
	}
	t.Log("\n" + rows)
	docs := string(read(t, costsFile))
	before, rest, ok := strings.Cut(docs, costsBegin)
	kept, after, ok2 := strings.Cut(rest, costsEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has no table of costs", costsFile)
	}
	if os.Getenv("WRITE_COSTS") != "" {
		if err := os.WriteFile(costsFile, []byte(before+costsBegin+rows+costsEnd+after), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got, want := steady(kept), steady(rows); got != want {
		t.Errorf("%s says\n%s\nwant (make costs)\n%s", costsFile, got, want)
	}
}

// steady leaves of the table what is the same on every machine: no times and, since every version of Go makes other code, no
// fuel of Go's.
func steady(rows string) string {
	var b strings.Builder
	for row := range strings.Lines(rows) {
		cells := strings.Split(row, "|")
		if len(cells) != 9 {
			continue
		}
		if strings.TrimSpace(cells[1]) == "Go" {
			cells[4] = ""
		}
		fmt.Fprintln(&b, strings.Join(append(cells[:5:5], cells[7]), "|"))
	}
	return b.String()
}

// bestOf transforms an event so many times and returns the last output and the least time of a processor, which other processes make no
// longer. To write the table it goes on until the memory knows which pages are touched.
func bestOf(t *testing.T, m *wasm.Module, event string, runs int) (out wasm.Output, best time.Duration, err error) {
	once := func() (wasm.Output, error) {
		start := processorTime()
		out, err := m.Transform(t.Context(), input(event))
		best = min(best, processorTime()-start)
		return out, err
	}
	best = time.Hour
	for range runs {
		out, err = once()
	}
	if os.Getenv("WRITE_COSTS") != "" {
		for range 2_000_000 / max(len(event), 100_000) {
			once()
		}
	}
	return out, best, err
}

func inSize(n int) string {
	if n >= 1000 {
		return fmt.Sprintf("%d kB", n/1000)
	}
	return fmt.Sprintf("%d B", n)
}

// Only an event that may use much fuel needs the code that looks at the clock, which is compiled when the first one comes.
func TestCodeThatLooksAtTheClock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	m := load(t, newSandbox(t, dir), read(t, "../../examples/transforms/slack-c/transform.wasm"), wasm.Options{})
	for _, tt := range []struct{ length, compiled int }{{100, 1}, {700, 1}, {2_000, 2}, {100, 2}} {
		if _, err := m.Transform(t.Context(), input(longError(tt.length))); err != nil {
			t.Fatal(err)
		}
		if folders, err := os.ReadDir(dir); err != nil || len(folders) != tt.compiled {
			t.Errorf("after an error of %d bytes: compiled %d times, %v, want %d", tt.length, len(folders), err, tt.compiled)
		}
	}
}

// The default fuel is enough for an event of many small members, too, which a guest decodes as a whole.
func TestDenseEvents(t *testing.T) {
	s := scriptSandbox(t)
	inGo := load(t, newSandbox(t, cacheDir), goGuest(t, "reactor"), wasm.Options{})
	inJS, err := s.LoadScript(t.Context(), "decode.js", []byte("export default e => Object.keys(e).length"), wasm.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(inJS.Close)
	for name, m := range map[string]*wasm.Module{"Go": inGo, "JavaScript": inJS} {
		for _, member := range []string{"1", `{"a":1,"b":"x"}`, `"é"`, `{"at":1764400000123456789,"ok":true}`, `[[]]`, "1.5e3"} {
			for _, length := range []int{2_000, 10_000, 80_000} {
				event := `{"list":[` + strings.Repeat(member+",", length/(len(member)+1)) + member + `]}`
				if out, err := m.Transform(t.Context(), input(event)); err != nil || string(out.Body) != "1" {
					t.Errorf("%s: %d bytes of %s: %s, %v", name, length, member, out.Body, err)
				}
			}
		}
	}
}

// A module that nears its limit is reported once, and the error of one that reaches it says what to change.
func TestFuelThatRunsOut(t *testing.T) {
	s := newSandbox(t, "")
	rust := read(t, "../../examples/transforms/slack-rust/transform.wasm")
	used, _, err := bestOf(t, load(t, s, rust, wasm.Options{}), longError(5_000), 1)
	starting := used.Limit - wasm.DefaultFuel(len(longError(5_000)))
	if err != nil || starting < 100_000 || starting > 500_000 {
		t.Fatalf("the limit is %d, %v, want the default for the event and what an instance costs", used.Limit, err)
	}
	for _, tt := range []struct {
		limit int64
		warns int
		want  string
	}{
		{2 * used.Fuel, 0, ""},
		{used.Fuel * 10 / 9, 1, ""},
		{used.Fuel / 2, 1, fmt.Sprintf("out of fuel: limit %d, the step's own; limits: {fuel: N} sets another, up to 2000000000", used.Fuel/2)},
	} {
		var log bytes.Buffer
		m := load(t, s, rust, wasm.Options{Limits: wasm.Limits{Fuel: tt.limit}, Logger: logTo(&log)})
		out, _, err := bestOf(t, m, longError(5_000), 5)
		if (err == nil) != (tt.want == "") || err != nil && (!errors.Is(err, wasm.ErrFuel) || !strings.HasPrefix(err.Error(), tt.want)) {
			t.Errorf("limit %d: %v, want %s", tt.limit, err, tt.want)
		}
		if got := strings.Count(log.String(), "transform uses most of its fuel"); got != tt.warns {
			t.Errorf("limit %d, used %d: %d warnings, want %d: %s", tt.limit, out.Fuel, got, tt.warns, &log)
		}
		if got, want := m.FuelPercent(), int((100*out.Fuel+tt.limit-1)/tt.limit); got != want {
			t.Errorf("limit %d: FuelPercent = %d, want %d", tt.limit, got, want)
		}
	}
}
