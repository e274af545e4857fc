// Package meter rewrites WebAssembly modules to count what they use. Every function entry and every loop iteration takes fuel
// from a global and traps when none is left. Calls in cycles of the call graph take from a second global, which bounds the
// stack. A rewritten module cannot run without counting, whatever engine runs it.
//
// [Rewrite] is all there is to call. The engine must see what the meter saw, so no byte is passed on unread: the module is
// decoded against a list of what is allowed, every index is checked against the original counts, and the module is written
// anew in canonical encoding.
//
// The trap is WebAssembly's unreachable. The globals tell the host the cause: fuel below zero, stack below zero, or else a
// trap of the guest's own. A call may also return with fuel below zero, which means that it ran out. Discard an instance after a
// trap: its stack count is unbalanced. Host functions must not call back into the guest.
//
// With Limits.Refill the module asks its host for more fuel where it would otherwise trap, so that the host can hand out fuel in
// slices and look at a clock between them. Such code is slower.
package meter

import (
	"fmt"
	"strings"
)

// The globals that a rewritten module exports, both mutable. The guest can neither name nor write them.
const (
	FuelGlobal  = "awf:fuel"  // i64, fuel left; the host may set it before a call, and take from it in host functions
	StackGlobal = "awf:stack" // i32, bytes left for recursion; balanced after every call that returns
	StartExport = "awf:start" // the start function, which the host calls once after the module is instantiated
)

// The function () -> () that a module rewritten with Limits.Refill imports. The module calls it instead of trapping when the
// fuel is below zero. It must either add fuel until the fuel is not below zero, or not return.
const (
	RefillModule = "awf:fuel"
	RefillImport = "refill"
)

// Limits are what a module may use.
type Limits struct {
	Fuel        int64  // of a new instance, which pays for itself from it; 0 to 1<<60
	Stack       int32  // bytes, nominal: frames as estimated here, of which an engine may take several times as much
	MemoryPages uint32 // of 64 KiB, at most; a module that starts with more is refused
	Refill      bool   // asks the host for more fuel instead of trapping; uses as much fuel as without

	foreign bool // allows imported tables, memories and globals, which the core test suite needs
}

// Module is a rewritten module and what is known about it.
type Module struct {
	Wasm           []byte     // what to compile
	Imports        []Import   // functions only, in their order; without RefillImport
	Exports        []Export   // without the two globals
	MinPages       uint32     // of memory
	MaxPages       uint32     // at most Limits.MemoryPages; 0 without a memory
	HasStart       bool       // StartExport is exported
	InitialFuel    int64      // what is left of Limits.Fuel when the instance is made
	UncountedStack int        // bytes, nominal: the deepest chain of calls outside cycles, which StackGlobal does not count
	Functions      int        // defined, not imported
	Compiled       int        // bytes of compiled code, by an estimate that is about twice the real size
	Producers      []Producer // what made it, as the module claims
}

// Signature is a function's type, in WebAssembly's own bytes: 0x7f i32, 0x7e i64, 0x7d f32, 0x7c f64, 0x7b v128,
// 0x70 funcref, 0x6f externref.
type Signature struct{ Params, Results string }

// String writes the signature as "(i32, i32) -> i64".
func (s Signature) String() string {
	names := func(types string) string {
		var list []string
		for _, t := range []byte(types) {
			list = append(list, typeNames[t])
		}
		return strings.Join(list, ", ")
	}
	text := "(" + names(s.Params) + ")"
	switch len(s.Results) {
	case 0:
		return text
	case 1:
		return text + " -> " + names(s.Results)
	}
	return text + " -> (" + names(s.Results) + ")"
}

// Import is a function that the module needs from its host.
type Import struct {
	Module, Name string
	Signature    Signature
}

// ExternKind is the kind of an import or export.
type ExternKind byte

// The kinds of imports and exports.
const (
	Func ExternKind = iota
	Table
	Memory
	Global
)

var externNames = [...]string{"function", "table", "memory", "global"}

func (k ExternKind) String() string { return externNames[k] }

// Export is a thing that the module offers its host.
type Export struct {
	Name      string
	Kind      ExternKind
	Signature Signature // of a function
}

// Producer is an entry of the producers section. Field is language, processed-by or sdk.
type Producer struct{ Field, Name, Version string }

// CodeError says why a module's code is refused.
type CodeError struct {
	Imports []Import // of the module
	Err     error
}

func (e *CodeError) Error() string { return e.Err.Error() }
func (e *CodeError) Unwrap() error { return e.Err }

// Rewrite returns a module that counts fuel and stack. The bytes may come from anyone. An error says what is refused, and at
// which byte; it is a [*CodeError] if all but the code is good. Time and memory are proportional to the module's length.
func Rewrite(module []byte, limits Limits) (*Module, error) {
	if limits.Fuel < 0 || limits.Fuel > maxFuel || limits.Stack < 0 || limits.MemoryPages > maxPages {
		return nil, fmt.Errorf("limits out of range: %d fuel, %d bytes of stack, %d pages", limits.Fuel, limits.Stack, limits.MemoryPages)
	}
	m, err := decode(module, limits)
	if err != nil {
		return nil, err
	}
	out, err := m.rewrite()
	if err != nil {
		return nil, &CodeError{m.functionImports(), err}
	}
	return out, nil
}
