package meter_test

import (
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// limits are the defaults of the sandbox.
func limits() meter.Limits {
	return meter.Limits{Fuel: 50_000_000, Stack: 1 << 20, MemoryPages: 256}
}

// empty is a module with nothing in it.
const empty = "\x00asm\x01\x00\x00\x00"

func TestEmptyModuleGetsTheGlobals(t *testing.T) {
	m, err := meter.Rewrite([]byte(empty), limits())
	if err != nil {
		t.Fatal(err)
	}
	r := wazero.NewRuntimeWithConfig(t.Context(), wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2))
	defer r.Close(t.Context())
	instance, err := r.Instantiate(t.Context(), m.Wasm)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]uint64{meter.FuelGlobal: 50_000_000 - 100_000, meter.StackGlobal: 1 << 20} {
		g, mutable := instance.ExportedGlobal(name).(api.MutableGlobal)
		if !mutable || g.Get() != want {
			t.Errorf("global %s = %v, want a mutable one of %d", name, g, want)
		}
	}
}
