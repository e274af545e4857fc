package wasm_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// logTo is a logger whose lines have no time.
func logTo(b *bytes.Buffer) *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}}))
}

func TestABI(t *testing.T) {
	s := newSandbox(t, "")
	module := read(t, guestDir, "abi.wasm")
	for _, tt := range []struct {
		do, body string
		err      error
		text     string // of the error
	}{
		{do: "config", body: `{"do":"config","long":"` + strings.Repeat("x", 100) + `","number":{"a":[1,2.5,null]}}`},
		{do: "number", body: `{"a":[1,2.5,null]}`},
		{do: "short", body: `7`},
		{do: "fail", err: wasm.ErrFail, text: `failed: no key "x"  [31m, at fuel`},
		{do: "fail and answer", err: wasm.ErrFail, text: "failed: no, at fuel"},
		{do: "trap", err: wasm.ErrTrap, text: "trapped: unreachable, in transform, at fuel"},
		{do: "nothing", err: wasm.ErrDrop, text: "dropped"},
	} {
		for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
			m := load(t, s, module, wasm.Options{Isolation: isolation, With: map[string]any{
				"do": tt.do, "long": strings.Repeat("x", 100), "number": map[string]any{"a": []any{1, 2.5, nil}},
			}})
			for range 2 {
				out, err := m.Transform(t.Context(), input(sample))
				if string(out.Body) != tt.body || !errors.Is(err, tt.err) {
					t.Errorf("%s, isolation %v: got %s, %v; want %s, %v", tt.do, isolation, out.Body, err, tt.body, tt.err)
				}
				if err != nil && !strings.HasPrefix(err.Error(), tt.text) {
					t.Errorf("%s, isolation %v: got %v, want %s", tt.do, isolation, err, tt.text)
				}
				if out.Fuel <= 0 || out.Memory <= 0 {
					t.Errorf("%s, isolation %v: fuel %d, memory %d", tt.do, isolation, out.Fuel, out.Memory)
				}
			}
		}
	}
}

func TestErrorIsStructured(t *testing.T) {
	_, err := try(t, newSandbox(t, ""), read(t, hostileDir, "divide.wasm"), wasm.Options{})
	var e *wasm.Error
	if !errors.As(err, &e) || e.Kind != wasm.ErrTrap || e.Detail != "integer divide by zero" || e.Fuel <= 0 ||
		fmt.Sprint(e.Trace) != "[divide transform]" {
		t.Errorf("got %#v", e)
	}
}

