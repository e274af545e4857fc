package author

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"strings"
	"text/tabwriter"
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
	return load(ctx, filepath.Base(name), cacheDir, text, o)
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

// Inspect describes a module for people. refused is the error with which the sandbox would refuse the module, or nil.
func Inspect(ctx context.Context, name string, module []byte) (text []byte, refused error) {
	info := wasm.Inspect(module)
	refused = info.Refused
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) { fmt.Fprintf(w, name+"\t"+format+"\n", args...) }
	line("size", "%d bytes", info.Size)
	line("sha256", "%s", info.Digest)
	if info.Kind != "" {
		line("kind", "%s", info.Kind)
	}
	if info.Functions > 0 {
		line("functions", "%d", info.Functions)
		most := "no limit of its own"
		if info.Most > 0 {
			most = fmt.Sprintf("at most %d", info.Most)
		}
		line("memory", "starts with %d bytes, %s", info.Memory, most)
	}
	for _, n := range info.Imports {
		line("import", "%s %s", n.Name, n.Type)
	}
	for _, n := range info.Exports {
		line("export", "%s %s", n.Name, n.Type)
	}
	for _, p := range info.Made {
		line(p.Field, "%s", strings.TrimSpace(p.Name+" "+p.Version))
	}
	if refused == nil {
		var took time.Duration
		if took, refused = compile(ctx, name, module); refused == nil {
			line("compiled in", "%v, to at most about %d KiB", took.Round(100*time.Microsecond), info.Compiled>>10)
		}
	}
	if refused != nil {
		line("refused", "%v", refused)
	}
	_ = w.Flush() // into memory
	return b.Bytes(), refused
}

// InspectScript describes a script as Inspect describes a module.
func InspectScript(ctx context.Context, name string, text []byte) (described []byte, refused error) {
	var b bytes.Buffer
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "size\t%d bytes\nsha256\t%x\nkind\tscript\n", len(text), sha256.Sum256(text))
	begun, refused := begin(ctx, name, text)
	if refused == nil {
		fmt.Fprintf(w, "begins with\tfuel %d, once, and %d bytes of memory\n", begun.Fuel, begun.Memory)
	} else {
		fmt.Fprintf(w, "refused\t%v\n", refused)
	}
	_ = w.Flush() // into memory
	return b.Bytes(), refused
}

// begin runs a script up to its first event.
func begin(ctx context.Context, name string, text []byte) (begun wasm.Output, err error) {
	m, done, err := load(ctx, name, "", text, wasm.Options{})
	if err != nil {
		return begun, err
	}
	defer done()
	return m.Begun(), nil
}

// compile returns how long a module takes to compile.
func compile(ctx context.Context, name string, module []byte) (time.Duration, error) {
	_, most := wasm.Bounds()
	start := time.Now()
	_, done, err := load(ctx, name, "", module, wasm.Options{Limits: wasm.Limits{Module: most.Module}})
	if err != nil {
		return 0, err
	}
	defer done()
	return time.Since(start), nil
}
