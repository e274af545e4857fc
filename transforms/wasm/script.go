package wasm

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/tetratelabs/wazero/api"
)

// A script runs in an engine that is itself a module, metered like any other. LoadScript runs the script once and keeps a copy of the
// memory; a pristine event starts with that copy.

//go:embed quickjs/quickjs.wasm
var engineWasm []byte

// prologue is the part of the host that runs in the engine.
//
//go:embed script.js
var prologue string

const (
	engineModule = "env" // the engine imports from it; other guests cannot
	stackPointer = "__stack_pointer"
	prologueName = "awf-hook"
	isModule     = 1 // a flag of qjs_eval

	// The fuel that the engine and a script may use before the first event: a base, and so much for each byte of the script, at most
	// mostBegin.
	beginBase    = 60_000_000
	beginPerByte = 1_700
	mostBegin    = 400_000_000

	// The stack that a script may use if its step sets none: enough for 400 nested calls.
	scriptStack = 4 << 20
	// The meter takes the engine's frames to be so many times as large as they are.
	engineFrames = 4

	// The fuel that warnings of an event may use besides the event's own, and the longest body that is searched for hidden values.
	asideFuel  = mostBlind
	mostHollow = 16 << 10
)

// byteOrderMark may precede a script. The engine would count its bytes as columns.
const byteOrderMark = "\ufeff"

// MaxScript is the longest script, in bytes.
const MaxScript = 1 << 20

// CheckScriptSize returns an error if a script of so many bytes is too large. The error wraps [ErrModule].
func CheckScriptSize(size int64) error {
	if size > MaxScript {
		return fmt.Errorf("%w: %s", ErrModule, tooLarge(size, MaxScript))
	}
	return nil
}

// engineFunctions are the engine's imports besides WASI. The engine calls none of them unless it is told to, and it is told to call only
// the one for rejected promises.
var engineFunctions = map[string]hostFunction{
	"host_get_timezone_offset": {signature("ii", "i"), nothing}, // UTC
	"host_interrupt":           {signature("", "i"), nothing},
	"host_promise_rejection":   {signature("iii", ""), rejected},
	"host_module_normalize":    {signature("ii", "i"), nothing},
	"host_module_load":         {signature("ii", "i"), nothing},
	"host_call":                {signature("iiiii", "i"), nothing},
}

func nothing(_ *guest, stack []uint64) { stack[0] = 0 }

// The functions of the prologue, in the order in which it returns them, and the room for what a script logs.
const (
	scriptBegin = iota
	scriptBegun
	scriptRun
	scriptSettled
	scriptHollow
	scriptDescribe
	scriptRoom
	scriptParts
)

// snapshot is an instance of the engine before its first event.
type snapshot struct {
	memory  []byte
	stack   uint64 // the engine's own stack pointer
	elapsed uint64
	parts   [scriptParts]uint64 // the engine's handles
	none    uint64              // the handle of undefined
	scratch uint64              // room for two numbers
	room    uint64              // where the script's log is
	begun   Output              // what it took to get there
}

// LoadScript makes a script usable as a step of the given name, which its errors have. The script runs once, to see its mistakes.
// An error is one line; if it wraps [ErrModule], the script is at fault.
func (s *Sandbox) LoadScript(ctx context.Context, name string, text []byte, o Options) (*Module, error) {
	if o.Limits.Stack == 0 {
		o.Limits.Stack = scriptStack
	}
	m, err := s.module(name, o)
	if err != nil {
		return nil, err
	}
	if err := checkScript(name, text, o.SHA256); err != nil {
		return nil, err
	}
	m.digest = sumOf(text)
	if m.code, err = s.share(ctx, m.logger, engineWasm, script, false); err != nil {
		return nil, err
	}
	if err = m.fit(); err == nil {
		err = m.snap(ctx, text)
	}
	if err != nil {
		m.Close()
		return nil, fmt.Errorf("%w: %w", ErrModule, err)
	}
	return m, nil
}

// IsScript reports whether a file's name is that of a script, be it one that must be compiled to JavaScript first.
func IsScript(name string) bool {
	return slices.Contains([]string{".js", ".mjs", ".cjs"}, path.Ext(name)) || isTyped(name)
}

// isTyped reports whether a file's name is that of a script that must be compiled to JavaScript.
func isTyped(name string) bool {
	return slices.Contains([]string{".ts", ".tsx", ".mts", ".cts", ".jsx"}, path.Ext(name))
}

// checkScript checks a script before it is run.
func checkScript(name string, text []byte, pin string) error {
	if err := checkPin(text, pin); err != nil {
		return err
	}
	if err := CheckScriptSize(int64(len(text))); err != nil {
		return err
	}
	switch {
	case bytes.HasPrefix(text, []byte(wasmMagic)):
		return fmt.Errorf("%w: a WebAssembly file, not a script: wasm: %s runs it", ErrModule, legible.ShortLine(name, 100))
	case isTyped(name):
		to := strings.TrimSuffix(name, path.Ext(name)) + ".js"
		return fmt.Errorf("%w: want JavaScript: npx esbuild --bundle --format=esm --outfile=%s %s",
			ErrModule, legible.ShortLine(to, 100), legible.ShortLine(name, 100))
	case len(text) == 0:
		return fmt.Errorf("%w: the file is empty", ErrModule)
	}
	return nil
}

