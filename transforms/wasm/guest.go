package wasm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/transforms/wasm/meter"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

// guest is an instance of a module. Only one goroutine at a time may use it.
type guest struct {
	module *Module
	code   *code
	memory *memory // outside the Go heap, where the platform allows it
	mod    api.Module
	tank
	stack  api.MutableGlobal
	alloc  api.Function
	run    api.Function            // transform or _start
	engine map[string]api.Function // the engine's functions that a script has used; each look-up makes a new stack
	host   context.Context         // of all calls: leads host functions to the guest
	params [2]uint64
	events int // that it has transformed

	isBroken bool // the engine failed while the guest ran, so neither the guest nor its memory can be used again
	isSpent  bool // a script's engine was stopped amid a warning, so the instance can be used again only after restore

	// The following are of the current event.
	event    []byte
	unread   []byte // the rest of stdin
	body     []byte // stdout of a command
	talk     []byte // stderr, and stdout of a reactor
	lines    int64  // logged, or dropped because they were too many
	failure  []byte
	lost     []rejection // of a script
	isFailed bool
	isExited bool
	exitCode uint32
	random   uint64 // 0 until the guest asks for it
	wall     uint64 // ns from 1970 to where elapsed is 0, modulo 1<<64
	elapsed  uint64 // ns since the instance started
}

var errExit = errors.New("exit")

// guestKey is the key of the guest in the context of every call into it.
type guestKey struct{}

func guestOf(ctx context.Context) *guest { return ctx.Value(guestKey{}).(*guest) }

// instantiate makes the instance and initializes it. After an error the instance may exist, so that the host can see what it used.
func (g *guest) instantiate(e Event) error {
	m := g.module
	ctx := experimental.WithMemoryAllocator(context.Background(), g.memory)
	mod, err := g.code.runtime.InstantiateModule(ctx, g.code.compiled, m.start)
	if err != nil {
		return err
	}
	m.sandbox.instances.Add(1)
	g.mod = mod
	g.host = context.WithValue(context.Background(), guestKey{}, g)
	g.fuel = mod.ExportedGlobal(meter.FuelGlobal).(api.MutableGlobal)
	g.stack = mod.ExportedGlobal(meter.StackGlobal).(api.MutableGlobal)
	g.fill(g.limit - m.starting)
	g.begin(Event{Time: e.Time})
	for _, name := range g.code.first {
		if err := mod.ExportedFunction(name).CallWithStack(g.host, nil); err != nil {
			return err
		}
	}
	switch {
	case g.code.abi == command:
		g.run = mod.ExportedFunction(startCommand)
		return nil
	case g.code.abi == script:
		if m.snapshot != nil && !g.restore() {
			return errors.New("out of memory")
		}
		return nil
	}
	g.alloc, g.run = mod.ExportedFunction(allocExport), mod.ExportedFunction(transformExport)
	return nil
}

// begin sets what the guest can see of an event. The clock starts at the event's time.
func (g *guest) begin(e Event) {
	g.event, g.unread = e.Body, e.Body
	g.body, g.talk, g.failure = g.body[:0], g.talk[:0], g.failure[:0]
	g.lost = g.lost[:0]
	g.lines, g.isFailed, g.isExited, g.exitCode, g.random = 0, false, false, 0, 0
	g.memory.isRefused = false
	g.wall = nanoseconds(e.Time) - g.elapsed
}

// nanoseconds are counted from 1970, within the range of WASI's clock.
func nanoseconds(t time.Time) uint64 {
	s := t.Unix()
	if s < 0 {
		return 0
	}
	const longest = math.MaxInt64 / int64(time.Second)
	if s >= longest {
		return math.MaxInt64
	}
	return uint64(s)*uint64(time.Second) + uint64(t.Nanosecond())
}

