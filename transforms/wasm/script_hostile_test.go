package wasm_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// hostileScripts are what an event, or the beginning, must not be able to do.
var hostileScripts = []struct {
	name, text string
	want       []error // one of them
}{
	{"loop", `for (;;);`, []error{wasm.ErrFuel}},
	{"catching loop", `for (;;) try { for (;;) throw 1 } catch {} finally { continue }`, []error{wasm.ErrFuel}},
	{"backtracking", `/^(a+)+$/.test("a".repeat(40) + "b"); return 1`, []error{wasm.ErrFuel, wasm.ErrFail, wasm.ErrStack}},
	{"backtracking lookbehind", `/(?<=^(x*x*)*)y/.test("x".repeat(200) + "z"); return 1`,
		[]error{wasm.ErrFuel, wasm.ErrFail, wasm.ErrStack, nil}},
	{"doubled string", `let s = "x"; for (;;) s += s`, []error{wasm.ErrFuel, wasm.ErrMemory, wasm.ErrFail}},
	{"repeated string", `return "x".repeat(2 ** 29).length`, []error{wasm.ErrFuel, wasm.ErrMemory, wasm.ErrFail}},
	{"rope", `let s = "x".repeat(1e4); for (let i = 0; i < 20; i++) s = s + s; return s.charCodeAt(3)`,
		[]error{wasm.ErrFuel, wasm.ErrMemory, wasm.ErrFail}},
	{"arrays", `const a = []; for (;;) a.push(new Array(1e5).fill(a))`, []error{wasm.ErrFuel, wasm.ErrMemory}},
	{"caught memory", `const a = []; for (;;) try { a.push(new Uint8Array(1e6)) } catch { a.length = 0 }`,
		[]error{wasm.ErrFuel, wasm.ErrMemory}},
	{"buffer", `return new ArrayBuffer(2 ** 31 - 1).byteLength`, []error{wasm.ErrMemory, wasm.ErrFail}},
	{"recursion", `const f = () => f(); f()`, []error{wasm.ErrStack}},
	{"caught recursion", `const f = () => { try { f() } finally { f() } }; f()`, []error{wasm.ErrFuel, wasm.ErrStack}},
	{"recursive getter", `const o = { get a() { return this.a } }; return o.a`, []error{wasm.ErrStack}},
	{"recursive toString", `const o = { toString() { return "" + o } }; return "" + o`, []error{wasm.ErrStack}},
	{"deep JSON", `return JSON.parse("[".repeat(1e5) + "]".repeat(1e5))`, []error{wasm.ErrStack, wasm.ErrFuel, wasm.ErrFail}},
	{"deep value", `let a = []; for (let i = 0; i < 3e4; i++) a = [a]; return a`, []error{wasm.ErrStack, wasm.ErrFuel, wasm.ErrFail}},
	{"deep source", `return eval("(".repeat(1e5))`, []error{wasm.ErrStack, wasm.ErrFuel, wasm.ErrFail}},
	{"deep pattern", `return new RegExp("(".repeat(1e5) + ")".repeat(1e5))`, []error{wasm.ErrStack, wasm.ErrFuel, wasm.ErrFail}},
	{"sort", `return new Array(1e6).fill(0).sort(() => Math.random() - 0.5).length`, []error{wasm.ErrFuel}},
	{"join", `return new Array(2 ** 28).join("x").length`, []error{wasm.ErrFuel, wasm.ErrMemory, wasm.ErrFail}},
	{"sparse", `const a = []; a[2 ** 32 - 2] = 1; return a.indexOf(2)`, []error{wasm.ErrFuel, nil}},
	{"big numbers", `let b = 3n; for (;;) b *= b`, []error{wasm.ErrFuel, wasm.ErrMemory, wasm.ErrFail}},
	{"big power", `return String(7n ** 2000000n).length`, []error{wasm.ErrFuel, wasm.ErrMemory, wasm.ErrFail}},
	{"promises", `const f = () => Promise.resolve().then(f); return f()`, []error{wasm.ErrFuel}},
	{"microtasks", `const f = () => queueMicrotask(f); f(); return new Promise(() => {})`, []error{wasm.ErrFuel}},
	{"generator", `function* g() { for (;;) yield* g() } return [...g()]`, []error{wasm.ErrFuel, wasm.ErrStack, wasm.ErrMemory, wasm.ErrFail}},
	{"proxy", `const p = new Proxy({}, { ownKeys() { for (;;); } }); return p`, []error{wasm.ErrFuel}},
	{"toJSON", `return { toJSON() { return { toJSON: this.toJSON, a: this } } }`, []error{wasm.ErrFuel, wasm.ErrStack, wasm.ErrFail, nil}},
	{"then", `return { then(f) { f(this) } }`, []error{wasm.ErrFuel}},
	{"log", `for (;;) log("x".repeat(1e4))`, []error{wasm.ErrFuel}},
	{"log of an object", `log({ toJSON() { for (;;); } })`, []error{wasm.ErrFuel}},
	{"huge exception", `throw new Error("x".repeat(1e5))`, []error{wasm.ErrFail, wasm.ErrFuel}},
	{"odd exception", `throw { get message() { for (;;); }, toString() { for (;;); } }`, []error{wasm.ErrFail, wasm.ErrFuel}},
	{"exception with a stack of its own", `const x = new Error("a"); Object.defineProperty(x, "stack", { get() { throw x } }); throw x`,
		[]error{wasm.ErrFail}},
	{"null exception", `throw null`, []error{wasm.ErrFail}},
	{"exception of a symbol", `throw Symbol("x")`, []error{wasm.ErrFail}},
	{"lone surrogate", `return "\ud800"`, []error{wasm.ErrInvalidOutput}},
	{"huge output", `return "1".repeat(2e6)`, []error{wasm.ErrFuel, wasm.ErrOutput}},
	{"patched engine",
		`JSON.stringify = JSON.parse = () => { throw 1 }; Promise.prototype.then = null; Array.prototype.map = 1; ` +
			`Object.keys = 1; String = null; return 1`,
		[]error{nil, wasm.ErrFail}},
	{"patched prototypes",
		`Object.defineProperty(Object.prototype, "0", { get() { for (;;); } }); ` +
			`Error.prototype.name = { toString() { for (;;); } }; throw new Error("x")`,
		[]error{wasm.ErrFail, wasm.ErrFuel}},
	{"detached log", `const b = globalThis; log("a"); b.log = 1; return b.log`, []error{nil}},
	{"atomics", `return Atomics.wait(new Int32Array(new SharedArrayBuffer(8)), 0, 0)`, []error{wasm.ErrFail, wasm.ErrFuel}},
	{"import", `return import("./other.js")`, []error{wasm.ErrFail}},
	{"performance", `while (performance.now() < 1e9);`, []error{wasm.ErrFuel}},
	{"huge source", `return eval("1;".repeat(5e5))`, []error{wasm.ErrFuel, wasm.ErrMemory, nil}},
	{"function", `return new Function("return ".repeat(1) + "1+".repeat(1e5) + "1")()`,
		[]error{wasm.ErrFuel, wasm.ErrStack, wasm.ErrFail, nil}},
}