// snap runs a script up to its first event and keeps a snapshot.
func (m *Module) snap(ctx context.Context, text []byte) error {
	if err := m.sandbox.turns.enter(ctx, &m.line); err != nil {
		return err
	}
	start := time.Now()
	defer func() { m.sandbox.turns.leave(&m.line, time.Since(start)) }()
	g, err := m.take(m.code)
	if err != nil {
		return err
	}
	defer func() {
		g.close()
		g.memory.unmap()
	}()
	g.limit = max(min(beginBase+beginPerByte*int64(len(text)), mostBegin), m.limits.Fuel)
	if err := g.instantiate(Event{}); err != nil {
		return g.failed(err)
	}
	s := &snapshot{}
	if err := g.beginScript(s, text); err != nil {
		return err
	}
	memory := g.mod.Memory()
	bytes, _ := memory.Read(0, memory.Size())
	s.memory = append([]byte(nil), bytes...)
	s.stack, s.elapsed = g.mod.ExportedGlobal(stackPointer).Get(), g.elapsed
	s.begun = Output{Fuel: g.used(), Limit: g.limit, Memory: int64(len(s.memory))}
	m.snapshot = s
	return nil
}

// Begun returns what a script used before its first event.
func (m *Module) Begun() Output {
	if m.snapshot == nil {
		return Output{}
	}
	return m.snapshot.begun
}

// restore returns the instance to its state before its first event. It returns false if it cannot: a memory does not shrink.
func (g *guest) restore() bool {
	s := g.module.snapshot
	memory := g.mod.Memory()
	if memory.Size() > uint32(len(s.memory)) {
		return false
	}
	if missing := uint32(len(s.memory)) - memory.Size(); missing > 0 {
		if _, ok := memory.Grow(missing / pageSize); !ok {
			return false
		}
	}
	memory.Write(0, s.memory)
	g.mod.ExportedGlobal(stackPointer).(api.MutableGlobal).Set(s.stack)
	g.elapsed = s.elapsed
	return true
}

// beginScript starts the engine and runs the script.
func (g *guest) beginScript(s *snapshot, text []byte) error {
	c := &scriptCall{guest: g}
	c.call("qjs_init")
	c.call("qjs_set_promise_rejection_handler", 1)
	s.none, s.scratch = c.call("qjs_get_undefined"), c.call("malloc", 8)
	config := g.module.config[""]
	texts, _ := json.Marshal([]string{string(config), string(longIntegers(config))}) // texts can always be written
	args := fmt.Sprintf("(...%s, %d, %d)", texts, g.module.limits.LogLines, MaxLogLine)
	parts := c.eval([]byte(prologue+args), prologueName, 0)
	for i := range s.parts {
		s.parts[i] = c.call("qjs_get_prop_uint32", parts, uint64(i))
	}
	if s.room = c.call("qjs_get_array_buffer", s.parts[scriptRoom], s.scratch); c.err == nil && s.room == 0 {
		c.err = g.noMemory()
	}
	promise := c.eval(bytes.TrimPrefix(text, []byte(byteOrderMark)), g.module.name, isModule)
	if c.thrown(s, promise); c.err == nil {
		c.apply(s, s.parts[scriptBegin], promise)
		c.jobs(s)
		c.answered(c.answer(s, scriptBegun))
	}
	c.reportLost(s)
	g.logged(s)
	return c.err
}

// transformScript runs the script on an event.
func (g *guest) transformScript() ([]byte, error) {
	s := g.module.snapshot
	c := &scriptCall{guest: g}
	defer g.logged(s)
	said := c.answer(s, scriptRun, c.text(g.event), c.text(longIntegers(g.event)))
	if c.jobs(s) {
		said = c.answer(s, scriptSettled)
	}
	body := c.answered(said)
	if c.err != nil {
		return nil, c.err
	}
	mayHide := len(body) <= mostHollow && bytes.Contains(body, []byte("{}"))
	if mayHide || len(c.lost) > 0 {
		body = bytes.Clone(body) // since the engine runs again
		g.aside(func(c *scriptCall) {
			c.reportLost(s)
			if mayHide {
				c.answer(s, scriptHollow)
			}
		})
	}
	if int64(len(body)) > g.module.limits.Output {
		return nil, g.overOutput(len(body))
	}
	return g.checked(body)
}

// answered reads the first byte of an answer, which is its kind, and returns the rest of it.
func (c *scriptCall) answered(answer []byte) []byte {
	if c.err != nil {
		return nil
	}
	switch rest := answer[1:]; answer[0] {
	case 'n':
		c.err = ErrDrop
	case 'f':
		c.err = c.fail(ErrFail, legible.ShortLine(string(rest), MaxLogLine))
	case 'e':
		c.err = c.exception(answer)
	default:
		return rest
	}
	return nil
}

// logged logs the lines that a script left in its room, whatever the outcome.
func (g *guest) logged(s *snapshot) {
	if g.mod == nil || s.room == 0 {
		return
	}
	size := 8 + uint32(g.module.limits.LogLines)*(MaxLogLine+3)
	room, ok := g.mod.Memory().Read(uint32(s.room), size)
	if !ok {
		return
	}
	lines, used := binary.LittleEndian.Uint32(room), binary.LittleEndian.Uint32(room[4:])
	rest := room[8:][:min(used, size-8)] // the engine's memory may hold anything
	for len(rest) >= 3 {
		length := min(int(binary.LittleEndian.Uint16(rest[1:])), len(rest)-3)
		line := rest[3 : 3+length]
		if isUTF8 := rest[0] >= 4; !isUTF8 {
			line = decodeLatin1(line)
		}
		g.log(logLevel(uint64(rest[0]%4)), string(line))
		rest = rest[3+length:]
	}
	g.lines = max(g.lines, int64(lines))
	clear(room[:8])
}

func decodeLatin1(text []byte) []byte {
	var decoded []byte
	for _, b := range text {
		decoded = utf8.AppendRune(decoded, rune(b))
	}
	return decoded
}
