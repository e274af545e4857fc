package wasm_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/awf-project/awf-hook/transforms/wasm"
)

// A sandbox loads modules, and a module transforms events.
func ExampleNew() {
	ctx := context.Background()
	sandbox, err := wasm.New("")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sandbox.Close(ctx)
	echo, err := os.ReadFile(filepath.Join(guestDir, "echo.wasm"))
	if err != nil {
		fmt.Println(err)
		return
	}
	module, err := sandbox.Load(ctx, "echo.wasm", echo, wasm.Options{Limits: wasm.Limits{Fuel: 1_000_000}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer module.Close()
	out, err := module.Transform(ctx, wasm.Event{Body: []byte(`{"event":"workflow_end"}`), Time: time.Now()})
	fmt.Println(string(out.Body), err)
	fmt.Println(module.Kind(), module.Limits().Fuel, out.Fuel < out.Limit, module.Digest() == wasm.Inspect(echo).Digest)
	// Output:
	// {"event":"workflow_end"} <nil>
	// reactor 1000000 true true
}

// Inspect tells what a file needs before anything runs.
func ExampleInspect() {
	echo, err := os.ReadFile(filepath.Join(guestDir, "echo.wasm"))
	if err != nil {
		fmt.Println(err)
		return
	}
	info := wasm.Inspect(echo)
	fmt.Println(info.Kind, info.Refused)
	fmt.Println(wasm.Inspect([]byte("no module")).Refused)
	// Output:
	// reactor <nil>
	// invalid module: not a WebAssembly file of version 1
}

// Limits have a default and bounds.
func ExampleBounds() {
	least, most := wasm.Bounds()
	memory := wasm.Defaults().Memory
	fmt.Println(least.Memory <= memory, memory <= most.Memory)
	fmt.Println(wasm.Limits{Memory: most.Memory + 1}.Check())
	// Output:
	// true true
	// memory: want 65536 to 268435456, got 268435457
}

func ExampleDefaults() {
	defaults := wasm.Defaults()
	fmt.Println(defaults.Memory>>20, "MiB", defaults.Output>>10, "KiB", defaults.Check())
	// Output: 16 MiB 256 KiB <nil>
}

// A longer event may take more fuel.
func ExampleDefaultFuel() {
	fmt.Println(wasm.DefaultFuel(0) < wasm.DefaultFuel(1<<20))
	// Output: true
}

// A script's size is known before it is read.
func ExampleCheckScriptSize() {
	err := wasm.CheckScriptSize(wasm.MaxScript + 1)
	fmt.Println(err, errors.Is(err, wasm.ErrModule), wasm.CheckScriptSize(100))
	// Output: invalid module: 1048577 bytes, want at most 1048576 true <nil>
}

// A script runs as modules do, in an engine that the sandbox compiles once and keeps in its folder.
func ExampleSandbox_LoadScript() {
	ctx := context.Background()
	cache, err := engineCache()
	if err != nil {
		fmt.Println(err)
		return
	}
	sandbox, err := wasm.New(cache)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sandbox.Close(ctx)
	script, err := sandbox.LoadScript(ctx, "shout.js", []byte("export default e => ({text: e.workflow_name.toUpperCase()})"), wasm.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer script.Close()
	out, err := script.Transform(ctx, wasm.Event{Body: []byte(`{"workflow_name":"deploy"}`), Time: time.Now()})
	fmt.Println(string(out.Body), err)
	// Output: {"text":"DEPLOY"} <nil>
}

// Load a file whose name is that of a script with LoadScript, and any other with Load.
func ExampleIsScript() {
	fmt.Println(wasm.IsScript("slack.js"), wasm.IsScript("slack.ts"), wasm.IsScript("slack.wasm"))
	// Output: true true false
}
