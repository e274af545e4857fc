package wasm

import (
	"slices"
	"strings"
	"testing"
)

// A trap names the author's own functions, not those of the language's library, as the source has them.
func TestFramesAreTheAuthorsOwn(t *testing.T) {
	for trace, want := range map[string][]string{
		".divide(i32) i32\n\t.transform(i32,i32) i64\n\n.more()": {"divide", "transform"},
		".$3()\n.transform(i32,i32) i64":                         {"$2", "transform"},
		".__rust_start_panic(i32)\n.rust_panic()\n._ZN3std9panicking20rust_panic_with_hook17h1b1329eaa36c7fa5E()\n" +
			"._ZN4core6result13unwrap_failed17h0000000000000000E()\n" +
			"._ZN33_$LT$a..B$u20$as$u20$a..Trait$GT$3cry17h0000000000000000E()\n" +
			"._ZN4core9panicking18panic_bounds_check17h0123456789abcdefE()\n._ZN1a4boom17h0123456789abcdefE(i32)\n.transform()": {
			"_$LT$a..B$u20$as$u20$a..Trait$GT$::cry", "core::panicking::panic_bounds_check", "a::boom", "transform"},
		".runtime.fatalpanic()\n.runtime.gopanic()\n.main.transform()\n.runtime.main()": {"main.transform", "runtime.main"},
		".runtime.throw()\n.runtime.main()":                                             {"runtime.throw", "runtime.main"},
		"._ZN\n._ZN9\n._ZNE\n._ZN3abE\n._ZN99999999999999999999aE\n._ZN-1aE": {
			"_ZN", "_ZN9", "_ZNE", "_ZN3abE", "_ZN99999999999999999999aE"},
		"awf:fuel.refill()\n.$1()\n.transform(i32,i32) i64":                                          {"$0", "transform"},
		"._ZN1a6Result6expect17h0f935a117c368e00E.llvm.1234(i32)\n._ZN1a4main17h0123456789abcdefE()": {"a::Result::expect", "a::main"},
		"": nil,
	} {
		if got := frames(trace, true); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", strings.ReplaceAll(trace, "\n", " < "), got, want)
		}
	}
}
