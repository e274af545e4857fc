package author

import (
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/file"
	"github.com/awf-project/awf-hook/transforms/wasm"
)

// Read reads the file of a module or script. A file larger than a module may be is an error.
func Read(name string) ([]byte, error) {
	_, most := wasm.Bounds()
	module, err := file.Read(name, most.Module)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return module, nil
}

// Load loads a file of a module or script into a sandbox of its own. done closes the sandbox. Load keeps compiled code in
// cacheDir if it can.
func Load(ctx context.Context, name, cacheDir string, o wasm.Options) (m *wasm.Module, done func(), err error) {
	text, err := Read(name)
	if err != nil {
		return nil, nil, err
	}
	if m, done, err = load(ctx, filepath.Base(name), cacheDir, text, o); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, done, nil
}

// load loads a module or a script, as its name says.
func load(ctx context.Context, name, cacheDir string, text []byte, o wasm.Options) (m *wasm.Module, done func(), err error) {
	sandbox, err := wasm.New(cacheDir)
	if err != nil {
		sandbox, err = wasm.New("")
	}
	if err == nil && wasm.IsScript(name) {
		m, err = sandbox.LoadScript(ctx, name, text, o)
	} else if err == nil {
		m, err = sandbox.Load(ctx, name, text, o)
	}
	if err != nil {
		return nil, nil, err
	}
	return m, func() {
		m.Close()
		_ = sandbox.Close(ctx) // nothing is being compiled any more
	}, nil
}

// Inspection is what a module or a script says about itself, as --json prints it.
type Inspection struct {
	wasm.Info
	Error string `json:"error,omitempty"` // why the sandbox would refuse it
}

// Inspect describes a module or a script, for programs and as rows of a table for people. refused is the error with which the sandbox
// would refuse it, or nil.
func Inspect(ctx context.Context, name string, module []byte) (found Inspection, rows [][]string, refused error) {
	var o wasm.Options
	if wasm.IsScript(name) {
		found.Info = wasm.Info{Kind: "script", Size: len(module), Digest: fmt.Sprintf("%x", sha256.Sum256(module))}
	} else {
		_, most := wasm.Bounds()
		found.Info, o.Limits.Module = wasm.Inspect(module), most.Module
	}
	line := func(name, format string, args ...any) {
		rows = append(rows, []string{name, fmt.Sprintf(format, args...)})
	}
	line("size", "%d bytes", found.Size)
	line("sha256", "%s", found.Digest)
	if found.Kind != "" {
		line("kind", "%s", found.Kind)
	}
	if found.Functions > 0 {
		line("functions", "%d", found.Functions)
		most := "no limit of its own"
		if found.Most > 0 {
			most = fmt.Sprintf("at most %d", found.Most)
		}
		line("memory", "starts with %d bytes, %s", found.Memory, most)
	}
	for _, n := range found.Imports {
		line("import", "%s %s", n.Name, n.Type)
	}
	for _, n := range found.Exports {
		line("export", "%s %s", n.Name, n.Type)
	}
	for _, p := range found.Made {
		line(p.Field, "%s", strings.TrimSpace(p.Name+" "+p.Version))
	}
	if refused = found.Refused; refused == nil {
		start := time.Now()
		var m *wasm.Module
		var done func()
		if m, done, refused = load(ctx, name, "", module, o); refused == nil {
			took := time.Since(start).Round(100 * time.Microsecond)
			defer done()
			if begun := m.Begun(); wasm.IsScript(name) {
				line("begins with", "fuel %d, once, and %d bytes of memory", begun.Fuel, begun.Memory)
			} else {
				line("compiled in", "%v, to at most about %d KiB", took, found.Compiled>>10)
			}
		}
	}
	if refused != nil {
		found.Error = refused.Error()
		line("refused", "%v", refused)
	}
	return found, rows, refused
}
