package wasm

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/tetratelabs/wazero"
)

// Module is a transform step: a module with its limits and its configuration. Several goroutines may use it at once.
type Module struct {
	name      string
	limits    Limits
	isolation Isolation
	isJSON    bool
	logger    *slog.Logger
	config    map[string][]byte // by key; "" is all of it
	args      []string

	code     *code
	clocked  *code // the same module, made to refill, for events that may use more fuel than mostBlind; nil until the first of them
	digest   string
	snapshot *snapshot // of a script
	sandbox  *Sandbox
	start    wazero.ModuleConfig
	grows    bool  // no fuel is set, so the limit is DefaultFuel of the event's length
	starting int64 // fuel that an instance costs before its code runs
	stack    int64 // bytes as the meter counts them: limits.Stack minus what calls outside cycles can take

	line   line // its calls, among those of other modules
	calls  sync.WaitGroup
	mu     sync.Mutex
	closed bool
	worst  int64              // see FuelPercent
	free   map[*code][]*guest // for later events; the last one is the next to be used
}

// Event is what a transform sees of an event.
type Event struct {
	Body []byte    // the event's JSON, or what the previous step made of it
	Time time.Time // when the guest's clock starts
}

// Output is what a transform made, and what it used.
type Output struct {
	Body   []byte // belongs to the caller
	Fuel   int64  // used, even if the transform failed; equal for equal events with isolation: event
	Limit  int64  // the fuel that this event could use
	Memory int64  // bytes of linear memory at the end
}

// Load makes a module usable as a step of the given name. Modules of equal bytes are compiled once. An error is one line that
// says what to change; if it wraps [ErrModule], the module is at fault.
func (s *Sandbox) Load(ctx context.Context, name string, wasm []byte, o Options) (*Module, error) {
	m, err := s.module(name, o)
	if err != nil {
		return nil, err
	}
	if err := m.limits.CheckSize(int64(len(wasm))); err != nil {
		return nil, err
	}
	if err := checkBytes(name, wasm, o.SHA256); err != nil {
		return nil, err
	}
	m.code, err = s.share(ctx, m.logger, wasm, reactor, false)
	if err != nil {
		return nil, err
	}
	m.digest = hex.EncodeToString(m.code.digest[:])
	if err := m.fit(); err != nil {
		m.code.release()
		return nil, fmt.Errorf("%w: %w", ErrModule, err)
	}
	return m, nil
}

// module makes a Module of a step's options, without code.
func (s *Sandbox) module(name string, o Options) (*Module, error) {
	limits, err := o.Limits.complete()
	if err != nil {
		return nil, err
	}
	m := &Module{name: name, limits: limits, grows: o.Limits.Fuel == 0, isolation: o.Isolation,
		isJSON: jsonbytes.IsType(o.ContentType), logger: o.Logger, sandbox: s, free: map[*code][]*guest{}}
	if m.logger == nil {
		m.logger = slog.New(slog.DiscardHandler)
	}
	m.logger = m.logger.With("transform", name)
	// No guest sees this random source. Without one, wazero seeds its own, which takes longer than all the rest.
	m.start = wazero.NewModuleConfig().WithName("").WithStartFunctions().WithRandSource(bytes.NewReader(nil))
	return m, m.configure(o.With)
}

// fit checks the code against the step's own limits.
func (m *Module) fit() error {
	pages := m.limits.Memory / pageSize
	m.starting = meteredFuel - m.code.InitialFuel
	stack := m.limits.Stack
	if m.code.abi == script {
		stack *= engineFrames
	}
	m.stack = stack - int64(m.code.UncountedStack)
	switch {
	case int64(m.code.MinPages) > pages:
		return errors.New("its memory begins with " + over("memory", int64(m.code.MinPages)*pageSize, m.limits.Memory))
	case !m.grows && m.starting >= m.limits.Fuel:
		return fmt.Errorf("an instance takes %d fuel before its code runs, want at most %d%s", m.starting, m.limits.Fuel-1,
			raise("fuel", m.limits.Fuel))
	case m.stack <= 0:
		return fmt.Errorf("its functions take %d bytes of stack without recursion: want less than %d%s", m.code.UncountedStack, m.limits.Stack,
			raise("stack", m.limits.Stack))
	case m.isolation == IsolateInstance && m.code.abi == command:
		return errors.New("a command runs once: want isolation: event, or a reactor")
	}
	return nil
}

// configure keeps the configuration as the guest will read it: strings as they are, everything else as JSON.
func (m *Module) configure(with map[string]any) error {
	if with == nil {
		with = map[string]any{}
	}
	m.config = map[string][]byte{}
	for key, value := range with {
		var err error
		if text, ok := value.(string); ok {
			m.config[key] = []byte(text)
		} else if m.config[key], err = json.Marshal(value); err != nil {
			return errors.New("with: want values that JSON can represent")
		}
	}
	all, _ := json.Marshal(with) // each value could be written
	if len(all) > maxConfig {
		return fmt.Errorf("with: want at most %d bytes as JSON, got %d", maxConfig, len(all))
	}
	m.config[""], m.args = all, []string{m.name, string(all)}
	return nil
}

