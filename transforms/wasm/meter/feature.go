package meter

// feature is a part of WebAssembly beyond version 2.0, which is refused, and how to build without it.
type feature struct{ name, advice string }

var (
	exceptions  = feature{"exceptions", "build with -fno-exceptions, and Rust with panic=abort"}
	tailCalls   = feature{"tail calls", "build with -mno-tail-call"}
	references  = feature{"function references and garbage collection", "use a compiler that targets linear memory"}
	threads     = feature{"threads and atomics", "build with -mno-atomics and without -pthread"}
	relaxedSIMD = feature{"relaxed SIMD instructions", "build with -mno-relaxed-simd"}
	wide        = feature{"wide arithmetic instructions", "build with -mno-wide-arithmetic"}
	memory64    = feature{"64-bit memories", "build for wasm32"}
	multiMemory = feature{"several memories", "build with -mno-multimemory"}
	customPages = feature{"custom page sizes", "build with pages of 64 KiB"}
)

func (f feature) String() string { return f.name + " are not supported: " + f.advice }

// featureOf finds the feature that an unknown instruction belongs to, by its first two bytes.
func featureOf(op, sub byte) (f feature, known bool) {
	switch {
	case op >= 0x06 && op <= 0x0a, op == 0x18, op == 0x19, op == 0x1f:
		return exceptions, true
	case op == 0x12, op == 0x13:
		return tailCalls, true
	case op == 0x14, op == 0x15, op >= 0xd3 && op <= 0xd6, op == 0xfb:
		return references, true
	case op == 0xfe:
		return threads, true
	case op == vectorPrefix && sub >= 0x80:
		return relaxedSIMD, true
	case op == miscPrefix && sub >= 0x13 && sub <= 0x16:
		return wide, true
	}
	return feature{}, false
}

// typeFeature finds the feature that an unknown type belongs to.
func typeFeature(t byte) (f feature, known bool) {
	switch {
	case t == 0x69 || t == 0x74:
		return exceptions, true
	case t >= 0x4e && t <= 0x50, t >= 0x5e && t <= 0x5f, t >= 0x63 && t <= 0x73:
		return references, true
	}
	return feature{}, false
}
