package wasm_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// inspect and loading agree on a module: its kind, its digest, and whether it is refused, for the same reasons.
func TestInspectAgreesWithLoad(t *testing.T) {
	s := newSandbox(t, cacheDir)
	var files []string
	for _, pattern := range []string{"guests/*.wasm", "hostile/*.wasm"} {
		found, err := filepath.Glob(filepath.Join("../../testdata/wasm", pattern))
		if err != nil || len(found) < 5 {
			t.Fatalf("%d modules for %s: %v", len(found), pattern, err)
		}
		files = append(files, found...)
	}
	for _, file := range append(files, "inspect_test.go") {
		module, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		info := wasm.Inspect(module)
		_, most := wasm.Bounds()
		m, err := s.Load(t.Context(), "step", module, wasm.Options{Limits: most})
		switch {
		case err == nil:
			if info.Refused != nil || info.Kind != m.Kind() || info.Digest != m.Digest() || info.Size != len(module) {
				t.Errorf("%s: inspect says %+v, it is a %s of %s", file, info, m.Kind(), m.Digest())
			}
			m.Close()
		case errors.Is(err, wasm.ErrModule) && info.Refused != nil:
			reason := strings.TrimPrefix(info.Refused.Error(), wasm.ErrModule.Error()+": ")
			if !strings.HasSuffix(err.Error(), reason) {
				t.Errorf("%s: inspect says %q, load %q", file, reason, err)
			}
		case info.Refused == nil:
			t.Logf("%s: the compiler or a limit refuses it: %v", file, err)
		default:
			t.Errorf("%s: inspect says %v, load %v", file, info.Refused, err)
		}
	}
}

func TestInspectSaysWhatAModuleIs(t *testing.T) {
	info := wasm.Inspect(read(t, "../../examples/transforms/slack-rust/transform.wasm"))
	made := ""
	for _, p := range info.Made {
		made += p.Field + " " + p.Name + " " + p.Version + "; "
	}
	exports := ""
	for _, e := range info.Exports {
		exports += e.Name + " " + e.Type + "; "
	}
	if info.Refused != nil || info.Kind != "reactor" || info.Functions == 0 || info.Memory == 0 || info.Memory%(64<<10) != 0 ||
		!strings.HasPrefix(made, "language Rust ; processed-by rustc ") ||
		!strings.Contains(exports, "memory memory; ") || !strings.Contains(exports, "transform (i32, i32) -> i64; ") {
		t.Errorf("%+v", info)
	}
	info = wasm.Inspect(read(t, guestDir, "command.wasm"))
	if info.Kind != "command" || len(info.Imports) == 0 || !strings.HasPrefix(info.Imports[0].Name, "wasi_snapshot_preview1.") {
		t.Errorf("%+v", info)
	}
}

// A memory that declares no maximum has none of its own.
func TestInspectSaysTheMaximumOfMemory(t *testing.T) {
	for module, most := range map[string]int64{
		"\x05\x03\x01\x00\x01": 0, "\x05\x04\x01\x01\x01\x03": 3 << 16, "\x05\x06\x01\x01\x01\x80\x80\x04": 0, "": 0,
	} {
		if got := wasm.Inspect([]byte("\x00asm\x01\x00\x00\x00" + module)).Most; got != most {
			t.Errorf("%q: %d bytes at most, want %d", module, got, most)
		}
	}
}
