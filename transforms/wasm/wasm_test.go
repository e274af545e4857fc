package wasm_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// sample is an event of 350 bytes.
const sample = `{"event":"workflow_error","workflow_id":"0b9f7c1e-56a2-4d3f-9a51-3c1d8f2b7e60","workflow_name":"deploy-production",` +
	`"timestamp":"2026-03-14T15:09:26.535Z","payload":{"status":"failure","duration":93.25,"exit_code":1,` +
	`"error":"step \"migrate\" failed: connection refused by db:5432 (été)","inputs":{"version":"1.2.3","region":"eu"},"user":"ci-build"}}`

const reshaped = `{"text":"deploy-production: workflow_error","attachments":[{"fields":[` +
	`{"title":"id","value":"0b9f7c1e-56a2-4d3f-9a51-3c1d8f2b7e60"},{"title":"at","value":"2026-03-14T15:09:26.535Z"},` +
	`{"title":"duration","value":93.25},` +
	`{"title":"error","value":"step \"migrate\" failed: connection refused by db:5432 (été)"}]}]}`

var noon = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

func input(event string) wasm.Event { return wasm.Event{Body: []byte(event), Time: noon} }

// guestDir has the modules of guests that mean well.
const guestDir = "../../testdata/wasm/guests"

func read(t testing.TB, path ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// cacheDir keeps what tests of this run compile.
var cacheDir string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cache")
	if err != nil {
		panic(err)
	}
	cacheDir = filepath.Join(dir, "wasm")
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// newSandbox makes a sandbox that must have nothing left open at the test's end.
func newSandbox(t testing.TB, cacheDir string) *wasm.Sandbox {
	t.Helper()
	s, err := wasm.New(cacheDir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if n := s.Instances(); n != 0 {
			t.Errorf("%d instances are open at the end, want none", n)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func load(t testing.TB, s *wasm.Sandbox, module []byte, o wasm.Options) *wasm.Module {
	t.Helper()
	m, err := s.Load(t.Context(), "step", module, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// goGuest builds a guest in stock Go.
func goGuest(t testing.TB, name string) []byte {
	t.Helper()
	if slowdown > 1 {
		t.Skip("stock Go takes minutes to compile under the race detector")
	}
	b, err := builtGuests[name]()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var builtGuests = map[string]func() ([]byte, error){
	"reactor": sync.OnceValues(func() ([]byte, error) { return buildGo("reactor", "-buildmode=c-shared") }),
	"command": sync.OnceValues(func() ([]byte, error) { return buildGo("command") }),
}

func buildGo(name string, flags ...string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "guest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "guest.wasm")
	cmd := exec.Command("go", append(append([]string{"build", "-ldflags=-s -w", "-o", out}, flags...), ".")...)
	cmd.Dir = filepath.Join(guestDir, "go", name)
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := cmd.CombinedOutput(); err != nil {
		return nil, &exec.ExitError{Stderr: text}
	}
	return os.ReadFile(out)
}

// guests are the ones that reshape the sample, by name.
func guests(t testing.TB) map[string][]byte {
	all := map[string][]byte{"C": read(t, guestDir, "reshape.wasm"), "Rust": read(t, guestDir, "rust.wasm")}
	if slowdown == 1 {
		all["Go"] = goGuest(t, "reactor")
	}
	return all
}

// engineCache is a directory in which the engine of scripts is compiled.
var engineCache = sync.OnceValues(func() (string, error) {
	dir := cacheDir + "-engine"
	s, err := wasm.New(dir)
	if err != nil {
		return "", err
	}
	m, err := s.LoadScript(context.Background(), "script.js", []byte("export default e => e"), wasm.Options{})
	if err != nil {
		return "", err
	}
	m.Close()
	return dir, s.Close(context.Background())
})
