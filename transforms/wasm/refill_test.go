package wasm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// A module whose code would be too long for long events is refused when it is loaded, not when the first of them comes.
func TestLoadRefusesWhatGrowsTooMuchForLongEvents(t *testing.T) {
	s := newSandbox(t, "")
	functions := make([]function, 2_200)
	for i := range functions {
		functions[i] = function{2, nil, times(30, 0x03, 0x40, end)}
	}
	m, err := s.Load(t.Context(), "step", recipe{functions: functions}.module(), wasm.Options{})
	if err == nil {
		defer m.Close()
		_, err := m.Transform(t.Context(), wasm.Event{Body: bytes.Repeat([]byte("1"), 3_000), Time: time.Now()})
		t.Fatalf("it is loaded; a long event has the error %v", err)
	}
	if !errors.Is(err, wasm.ErrModule) || !strings.Contains(err.Error(), "grows to more than") {
		t.Errorf("%v, want a refusal because of its growth", err)
	}
}

// An event whose context ends while the code for long events is compiled may be tried again: its error is not a failure.
func TestEndedContextIsNoFailure(t *testing.T) {
	m := load(t, newSandbox(t, ""), read(t, guestDir, "reshape.wasm"), wasm.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := m.Transform(ctx, input(longError(5_000)))
	if failure := (*wasm.Error)(nil); errors.As(err, &failure) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want only the context's error", err)
	}
}

// At the most fuel that a step can set, neither the error nor the warning advises to set more.
func TestNoAdviceAtTheMostFuel(t *testing.T) {
	_, most := wasm.Bounds()
	var log bytes.Buffer
	o := wasm.Options{Limits: wasm.Limits{Fuel: most.Fuel}, Logger: logTo(&log)}
	m := load(t, newSandbox(t, ""), read(t, hostileDir, "wasi_lists.wasm"), o)
	_, err := m.Transform(t.Context(), input(sample))
	want := fmt.Sprintf("out of fuel: limit %d, the step's own, which is the most that there is, in", most.Fuel)
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
	if !strings.Contains(log.String(), "uses most of its fuel, which is the most that there is") {
		t.Errorf("the log is %s, want the warning without advice", &log)
	}
}

// The error of a guest that runs out of time says which fuel raises that limit, unless it is the longest.
func TestAdviceWhereTimeRunsOut(t *testing.T) {
	_, most := wasm.Bounds()
	s := newSandbox(t, "")
	s.SetClock(everyLook(time.Second))
	for fuel, want := range map[int64]string{
		100_000_000: "1s of a processor, limit 180ms; limits: {fuel: N} with N over 180000000 raises it to N nanoseconds, up to ",
		most.Fuel:   "3s of a processor, limit 2s, which is the most that there is, in ",
	} {
		_, err := try(t, s, read(t, hostileDir, "loop.wasm"), wasm.Options{Limits: wasm.Limits{Fuel: fuel}})
		if !errors.Is(err, wasm.ErrTime) || !strings.Contains(err.Error(), want) {
			t.Errorf("fuel %d: %v, want %q", fuel, err, want)
		}
	}
}
