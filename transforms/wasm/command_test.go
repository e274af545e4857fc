package wasm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

func TestCommandInC(t *testing.T) {
	s := newSandbox(t, cacheDir)
	module := read(t, guestDir, "command.wasm")
	for _, tt := range []struct {
		with map[string]any
		body string
		err  string
	}{
		{nil, `{"argv":{},"length":350,"time":1773489600,"event":` + sample + `}`, ""},
		{map[string]any{"a": "b\nc"}, `{"argv":{"a":"b\nc"},"length":350,"time":1773489600,"event":` + sample + `}`, ""},
		{map[string]any{"do": "drop"}, "", "dropped"},
		{map[string]any{"do": "exit"}, "", `failed: exit code 3: no such channel: step, at fuel `},
		{map[string]any{"do": "files"}, `{"file":false,"home":false,"random":1773489600}`, ""},
	} {
		out, err := try(t, s, module, wasm.Options{With: tt.with})
		if string(out.Body) != tt.body || (err == nil) != (tt.err == "") || err != nil && !strings.HasPrefix(err.Error(), tt.err) {
			t.Errorf("with %v: got %s, %v; want %s, %s", tt.with, out.Body, err, tt.body, tt.err)
		}
	}
}

// TestCommandInGo runs stock Go, which reaches for files, the network, the environment, randomness, the clock and sleep.
func TestCommandInGo(t *testing.T) {
	s := newSandbox(t, cacheDir)
	module := goGuest(t, "command")
	do := func(what string, log *bytes.Buffer) (map[string]any, error) {
		o := wasm.Options{With: map[string]any{"do": what}}
		if log != nil {
			o.Logger = logTo(log)
		}
		start := time.Now()
		out, err := try(t, s, module, o)
		t.Logf("%s: %v, fuel %d", what, time.Since(start), out.Fuel)
		var body map[string]any
		if err == nil {
			if err := json.Unmarshal(out.Body, &body); err != nil {
				t.Fatal(err)
			}
		}
		return body, err
	}
	body, err := do("reach", nil)
	if err != nil || body["file"] != true || body["write"] != true || body["dial"] != true ||
		body["environment"] != 0.0 || body["time"] != "2026-03-14" {
		t.Errorf("reach: got %v, %v", body, err)
	}
	again, err := do("reach", nil)
	if err != nil || body["random"] != again["random"] {
		t.Errorf("reach: random %v and %v, %v", body["random"], again["random"], err)
	}
	if body, err := do("sleep", nil); err != nil || body["slept"] != "1h0m0s" {
		t.Errorf("sleep: got %v, %v", body, err)
	}
	if _, err := do("drop", nil); err != wasm.ErrDrop {
		t.Errorf("drop: got %v", err)
	}
	var log bytes.Buffer
	if _, err := do("panic", &log); !errors.Is(err, wasm.ErrFail) || !strings.Contains(err.Error(), "exit code 2: panic: on purpose") ||
		!strings.Contains(log.String(), "goroutine 1 [running]:") {
		t.Errorf("panic: got %v, log\n%s", err, log.String())
	}
}

func TestCommandIsNotKept(t *testing.T) {
	_, err := try(t, newSandbox(t, cacheDir), read(t, guestDir, "command.wasm"), wasm.Options{Isolation: wasm.IsolateInstance})
	if !errors.Is(err, wasm.ErrModule) || !strings.Contains(err.Error(), "a command runs once: want isolation: event, or a reactor") {
		t.Errorf("got %v", err)
	}
}