// transform runs the guest on an event. The body is part of the guest's memory, valid until the guest runs again.
func (g *guest) transform(e Event) (body []byte, err error) {
	if g.mod == nil {
		if err := g.instantiate(e); err != nil {
			return nil, g.failed(err)
		}
	}
	if g.module.isolation == IsolateInstance || g.module.snapshot != nil {
		g.fill(g.limit) // earlier use is not this event's
	}
	g.begin(e)
	switch g.code.abi {
	case command:
		return g.transformCommand()
	case script:
		return g.transformScript()
	}
	size := uint64(len(g.event))
	g.params[0] = size
	if err := g.alloc.CallWithStack(g.host, g.params[:1]); err != nil {
		return nil, g.failed(err)
	}
	at := uint64(uint32(g.params[0]))
	if at == 0 {
		return nil, g.fail(ErrMemory, fmt.Sprintf("alloc has no room for %d bytes", size))
	}
	if !g.mod.Memory().Write(uint32(at), g.event) {
		return nil, g.fail(ErrInvalidOutput, fmt.Sprintf("alloc gave %d bytes at %d, in a memory of %d", size, at, g.mod.Memory().Size()))
	}
	g.params[0], g.params[1] = at, size
	if err := g.run.CallWithStack(g.host, g.params[:]); err != nil {
		return nil, g.failed(err)
	}
	if g.left() < 0 { // not all charges trap
		return nil, g.failed(errNoFuel)
	}
	if g.isFailed {
		return nil, g.fail(ErrFail, legible.ShortLine(string(g.failure), MaxLogLine))
	}
	result := g.params[0]
	if result == 0 {
		return nil, ErrDrop
	}
	return g.result(result>>32, result&math.MaxUint32)
}

// result reads the body that transform points to.
func (g *guest) result(pointer, length uint64) ([]byte, error) {
	size := uint64(g.mod.Memory().Size())
	switch {
	case pointer+length > size:
		return nil, g.fail(ErrInvalidOutput, fmt.Sprintf("transform gave %d bytes at %d, in a memory of %d", length, pointer, size))
	case length == 0:
		return nil, g.fail(ErrInvalidOutput, fmt.Sprintf("transform gave no bytes at %d: want 0 to drop the event", pointer))
	case int64(length) > g.module.limits.Output:
		return nil, g.overOutput(int(length))
	}
	body, _ := g.mod.Memory().Read(uint32(pointer), uint32(length))
	return g.checked(body)
}

// overOutput is the failure of a body of so many bytes.
func (g *guest) overOutput(n int) *Error {
	return g.fail(ErrOutput, over("output", int64(n), g.module.limits.Output))
}

// noMemory is the failure of a guest that needs more memory than its limit.
func (g *guest) noMemory() *Error {
	return g.fail(ErrMemory, reached("memory", g.module.limits.Memory))
}

func (g *guest) checked(body []byte) ([]byte, error) {
	if detail := g.module.invalid(body); detail != "" {
		return nil, g.fail(ErrInvalidOutput, detail)
	}
	return body, nil
}

func (g *guest) transformCommand() ([]byte, error) {
	err := g.run.CallWithStack(g.host, nil)
	switch {
	case g.left() < 0:
		return nil, g.failed(cmp.Or(err, errNoFuel))
	case g.isExited && g.exitCode != 0 && !g.memory.isRefused:
		return nil, g.fail(ErrFail, strings.TrimSuffix(fmt.Sprintf("exit code %d: %s", g.exitCode, g.said()), ": "))
	case err != nil && !(g.isExited && g.exitCode == 0):
		return nil, g.failed(err)
	case g.isFailed:
		return nil, g.fail(ErrFail, legible.ShortLine(string(g.failure), MaxLogLine))
	case len(g.body) == 0:
		return nil, ErrDrop
	}
	return g.checked(g.body)
}

// said returns the guest's own explanation: the text of awf.fail, or else stderr.
func (g *guest) said() string {
	if g.isFailed {
		return legible.ShortLine(string(g.failure), MaxLogLine)
	}
	return legible.ShortLine(string(g.talk), MaxLogLine)
}

func (g *guest) fail(kind error, detail string) *Error {
	return &Error{Kind: kind, Detail: detail, Fuel: g.used()}
}

