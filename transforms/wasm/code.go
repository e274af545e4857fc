package wasm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/transforms/wasm/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
)

const (
	// longCompile is after how long a warning says that a module is still being compiled.
	longCompile = 10 * time.Second
	// maxCompiling is how many modules are compiled at a time. Each takes a core, and a few megabytes of module some 100 MB.
	maxCompiling = 2
)

// code is the compiled form of a module. The sandbox's modules of equal bytes share it.
type code struct {
	sandbox *Sandbox
	digest  [sha256.Size]byte // of the module and the kind of code; it names the folder in the cache
	bytes   []byte            // the original module
	refills bool              // see meter.Limits
	ready   chan struct{}     // closed when the rest is set
	err     error

	*meter.Module
	abi      abi
	first    []string // the exports to call when an instance is made
	runtime  wazero.Runtime
	compiled wazero.CompiledModule

	users int // under sandbox.mu
}

// release gives the code back. The last user to do so closes it.
func (c *code) release() {
	c.sandbox.mu.Lock()
	c.users--
	c.sandbox.mu.Unlock()
	c.closeUnused()
}

// closeUnused closes the code if it is ready and unused.
func (c *code) closeUnused() {
	c.sandbox.mu.Lock()
	defer c.sandbox.mu.Unlock()
	select {
	case <-c.ready:
	default:
		return // build will
	}
	if c.users > 0 || c.sandbox.codes[c.digest] != c {
		return
	}
	delete(c.sandbox.codes, c.digest)
	c.close()
}

// close closes the runtime, in which no instance is open.
func (c *code) close() {
	if c.runtime != nil {
		_ = c.runtime.Close(context.Background())
		c.runtime, c.compiled = nil, nil
	}
}

// build fills in the code. It ends when wazero does, which cannot be interrupted. The size of the module and the meter's
// bounds on its functions bound the time.
func (c *code) build() {
	c.sandbox.compiling <- struct{}{}
	defer func() {
		<-c.sandbox.compiling
		close(c.ready)
		c.closeUnused()
	}()
	dir := ""
	if c.sandbox.cacheDir != "" {
		dir = filepath.Join(c.sandbox.cacheDir, hex.EncodeToString(c.digest[:]))
	}
	if dir != "" && c.compileSkeleton(dir) == nil {
		markUsed(dir)
		return
	}
	m, err := rewritten(c.bytes, c.refills)
	if err == nil {
		err = c.describe(m)
	}
	if c.err = err; err != nil {
		return
	}
	if dir != "" {
		if wasm := c.Wasm; c.compile(dir) == nil {
			c.keepSkeleton(dir, wasm)
			markUsed(dir)
			pruneCache(c.sandbox.cacheDir)
			return
		}
		_ = os.RemoveAll(dir) // the module runs in spite of a damaged file or a full disk
	}
	c.err = c.compile("")
}

// describe sets the fields that follow from the rewritten module.
func (c *code) describe(m *meter.Module) (err error) {
	if c.abi != script {
		if c.abi, err = detect(m); err != nil {
			return err
		}
	}
	if c.first = nil; m.HasStart {
		c.first = append(c.first, meter.StartExport)
	}
	if c.abi != command && slices.ContainsFunc(m.Exports, func(e meter.Export) bool { return e.Name == initExport }) {
		c.first = append(c.first, initExport)
	}
	c.Module = m
	return nil
}

// rewritten makes a module count what it uses. If the meter refuses the code of a module, and its imports are wrong, too, the error
// names the imports: the code will be another one when they are right.
func rewritten(module []byte, refills bool) (m *meter.Module, err error) {
	defer recovered(&err)
	m, err = meter.Rewrite(module, meter.Limits{Fuel: meteredFuel, Stack: meteredStack, MemoryPages: maxPages, Refill: refills})
	if err == nil {
		return m, nil
	}
	if code := (*meter.CodeError)(nil); errors.As(err, &code) {
		if mistakes := checkImports(code.Imports); len(mistakes) > 0 {
			return nil, listed(mistakes)
		}
	}
	return nil, errors.New(legible.ShortLine(err.Error(), 300)) // it may quote the module's names
}

// The limits that a module is metered with. No code of the guest runs under them, since each step sets its own before: so steps with
// different limits share the code.
const (
	meteredFuel  = 1 << 60
	meteredStack = 1<<31 - 1
	maxPages     = 1 << 16 // all of a 32-bit memory
)

// cacheMu guards a variable that wazero sets when it opens the first cache.
var cacheMu sync.Mutex

// compile makes the native code, or reads it from the directory. It uses one goroutine, since nothing could recover from panics of
// wazero in others.
func (c *code) compile(cacheDir string) (err error) {
	ctx := context.Background()
	config := wazero.NewRuntimeConfig().WithCoreFeatures(api.CoreFeaturesV2).WithDebugInfoEnabled(false)
	if cacheDir != "" {
		cacheMu.Lock()
		cache, err := wazero.NewCompilationCacheWithDir(cacheDir)
		cacheMu.Unlock()
		if err != nil {
			return err
		}
		config = config.WithCompilationCache(cache)
	}
	r := wazero.NewRuntimeWithConfig(ctx, config)
	defer func() {
		if err != nil {
			_ = r.Close(ctx)
		}
	}()
	defer recovered(&err)
	imports := c.Imports
	if c.refills {
		imports = append(slices.Clip(imports), meter.Import{Module: meter.RefillModule, Name: meter.RefillImport})
	}
	if err = provide(ctx, r, imports); err != nil {
		return err
	}
	compiled, err := r.CompileModule(ctx, c.Wasm)
	if errors.Is(err, syscall.ENOMEM) {
		return err
	}
	if err != nil {
		return errors.New(legible.ShortLine(err.Error(), 300))
	}
	c.runtime, c.compiled, c.Wasm = r, compiled, nil
	return nil
}

// recovered turns a panic of the compiler into an error.
func recovered(err *error) {
	p := recover()
	if cause, isError := p.(error); isError && errors.Is(cause, syscall.ENOMEM) {
		*err = cause
	} else if p != nil {
		*err = fmt.Errorf("the compiler gave up: %s", legible.ShortLine(fmt.Sprint(p), 200))
	}
}
