package wasm

import (
	"context"
	"log/slog"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// hostFunction is a function that a guest can import. The meter charges every call. If the work depends on a length that the
// guest gives, the function charges it before it starts.
type hostFunction struct {
	signature meter.Signature
	call      func(g *guest, stack []uint64) // parameters in, result out
}

// hostFunctions returns the functions of a module that guests import from.
func hostFunctions(module string) map[string]hostFunction {
	switch module {
	case awfModule:
		return awfFunctions
	case engineModule:
		return engineFunctions
	case meter.RefillModule:
		return refillFunctions
	}
	return wasiFunctions()
}

var awfFunctions = map[string]hostFunction{
	"log":    {signature("iii", ""), awfLog},
	"config": {signature("iiii", "i"), awfConfig},
	"fail":   {signature("ii", ""), awfFail},
}

// provide defines the functions that a module imports, and no others.
func provide(ctx context.Context, r wazero.Runtime, imports []meter.Import) error {
	for _, module := range []string{awfModule, engineModule, wasiModule, meter.RefillModule} {
		builder := r.NewHostModuleBuilder(module)
		isWanted := map[string]bool{}
		for _, i := range imports {
			if i.Module != module || isWanted[i.Name] {
				continue
			}
			isWanted[i.Name] = true
			f := hostFunctions(module)[i.Name]
			builder.NewFunctionBuilder().
				WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, _ api.Module, stack []uint64) {
					f.call(guestOf(ctx), stack)
				}), valueTypes(f.signature.Params), valueTypes(f.signature.Results)).
				Export(i.Name)
		}
		if len(isWanted) == 0 {
			continue
		}
		if _, err := builder.Instantiate(ctx); err != nil {
			return err
		}
	}
	return nil
}

func valueTypes(types string) []api.ValueType { return []api.ValueType(types) }

// stop is what a host function panics with to end the guest's call.
type stop struct {
	kind   error // a sentinel
	detail string
}

func (s *stop) Error() string { return s.kind.Error() }

// The fuel that the host charges for its work, besides the call itself.
const (
	fuelPerItem    = 32  // an element of a list that the guest gives
	bytesPerFuel   = 8   // copied
	randomPerFuel  = 2   // bytes of randomness
	fuelPerLogLine = 500 // besides its bytes
)

// bytes charges for a part of the guest's memory by its length and returns the part. It ends the call if the part is not within the
// memory. The result is valid until the guest runs again.
func (g *guest) bytes(pointer, length uint64) []byte {
	g.charge(int64(uint32(length)) / bytesPerFuel)
	b, ok := g.mod.Memory().Read(uint32(pointer), uint32(length))
	if !ok {
		panic(&stop{ErrTrap, "a host function got a pointer outside the memory"})
	}
	return b
}

// awfLog is awf.log(level, ptr, len): level is 0 debug, 1 info, 2 warning, 3 error.
func awfLog(g *guest, stack []uint64) {
	g.charge(fuelPerLogLine)
	g.log(logLevel(stack[0]), string(truncated(g.bytes(stack[1], stack[2]), MaxLogLine)))
}

// logLevel translates a guest's level.
func logLevel(level uint64) slog.Level {
	levels := [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError}
	if n := uint32(level); n < uint32(len(levels)) {
		return levels[n]
	}
	return slog.LevelInfo
}

// awfFail is awf.fail(ptr, len): the transform has failed, for the reason in the text. The last reason counts.
func awfFail(g *guest, stack []uint64) {
	g.failure = append(g.failure[:0], truncated(g.bytes(stack[0], stack[1]), MaxLogLine)...)
	g.isFailed = true
}

// awfConfig is awf.config(key, keylen, out, cap): it writes the value if it fits and returns its length, or -1 without a value.
// The key "" stands for the whole configuration.
func awfConfig(g *guest, stack []uint64) {
	key := g.bytes(stack[0], stack[1])
	value, ok := g.module.config[string(key)]
	if !ok {
		stack[0] = api.EncodeI32(-1)
		return
	}
	if uint64(uint32(stack[3])) >= uint64(len(value)) {
		copy(g.bytes(stack[2], uint64(len(value))), value)
	}
	stack[0] = api.EncodeI32(int32(len(value)))
}

func truncated(b []byte, limit int) []byte { return b[:min(len(b), limit)] }
