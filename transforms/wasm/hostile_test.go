package wasm_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// hostileDir has modules that mean harm, as text and in binary. The head of the text says what each does and what must come of it.
const hostileDir = "../../testdata/wasm/hostile"

// hostile is a module that must be stopped.
type hostile struct {
	name, want string
	module     []byte
}

// hostiles are those of the folder and those that are made here.
func hostiles(t testing.TB) []hostile {
	t.Helper()
	texts, err := filepath.Glob(filepath.Join(hostileDir, "*.wat"))
	if err != nil || len(texts) < 100 {
		t.Fatalf("%d hostile modules, %v", len(texts), err)
	}
	var all []hostile
	for _, path := range texts {
		_, after, ok := strings.Cut(string(read(t, path)), "\n;; want: ")
		if !ok {
			t.Fatalf("%s does not say what it wants", path)
		}
		want, _, _ := strings.Cut(after, "\n")
		base := strings.TrimSuffix(filepath.Base(path), ".wat")
		all = append(all, hostile{base, want, read(t, hostileDir, base+".wasm")})
	}
	return append(all, made()...)
}

// try loads a module and lets it transform the sample. It returns what came of either.
func try(t testing.TB, s *wasm.Sandbox, module []byte, o wasm.Options) (wasm.Output, error) {
	m, err := s.Load(t.Context(), "step", module, o)
	if err != nil {
		return wasm.Output{}, err
	}
	defer m.Close()
	return m.Transform(t.Context(), input(sample))
}

const (
	// stopWithin is how long it may take to stop a hostile module, of this process's own time: other processes may be busy.
	stopWithin = 250 * time.Millisecond * slowdown
	// rssOver is what the process may take for that, in bytes.
	rssOver = (64 << 20) * slowdown
	// longestError is what an error may say of a module, in bytes.
	longestError = 2 << 10
)

func TestHostileModulesAreStopped(t *testing.T) {
	s := newSandbox(t, "")
	good := load(t, s, read(t, guestDir, "reshape.wasm"), wasm.Options{})
	watch := watchProcess(t)
	for _, h := range hostiles(t) {
		for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
			watch.begin()
			_, err := try(t, s, h.module, wasm.Options{Isolation: isolation})
			used, peak := watch.end()
			got := "no error"
			if err != nil {
				got = err.Error()
			}
			if isolation == wasm.IsolateInstance && strings.Contains(got, "a command runs once") {
				continue // another test sees that
			}
			if !strings.HasPrefix(got, h.want) {
				t.Errorf("%s, isolation %v: got %s\nwant %s", h.name, isolation, got, h.want)
			}
			if fault := (*wasm.Error)(nil); strings.Contains(h.name, "loop") && errors.As(err, &fault) && len(fault.Trace) == 0 {
				t.Errorf("%s, isolation %v: got %s, want the function where that was", h.name, isolation, got)
			}
			if len(got) > longestError || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
				t.Errorf("%s, isolation %v: %.200q is not one short line of what can be printed", h.name, isolation, got)
			}
			if used > stopWithin {
				t.Errorf("%s, isolation %v: stopped after %v, want at most %v", h.name, isolation, used, stopWithin)
			}
			if peak > rssOver {
				t.Errorf("%s, isolation %v: took %d MiB, want at most %d", h.name, isolation, peak>>20, rssOver>>20)
			}
			t.Logf("%-22s %-8v %6.1f ms %3d MiB  %s", h.name, isolation, used.Seconds()*1000, peak>>20, got)
			if out, err := good.Transform(t.Context(), input(sample)); err != nil || string(out.Body) != reshaped {
				t.Fatalf("after %s: the next event's body is %s, %v", h.name, out.Body, err)
			}
			if n := s.Instances(); n != 0 {
				t.Fatalf("after %s: %d instances are open", h.name, n)
			}
		}
	}
}

// However much fuel an event may use, by its length or by the step's limit, a hostile module stops when its time is over. Here a look at
// the clock takes 10 ms, whatever the machine does: TestHostileModulesAreStopped measures how long a module can run between two looks.
func TestHostileModulesAndMuchFuel(t *testing.T) {
	s := newSandbox(t, "")
	s.SetClock(everyLook(10 * time.Millisecond))
	stopped := 0
	for _, h := range hostiles(t) {
		for name, tt := range map[string]struct {
			options wasm.Options
			event   wasm.Event
		}{
			"a long event": {wasm.Options{}, input(longError(20_000))},
			"a high limit": {wasm.Options{Limits: wasm.Limits{Fuel: 180_000_000}}, input(sample)},
		} {
			if name == "a long event" && !strings.HasPrefix(h.name, "loop") {
				continue
			}
			m, err := s.Load(t.Context(), h.name, h.module, tt.options)
			if err != nil {
				continue // another test sees why
			}
			out, err := m.Transform(t.Context(), tt.event)
			m.Close()
			got := "no error"
			if errors.Is(err, wasm.ErrTime) {
				stopped++
			}
			if err != nil {
				got = strings.Replace(err.Error(), "out of time: 190ms of a processor, limit 180ms", "out of fuel", 1)
			}
			if want, _, _ := strings.Cut(h.want, ": limit 2269"); !strings.HasPrefix(got, want) {
				t.Errorf("%s, %s: got %s\nwant %s", h.name, name, got, want)
			}
			t.Logf("%-22s %-12s %11d fuel %v", h.name, name, out.Fuel, err)
		}
	}
	if stopped < 40 {
		t.Errorf("%d modules run out of time, want more", stopped)
	}
}

// everyLook returns a clock that each look at it advances.
func everyLook(step time.Duration) func() time.Duration {
	var now time.Duration
	return func() time.Duration {
		now += step
		return now
	}
}

// TestHostileModulesAreWhatTheirTextSays keeps the binaries honest where the assembler is at hand.
func TestHostileModulesAreWhatTheirTextSays(t *testing.T) {
	assembler, err := exec.LookPath("wat2wasm")
	if err != nil {
		t.Skip("no wat2wasm")
	}
	texts, _ := filepath.Glob(filepath.Join(hostileDir, "*.wat"))
	for _, path := range texts {
		out := filepath.Join(t.TempDir(), "out.wasm")
		args := []string{"--enable-all", "-o", out, path}
		if _, after, ok := strings.Cut(string(read(t, path)), "\n;; wat2wasm: "); ok {
			flags, _, _ := strings.Cut(after, "\n")
			args = append(strings.Fields(flags), args...)
		}
		if text, err := exec.Command(assembler, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s: %s", path, text)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if string(b) != string(read(t, strings.TrimSuffix(path, ".wat")+".wasm")) {
			t.Errorf("%s: its .wasm is another module: run build.sh", path)
		}
	}
}
