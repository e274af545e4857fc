package wasm_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

func TestGuestsReshape(t *testing.T) {
	s := newSandbox(t, cacheDir)
	for name, module := range guests(t) {
		for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
			m := load(t, s, module, wasm.Options{Isolation: isolation})
			for i := range 5 {
				out, err := m.Transform(t.Context(), input(sample))
				if err != nil {
					t.Fatalf("%s, isolation %v, event %d: %v", name, isolation, i, err)
				}
				if !equalJSON(out.Body, reshaped) {
					t.Errorf("%s, isolation %v: got %s", name, isolation, out.Body)
				}
			}
		}
	}
}

// Stock Go with net/http in it loads with limits: {module: 16MiB}. Otherwise it is refused, and the error names that limit. make guests
// runs this.
func TestLargeModulesOfStockGo(t *testing.T) {
	if os.Getenv("GUESTS") == "" {
		t.Skip("make guests runs it: compiling takes a minute")
	}
	module, err := buildGo("large")
	if err != nil {
		t.Fatal(err)
	}
	s := newSandbox(t, "")
	if _, err := s.Load(t.Context(), "step", module, wasm.Options{}); err == nil || !strings.Contains(err.Error(), "limits: {module: ") {
		t.Errorf("%d bytes with the default limits: %v, want a refusal that names this limit", len(module), err)
	}
	watch := watchProcess(t)
	watch.begin()
	m := load(t, s, module, wasm.Options{Limits: wasm.Limits{Module: 16 << 20}})
	used, peak := watch.end()
	t.Logf("%d bytes: compiled in %v of a processor and %d MiB", len(module), used, peak>>20)
	if used > 30*time.Second || peak > 512<<20 {
		t.Errorf("compiled in %v of a processor and %d MiB, want at most 30s and 512 MiB", used, peak>>20)
	}
	out, err := m.Transform(t.Context(), input(sample))
	if err != nil || string(out.Body) != `{"text":"deploy-production"}` {
		t.Errorf("got %s, %v", out.Body, err)
	}
}

func equalJSON(got []byte, want string) bool {
	var a, b any
	if json.Unmarshal(got, &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		return false
	}
	return reflect.DeepEqual(a, b)
}
