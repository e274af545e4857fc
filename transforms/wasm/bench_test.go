package wasm_test

import (
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

func BenchmarkTransform(b *testing.B) {
	modules := guests(b)
	modules["echo"] = read(b, guestDir, "echo.wasm")
	for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
		for _, name := range []string{"echo", "C", "Rust", "Go"} {
			b.Run(isolation.String()+"/"+name, func(b *testing.B) {
				m := load(b, newSandbox(b, cacheDir), modules[name], wasm.Options{Isolation: isolation})
				in := input(sample)
				b.ReportAllocs()
				for range 40 {
					m.Transform(b.Context(), in)
				}
				for b.Loop() {
					if _, err := m.Transform(b.Context(), in); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
