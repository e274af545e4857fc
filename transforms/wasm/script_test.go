package wasm_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

const scriptEvent = `{"event":"workflow_error","workflow_id":"r1","workflow_name":"deploy","timestamp":"2026-11-24T01:24:00Z",` +
	`"payload":{"status":"failure","error":"é🚀 exit 2","duration":12345678901234567890}}`

// loadScript loads a script with a log.
func loadScript(t *testing.T, s *wasm.Sandbox, text string, o wasm.Options) (*wasm.Module, *bytes.Buffer, error) {
	t.Helper()
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	m, err := s.LoadScript(t.Context(), "slack.js", []byte(text), o)
	if err == nil {
		t.Cleanup(m.Close)
	}
	return m, &log, err
}

func TestScripts(t *testing.T) {
	s := scriptSandbox(t)
	for _, test := range []struct{ name, text, body, err, log string }{
		{name: "object", text: `export default (e) => ({text: e.workflow_name + ": " + e.payload.error})`,
			body: `{"text":"deploy: é🚀 exit 2"}`},
		{name: "named", text: `export function transform(e) { return [e.event] }`, body: `["workflow_error"]`},
		{name: "text", text: `export default e => JSON.stringify({a: 1})`, body: `{"a":1}`},
		{name: "null", text: `export default e => null`, err: "dropped"},
		{name: "drop", text: `export default e => { try { drop() } catch {} return 1 }`, err: "dropped"},
		{name: "fail", text: `export default e => fail("no " + e.event)`, err: "failed: no workflow_error, at fuel "},
		{name: "undefined", text: `export default e => { e.x = 1 }`,
			err: "failed: returned undefined: want a body, or null to send nothing, at fuel "},
		{name: "function", text: `export default e => () => 1`, err: "failed: returned a function: want a body"},
		{name: "not JSON", text: `export default e => "a"`, err: "invalid output: not JSON"},
		{name: "throw", text: "export default function (e) {\n  const f = () => e.payload.x.y;\n  return f();\n}",
			err: "failed: TypeError: cannot read property 'y' of undefined, in f (slack.js:2:19) < default (slack.js:3:10), at fuel"},
		{name: "throw no error", text: `export default e => { throw {a: 1} }`, err: `failed: threw {"a":1}`},
		{name: "async", text: `export default async e => { await null; log("later"); return {n: await Promise.resolve(1)} }`, body: `{"n":1}`,
			log: "later"},
		{name: "async drop", text: `export default async e => { await null; drop() }`, err: "dropped"},
		{name: "a generator", text: "export default function* (e) { yield e }", err: "failed: returned a Generator: want a body"},
		{name: "a browser's fetch", text: "export default e => fetch(e.url)",
			err: "failed: ReferenceError: fetch is not defined: a script has JavaScript's own objects, config, log"},
		{name: "async throw", text: "export default async e => {\nawait null; nope() }",
			err: "failed: ReferenceError: nope is not defined, in default (slack.js:2:13)"},
		{name: "for ever pending", text: `export default e => new Promise(() => {})`, err: "failed: returned a promise that nothing settles"},
		{name: "log", text: `export default e => { log("a", {b: 1}); console.error("é"); log.debug(new Error("x")); return 1 }`, body: "1",
			log: `line="a {\"b\":1}"`},
		{name: "an empty text", text: `export default e => ""`, err: "dropped"},
		{name: "an empty text of a promise", text: `export default async e => ""`, err: "dropped"},
		{name: "log of a cycle", text: `export default e => { const a = {}; a.a = a; log("see", a, 1); return 1 }`, body: "1",
			log: `line="see (a value that cannot be shown) 1"`},
		{name: "log of a getter that throws", text: `export default e => { log({ get a() { throw 1 } }); return 1 }`, body: "1",
			log: `line="(a value that cannot be shown)"`},
		{name: "fail for no reason", text: `export default e => fail()`, err: "failed, at fuel "},
		{name: "fail with an object", text: `export default e => fail({a: 1})`, err: `failed: {"a":1}, at fuel `},
		{name: "a browser's timer", text: "export default e => clearTimeout(1)",
			err: "failed: ReferenceError: clearTimeout is not defined: a script has JavaScript's own objects, config, log"},
		{name: "a browser's headers", text: "export default e => new Headers()",
			err: "failed: ReferenceError: Headers is not defined: a script has JavaScript's own objects, config, log"},
		{name: "cyclic", text: `export default e => { const a = {}; a.a = a; return a }`, err: "failed: TypeError: circular reference"},
		{name: "recursion", text: `const f = n => 1 + f(n + 1); export default e => f(0)`, err: "calls too deep"},
		{name: "loop", text: `export default e => { log("before"); for (;;); }`,
			err: "out of fuel: limit 1000000000, the step's own; limits: {fuel: N} sets another, up to 2000000000", log: "before"},
		{name: "memory", text: `export default e => { const a = []; for (;;) a.push(new Uint8Array(1e5)) }`, err: "out of memory: limit"},
		{name: "output", text: `export default e => "1".repeat(3e5)`, err: "output too large"},
		{name: "digits", text: `export default e => ({d: e.payload.duration, n: e.payload.duration + 1n})`,
			body: `{"d":12345678901234567890,"n":12345678901234567891}`},
		{name: "a thenable", text: `export default e => ({ then(f) { f({n: 1}) } })`, body: `{"n":1}`},
		{name: "a map", text: `export default e => new Map([[1, 2]])`, err: "failed: returned a Map: want a body, or null to send nothing, at"},
		{name: "an error", text: `export default e => new Error("x")`, err: "failed: returned an Error: want a body"},
		{name: "no number", text: `export default e => e.payload.nothing * 2`, err: "failed: returned NaN: want a body"},
		{name: "no date", text: `export default e => new Date("x")`, err: "failed: returned a Date: want a body"},
		{name: "an empty object", text: `export default e => ({})`, body: `{}`},
		{name: "a forgotten await", text: `export default e => ({ text: (async () => 1)(), n: [{}] })`, body: `{"text":{},"n":[{}]}`,
			log: `level=WARN msg="transform logs" transform=slack.js line="JSON shows {} for a Promise, text of the body"`},
		{name: "an error in a body", text: `export default e => [new Error("x")]`, body: `[{}]`,
			log: `line="JSON shows {} for an Error, 0 of the body"`},
		{name: "a job after the body", text: `export default e => { (async () => { await null; log("later") })(); return 1 }`,
			body: "1", log: "later"},
		{name: "a failure after the body", text: `export default e => { (async () => { await null; fail("later") })(); return 1 }`,
			err: "failed: later, at fuel "},
		{name: "a promise that nothing waits for", text: `export default e => { (async () => { await null; null.x })(); return 1 }`, body: "1",
			log: `line="a promise failed, and nothing waited for it: TypeError: cannot read property 'x' of null, in slack.js:1:`},
		{name: "a microtask that throws", text: `export default e => { queueMicrotask(() => { null.x }); return 1 }`, body: "1",
			log: `line="a function of queueMicrotask failed: TypeError: cannot read property 'x' of null, in slack.js:1:`},
		{name: "a microtask that throws before the body", log: `line="a function of queueMicrotask failed: threw 1`,
			text: `export default async e => { queueMicrotask(() => { throw 1 }); await null; return 1 }`, body: "1"},
		{name: "a microtask that fails", text: `export default e => { queueMicrotask(() => fail("later")); return 1 }`,
			err: "failed: later, at fuel "},
		{name: "a microtask that drops", text: `export default e => { queueMicrotask(drop); return 1 }`, err: "dropped"},
		{name: "a promise that something waits for", body: "3",
			text: `export default async e => { const p = Promise.reject(1); await p.catch(() => 2); return 3 }`},
		{name: "several errors", text: `export default e => Promise.any([Promise.reject(new Error("a")), Promise.reject({b: 1})])`,
			err: `failed: AggregateError; Error: a; {"b":1}, at fuel `},
		{name: "a cause", text: `export default e => { throw new TypeError("a", { cause: new Error("b") }) }`,
			err: "failed: TypeError: a; Error: b, in default"},
		{name: "an error of a library", text: `export default e => { throw Object.assign(new Error("a"), { errors: { b: 1 } }) }`,
			err: "failed: Error: a, in default"},
		{name: "calls within calls", text: `const f = n => n ? [n].map(() => f(n - 1))[0] : 1; export default e => f(100)`, body: "1"},
		{name: "many long lines", text: `const s = "é".repeat(2000); export default e => { for (let i = 0; i < 32; i++) log(s); return 1 }`,
			body: "1", log: `line=` + strings.Repeat("é", 512) + "\n"},
		{name: "lines in any script", text: `export default e => { log("世界", "🚀", "\ud800"); log("a\xff"); return 1 }`, body: "1",
			log: "line=\"世界 🚀\"\ntime"},
		{name: "time", text: `export default e => new Date(Date.now()).toISOString().slice(0, 10) == "2026-11-24"`, body: "true"},
	} {
		t.Run(test.name, func(t *testing.T) {
			o := wasm.Options{}
			if strings.HasPrefix(test.err, "out") { // the default fuel ends before these do
				o.Limits.Fuel = 1_000_000_000
			}
			m, log, err := loadScript(t, s, test.text, o)
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				out, err := m.Transform(t.Context(), wasm.Event{Body: []byte(scriptEvent), Time: time.Date(2026, 11, 24, 1, 24, 0, 0, time.UTC)})
				if string(out.Body) != test.body || (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
					t.Errorf("got %.100s, %v; want %s, %s", out.Body, err, test.body, test.err)
				}
			}
			if !strings.Contains(log.String(), test.log) {
				t.Errorf("logged %s", log)
			}
		})
	}
}

