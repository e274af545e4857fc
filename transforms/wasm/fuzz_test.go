package wasm_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// FuzzLoad loads and runs changed modules: none may panic, hang or leave anything behind, and what fails says why.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{filepath.Join(guestDir, "*.wasm"), filepath.Join(hostileDir, "*.wasm")} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			if module := read(f, path); len(module) < 10_000 {
				f.Add(module)
			}
		}
	}
	for _, h := range made() {
		if len(h.module) < 10_000 {
			f.Add(h.module)
		}
	}
	s, err := wasm.New("")
	if err != nil {
		f.Fatal(err)
	}
	limits := wasm.Limits{Fuel: 1_000_000, Memory: 4 << 20, LogLines: 1}
	f.Fuzz(func(t *testing.T, module []byte) {
		start := time.Now()
		m, err := s.Load(t.Context(), "step", module, wasm.Options{Limits: limits})
		if err != nil {
			if !errors.Is(err, wasm.ErrModule) {
				t.Errorf("load: %v", err)
			}
			return
		}
		defer m.Close()
		for range 2 {
			out, err := m.Transform(t.Context(), input(sample))
			var e *wasm.Error
			if err != nil && err != wasm.ErrDrop && !errors.As(err, &e) {
				t.Errorf("transform: %v", err)
			}
			if (err == nil) != (len(out.Body) > 0) {
				t.Errorf("a body of %d bytes with %v", len(out.Body), err)
			}
		}
		if n := s.Instances(); n != 0 {
			t.Errorf("%d instances are open", n)
		}
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
	})
}
