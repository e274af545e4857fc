package wasm

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// The code for long events that cannot be compiled is a failure of the event.
func TestFaultOfTheSecondCompilation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := echo(t, nil)
		m.code.bytes = m.code.bytes[:100]
		_, err := m.Transform(t.Context(), Event{Body: bytes.Repeat([]byte("1"), 3_000), Time: time.Now()})
		var failure *Error
		if !errors.As(err, &failure) || failure.Kind != ErrModule || !strings.Contains(err.Error(), "byte ") {
			t.Errorf("%v, want a failure that is %v", err, ErrModule)
		}
		if _, err := m.Transform(t.Context(), Event{Body: []byte("1"), Time: time.Now()}); err != nil {
			t.Errorf("a short event: %v, want no error", err)
		}
	})
}

// On a busy machine an event waits until the code for long events is compiled, and a warning says so.
func TestCompilationThatTakesLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		m := echo(t, slog.New(slog.NewTextHandler(&log, nil)))
		for range maxCompiling { // others are being compiled
			m.sandbox.compiling <- struct{}{}
			time.AfterFunc(5*time.Minute, func() { <-m.sandbox.compiling })
		}
		if _, err := m.Transform(t.Context(), Event{Body: bytes.Repeat([]byte("1"), 3_000), Time: time.Now()}); err != nil {
			t.Errorf("%v, want no error", err)
		}
		synctest.Wait() // the warning has a goroutine of its own
		if n := strings.Count(log.String(), "still being compiled"); n != 1 {
			t.Errorf("%d warnings, want one: %s", n, &log)
		}
	})
}

// echo loads a module into a sandbox of its own.
func echo(t *testing.T, log *slog.Logger) *Module {
	text, err := os.ReadFile("../../testdata/wasm/guests/echo.wasm")
	if err != nil {
		t.Fatal(err)
	}
	s, err := New("")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Load(t.Context(), "step", text, Options{Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return m
}

// It is not the module's fault if the compiler gets no memory now.
func TestNoMemoryForCodeIsNoFault(t *testing.T) {
	compile := func() (err error) {
		defer recovered(&err)
		panic(os.NewSyscallError("mmap", syscall.ENOMEM)) // as wazero does
	}
	if err := compile(); !errors.Is(err, syscall.ENOMEM) {
		t.Errorf("%v, want %v to be known", err, syscall.ENOMEM)
	}
}
