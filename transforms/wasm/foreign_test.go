package wasm_test

import (
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// An import of another ABI is refused with a word about it.
func TestForeignABIsAreTold(t *testing.T) {
	imports := func(module, name, code string) []byte {
		entry := string(rune(len(module))) + module + string(rune(len(name))) + name + "\x00\x00"
		section := "\x01" + entry
		return []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02" + string(rune(len(section))) + section + code)
	}
	for _, tt := range []struct{ module, name, want string }{
		{"extism:host/env", "input_length", "Extism"},
		{"extism:host/user", "hello", "Extism"},
		{"wbg", "__wbg_x", "wasm-bindgen"},
		{"./hello_bg.js", "__wbg_x", "wasm-bindgen"},
		{"wasi", "thread-spawn", "threads: build for wasip1 without -pthread"},
		{"wasi:cli/stdout@0.2.0", "get-stdout", "a component: build for wasip1"},
		{"env", "abort", "AssemblyScript: build with --use abort="},
		{"env", "emscripten_memcpy_js", "Emscripten: build with -sSTANDALONE_WASM"},
		{"a", "b", "Emscripten, which has shortened the names"},
		{"gojs", "runtime.wasmExit", "Go: build with GOOS=wasip1"},
	} {
		err := wasm.Inspect(imports(tt.module, tt.name, "")).Refused
		if err == nil || !strings.Contains(err.Error(), tt.module+"."+tt.name) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s.%s: %v, want a word about it: %s", tt.module, tt.name, err, tt.want)
		}
	}
	// So is one whose code is refused, too: a tail call.
	tail := "\x03\x02\x01\x00\x0a\x06\x01\x04\x00\x12\x00\x0b"
	err := wasm.Inspect(imports("gojs", "x", tail)).Refused
	if err == nil || !strings.HasPrefix(err.Error(), "imports gojs.x: ") || strings.Contains(err.Error(), "tail") {
		t.Errorf("code that is refused: %v, want a word about the import alone", err)
	}
	err = wasm.Inspect(imports("awf", "fail", tail)).Refused
	if err == nil || !strings.HasPrefix(err.Error(), "imports awf.fail as (): want (i32, i32)") {
		t.Errorf("code that is refused: %v, want a word about the import alone", err)
	}
}
