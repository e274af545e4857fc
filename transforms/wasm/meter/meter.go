// Package meter rewrites WebAssembly modules so that they count what they use: every function entry and every loop
// iteration takes fuel from a global and traps when it is gone, and calls inside call-graph cycles take from a second
// global that bounds the stack. A rewritten module cannot run without counting, whatever engine runs it.
//
// The engine must see what the meter saw, so nothing of the original bytes is passed on unread: the module is decoded
// against a whitelist, every index is checked against the original counts, and it is written anew in canonical encodings.
//
// The trap is WebAssembly's unreachable. The host tells the causes apart by the globals: fuel below zero, stack below
// zero, else the guest's own. A call may also return with the fuel below zero: it has used it up all the same. After a
// trap an instance is of no use: its stack count is unbalanced. Host functions must not call back into the guest.
package meter

import "fmt"

// The globals that a rewritten module exports, both mutable. The guest can neither name nor write them.
const (
	FuelGlobal  = "awf:fuel"  // i64, fuel left; the host may set it before a call, and take from it in host functions
	StackGlobal = "awf:stack" // i32, bytes left for recursion; balanced after every call that returns
	StartExport = "awf:start" // the start function, which the host calls once after the module is instantiated
)

// Limits are what a module may use.
type Limits struct {
	Fuel        int64  // what an instance begins with, from which initialising it (segments, start function) is paid; 0 to 1<<60
	Stack       int32  // bytes, nominal: frames as estimated here, of which an engine may take several times as much
	MemoryPages uint32 // of 64 KiB; a module that begins with more is refused, and may not grow beyond
	Split       int64  // cost from which a branch is charged where it is taken and not in advance; 0 is DefaultSplit

	foreign bool // imported tables, memories and globals are taken (the core test suite links modules)
}

// DefaultSplit charges all but the smallest branches where they are taken.
const DefaultSplit = 32

// Module is a rewritten module and what is known of it.
type Module struct {
	Wasm           []byte     // what to compile
	Imports        []Import   // functions only, in their order
	Exports        []Export   // without the two globals
	MinPages       uint32     // of memory
	MaxPages       uint32     // at most Limits.MemoryPages; 0 without a memory
	HasMemory      bool       // one is defined
	HasStart       bool       // a start function runs when it is instantiated
	InitialFuel    int64      // what is left of Limits.Fuel once its segments are copied; the start function is paid from it
	UncountedStack int        // bytes, nominal: the deepest chain of calls outside cycles; taken off StackGlobal's first value
	Functions      int        // defined, not imported
	Producers      []Producer // what made it, as the producers section says; not to be trusted
}

// Signature is a function's type, in WebAssembly's own bytes: 0x7f i32, 0x7e i64, 0x7d f32, 0x7c f64, 0x7b v128, 0x70 funcref, 0x6f externref.
type Signature struct{ Params, Results string }

// String writes the signature as "(i32, i32) -> i64".
func (s Signature) String() string {
	names := func(types string) string {
		list := ""
		for i := range len(types) {
			if i > 0 {
				list += ", "
			}
			list += typeNames[types[i]]
		}
		return list
	}
	switch len(s.Results) {
	case 0:
		return "(" + names(s.Params) + ")"
	case 1:
		return "(" + names(s.Params) + ") -> " + names(s.Results)
	}
	return "(" + names(s.Params) + ") -> (" + names(s.Results) + ")"
}

// Import is a function that the module wants from its host.
type Import struct {
	Module, Name string
	Signature    Signature
}

// ExternKind is what an import or export is.
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

// Export is what the module gives its host.
type Export struct {
	Name      string
	Kind      ExternKind
	Signature Signature // of a function
}

// Producer is a line of the producers section: Field is language, processed-by or sdk.
type Producer struct{ Field, Name, Version string }

// Rewrite returns the module with fuel and stack counted, and what is known of it. The bytes may come from anyone.
// An error says what is refused and at which byte. Time and memory are proportional to the module's length.
func Rewrite(module []byte, limits Limits) (*Module, error) {
	if limits.Split == 0 {
		limits.Split = DefaultSplit
	}
	if limits.Fuel < 0 || limits.Fuel > maxFuel || limits.Stack < 0 || limits.Split < 0 || limits.MemoryPages > maxPages {
		return nil, fmt.Errorf("limits out of range: %d fuel, %d bytes of stack, %d pages", limits.Fuel, limits.Stack, limits.MemoryPages)
	}
	m, err := decode(module, limits)
	if err != nil {
		return nil, err
	}
	return m.rewrite()
}
