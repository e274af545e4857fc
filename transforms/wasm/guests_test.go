package wasm_test

import (
	"encoding/json"
	"reflect"
	"testing"

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

func equalJSON(got []byte, want string) bool {
	var a, b any
	if json.Unmarshal(got, &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		return false
	}
	return reflect.DeepEqual(a, b)
}
