// Package wasm runs transforms that are WebAssembly modules. It assumes that every module is hostile.
//
// Start with [New], then [Sandbox.Load] a module and call [Module.Transform] for each event.
//
// A module has no authority: no files, network, environment, real clock or real randomness. When it is loaded, it is
// rewritten to count what it uses (see package meter), and it is stopped at its limits. It can turn an event into a body,
// drop the event or fail, and log a little. docs/transforms.md describes the ABI.
package wasm

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Sandbox compiles modules, keeps the compiled code, and bounds how many guests run at a time: one less than GOMAXPROCS,
// since a running guest cannot be interrupted. Several goroutines may use it at once.
type Sandbox struct {
	cacheDir  string
	turns     turns
	compiling chan struct{} // holds a value for each module that is being compiled
	compiles  sync.WaitGroup
	instances atomic.Int64         // open ones
	clock     func() time.Duration // of the calling thread; tests replace it

	mu     sync.Mutex
	codes  map[[sha256.Size]byte]*code // by the module's digest, while a Module uses them
	closed bool
}

// New makes a sandbox that keeps compiled code in a directory, which it creates if necessary. The directory must belong to
// the user alone: whoever can write there can run anything. With "" nothing is kept.
func New(cacheDir string) (*Sandbox, error) {
	if cacheDir != "" {
		if err := prepareCache(cacheDir); err != nil {
			return nil, fmt.Errorf("cache of compiled modules: %w", err)
		}
	}
	return &Sandbox{
		cacheDir:  cacheDir,
		turns:     turns{free: max(1, runtime.GOMAXPROCS(0)-1)},
		compiling: make(chan struct{}, maxCompiling),
		codes:     map[[sha256.Size]byte]*code{},
		clock:     threadTime,
	}, nil
}

// Instances is the number of open instances: those that run and those that are kept for the next event.
func (s *Sandbox) Instances() int { return int(s.instances.Load()) }

// Close makes every further Load fail and waits for abandoned compilations until ctx ends. Close the modules first.
func (s *Sandbox) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	done := make(chan struct{})
	go func() { // ends with the compilations, whose duration the module's size bounds
		s.compiles.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("close sandbox: a module is still being compiled: %w", ctx.Err())
	}
}

// share returns the code of a module, compiled once for all concurrent users. The caller must release it. kind is script for our own
// engine; of other modules, share detects the ABI. It waits as long as it takes, since a busy machine is no fault of the module; the log
// says so.
func (s *Sandbox) share(ctx context.Context, log *slog.Logger, module []byte, kind abi, refills bool) (*code, error) {
	defer time.AfterFunc(longCompile, func() {
		log.Warn("transform is still being compiled, and its events wait: on a busy machine that can take minutes", "after", longCompile)
	}).Stop()
	digest := sha256.Sum256(module)
	if kind == script {
		digest = sha256.Sum256(append([]byte("engine "), digest[:]...))
	}
	if refills {
		digest = sha256.Sum256(append([]byte("refills "), digest[:]...))
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, ErrClosed
	}
	c := s.codes[digest]
	if c == nil {
		c = &code{sandbox: s, digest: digest, abi: kind, refills: refills, bytes: module, ready: make(chan struct{})}
		s.codes[digest] = c
		s.compiles.Go(c.build)
	}
	c.users++
	s.mu.Unlock()

	select {
	case <-c.ready:
	case <-ctx.Done():
		c.release()
		return nil, fmt.Errorf("compile: %w", ctx.Err())
	}
	if c.err != nil {
		c.release()
		if errors.Is(c.err, syscall.ENOMEM) {
			return nil, fmt.Errorf("compile: %w", c.err) // there may be memory later
		}
		return nil, fmt.Errorf("%w: %w", ErrModule, c.err)
	}
	return c, nil
}
