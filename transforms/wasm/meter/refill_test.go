package meter_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

// refills hands out a call's fuel in slices, as a host does for modules that ask for them. A nil one hands out all at once.
type refills struct {
	reserve map[api.Module]uint64 // by instance
}

func newRefills() *refills { return &refills{map[api.Module]uint64{}} }

// slice is little, so that all but the shortest functions ask for more.
const slice = 50

var errNoFuel = errors.New("no fuel left")

func withRefills(l meter.Limits) meter.Limits {
	l.Refill = true
	return l
}

// provide defines the function that modules with refills import.
func (r *refills) provide(t testing.TB, runtime wazero.Runtime) {
	t.Helper()
	refill := func(_ context.Context, m api.Module) {
		fuel := m.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
		now := int64(fuel.Get())
		more := min(int64(r.reserve[m]), slice-now)
		r.reserve[m] -= uint64(more)
		fuel.Set(uint64(now + more))
		if now+more < 0 {
			panic(errNoFuel)
		}
	}
	_, err := runtime.NewHostModuleBuilder(meter.RefillModule).NewFunctionBuilder().WithFunc(refill).Export(meter.RefillImport).
		Instantiate(context.Background())
	if err != nil {
		t.Fatal(err)
	}
}

// begin is what a call into an instance begins with of its fuel.
func (r *refills) begin(m api.Module, fuel uint64) uint64 {
	if r == nil {
		return fuel
	}
	first := min(fuel, slice)
	r.reserve[m] = fuel - first
	return first
}

// left is what a call into an instance has left whose global says so much.
func (r *refills) left(m api.Module, fuel uint64) uint64 {
	if r == nil {
		return fuel
	}
	return fuel + r.reserve[m]
}

// forget drops an instance that is closed.
func (r *refills) forget(m api.Module) {
	if r != nil {
		delete(r.reserve, m)
	}
}

// A module that imports the meter's own function is refused.
func TestRefillIsReserved(t *testing.T) {
	imports := list(vec(8, meter.RefillModule) + vec(6, meter.RefillImport) + "\x00\x00")
	forged := build{imports: imports, imported: 1, bodies: []string{body("", "")}}
	for _, l := range []meter.Limits{limits(), withRefills(limits())} {
		if _, err := meter.Rewrite(forged.wasm(), l); err == nil || !strings.Contains(err.Error(), "reserved") {
			t.Errorf("a module that imports the meter's function: %v, want a refusal", err)
		}
	}
}
