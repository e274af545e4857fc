package wasm

import (
	"context"
	_ "embed"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"
)

// A script runs in an engine that is itself a module, metered like any other. Load runs the script once and keeps a copy of the
// memory as it is then; a pristine event begins with that copy.

//go:embed quickjs/quickjs.wasm
var engineWasm []byte

// prologue is the engine's side of the host, in the script's language.
//
//go:embed script.js
var prologue string

const (
	engineModule = "env" // which the engine imports from; guests get nothing from it
	stackPointer = "__stack_pointer"
	prologueName = "awf-hook"
	isModule     = 1 // a flag of qjs_eval

	// What the engine and a script may use before the first event: a base and so much for each byte of the script, which has to be
	// read. It happens once.
	beginBase    = 60_000_000
	beginPerByte = 1_700
	mostBegin    = 400_000_000
)

// MaxScript is the longest script, in bytes.
const MaxScript = 1 << 20

// CheckScriptSize says whether a script of so many bytes is too large. The error wraps [ErrModule].
func CheckScriptSize(size int64) error {
	if size > MaxScript {
		return fmt.Errorf("%w: %s", ErrModule, tooLarge(size, MaxScript))
	}
	return nil
}

// engineFunctions are what the engine imports beside WASI. It asks for none of them unless it is told to.
var engineFunctions = map[string]hostFunction{
	"host_get_timezone_offset": {signature("ii", "i"), nothing}, // UTC
	"host_interrupt":           {signature("", "i"), nothing},
	"host_promise_rejection":   {signature("iii", ""), func(*guest, []uint64) {}},
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
	begun   Output              // what that took
}

