package wasm_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm"
	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// withMuchCode returns a module with functions that nothing calls, so that the cache keeps its skeleton.
func withMuchCode(module []byte) []byte {
	const functions = 300
	body := append(bytes.Repeat([]byte{0x41, 1, 0x1a}, 300), 0x00, 0x0b) // i32.const 1, drop, …, unreachable, end
	body = append(binary.AppendUvarint(nil, uint64(len(body)+1)), append([]byte{0}, body...)...)
	more := map[byte][]byte{3: make([]byte, functions), 10: bytes.Repeat(body, functions)} // type 0, and the code
	out := slices.Clone(module[:8])
	for rest := module[8:]; len(rest) > 0; {
		size, n := binary.Uvarint(rest[1:])
		id, content := rest[0], rest[1+n:1+n+int(size)]
		rest = rest[1+n+int(size):]
		if added := more[id]; added != nil {
			count, n := binary.Uvarint(content)
			content = slices.Concat(binary.AppendUvarint(nil, count+functions), content[n:], added)
		}
		out = slices.Concat(out, binary.AppendUvarint([]byte{id}, uint64(len(content))), content)
	}
	return out
}

// nativeFiles returns the files of native code in a cache.
func nativeFiles(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*", "native", "wazero-*", "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// A large module is kept without its code and read again; whatever becomes of the cache's files, the module runs as it is.
func TestLargeModulesAreKeptAsSkeletons(t *testing.T) {
	module := withMuchCode(read(t, guestDir, "echo.wasm"))
	dir := filepath.Join(t.TempDir(), "cache")
	run := func() (fuel int64) {
		t.Helper()
		s := newSandbox(t, dir)
		m := load(t, s, module, wasm.Options{})
		out, err := m.Transform(t.Context(), input(sample))
		if err != nil || !equalJSON(out.Body, string(input(sample).Body)) {
			t.Fatalf("got %s, %v", out.Body, err)
		}
		return out.Fuel
	}
	kept := func() (skeleton string, native string) {
		t.Helper()
		skeletons, _ := filepath.Glob(filepath.Join(dir, "*", "skeleton"))
		files := nativeFiles(t, dir)
		if len(skeletons) != 1 || len(files) != 1 {
			t.Fatalf("the cache has %v and %v, want a skeleton with its native code", skeletons, files)
		}
		return skeletons[0], files[0]
	}
	fuel := run()
	skeleton, native := kept()
	if size := len(read(t, skeleton)); size > len(module)/10 {
		t.Errorf("the skeleton has %d bytes of the module's %d", size, len(module))
	}
	before, err := os.Stat(native)
	if err != nil {
		t.Fatal(err)
	}
	if again := run(); again != fuel {
		t.Errorf("an event took %d fuel with the skeleton and %d before", again, fuel)
	}
	if after, err := os.Stat(native); err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Errorf("the native code was not read but made again: %v", err)
	}
	change := func(path string, by func([]byte) []byte) {
		if err := os.WriteFile(path, by(read(t, path)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(skeleton, native string){
		"no native code":  func(_, native string) { os.Remove(native) },
		"of another CPU":  func(_, native string) { os.Rename(native, filepath.Join(filepath.Dir(native), "00")) },
		"another version": func(_, native string) { change(native, func(b []byte) []byte { b[8] ^= 1; return b }) },
		"a bit":           func(_, native string) { change(native, func(b []byte) []byte { b[len(b)/2] ^= 1; return b }) },
		"cut":             func(_, native string) { change(native, func(b []byte) []byte { return b[:len(b)/2] }) },
		"one more":        func(_, native string) { os.WriteFile(native+"0", nil, 0o600) },
		"a folder":        func(_, native string) { os.Remove(native); os.Mkdir(native, 0o700) },
		"no skeleton":     func(skeleton, _ string) { os.Remove(skeleton) },
		"a bit of the skeleton": func(skeleton, _ string) {
			change(skeleton, func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
		},
		"native code of another module": func(_, native string) {
			other := filepath.Join(t.TempDir(), "cache")
			s := newSandbox(t, other)
			load(t, s, read(t, guestDir, "echo.wasm"), wasm.Options{}).Close()
			files, _ := filepath.Glob(filepath.Join(other, "*", "wazero-*", "*"))
			change(native, func([]byte) []byte { return read(t, files[0]) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			damage(kept())
			for range 3 {
				if again := run(); again != fuel {
					t.Errorf("an event took %d fuel, want %d", again, fuel)
				}
			}
			if name == "no skeleton" {
				os.RemoveAll(dir)
				run()
			}
			kept()
		})
	}
}

// Sandboxes that compile a module at once, as processes do, leave a cache from which later ones read it.
func TestSkeletonsOfManyProcesses(t *testing.T) {
	module := withMuchCode(read(t, guestDir, "echo.wasm"))
	dir := filepath.Join(t.TempDir(), "cache")
	var processes sync.WaitGroup
	for range 6 {
		s := newSandbox(t, dir)
		processes.Go(func() {
			m, err := s.Load(t.Context(), "step", module, wasm.Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer m.Close()
			if out, err := m.Transform(t.Context(), input(sample)); err != nil || !equalJSON(out.Body, string(input(sample).Body)) {
				t.Errorf("got %s, %v", out.Body, err)
			}
		})
	}
	processes.Wait()
	load(t, newSandbox(t, dir), module, wasm.Options{}) // which may have to compile it once more
	before := nativeFiles(t, dir)
	if len(before) != 1 {
		t.Fatalf("the cache has %v, want one file of native code", before)
	}
	first, err := os.Stat(before[0])
	if err != nil {
		t.Fatal(err)
	}
	load(t, newSandbox(t, dir), module, wasm.Options{})
	if last, err := os.Stat(before[0]); err != nil || !os.SameFile(first, last) {
		t.Errorf("the native code was not read but made again: %v", err)
	}
}

// A skeleton has all of its module but the code, and tells modules apart that differ in code alone.
func TestSkeleton(t *testing.T) {
	module := withMuchCode(read(t, guestDir, "echo.wasm"))
	other := slices.Clone(module)
	at := bytes.LastIndex(other, []byte{0x41, 1, 0x1a})
	other[at+1] = 2
	var skeletons [][]byte
	for _, m := range [][]byte{module, other} {
		rewritten, err := meter.Rewrite(m, meter.Limits{Fuel: 1 << 60, Stack: 1 << 30, MemoryPages: 1 << 16})
		if err != nil {
			t.Fatal(err)
		}
		skeleton, size := meter.Skeleton(rewritten.Wasm)
		if len(skeleton)+size < len(rewritten.Wasm) || len(skeleton) > len(rewritten.Wasm)/10 {
			t.Errorf("the skeleton of %d bytes with %d bytes of code has %d bytes", len(rewritten.Wasm), size, len(skeleton))
		}
		skeletons = append(skeletons, skeleton)
	}
	if bytes.Equal(skeletons[0], skeletons[1]) {
		t.Error("two modules have one skeleton")
	}
}