func TestLogs(t *testing.T) {
	var b bytes.Buffer
	m := load(t, newSandbox(t, ""), read(t, guestDir, "abi.wasm"), wasm.Options{With: map[string]any{"do": "log"}, Logger: logTo(&b)})
	if _, err := m.Transform(t.Context(), input(sample)); err != nil {
		t.Fatal(err)
	}
	want := `level=DEBUG msg="transform logs" transform=step line=debug
level=INFO msg="transform logs" transform=step line=info
level=WARN msg="transform logs" transform=step line="warn  [2J"
level=ERROR msg="transform logs" transform=step line=error
level=INFO msg="transform logs" transform=step line=other
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// TestLogFloodIsCut counts the lines of guests that do nothing but log.
func TestLogFloodIsCut(t *testing.T) {
	for _, name := range []string{"flood_log", "flood_stderr", "flood_stdout_reactor"} {
		for _, lines := range []int64{1, 32} {
			var b bytes.Buffer
			o := wasm.Options{Logger: logTo(&b), Limits: wasm.Limits{LogLines: lines}}
			_, err := try(t, newSandbox(t, ""), read(t, hostileDir, name+".wasm"), o)
			if !errors.Is(err, wasm.ErrFuel) {
				t.Errorf("%s: got %v, want %v", name, err, wasm.ErrFuel)
			}
			if n := strings.Count(b.String(), "line="); int64(n) > lines {
				t.Errorf("%s: %d lines, want at most %d", name, n, lines)
			}
			if len(b.String()) > int(lines+1)*(wasm.MaxLogLine+200) {
				t.Errorf("%s: %d bytes of log", name, b.Len())
			}
			if name == "flood_log" && !strings.Contains(b.String(), `msg="transform logs too much" transform=step dropped=`) {
				t.Errorf("%s: nothing says what was dropped:\n%s", name, b.String())
			}
		}
	}
}

func TestContentType(t *testing.T) {
	s := newSandbox(t, "")
	for name, module := range map[string]string{"text": "result_text", "latin": "result_latin", "zeros": "result_zeros"} {
		for contentType, isAny := range map[string]bool{
			"": false, "application/json": false, "application/json; charset=utf-8": false,
			"application/problem+json": false, "Application/JSON": false,
			"text/plain": true, "text/plain; charset=latin-1": true, "application/octet-stream": true, "application/jsonish": true,
		} {
			_, err := try(t, s, read(t, hostileDir, module+".wasm"), wasm.Options{ContentType: contentType})
			if isAny != (err == nil) || !isAny && !errors.Is(err, wasm.ErrInvalidOutput) {
				t.Errorf("%s as %q: %v", name, contentType, err)
			}
		}
	}
}

func TestInputLimit(t *testing.T) {
	s := newSandbox(t, "")
	m := load(t, s, read(t, guestDir, "echo.wasm"), wasm.Options{Limits: wasm.Limits{Input: 1024}})
	event := `"` + strings.Repeat("x", 1022) + `"`
	if out, err := m.Transform(t.Context(), input(event)); err != nil || string(out.Body) != event {
		t.Errorf("an event of the limit: %v", err)
	}
	out, err := m.Transform(t.Context(), input(event+" "))
	if !errors.Is(err, wasm.ErrInput) || out.Fuel != 0 || !strings.HasPrefix(err.Error(), "input too large: 1025 bytes, want at most 1024; ") {
		t.Errorf("an event of one byte more: %v, fuel %d", err, out.Fuel)
	}
}

// Whichever limit an event or a module exceeds, the error names the key that raises it, or says that nothing does.
func TestEveryLimitSaysHowToRaiseIt(t *testing.T) {
	hostile := func(name string) []byte { return read(t, hostileDir, name+".wasm") }
	echo := read(t, guestDir, "echo.wasm")
	_, most := wasm.Bounds()
	for _, tt := range []struct {
		key    string
		module []byte // or a script
		limits wasm.Limits
	}{
		{"fuel", hostile("loop"), wasm.Limits{}},
		{"fuel", hostile("wasi_lists"), wasm.Limits{Fuel: most.Fuel}},
		{"fuel", []byte("export default () => { for (;;); }"), wasm.Limits{}},
		{"memory", hostile("memory_minimum"), wasm.Limits{}},
		{"memory", hostile("memory_giant"), wasm.Limits{Memory: most.Memory}},
		{"memory", hostile("grow"), wasm.Limits{}},
		{"memory", hostile("grow_at_once"), wasm.Limits{Memory: most.Memory}},
		{"memory", []byte("export default () => new Uint8Array(1 << 27)"), wasm.Limits{}},
		{"stack", hostile("recursion"), wasm.Limits{}},
		{"stack", hostile("recursion_mutual"), wasm.Limits{Stack: most.Stack}},
		{"input", echo, wasm.Limits{Input: 1 << 10}},
		{"input", echo, wasm.Limits{Input: most.Input}},
		{"output", hostile("result_large"), wasm.Limits{}},
		{"output", hostile("flood_stdout"), wasm.Limits{}},
		{"output", []byte("export default () => '1'.repeat(3e5)"), wasm.Limits{Fuel: 100_000_000}},
		{"module", make([]byte, 2<<10), wasm.Limits{Module: 1 << 10}},
		{"module", make([]byte, 40<<20), wasm.Limits{Module: most.Module}},
	} {
		s := scriptSandbox(t)
		var m *wasm.Module
		var err error
		o := wasm.Options{Limits: tt.limits}
		if bytes.HasPrefix(tt.module, []byte("export")) {
			m, err = s.LoadScript(t.Context(), "x.js", tt.module, o)
		} else {
			m, err = s.Load(t.Context(), "x.wasm", tt.module, o)
		}
		if err == nil {
			event := input(sample)
			if tt.key == "input" {
				event.Body = make([]byte, tt.limits.Input+1)
			}
			_, err = m.Transform(t.Context(), event)
			m.Close()
		}
		want := "limits: {" + tt.key + ": N} "
		if isMost(tt.limits, most) {
			want = ", which is the most that there is"
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s, %+v: %v, want %q in it", tt.key, tt.limits, err, want)
		}
	}
}

// isMost reports whether a limit is at its upper bound.
func isMost(l, most wasm.Limits) bool {
	return l.Fuel == most.Fuel || l.Memory == most.Memory || l.Stack == most.Stack || l.Input == most.Input || l.Module == most.Module
}

// TestBodyIsTheCallers writes over a body and looks at the next one.
func TestBodyIsTheCallers(t *testing.T) {
	for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
		m := load(t, newSandbox(t, ""), read(t, guestDir, "reshape.wasm"), wasm.Options{Isolation: isolation})
		first, _ := m.Transform(t.Context(), input(sample))
		second, _ := m.Transform(t.Context(), input(strings.Replace(sample, "deploy", "revert", 1)))
		if string(first.Body) != reshaped || string(second.Body) != strings.Replace(reshaped, "deploy", "revert", 1) {
			t.Errorf("isolation %v: got %s and %s", isolation, first.Body, second.Body)
		}
	}
}
