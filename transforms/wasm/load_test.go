package wasm_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

func TestLoadRefuses(t *testing.T) {
	s := newSandbox(t, "")
	echo := read(t, guestDir, "echo.wasm")
	for name, tt := range map[string]struct {
		module []byte
		o      wasm.Options
		want   string
	}{
		"nothing": {nil, wasm.Options{}, "invalid module: the file is empty"},
		"text":    {[]byte("\n(module)"), wasm.Options{}, "invalid module: WebAssembly as text: want the binary form (wat2wasm)"},
		"other":   {[]byte("\x7fELF"), wasm.Options{}, "invalid module: not a WebAssembly file of version 1"},
		"component": {[]byte("\x00asm\x0d\x00\x01\x00"), wasm.Options{},
			"invalid module: a component: want a core module (wasm32-wasip1, not wasip2)"},
		"size":   {make([]byte, 2000), wasm.Options{Limits: wasm.Limits{Module: 1024}}, "invalid module: 2000 bytes, want at most 1024"},
		"pin":    {echo, wasm.Options{SHA256: "abcd"}, "invalid module: its sha256 is "},
		"fuel":   {echo, wasm.Options{Limits: wasm.Limits{Fuel: 5}}, "fuel: want 1000 to 2000000000, got 5"},
		"memory": {echo, wasm.Options{Limits: wasm.Limits{Memory: 1 << 40}}, "memory: want 65536 to 268435456, got 1099511627776"},
		"logs":   {echo, wasm.Options{Limits: wasm.Limits{LogLines: -1}}, "log_lines: want 1 to 1000, got -1"},
		"with":   {echo, wasm.Options{With: map[string]any{"f": func() {}}}, "with: want values that JSON can represent"},
		"with size": {echo, wasm.Options{With: map[string]any{"x": strings.Repeat("x", 70_000)}},
			"with: want at most 65536 bytes as JSON, got 70008"},
	} {
		_, err := s.Load(t.Context(), "a b", tt.module, tt.o)
		if err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %s", name, err, tt.want)
		}
		if isModule := strings.HasPrefix(tt.want, "invalid module"); errors.Is(err, wasm.ErrModule) != isModule {
			t.Errorf("%s: errors.Is(%v, ErrModule) = %t", name, err, !isModule)
		}
	}
}

func TestPin(t *testing.T) {
	s := newSandbox(t, "")
	echo := read(t, guestDir, "echo.wasm")
	digest := load(t, s, echo, wasm.Options{}).Digest()
	for _, pin := range []string{digest, "sha256:" + digest, strings.ToUpper(digest)} {
		load(t, s, echo, wasm.Options{SHA256: pin})
	}
}

func TestKind(t *testing.T) {
	s := newSandbox(t, "")
	if k := load(t, s, read(t, guestDir, "echo.wasm"), wasm.Options{}).Kind(); k != "reactor" {
		t.Error(k)
	}
	if k := load(t, s, read(t, guestDir, "command.wasm"), wasm.Options{}).Kind(); k != "command" {
		t.Error(k)
	}
}

// TestStepsShareCode loads a module for many steps with their own limits, and closes some while others run.
func TestStepsShareCode(t *testing.T) {
	s := newSandbox(t, "")
	module := read(t, guestDir, "rust.wasm")
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			m, err := s.Load(t.Context(), "step", module, wasm.Options{Limits: wasm.Limits{Memory: int64(2+i) << 20, Fuel: int64(10_000_000 + i)}})
			if err != nil {
				t.Error(err)
				return
			}
			for range 10 {
				if out, err := m.Transform(t.Context(), input(sample)); err != nil || !equalJSON(out.Body, reshaped) {
					t.Errorf("got %s, %v", out.Body, err)
				}
			}
			m.Close()
		})
	}
	wg.Wait()
}

func TestCacheIsUsed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	module := read(t, guestDir, "rust.wasm")
	took := func() time.Duration {
		s := newSandbox(t, dir)
		from := processorTime()
		m := load(t, s, module, wasm.Options{})
		used := processorTime() - from
		if out, err := m.Transform(t.Context(), input(sample)); err != nil || !equalJSON(out.Body, reshaped) {
			t.Fatalf("got %s, %v", out.Body, err)
		}
		return used
	}
	cold := took()
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	warm := min(took(), took(), took())
	t.Logf("cold %v, warm %v", cold, warm)
	if warm > cold/2 {
		t.Errorf("compiled in %v and read in %v", cold, warm)
	}
	// Whatever is damaged, the module runs.
	for _, damage := range []func(path string){
		func(path string) { os.Truncate(path, 100) },
		func(path string) { os.Truncate(path, 0) },
		func(path string) { os.WriteFile(path, make([]byte, 100_000), 0o600) },
		func(path string) { os.Remove(path); os.Mkdir(path, 0o700) },
	} {
		files, _ := filepath.Glob(filepath.Join(dir, "*/*/*"))
		if len(files) == 0 {
			t.Fatal("nothing is cached")
		}
		for _, path := range files {
			damage(path)
		}
		took()
		took()
	}
}

