package wasm

import (
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/tetratelabs/wazero/api"
)

// A scriptCall calls the engine until something fails.
type scriptCall struct {
	*guest
	err error
}

func (c *scriptCall) call(name string, args ...uint64) uint64 {
	if c.err != nil {
		return 0
	}
	f := c.engine[name]
	if f == nil {
		if c.engine == nil {
			c.engine = map[string]api.Function{}
		}
		f = c.mod.ExportedFunction(name)
		c.engine[name] = f
	}
	results, err := f.Call(c.host, args...)
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
		c.err = c.noMemory()
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

// apply calls a function with at most two arguments and returns the handle of the result.
func (c *scriptCall) apply(s *snapshot, function uint64, args ...uint64) uint64 {
	for i, arg := range args {
		c.mod.Memory().WriteUint32Le(uint32(s.scratch)+4*uint32(i), uint32(arg))
	}
	return c.call("qjs_call", function, s.none, uint64(len(args)), s.scratch)
}

// read returns the text of a string. It is valid until the guest runs again.
func (c *scriptCall) read(s *snapshot, handle uint64) []byte {
	at := c.call("qjs_get_string_len", handle, s.scratch)
	length, _ := c.mod.Memory().ReadUint32Le(uint32(s.scratch))
	text, ok := c.mod.Memory().Read(uint32(at), length)
	if c.err == nil && (!ok || at == 0) {
		c.err = c.noMemory()
	}
	return text
}

// answer calls a function of the prologue and returns the text of its result, at least a byte.
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

// thrown fails if a value stands for an exception.
func (c *scriptCall) thrown(s *snapshot, handle uint64) {
	if c.call("qjs_is_exception", handle) != 0 {
		c.raised(s)
	}
}

// raised fails with the exception that was thrown last.
func (c *scriptCall) raised(s *snapshot) {
	if e := c.described(s, c.call("qjs_get_exception")); e != nil {
		c.err = e
	}
}

// described returns the error of a value that was thrown, or nil if something fails meanwhile.
func (c *scriptCall) described(s *snapshot, thrown uint64) *Error {
	text := c.apply(s, s.parts[scriptDescribe], thrown)
	if c.call("qjs_is_exception", text) != 0 { // not even that works
		c.err = c.failed(errors.New("an exception that cannot be shown"))
	}
	said := c.read(s, text)
	if c.err != nil {
		return nil
	}
	return c.exception(said)
}

// jobs runs the jobs of promises, and reports whether there were any. Before the first event, an exception in one fails the script.
func (c *scriptCall) jobs(s *snapshot) (any bool) {
	for c.err == nil && c.call("qjs_is_job_pending") != 0 {
		any = true
		isThrown := int32(c.call("qjs_execute_pending_job")) < 0
		switch {
		case isThrown && c.module.snapshot == nil:
			c.raised(s)
		case isThrown:
			c.lose(rejection{reason: c.call("qjs_get_exception")})
		}
	}
	return any
}

// rejection is a rejected promise that nothing waits for, or an exception in a job of its own.
type rejection struct{ promise, reason uint64 } // the engine's value, 0 for a job, and a handle

func (r rejection) kind() error {
	if r.promise == 0 {
		return errJob
	}
	return errLost
}

// lose keeps what reportLost reports.
func (g *guest) lose(r rejection) {
	if int64(len(g.lost)) < g.module.limits.LogLines { // no more would be logged
		g.lost = append(g.lost, r)
	}
}

// rejected is called with handles of a rejected promise and the reason: first if nothing waits for the promise, then again if something
// waits for it after all.
func rejected(g *guest, stack []uint64) {
	promise, _ := g.mod.Memory().ReadUint64Le(uint32(stack[0]))
	if isHandled := uint32(stack[2]) != 0; isHandled {
		g.lost = slices.DeleteFunc(g.lost, func(r rejection) bool { return r.promise == promise })
	} else {
		g.lose(rejection{promise, stack[1]})
	}
}

var (
	errLost = errors.New("a promise failed, and nothing waited for it")
	errJob  = errors.New("a function of queueMicrotask failed")
)

// aside runs what only warns, which costs the event nothing: it has its own fuel, and the event does not fail with it.
func (g *guest) aside(warn func(c *scriptCall)) {
	fuel, reserve := g.fuel.Get(), g.reserve
	g.fuel.Set(asideFuel)
	g.reserve = 0
	c := &scriptCall{guest: g}
	warn(c)
	g.isSpent = c.err != nil
	g.fuel.Set(fuel)
	g.reserve = reserve
}

// reportLost logs the reasons of rejected promises that nothing waited for, and of exceptions in jobs.
func (c *scriptCall) reportLost(s *snapshot) {
	if len(c.lost) > 0 {
		c.logged(s) // what the script said before
	}
	for _, r := range c.lost {
		e := c.described(s, r.reason)
		if e == nil {
			return
		}
		e.Kind, e.Fuel = r.kind(), 0
		c.log(slog.LevelWarn, e.Error())
	}
}

// frame matches a line of a stack: "    at name (file:line:column)", or without a name "    at file:line:column".
var frame = lazy.Regexp(`^ *at (?:(.*) \()?([^()]+:\d+:\d+)\)?$`)

// exception returns the error of a script that threw. said is "e", the exception's text and its stack.
func (g *guest) exception(said []byte) *Error {
	const most, longest = 5, 100
	text, stack, _ := strings.Cut(string(said[min(1, len(said)):]), "\n    at ")
	e := g.fail(ErrFail, legible.ShortLine(text, MaxLogLine))
	for line := range strings.Lines("    at " + stack) {
		found := frame().FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if found == nil || strings.HasPrefix(found[2], prologueName+":") || len(e.Trace) == most {
			continue
		}
		place := found[2]
		if found[1] != "" && found[1] != "<anonymous>" {
			place = found[1] + " (" + place + ")"
		}
		e.Trace = append(e.Trace, legible.ShortLine(place, longest))
	}
	switch {
	case strings.Contains(text, "call stack size exceeded"):
		e.Kind = ErrStack
	case g.memory.isRefused && strings.Contains(text, "out of memory"):
		e.Kind, e.Detail = ErrMemory, g.noMemory().Detail
	case strings.Contains(text, "could not load module"):
		e.Detail += ": a script is one file: npx esbuild --bundle --format=esm makes one of several"
	case elsewhere().MatchString(text):
		e.Detail += ": a script has JavaScript's own objects, config, log, drop and fail, but nothing of Node or of browsers"
	case commonJS().MatchString(text):
		e.Detail += ": want export default function (event) { … }; npx esbuild --bundle --format=esm makes a script of a CommonJS module"
	}
	return e
}

// commonJS matches the error of a script that is a CommonJS module.
var commonJS = lazy.Regexp(`^ReferenceError: (module|exports|require) is not defined`)

// elsewhere matches the error of a script that needs an object that only Node or a browser has.
var elsewhere = lazy.Regexp(`^ReferenceError: (fetch|XMLHttpRequest|WebSocket|(set|clear)(Timeout|Interval|Immediate)|process|global|` +
	`Buffer|Intl|URL|URLSearchParams|Text(En|De)coder|structuredClone|crypto|window|document|self|navigator|(local|session)Storage|` +
	`__dirname|__filename|Headers|Request|Response|FormData|Blob|File|Abort(Controller|Signal)|Event|EventTarget|EventSource|` +
	`MessageChannel|ReadableStream|WebAssembly|Deno|Bun|alert) is not defined`)