func TestScriptsThatCannotBegin(t *testing.T) {
	s := scriptSandbox(t)
	for _, test := range []struct{ name, text, err string }{
		{"syntax", "export default e => {\n  return {a: };\n}", "failed: SyntaxError: unexpected token in expression: '}', in slack.js:2:14"},
		{"nothing", "function transform() {}", "failed: exports no function: want export default function (event) { … }"},
		{"two", "export const a = () => 1, b = () => 2", "failed: exports a, b: want one function, or a default"},
		{"throws", "\nnull.x", "failed: TypeError: cannot read property 'x' of null, in slack.js:2:1"},
		{"import", `import x from "./other.js"; export default x`, "failed: ReferenceError: could not load module"},
		{"CommonJS", "module.exports = e => e",
			"failed: ReferenceError: module is not defined: want export default function (event) { … }; npx esbuild"},
		{"a mark of byte order", "\ufeffnope; export default e => e", "failed: ReferenceError: nope is not defined, in slack.js:1:1"},
		{"a mark before a shebang", "\ufeff#!/usr/bin/env node\nnope; export default e => e",
			"failed: ReferenceError: nope is not defined, in slack.js:2:1"},
		{"Node's process", "process.env.HOME", "failed: ReferenceError: process is not defined: a script has JavaScript's own objects"},
		{"fails", `if (!config.channel) fail("no channel in with")`, "failed: no channel in with, at fuel "},
		{"drops", `drop()`, "failed: dropped before there is an event: call drop in the function, at fuel "},
		{"waits", `await new Promise(() => {}); export default e => e`, "failed: has an await at its top that nothing ends"},
		{"loops", `for (;;);`, "out of fuel"},
		{"empty", ``, "the file is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			start := time.Now()
			_, _, err := loadScript(t, s, test.text, wasm.Options{})
			if err == nil || !strings.HasPrefix(err.Error(), "invalid module: "+test.err) || !errors.Is(err, wasm.ErrModule) {
				t.Errorf("got %v, want %s", err, test.err)
			}
			t.Log(time.Since(start))
		})
	}
}

