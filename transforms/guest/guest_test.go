package guest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/guest"
	"github.com/awf-project/awf-hook/transforms/wasm"
)

const source = "../../testdata/wasm/guests/go/author"

// The same source, built as a reactor and as a command, answers, drops, fails, logs and reads its configuration. A reactor that stays warm
// answers one event after another.
func TestMainInBothKindsOfModule(t *testing.T) {
	long := strings.Repeat("x", 300) // more than the guest first has room for
	for kind, flags := range map[string][]string{"reactor": {"-buildmode=c-shared"}, "command": nil} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			limits := wasm.Limits{Fuel: 24_000_000} // so that the code for much fuel need not be compiled
			o := wasm.Options{With: map[string]any{"long": long}, Logger: slog.New(slog.NewTextHandler(&log, nil)), Limits: limits}
			sandbox, module := newSandbox(t), build(t, flags...)
			m := load(t, sandbox, module, o)
			if m.Kind() != kind {
				t.Fatalf("it is a %s", m.Kind())
			}
			for _, tt := range []struct {
				event, body string
				err         error
				detail      string
			}{
				{`"echo"`, `"echo"`, nil, ""},
				{`"drop"`, "", wasm.ErrDrop, ""},
				{`"nothing"`, "", wasm.ErrDrop, ""},
				{`"fail"`, "", wasm.ErrFail, "no such channel"},
				{`"log"`, `"log"`, nil, ""},
				{`"none"`, `"none"`, nil, ""},
				{`"config"`, `"` + long + `"`, nil, ""},
				{`"` + long + long + `"`, strings.ToUpper(`"` + long + long + `"`), nil, ""},
			} {
				out, err := m.Transform(t.Context(), wasm.Event{Body: []byte(tt.event)})
				if !errors.Is(err, tt.err) || string(out.Body) != tt.body {
					t.Errorf("%.20s: got %.40s, %v, want %.40s, %v", tt.event, out.Body, err, tt.body, tt.err)
				}
				var fault *wasm.Error
				if errors.As(err, &fault) && !strings.HasSuffix(fault.Detail, tt.detail) {
					t.Errorf("%s: failed with %q, want %q", tt.event, fault.Detail, tt.detail)
				}
			}
			if !strings.Contains(log.String(), "a line") {
				t.Errorf("logged %q", log.String())
			}
			_, err := m.Transform(t.Context(), wasm.Event{Body: []byte(`"panic"`)})
			if err == nil || !strings.Contains(err.Error(), "panic: at the disco") {
				t.Errorf("a panic came to %v", err)
			}
			if kind == "reactor" {
				answersAllSizes(t, load(t, sandbox, module, wasm.Options{Isolation: wasm.IsolateInstance, Limits: limits}))
			}
		})
	}
}

func answersAllSizes(t *testing.T, m *wasm.Module) {
	t.Helper()
	for i := range 200 {
		event := `"` + strings.Repeat("x", i*i) + `"`
		out, err := m.Transform(t.Context(), wasm.Event{Body: []byte(event)})
		if err != nil || string(out.Body) != strings.ToUpper(event) {
			t.Fatalf("event %d: %.40s, %v", i, out.Body, err)
		}
	}
}

// Elsewhere it is a filter from stdin to stdout.
func TestMainOutsideTheSandbox(t *testing.T) {
	for event, want := range map[string]string{`"echo"`: `"echo"`, `"drop"`: "", `"log"`: "info a line\n" + `"log"`} {
		cmd := exec.Command("go", "run", ".")
		cmd.Dir, cmd.Stdin = source, strings.NewReader(event)
		if out, err := cmd.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("%s: %s, %v, want %s", event, out, err, want)
		}
	}
	cmd := exec.Command("go", "run", ".")
	cmd.Dir, cmd.Stdin = source, strings.NewReader(`"fail"`)
	if out, err := cmd.CombinedOutput(); err == nil || !strings.HasPrefix(string(out), "no such channel\n") {
		t.Errorf("fail: %s, %v", out, err)
	}
}

// An event decodes without losing digits or order of what is kept as it came.
func TestEventDecodes(t *testing.T) {
	const inputs = `{"z":12345678901234567890,"a":[1.50,{"b":"\u00e9"}]}`
	var e guest.Event
	err := json.Unmarshal([]byte(`{"event":"step_complete","workflow_id":"i","workflow_name":"n","timestamp":"2026-01-01T00:00:00Z",`+
		`"payload":{"status":"failure","duration":1.5,"exit_code":2,"error":"e","step":"s","kind":"command","path":"p",`+
		`"iteration":0,"result":true,"inputs":`+inputs+`,"more":1}}`), &e)
	if err != nil {
		t.Fatal(err)
	}
	p := e.Payload
	if e.Type != "step_complete" || e.WorkflowID != "i" || e.WorkflowName != "n" || e.Timestamp != "2026-01-01T00:00:00Z" ||
		p.Status != "failure" || *p.Duration != 1.5 || *p.ExitCode != 2 || p.Error != "e" || p.Step != "s" || p.Kind != "command" ||
		p.Path != "p" || *p.Iteration != 0 || string(p.Result) != "true" || string(p.Inputs) != inputs {
		t.Errorf("got %+v", e)
	}
	out, err := json.Marshal(struct{ A, B guest.Raw }{A: p.Inputs})
	if want := `{"A":` + inputs + `,"B":null}`; err != nil || string(out) != want {
		t.Errorf("got %s, %v, want %s", out, err, want)
	}
}

func build(t *testing.T, flags ...string) []byte {
	t.Helper()
	if raceEnabled {
		t.Skip("stock Go takes minutes to compile under the race detector")
	}
	out := filepath.Join(t.TempDir(), "guest.wasm")
	cmd := exec.Command("go", append(append([]string{"build", "-ldflags=-s -w", "-o", out}, flags...), ".")...)
	cmd.Dir, cmd.Env = source, append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	module, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return module
}

func newSandbox(t *testing.T) *wasm.Sandbox {
	t.Helper()
	s, err := wasm.New("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func load(t *testing.T, s *wasm.Sandbox, module []byte, o wasm.Options) *wasm.Module {
	t.Helper()
	m, err := s.Load(t.Context(), "step", module, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}