// Whatever a script does, in an event or when it begins, it is stopped in time, in few words, and the next event sees nothing of it.
func TestHostileScriptsAreStopped(t *testing.T) {
	s := scriptSandbox(t)
	watch := watchProcess(t)
	for _, h := range hostileScripts {
		for _, when := range []string{"event", "beginning"} {
			text := "let n = 0; export default function (e) { if (n++) return n; if (e.ok) return n; " + h.text + " }"
			if when == "beginning" {
				text = "export default (e) => e; (function () { " + h.text + " })()"
			}
			watch.begin()
			m, err := s.LoadScript(t.Context(), "hostile.js", []byte(text), wasm.Options{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
			var out wasm.Output
			if err == nil && when != "beginning" {
				out, err = m.Transform(t.Context(), input(sample))
			}
			used, peak := watch.end()
			isWanted := when == "beginning"
			for _, want := range h.want {
				isWanted = isWanted || want == nil && err == nil || want != nil && errors.Is(err, want)
			}
			if !isWanted {
				t.Errorf("%s, %s: got %.60s, %v", h.name, when, out.Body, err)
			}
			if err != nil && (len(err.Error()) > longestError || strings.ContainsAny(err.Error(), "\n\x1b")) {
				t.Errorf("%s, %s: %.200q is not one short line", h.name, when, err)
			}
			if used > stopWithin || peak > rssOver {
				t.Errorf("%s, %s: stopped after %v and %d MiB, want at most %v and %d", h.name, when, used, peak>>20, stopWithin, rssOver>>20)
			}
			t.Logf("%-24s %-10s %6.1f ms %3d MiB %d %.90v", h.name, when, used.Seconds()*1e3, peak>>20, out.Fuel, err)
			if m == nil {
				continue
			}
			if out, err := m.Transform(t.Context(), input(`{"ok":true}`)); when != "beginning" && (err != nil || string(out.Body) != "1") {
				t.Errorf("%s, %s: the next event gets %s, %v", h.name, when, out.Body, err)
			}
			m.Close()
		}
	}
}

// A pristine script is a function of its input: its body, its fuel and its memory are the same whatever ran before.
func TestScriptsAreIsolated(t *testing.T) {
	s := scriptSandbox(t)
	const text = `let n = 0, kept = [], random = Math.random();
export default function (e) {
  n++;
  if (e.grow) kept.push(new Uint8Array(e.grow).fill(1));
  if (e.trap) for (;;);
  if (e.patch) Object.prototype.polluted = JSON.parse = () => 1;
  return [n, kept.length, typeof {}.polluted, Math.random(), random, Date.now()];
}`
	for _, isolation := range []wasm.Isolation{wasm.IsolateEvent, wasm.IsolateInstance} {
		m, err := s.LoadScript(t.Context(), "count.js", []byte(text), wasm.Options{Isolation: isolation})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(m.Close)
		var first wasm.Output
		for i := range 30 {
			before := []string{`{}`, `{"grow":4000000}`, `{"trap":1}`, `{"patch":1}`, `{"grow":100}`, `{"grow":1e9}`}[i%6]
			if isolation == wasm.IsolateEvent {
				m.Transform(t.Context(), input(before))
			}
			out, err := m.Transform(t.Context(), input(`{}`))
			if err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first = out
			}
			if isolation == wasm.IsolateInstance {
				if want := fmt.Sprintf("[%d,0,", i+1); !strings.HasPrefix(string(out.Body), want) {
					t.Fatalf("event %d: got %s, want %s…", i, out.Body, want)
				}
				continue
			}
			if string(out.Body) != string(first.Body) || out.Fuel != first.Fuel || out.Memory != first.Memory {
				t.Fatalf("after %s: got %s, fuel %d, memory %d, want %s, %d, %d",
					before, out.Body, out.Fuel, out.Memory, first.Body, first.Fuel, first.Memory)
			}
		}
	}
}
