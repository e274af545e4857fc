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
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

const (
	// compileTimeout is how long a Load waits. It is generous: a module that is too slow to compile stays so.
	compileTimeout = time.Minute
	// maxCompiling is how many modules are compiled at a time. One of some megabytes takes a core and some 100 MB.
	maxCompiling = 2
)

// code is a module's compiled form. The sandbox's modules of equal bytes share it.
type code struct {
	sandbox *Sandbox
	digest  [sha256.Size]byte
	ready   chan struct{} // closed when the rest is set
	err     error

	*meter.Module
	abi      abi
	first    []string // the exports to be called when an instance is made
	runtime  wazero.Runtime
	compiled wazero.CompiledModule

	users int // under sandbox.mu
}

// release gives the code back. The last one that does so closes it.
func (c *code) release() {
	c.sandbox.mu.Lock()
	c.users--
	c.sandbox.mu.Unlock()
	c.closeUnused()
}

// closeUnused closes the code if it is ready and nobody uses it.
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
	if c.runtime != nil {
		_ = c.runtime.Close(context.Background()) // closes what is open; there is no instance any more
	}
}

// build fills the code in. It ends when wazero does, which cannot be interrupted: the size of the module, and the meter's
// bounds on its functions, bound its time.
func (c *code) build(module []byte) {
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
	if c.err = c.rewrite(module, dir); c.err != nil {
		return
	}
	if dir != "" {
		if c.compile(dir) == nil {
			markUsed(dir)
			pruneCache(c.sandbox.cacheDir)
			return
		}
		_ = os.RemoveAll(dir) // a damaged file or a full disk is no reason not to run
	}
	c.err = c.compile("")
}

// rewrite checks the module and lets it count, unless the directory has what came of that.
func (c *code) rewrite(module []byte, dir string) (err error) {
	defer recovered(&err)
	m := readMetered(dir)
	if m == nil {
		// The limits are each step's and set before the guest runs, so that steps with different ones share the code.
		if m, err = meter.Rewrite(module, meter.Limits{Fuel: meteredFuel, Stack: meteredStack, MemoryPages: maxPages}); err != nil {
			return errors.New(oneLine(err.Error(), 300)) // it may quote the module's names
		}
		writeMetered(dir, m)
	}
	if c.abi, err = detect(m); err != nil {
		return err
	}
	if m.HasStart {
		c.first = append(c.first, meter.StartExport)
	}
	if c.abi == reactor && slices.ContainsFunc(m.Exports, func(e meter.Export) bool { return e.Name == initExport }) {
		c.first = append(c.first, initExport)
	}
	c.Module = m
	return nil
}

// What a module is metered with. Nothing runs under these: the start function is deferred, and a step sets its own.
const (
	meteredFuel  = 1 << 60
	meteredStack = 1<<31 - 1
	maxPages     = 1 << 16 // all of a 32-bit memory
)

// cacheMu guards a variable of wazero's, which notes its own version when the first cache is opened.
var cacheMu sync.Mutex

// compile makes the native code, or reads it from the directory. It uses one goroutine, since wazero's panics on a module
// that it does not like could not be recovered from in others.
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
	if err = provide(ctx, r, c.Imports); err != nil {
		return err
	}
	compiled, err := r.CompileModule(ctx, c.Wasm)
	if err != nil {
		return errors.New(oneLine(err.Error(), 300))
	}
	c.runtime, c.compiled = r, compiled
	return nil
}

// recovered turns a panic of the compiler's into an error.
func recovered(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("the compiler gave up: %s", oneLine(fmt.Sprint(p), 200))
	}
}