// A module that another version rewrote, or that the disk has changed, is rewritten anew.
func TestOnlyOurOwnRewritingIsUsed(t *testing.T) {
	module := withMuchCode(read(t, guestDir, "echo.wasm"))
	for name, spoil := range map[string]func(version string, kept []byte) []byte{
		"another version": func(version string, _ []byte) []byte {
			line, err := json.Marshal(map[string]any{"Version": strings.Repeat("0", len(version)), "Module": map[string]any{}})
			if err != nil {
				t.Fatal(err)
			}
			text := append(append(line, '\n'), module...)
			return fmt.Appendf(nil, "%x\n%s", sha256.Sum256(text), text)
		},
		"another module": func(_ string, kept []byte) []byte {
			lines := bytes.SplitN(kept, []byte("\n"), 3)
			return slices.Concat(lines[0], []byte("\n"), lines[1], []byte("\n"), module)
		},
		"a bit of what is known of it": func(_ string, kept []byte) []byte {
			return bytes.Replace(kept, []byte(`"MinPages":`), []byte(`"MinPages":1`), 1)
		},
		"a bit": func(_ string, kept []byte) []byte { kept[len(kept)-1] ^= 1; return kept },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "cache")
			fuel := func() int64 {
				m := load(t, newSandbox(t, dir), module, wasm.Options{})
				out, err := m.Transform(t.Context(), input(sample))
				if err != nil {
					t.Fatal(err)
				}
				return out.Fuel
			}
			want := fuel()
			files, _ := filepath.Glob(filepath.Join(dir, "*", "skeleton"))
			if len(files) != 1 {
				t.Fatalf("%d skeletons are kept, want one", len(files))
			}
			if err := os.WriteFile(files[0], spoil(meter.Version(), read(t, files[0])), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := fuel(); got != want || got == 0 {
				t.Errorf("an event took %d fuel, want %d", got, want)
			}
		})
	}
}

func TestCacheOpenToOthersIsRefused(t *testing.T) {
	dir := t.TempDir()
	for mode, isGood := range map[os.FileMode]bool{0o700: true, 0o500: true, 0o770: false, 0o707: false, 0o755: false} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		_, err := wasm.New(dir)
		if isGood != (err == nil) {
			t.Errorf("mode %#o: %v", mode, err)
		}
	}
	os.Chmod(dir, 0o700)
	link := filepath.Join(t.TempDir(), "link")
	os.Symlink(dir, link)
	if _, err := wasm.New(link); err == nil {
		t.Error("a link is a cache")
	}
}

func TestCacheThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root can write anywhere")
	}
	dir := t.TempDir()
	os.Chmod(dir, 0o700) // as a cache must be
	s := newSandbox(t, dir)
	os.Chmod(dir, 0o500)
	defer os.Chmod(dir, 0o700)
	load(t, s, read(t, guestDir, "echo.wasm"), wasm.Options{})
}

func TestCacheForgets(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	os.Mkdir(dir, 0o700)
	var oldest string
	for i := range 300 {
		path := filepath.Join(dir, strings.Repeat("0", 61)+string([]byte{'0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)}))
		os.Mkdir(path, 0o700)
		used := time.Now().Add(time.Duration(i-1000) * time.Minute)
		os.Chtimes(path, used, used)
		if i == 0 {
			oldest = path
		}
	}
	load(t, newSandbox(t, dir), read(t, guestDir, "echo.wasm"), wasm.Options{})
	if entries, _ := os.ReadDir(dir); len(entries) != 256 {
		t.Errorf("%d modules are cached, want 256", len(entries))
	}
	if _, err := os.Stat(oldest); err == nil {
		t.Error("the oldest is still there")
	}
}

func TestContextEndsWaiting(t *testing.T) {
	s := newSandbox(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Load(ctx, "step", read(t, guestDir, "rust.wasm"), wasm.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("load: got %v", err)
	}
}

func TestClosed(t *testing.T) {
	s := newSandbox(t, "")
	m := load(t, s, read(t, guestDir, "echo.wasm"), wasm.Options{Isolation: wasm.IsolateInstance})
	if _, err := m.Transform(t.Context(), input(sample)); err != nil {
		t.Fatal(err)
	}
	if n := s.Instances(); n != 1 {
		t.Errorf("%d instances are kept, want 1", n)
	}
	m.Close()
	m.Close()
	if n := s.Instances(); n != 0 {
		t.Errorf("%d instances are open, want none", n)
	}
	if _, err := m.Transform(t.Context(), input(sample)); !errors.Is(err, wasm.ErrClosed) {
		t.Errorf("transform: got %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Load(t.Context(), "step", read(t, guestDir, "echo.wasm"), wasm.Options{}); !errors.Is(err, wasm.ErrClosed) {
		t.Errorf("load: got %v", err)
	}
}