// failed returns the reason why a call failed.
func (g *guest) failed(err error) *Error {
	e := g.fail(ErrTrap, "")
	text, trace, _ := strings.Cut(err.Error(), "\nwasm stack trace:\n")
	if g.code.abi != script { // the engine's functions say nothing
		e.Trace = frames(trace, g.code.refills)
	}
	var stopped *stop
	switch {
	case g.fuel != nil && g.left() < 0:
		e.Kind, e.Detail, e.Fuel = ErrFuel, g.noFuel(), 0
	case g.stack != nil && int32(g.stack.Get()) < 0 || strings.HasSuffix(text, "stack overflow"):
		e.Kind, e.Detail = ErrStack, reached("stack", g.module.limits.Stack)
	case errors.As(err, &stopped):
		e.Kind, e.Detail = stopped.kind, stopped.detail
	case g.memory.isRefused:
		e.Kind, e.Detail = ErrMemory, g.noMemory().Detail
	case g.isExited:
		e.Detail = fmt.Sprintf("exit code %d", g.exitCode)
	default:
		e.Detail = legible.ShortLine(strings.TrimSuffix(strings.TrimPrefix(text, "wasm error: "), " (recovered by wazero)"), 200)
	}
	if said := g.said(); said != "" && (e.Kind == ErrTrap || e.Kind == ErrMemory) {
		e.Detail += ": " + said
	}
	return e
}

// frames returns the guest's functions in wazero's trace, which has a line "module.function(i32) i64" for each, then an empty line.
// Functions without a name have a number, which does not count the import of code that refills. frames leaves out what a language's own
// library does after a panic.
func frames(trace string, refills bool) []string {
	const most, longest = 5, 60
	var names []string
	for line := range strings.Lines(trace) {
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		if i := strings.LastIndexByte(line, '('); i > 0 {
			line = line[:i]
		}
		if line == meter.RefillModule+"."+meter.RefillImport {
			continue // where the guest's own function asks for fuel
		}
		name := strings.TrimPrefix(line, ".")
		if n, err := strconv.Atoi(strings.TrimPrefix(name, "$")); refills && err == nil && strings.HasPrefix(name, "$") {
			name = "$" + strconv.Itoa(n-1)
		}
		names = append(names, legible.ShortLine(demangled(name), longest))
	}
	own := slices.IndexFunc(names, func(name string) bool { return !library().MatchString(name) })
	names = names[max(own, 0):]
	return names[:min(len(names), most)]
}

// library matches functions of Rust's and Go's own libraries.
var library = lazy.Regexp(`^(<?(std|core|alloc)::|_?_?rust_|runtime\.)`)

// demangled returns the name of a function as its source in Rust has it: std::fmt::write for _ZN3std3fmt5write17h0123456789abcdefE.
func demangled(name string) string {
	symbol, _, _ := strings.Cut(name, ".llvm.") // and a number, of a function that the linker's optimizer shares
	rest, isMangled := strings.CutPrefix(symbol, "_ZN")
	var parts []string
	for isMangled && rest != "E" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		n, err := strconv.Atoi(rest[:digits])
		if rest = rest[digits:]; err != nil || n >= len(rest) {
			return name
		}
		parts, rest = append(parts, rest[:n]), rest[n:]
	}
	if len(parts) < 2 {
		return name
	}
	return strings.Join(parts[:len(parts)-1], "::") // without the hash
}

// log logs a line from the guest, or counts it if there were too many.
func (g *guest) log(level slog.Level, line string) {
	if g.lines++; g.lines <= g.module.limits.LogLines {
		g.module.logger.Log(context.Background(), level, "transform logs", "line", legible.ShortLine(line, MaxLogLine))
	}
}

// flush logs the lines that the guest wrote to stdout and stderr, and how many lines were dropped.
func (g *guest) flush() {
	if g.lines == 0 && len(g.talk) == 0 {
		return
	}
	for line := range strings.Lines(string(g.talk)) {
		if line = legible.ShortLine(line, MaxLogLine); line != "" {
			g.log(slog.LevelInfo, line)
		}
	}
	if more := g.lines - g.module.limits.LogLines; more > 0 {
		g.module.logger.Warn("transform logs too much", "dropped", more)
	}
}

// close closes the instance, but not its memory.
func (g *guest) close() {
	if g.mod != nil {
		_ = g.mod.Close(context.Background()) // nothing in it can fail
		g.module.sandbox.instances.Add(-1)
		g.mod, g.engine = nil, nil
	}
}