// LoadScript makes a script usable as a step of the given name, which its errors have. The script runs once, to see its mistakes.
// An error is one line; if it wraps [ErrModule], the script is at fault.
func (s *Sandbox) LoadScript(ctx context.Context, name string, text []byte, o Options) (*Module, error) {
	m, err := s.module(name, o)
	if err != nil {
		return nil, err
	}
	if err := checkScript(name, text, o.SHA256); err != nil {
		return nil, err
	}
	m.digest = sumOf(text)
	if m.code, err = s.share(ctx, engineWasm, script, false); err != nil {
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

// checkScript checks a script before it is run.
func checkScript(name string, text []byte, pin string) error {
	if err := checkPin(text, pin); err != nil {
		return err
	}
	if err := CheckScriptSize(int64(len(text))); err != nil {
		return err
	}
	switch {
	case strings.HasSuffix(name, ".ts"), strings.HasSuffix(name, ".tsx"), strings.HasSuffix(name, ".mts"), strings.HasSuffix(name, ".jsx"):
		to := strings.TrimSuffix(name, name[strings.LastIndexByte(name, '.'):]) + ".js"
		return fmt.Errorf("%w: want JavaScript: npx esbuild --bundle --format=esm --outfile=%s %s", ErrModule, oneLine(to, 100), oneLine(name, 100))
	case len(text) == 0:
		return fmt.Errorf("%w: the file is empty", ErrModule)
	}
	return nil
}

// snap runs a script up to its first event and keeps what it is then.
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

// Begun is what a script took until it was ready for its first event.
func (m *Module) Begun() Output {
	if m.snapshot == nil {
		return Output{}
	}
	return m.snapshot.begun
}

// restore makes the instance what it was before its first event. It reports whether that can be: a memory does not shrink.
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

// A scriptCall calls the engine until something fails.
type scriptCall struct {
	*guest
	err error
}

func (c *scriptCall) call(name string, args ...uint64) uint64 {
	if c.err != nil {
		return 0
	}
	results, err := c.mod.ExportedFunction(name).Call(c.host, args...)
	if err == nil && c.left() < 0 {
		err = errNoFuel
	}
	if err != nil {
		c.err = c.failed(err)
	}
	if c.err != nil || len(results) == 0 {
		return 0
	}
	return results[0]
}

// put copies a text into the engine's memory, with a zero behind it.
func (c *scriptCall) put(text []byte) (at uint64) {
	at = c.call("malloc", uint64(len(text))+1)
	switch {
	case c.err != nil:
	case at == 0:
		c.err = c.fail(ErrMemory, fmt.Sprintf("limit %d bytes", c.module.limits.Memory))
	default:
		memory := c.mod.Memory()
		memory.Write(uint32(at), text)
		memory.WriteByte(uint32(at)+uint32(len(text)), 0)
	}
	return at
}

// text returns the handle of a string.
func (c *scriptCall) text(text []byte) uint64 {
	at := c.put(text)
	handle := c.call("qjs_new_string", at, uint64(len(text)))
	c.call("free", at)
	return handle
}

// eval runs a text and returns the handle of its value.
func (c *scriptCall) eval(text []byte, name string, flags uint64) uint64 {
	return c.call("qjs_eval", c.put(text), uint64(len(text)), c.put([]byte(name)), flags)
}

// apply calls a function of the script's side with at most two arguments and returns the handle of the result.
func (c *scriptCall) apply(s *snapshot, function uint64, args ...uint64) uint64 {
	for i, arg := range args {
		c.mod.Memory().WriteUint32Le(uint32(s.scratch)+4*uint32(i), uint32(arg))
	}
	return c.call("qjs_call", function, s.none, uint64(len(args)), s.scratch)
}

// read is the text of a string, which is valid until the guest runs again.
func (c *scriptCall) read(s *snapshot, handle uint64) []byte {
	at := c.call("qjs_get_string_len", handle, s.scratch)
	length, _ := c.mod.Memory().ReadUint32Le(uint32(s.scratch))
	text, ok := c.mod.Memory().Read(uint32(at), length)
	if c.err == nil && (!ok || at == 0) {
		c.err = c.fail(ErrMemory, fmt.Sprintf("limit %d bytes", c.module.limits.Memory))
	}
	return text
}

// answer is the text that a function of the script's side returns, at least a byte.
func (c *scriptCall) answer(s *snapshot, function int, args ...uint64) []byte {
	handle := c.apply(s, s.parts[function], args...)
	if c.thrown(s, handle); c.err != nil {
		return nil
	}
	text := c.read(s, handle)
	if c.err == nil && len(text) == 0 {
		c.err = c.fail(ErrInvalidOutput, "no answer")
	}
	return text
}

// thrown fails if a value is the sign of an exception.
func (c *scriptCall) thrown(s *snapshot, handle uint64) {
	if c.call("qjs_is_exception", handle) != 0 {
		c.raised(s)
	}
}

// raised fails for the exception that was thrown last.
func (c *scriptCall) raised(s *snapshot) {
	exception := c.call("qjs_get_exception")
	text := c.apply(s, s.parts[scriptDescribe], exception)
	if c.call("qjs_is_exception", text) != 0 && c.err == nil { // not even that works
		c.err = c.failed(errors.New("an exception that cannot be shown"))
	}
	if said := c.read(s, text); c.err == nil {
		c.err = c.exception(said)
	}
}

// jobs runs what promises wait for.
func (c *scriptCall) jobs(s *snapshot) {
	for c.err == nil && c.call("qjs_is_job_pending") != 0 {
		if int32(c.call("qjs_execute_pending_job")) < 0 {
			c.raised(s)
		}
	}
}

// beginScript starts the engine and runs the script.
func (g *guest) beginScript(s *snapshot, text []byte) error {
	c := &scriptCall{guest: g}
	c.call("qjs_init")
	s.none, s.scratch = c.call("qjs_get_undefined"), c.call("malloc", 8)
	args := fmt.Sprintf("(%s, %d, %d)", quoted(g.module.config[""]), g.module.limits.LogLines, MaxLogLine)
	parts := c.eval([]byte(prologue+args), prologueName, 0)
	for i := range s.parts {
		s.parts[i] = c.call("qjs_get_prop_uint32", parts, uint64(i))
	}
	if s.room = c.call("qjs_get_array_buffer", s.parts[scriptRoom], s.scratch); c.err == nil && s.room == 0 {
		c.err = g.fail(ErrMemory, fmt.Sprintf("limit %d bytes", g.module.limits.Memory))
	}
	promise := c.eval(text, g.module.name, isModule)
	if c.thrown(s, promise); c.err == nil {
		c.apply(s, s.parts[scriptBegin], promise)
		c.jobs(s)
		c.answered(c.answer(s, scriptBegun))
	}
	g.logged(s)
	return c.err
}

// longNumber has more digits than every Number keeps.
var longNumber = regexp.MustCompile(`[0-9]{16}`)

// transformScript runs the script on an event.
func (g *guest) transformScript() ([]byte, error) {
	s := g.module.snapshot
	c := &scriptCall{guest: g}
	defer g.logged(s)
	hasLong := "qjs_get_false"
	if longNumber.Match(g.event) {
		hasLong = "qjs_get_true"
	}
	said := c.answer(s, scriptRun, c.text(g.event), c.call(hasLong))
	if c.err == nil && said[0] == 'p' {
		c.jobs(s)
		said = c.answer(s, scriptSettled)
	}
	body := c.answered(said)
	switch {
	case c.err != nil:
		return nil, c.err
	case int64(len(body)) > g.module.limits.Output:
		return nil, g.fail(ErrOutput, tooLarge(int64(len(body)), g.module.limits.Output))
	}
	return g.checked(body)
}

// answered reads the first byte of an answer, and returns what is behind it.
func (c *scriptCall) answered(answer []byte) []byte {
	if c.err != nil {
		return nil
	}
	switch rest := answer[1:]; answer[0] {
	case 'n':
		c.err = ErrDrop
	case 'f':
		c.err = c.fail(ErrFail, oneLine(string(rest), MaxLogLine))
	case 'e':
		c.err = c.exception(answer)
	default:
		return rest
	}
	return nil
}

// frame is a line of a stack: "    at name (file:line:column)", where there may be no name.
var frame = regexp.MustCompile(`^ *at (?:(.*) \()?([^()]+:\d+:\d+)\)?$`)

// exception is what a script threw: "e", its text, and its stack.
func (g *guest) exception(said []byte) *Error {
	const most, longest = 5, 100
	text, stack, _ := strings.Cut(string(said[min(1, len(said)):]), "\n    at ")
	e := g.fail(ErrFail, oneLine(text, MaxLogLine))
	for line := range strings.Lines("    at " + stack) {
		found := frame.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if found == nil || strings.HasPrefix(found[2], prologueName+":") || len(e.Trace) == most {
			continue
		}
		place := found[2]
		if found[1] != "" && found[1] != "<anonymous>" {
			place = found[1] + " (" + place + ")"
		}
		e.Trace = append(e.Trace, oneLine(place, longest))
	}
	switch {
	case strings.Contains(text, "call stack size exceeded"):
		e.Kind = ErrStack
	case g.memory.isRefused && strings.Contains(text, "out of memory"):
		e.Kind, e.Detail = ErrMemory, fmt.Sprintf("limit %d bytes", g.module.limits.Memory)
	case strings.Contains(text, "could not load module"):
		e.Detail += ": a script is one file: npx esbuild --bundle --format=esm makes one of several"
	case commonJS.MatchString(text):
		e.Detail += ": want export default function (event) { … }; npx esbuild --bundle --format=esm makes a script of a CommonJS module"
	}
	return e
}

// commonJS is what a script fails with that was written for Node's older modules.
var commonJS = regexp.MustCompile(`^ReferenceError: (module|exports|require) is not defined`)

// logged logs the lines that a script left in its room, whatever became of the event.
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
	rest := room[8:min(8+used, size)]
	for len(rest) >= 3 {
		length := min(int(binary.LittleEndian.Uint16(rest[1:])), len(rest)-3)
		g.log(logLevel(uint64(rest[0])), string(rest[3:3+length]))
		rest = rest[3+length:]
	}
	g.lines = max(g.lines, int64(lines))
	clear(room[:8])
}

// quoted is a text as a script would write it.
func quoted(text []byte) []byte {
	literal, _ := json.Marshal(string(text)) // a string can always be written
	return literal
}