// checkPin refuses a file that is not the one that a step requires. Any file will do without a pin.
func checkPin(file []byte, pin string) error {
	if pin == "" {
		return nil
	}
	if got := sumOf(file); !strings.EqualFold(strings.TrimPrefix(pin, "sha256:"), got) {
		return fmt.Errorf("%w: its sha256 is %s, want %s", ErrModule, got, legible.ShortLine(pin, 80))
	}
	return nil
}

const wasmMagic = "\x00asm"

// checkBytes checks a file before it is decoded.
func checkBytes(name string, wasm []byte, pin string) error {
	if err := checkPin(wasm, pin); err != nil {
		return err
	}
	switch {
	case bytes.HasPrefix(wasm, []byte(wasmMagic+"\x01\x00\x00\x00")):
		return nil
	case len(wasm) == 0:
		return fmt.Errorf("%w: the file is empty", ErrModule)
	case bytes.HasPrefix(wasm, []byte(wasmMagic+"\x0d\x00\x01\x00")):
		return fmt.Errorf("%w: a component: want a core module (wasm32-wasip1, not wasip2)", ErrModule)
	case bytes.HasPrefix(bytes.TrimSpace(wasm), []byte("(module")):
		return fmt.Errorf("%w: WebAssembly as text: want the binary form (wat2wasm)", ErrModule)
	case IsScript(name):
		return fmt.Errorf("%w: a script, not a WebAssembly file: js: %s runs it", ErrModule, legible.ShortLine(name, 100))
	}
	return fmt.Errorf("%w: not a WebAssembly file of version 1", ErrModule)
}

// Kind is "reactor", "command" or "script".
func (m *Module) Kind() string { return m.code.abi.String() }

// Digest is the SHA-256 of the file, in hex, as Options.SHA256 expects it.
func (m *Module) Digest() string { return m.digest }

// Limits are the limits in force, defaults included.
func (m *Module) Limits() Limits { return m.limits }

// Transform runs the module on an event. The error is ErrDrop if there is nothing to send, an [*Error] if the transform failed,
// ErrClosed, ctx's if ctx ended before the guest ran, or the system's if it had no memory for the guest. A running guest is not
// interrupted; it ends at its limits.
func (m *Module) Transform(ctx context.Context, e Event) (Output, error) {
	if n := int64(len(e.Body)); n > m.limits.Input {
		return Output{}, &Error{Kind: ErrInput, Detail: over("input", n, m.limits.Input)}
	}
	if !m.begin() {
		return Output{}, ErrClosed
	}
	defer m.calls.Done()
	limit := m.fuelFor(len(e.Body))
	code, err := m.codeFor(ctx, limit)
	if err != nil {
		return Output{}, err
	}
	if err := m.sandbox.turns.enter(ctx, &m.line); err != nil {
		return Output{}, err
	}
	start := time.Now()
	defer func() { m.sandbox.turns.leave(&m.line, time.Since(start)) }()
	return m.run(e, code, limit)
}

// codeFor returns the code for an event with the given limit of fuel. The first event that needs a clock waits until the code for it
// is compiled.
func (m *Module) codeFor(ctx context.Context, limit int64) (*code, error) {
	if limit-m.starting <= mostBlind {
		return m.code, nil
	}
	m.mu.Lock()
	known := m.clocked
	m.mu.Unlock()
	if known != nil {
		return known, nil
	}
	made, err := m.sandbox.share(ctx, m.logger, m.code.bytes, m.code.abi, true)
	if errors.Is(err, ErrModule) {
		reason := strings.TrimPrefix(err.Error(), ErrModule.Error()+": ")
		return nil, &Error{Kind: ErrModule, Detail: fmt.Sprintf("its code for events with more than %d fuel: %s", mostBlind, reason)}
	}
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.clocked != nil {
		made.release() // another event has made it, too
	} else {
		m.clocked = made
	}
	return m.clocked, nil
}

// begin counts a call. It returns false if the module is closed.
func (m *Module) begin() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.calls.Add(1)
	}
	return !m.closed
}

// Close waits for running calls and closes the instances that are kept.
func (m *Module) Close() {
	m.mu.Lock()
	wasClosed := m.closed
	m.closed = true
	m.mu.Unlock()
	if m.calls.Wait(); wasClosed {
		return
	}
	for _, guests := range m.free {
		for _, g := range guests {
			g.close()
			g.memory.unmap()
		}
	}
	m.free = nil
	m.code.release()
	if m.clocked != nil {
		m.clocked.release()
	}
}

// invalid says what is wrong with a body. It returns "" if nothing is.
func (m *Module) invalid(body []byte) string {
	switch {
	case !m.isJSON:
		return ""
	case !utf8.Valid(body):
		return "not UTF-8"
	case jsonbytes.Check(body) != nil:
		return "not JSON"
	}
	return ""
}
