package wasm_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// counter says in its body how many events it has seen.
func counter(t *testing.T, s *wasm.Sandbox, isolation wasm.Isolation) func(event string) string {
	m := load(t, s, read(t, guestDir, "abi.wasm"), wasm.Options{Isolation: isolation, With: map[string]any{"do": "count"}})
	return func(event string) string {
		out, err := m.Transform(t.Context(), input(event))
		if err != nil {
			return err.Error()
		}
		return string(out.Body)
	}
}

const anEvent, trapEvent, growEvent = "{    }", "{}", "{ }"

func TestEventsAreIsolated(t *testing.T) {
	count := counter(t, newSandbox(t, ""), wasm.IsolateEvent)
	for i := range 50 {
		if got := count(anEvent); got != "1" {
			t.Fatalf("event %d: got %s, want 1", i+1, got)
		}
	}
}

func TestInstanceIsReplaced(t *testing.T) {
	s := newSandbox(t, "")
	count := counter(t, s, wasm.IsolateInstance)
	for i := range 2_500 {
		if got, want := count(anEvent), fmt.Sprint(i%1_000+1); got != want {
			t.Fatalf("event %d: got %s, want %s", i+1, got, want)
		}
		if n := s.Instances(); n > 1 {
			t.Fatalf("event %d: %d instances", i+1, n)
		}
	}
	if got := count(trapEvent); !strings.Contains(got, "trapped") || s.Instances() != 0 {
		t.Errorf("trap: got %s, %d instances left", got, s.Instances())
	}
	if got := count(anEvent); got != "1" {
		t.Errorf("after a trap: got %s, want 1", got)
	}
	if got := count(growEvent); got != "2" || s.Instances() != 0 {
		t.Errorf("more than half of the memory: got %s, %d instances left, want 2 and none", got, s.Instances())
	}
	if got := count(anEvent); got != "1" {
		t.Errorf("after more than half of the memory: got %s, want 1", got)
	}
}

// TestMemoryIsCleanAgain lets a guest look for what others have written: in pages that are always touched, at times, and never.
func TestMemoryIsCleanAgain(t *testing.T) {
	m := load(t, newSandbox(t, ""), read(t, guestDir, "residue.wasm"), wasm.Options{})
	for i := range 400 {
		n := 3 + i%5
		if i%10 == 9 {
			n = 8 * (i%40 + 1)
		}
		out, err := m.Transform(t.Context(), input(strings.Repeat("1", n)))
		if err != nil || string(out.Body) != "0" {
			t.Fatalf("event %d: got %s, %v", i, out.Body, err)
		}
	}
	warm := load(t, newSandbox(t, ""), read(t, guestDir, "residue.wasm"), wasm.Options{Isolation: wasm.IsolateInstance})
	warm.Transform(t.Context(), input("1111"))
	if _, err := warm.Transform(t.Context(), input("1111")); !errors.Is(err, wasm.ErrInvalidOutput) {
		t.Errorf("the guest does not see what it has left itself: %v", err)
	}
}

// TestFuelIsTheSame runs equal events in new sandboxes, with compiled code from the cache and not, among other events.
func TestFuelIsTheSame(t *testing.T) {
	for name, module := range guests(t) {
		var first wasm.Output
		for i := range 4 {
			s := newSandbox(t, cacheDir)
			m := load(t, s, module, wasm.Options{})
			for range 8 {
				out, err := m.Transform(t.Context(), input(sample))
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				if i == 0 && first.Body == nil {
					first = out
				}
				if out.Fuel != first.Fuel || out.Memory != first.Memory || !bytes.Equal(out.Body, first.Body) {
					t.Errorf("%s: fuel %d, memory %d, %s; want %d, %d, %s", name, out.Fuel, out.Memory, out.Body, first.Fuel, first.Memory, first.Body)
				}
				m.Transform(t.Context(), input(`{"event":"other"}`))
			}
		}
	}
}

func TestIsolationsGiveTheSameBytes(t *testing.T) {
	s := newSandbox(t, cacheDir)
	for name, module := range guests(t) {
		pristine := load(t, s, module, wasm.Options{})
		warm := load(t, s, module, wasm.Options{Isolation: wasm.IsolateInstance})
		for i := range 20 {
			in := wasm.Event{Body: []byte(strings.Replace(sample, "93.25", fmt.Sprint(i), 1)), Time: noon.Add(time.Duration(i%7) * time.Hour)}
			a, err1 := pristine.Transform(t.Context(), in)
			b, err2 := warm.Transform(t.Context(), in)
			if err1 != nil || err2 != nil || !bytes.Equal(a.Body, b.Body) {
				t.Errorf("%s: event %d: got %s, %v and %s, %v", name, i, a.Body, err1, b.Body, err2)
			}
		}
	}
}

// TestManyAtOnce runs guests that mean well and harm side by side.
func TestManyAtOnce(t *testing.T) {
	s := newSandbox(t, cacheDir)
	var steps []*wasm.Module
	for _, name := range []string{"reshape", "rust"} {
		for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
			steps = append(steps, load(t, s, read(t, guestDir, name+".wasm"), wasm.Options{Isolation: isolation}))
		}
	}
	traps := load(t, s, read(t, hostileDir, "divide.wasm"), wasm.Options{Isolation: wasm.IsolateInstance})
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			for i := range 150 {
				out, err := steps[(worker+i)%len(steps)].Transform(t.Context(), input(sample))
				if err != nil || !equalJSON(out.Body, reshaped) {
					t.Errorf("got %s, %v", out.Body, err)
				}
				if i%5 == 0 {
					if _, err := traps.Transform(t.Context(), input(sample)); !errors.Is(err, wasm.ErrTrap) {
						t.Errorf("got %v", err)
					}
				}
			}
		})
	}
	wg.Wait()
}

// TestClosingWaits closes a module while it is at work.
func TestClosingWaits(t *testing.T) {
	s := newSandbox(t, "")
	for range 20 {
		m := load(t, s, read(t, guestDir, "reshape.wasm"), wasm.Options{Isolation: wasm.IsolateInstance})
		var wg sync.WaitGroup
		atWork := make(chan struct{}, 4)
		for range 4 {
			wg.Go(func() {
				for {
					select {
					case atWork <- struct{}{}:
					default:
					}
					if out, err := m.Transform(t.Context(), input(sample)); errors.Is(err, wasm.ErrClosed) {
						return
					} else if err != nil || string(out.Body) != reshaped {
						t.Errorf("got %s, %v", out.Body, err)
					}
				}
			})
		}
		<-atWork
		m.Close()
		if n := s.Instances(); n != 0 {
			t.Errorf("%d instances after Close", n)
		}
		wg.Wait()
	}
}
