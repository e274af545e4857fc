package wasm

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// A lasting fault in compiling the code for long events is a failure of the event; a passing one is not.
func TestFaultsOfTheSecondCompilation(t *testing.T) {
	echo, err := os.ReadFile("../../testdata/wasm/guests/echo.wasm")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, want string
		break_     func(*Module) (mend func())
	}{
		{"refused", "byte ", func(m *Module) func() { m.code.bytes = m.code.bytes[:100]; return func() {} }},
		{"slow", "it is not compiled within 1m0s", func(m *Module) func() {
			for range maxCompiling {
				m.sandbox.compiling <- struct{}{}
			}
			return func() {
				for range maxCompiling {
					<-m.sandbox.compiling
				}
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := New("")
				if err != nil {
					t.Fatal(err)
				}
				m, err := s.Load(t.Context(), "step", echo, Options{})
				if err != nil {
					t.Fatal(err)
				}
				mend := tt.break_(m)
				_, err = m.Transform(t.Context(), Event{Body: bytes.Repeat([]byte("1"), 3_000), Time: time.Now()})
				var failure *Error
				if !errors.As(err, &failure) || failure.Kind != ErrModule || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v, want a failure that is %v because of %q", err, ErrModule, tt.want)
				}
				if _, err := m.Transform(t.Context(), Event{Body: []byte("1"), Time: time.Now()}); err != nil {
					t.Errorf("a short event: %v, want no error", err)
				}
				mend()
				m.Close()
				if err := s.Close(context.Background()); err != nil {
					t.Error(err)
				}
			})
		})
	}
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