// scriptSandbox is a sandbox for which the engine was compiled before.
func scriptSandbox(t testing.TB) *wasm.Sandbox {
	t.Helper()
	dir, err := engineCache()
	if err != nil {
		t.Fatal(err)
	}
	return newSandbox(t, dir)
}

// loadExample loads the script of an example.
func loadExample(t *testing.T, example string, o wasm.Options) *wasm.Module {
	t.Helper()
	text := read(t, "../../examples/transforms", example, "transform.js")
	m, err := scriptSandbox(t).LoadScript(t.Context(), "transform.js", text, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// The engine is the file that its README names, and a module of the same bytes is not a script.
func TestEngineIsTheOneDocumented(t *testing.T) {
	engine := read(t, "quickjs", "quickjs.wasm")
	if want := fmt.Sprintf("sha256 %x\n", sha256.Sum256(engine)); !strings.Contains(string(read(t, "quickjs", "README.md")), want) {
		t.Errorf("quickjs/README.md does not say %s", want)
	}
	if _, err := newSandbox(t, "").Load(t.Context(), "engine", engine, wasm.Options{}); !errors.Is(err, wasm.ErrModule) {
		t.Errorf("the engine as a module: %v", err)
	}
}

// A script is refused by its checksum, its size, and its language, which the error says how to leave.
func TestScriptsThatAreRefused(t *testing.T) {
	s := scriptSandbox(t)
	const text = "export default e => 1"
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	for _, test := range []struct{ name, text, pin, want string }{
		{"a.js", text, strings.ToUpper(sum), ""},
		{"a.js", text, strings.Repeat("0", 64), "invalid module: its sha256 is " + sum},
		{"a.js", text + strings.Repeat(" ", wasm.MaxScript), "", "invalid module: 1048597 bytes, want at most 1048576"},
		{"lib/a.ts", text, "", "invalid module: want JavaScript: npx esbuild --bundle --format=esm --outfile=lib/a.js lib/a.ts"},
	} {
		m, err := s.LoadScript(t.Context(), test.name, []byte(test.text), wasm.Options{SHA256: test.pin})
		if test.want == "" && err == nil && m.Digest() == sum && m.Kind() == "script" {
			m.Close()
			continue
		}
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || test.want == "" {
			t.Errorf("%s: got %v, want %s", test.name, err, test.want)
		}
	}
}

// A pristine event costs well under a millisecond.
func BenchmarkScript(b *testing.B) {
	m, err := scriptSandbox(b).LoadScript(b.Context(), "slack.js", read(b, "../../examples/transforms/slack-js/transform.js"), wasm.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer m.Close()
	for b.Loop() {
		if _, err := m.Transform(b.Context(), input(sample)); err != nil {
			b.Fatal(err)
		}
	}
}

// Whoever names a file finds out by IsScript whether to load it as a script. LoadScript and Load must agree with it.
func TestIsScript(t *testing.T) {
	s := scriptSandbox(t)
	for name, want := range map[string]bool{
		"a.js": true, "a.mjs": true, "a.cjs": true, "dir.wasm/a.ts": true, "a.tsx": true, "a.mts": true, "a.cts": true, "a.jsx": true,
		"a.wasm": false, "a": false, "js": false, "a.js/b": false,
	} {
		_, err := s.Load(t.Context(), name, []byte("export default e => e"), wasm.Options{})
		if got := wasm.IsScript(name); got != want || strings.Contains(fmt.Sprint(err), "a script, not a WebAssembly file") != want {
			t.Errorf("IsScript(%q) = %v, want %v; as a module: %v", name, got, want, err)
		}
	}
}
