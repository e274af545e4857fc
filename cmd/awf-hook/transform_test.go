package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/author"
	"github.com/awf-project/awf-hook/transforms/wasm"
	"github.com/rogpeppe/go-internal/testscript"
)

const transformExamples = "../../examples/transforms/"

// maxCommitted is the largest module that is committed with its source, in bytes.
const maxCommitted = 100_000

// Each example of a transform passes its own tests, as committed and as built here. If the same compiler made both, they
// are identical.
func TestTransformExamples(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob(transformExamples + "*/awf-hook.yaml")
	if err != nil || len(dirs) != 9 {
		t.Fatalf("%d examples, %v, want nine", len(dirs), err)
	}
	for _, file := range dirs {
		dir := filepath.Dir(file)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			work := t.TempDir()
			copyExample(t, dir, work)
			if strings.HasSuffix(dir, "-js") {
				exampleTests(t, work)
				exampleReadme(t, work, os.Environ())
				return
			}
			committed, err := os.ReadFile(filepath.Join(dir, author.Module))
			isGo := strings.HasSuffix(dir, "-go")
			if !isGo {
				if err != nil || len(committed) > maxCommitted {
					t.Fatalf("%d bytes are committed, %v, want at most %d", len(committed), err, maxCommitted)
				}
				exampleTests(t, work)
			}
			built := builtExample(t, dir)
			if err := os.WriteFile(filepath.Join(work, author.Module), built, 0o666); err != nil {
				t.Fatal(err)
			}
			exampleTests(t, work)
			if name := filepath.Base(dir); name == "slack-c" || name == "wat-minimal" { // the others' commands are the same
				exampleReadme(t, work, os.Environ())
			}
			made, before := wasm.Inspect(built).Made, wasm.Inspect(committed).Made
			if !isGo && reflect.DeepEqual(made, before) && !bytes.Equal(built, committed) {
				t.Errorf("%s builds to something else than what is committed, with the same compiler: awf-hook transform build %s", dir, dir)
			}
		})
	}
}

// exampleTests runs an example's tests.
func exampleTests(t *testing.T, dir string) {
	t.Helper()
	got := runIn(t, os.Environ(), "transform", "test", dir)
	if !strings.HasSuffix(got, ", failed: 0\n") || strings.HasPrefix(got, "tests: 0") {
		t.Errorf("test said %s", got)
	}
}

// builtExample builds an example's module, once for all tests.
func builtExample(t testing.TB, dir string) []byte {
	t.Helper()
	if raceEnabled && strings.HasSuffix(dir, "-go") {
		t.Skip("stock Go takes minutes to compile under the race detector")
	}
	build, _ := exampleBuilds.LoadOrStore(filepath.Base(dir), sync.OnceValues(func() ([]byte, error) {
		out, err := os.MkdirTemp("", "example")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(out)
		file := filepath.Join(out, author.Module)
		language, err := author.LanguageOf(dir)
		if err != nil {
			return nil, err
		}
		cmd, err := language.Command(dir, file)
		if err != nil {
			return nil, err
		}
		if text, err := cmd.CombinedOutput(); err != nil {
			return nil, errors.New(string(text))
		}
		return os.ReadFile(file)
	}))
	module, err := build.(func() ([]byte, error))()
	var missing *author.MissingError
	if errors.As(err, &missing) {
		skipOrFail(t, missing)
	}
	if err != nil {
		t.Fatal(err)
	}
	return module
}

var exampleBuilds sync.Map

// skipOrFail skips a test whose compiler is missing; make guests has installed all of them.
func skipOrFail(t testing.TB, missing error) {
	t.Helper()
	if os.Getenv("GUESTS") != "" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// The same message comes from modules in four languages, a script, a map and a format, for every recorded run.
func TestTransformsMakeTheSameMessage(t *testing.T) {
	work := t.TempDir()
	for _, dir := range []string{".", "slack-go", "slack-c", "slack-rust", "slack-assemblyscript", "slack-js"} {
		copyExample(t, transformExamples+dir, filepath.Join(work, dir))
	}
	if err := os.WriteFile(filepath.Join(work, "slack-go", author.Module), builtExample(t, transformExamples+"slack-go"), 0o666); err != nil {
		t.Fatal(err)
	}
	events, err := filepath.Glob("../../testdata/events/*.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	bodies := map[string][]any{}
	args := append([]string{"preview", "--json", "-c", filepath.Join(work, "same-message.yaml")}, events...)
	for line := range strings.Lines(runIn(t, os.Environ(), args...)) {
		var p previewJSON
		var body any
		if err := json.Unmarshal([]byte(line), &p); err != nil {
			t.Fatal(err)
		}
		switch p.Choice {
		case "sent":
			if err := json.Unmarshal([]byte(p.Body), &body); err != nil {
				t.Errorf("%s: %v in %s", p.Webhook, err, p.Body)
			}
			bodies[p.Webhook] = append(bodies[p.Webhook], body)
		case "other_type":
		default:
			t.Errorf("%s: %s", p.Webhook, line)
		}
	}
	want := bodies["format"]
	if len(bodies) != 7 || len(want) < 10 {
		t.Fatalf("%d webhooks sent something, format %d messages", len(bodies), len(want))
	}
	for webhook, got := range bodies {
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s sends\n%v\nformat sends\n%v", webhook, got, want)
		}
	}
}

var tutorial = regexp.MustCompile("(?ms)^<!-- test: (go|js|c|libc|rust|assemblyscript) -->\n```sh\n(.*?)^```$")

// The tutorials in docs/transforms.md work verbatim, in an empty folder.
func TestDocsTutorials(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "docs/transforms.md")
	if err != nil {
		t.Fatal(err)
	}
	found := tutorial.FindAllStringSubmatch(string(text), -1)
	if len(found) != 6 {
		t.Fatalf("%d tutorials, want six", len(found))
	}
	for _, m := range found {
		name, script := m[1], m[2]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if isSlow(name) {
				t.Skip("make guests runs it")
			}
			want := `{"text":"deploy: step push: exit code 2"}` + "\n"
			_, missing := os.Stat("/usr/include/wasm32-wasi")
			if missing == nil {
				_, missing = exec.LookPath("clang-19")
			}
			switch {
			case name == "libc" && missing != nil:
				skipOrFail(t, missing)
			case name == "libc":
				want = `{"event":"workflow_end","workflow_id":"r","workflow_name":"n",` +
					`"timestamp":"2026-01-01T00:00:00Z","payload":{"status":"failure"}}` + "\n"
			case name == "js":
			default:
				builtExample(t, transformExamples+"slack-"+name)
			}
			cmd := exec.Command("bash", "-euo", "pipefail", "-c", script)
			cmd.Dir = t.TempDir()
			var talk strings.Builder
			cmd.Stderr = &talk
			out, err := cmd.Output()
			if name == "assemblyscript" { // npm writes to stdout
				out = out[max(0, bytes.LastIndexByte(bytes.TrimRight(out, "\n"), '\n')+1):]
			}
			if err != nil || string(out) != want {
				t.Errorf("%v: %s%s, want %s", err, out, talk.String(), want)
			}
		})
	}
}

// Binaryen beside clang takes no names of functions away.
func TestTransformBuildKeepsNames(t *testing.T) {
	clang, err := exec.LookPath("clang-19")
	if err != nil {
		skipOrFail(t, err)
	}
	bin, work := t.TempDir(), t.TempDir()
	ran := filepath.Join(work, "ran")
	if err := os.WriteFile(filepath.Join(bin, "wasm-opt"), []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o777); err != nil {
		t.Fatal(err)
	}
	copyExample(t, transformExamples+"slack-c", work)
	env := append(os.Environ(), "PATH="+bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	runIn(t, env, "transform", "build", work)
	if _, err := os.Stat(ran); err == nil {
		t.Errorf("%s ran wasm-opt", clang)
	}
}

// If a toolchain is missing, build names the command that installs it.
func TestTransformBuildNamesWhatIsMissing(t *testing.T) {
	hook, err := exec.LookPath("awf-hook")
	if err != nil {
		t.Fatal(err)
	}
	for dir, want := range map[string]string{
		"slack-go": "no compiler for go: install Go 1.24 or newer: https://go.dev/dl",
		"slack-c":  "no compiler for c: apt-get install clang-19 lld-19",
		"slack-rust": "no compiler for rust: apt-get install rustc libstd-rust-dev-wasm32 " +
			"(or, with rustup: rustup target add wasm32-unknown-unknown)",
		"slack-assemblyscript": "no compiler for assemblyscript: npm install (for npm itself: apt-get install nodejs npm)",
		"wat-minimal":          "no compiler for wat: apt-get install wabt",
	} {
		if _, err := os.Stat("/usr/bin/rustc"); err == nil && dir == "slack-rust" {
			continue // Debian's is searched there too
		}
		work := t.TempDir()
		copyExample(t, transformExamples+dir, work)
		cmd := exec.Command(hook, "transform", "build", work)
		cmd.Env = []string{"PATH=/nonexistent", "HOME=/nonexistent"}
		if out, err := cmd.CombinedOutput(); err == nil || string(out) != "awf-hook: "+want+"\n" {
			t.Errorf("%s: %v: said %s, want %s", dir, err, out, want)
		}
	}
}

// setupTransforms gives a script everything that it needs to build transforms: Go's cache, npm's settings, and the
// compiler that npm installed.
func setupTransforms(env *testscript.Env) error {
	examples, err := filepath.Abs(transformExamples)
	if err != nil {
		return err
	}
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		return err
	}
	env.Setenv("EXAMPLES", examples)
	env.Setenv("GOCACHE", strings.TrimSpace(string(cache)))
	env.Setenv("USER_HOME", os.Getenv("HOME"))
	env.Setenv("PATH", env.Getenv("PATH")+string(os.PathListSeparator)+filepath.Join(examples, "slack-assemblyscript", "node_modules", ".bin"))
	// The module imports env.print (i32) and exports nothing.
	return os.WriteFile(filepath.Join(env.WorkDir, "env.wasm"),
		[]byte("\x00asm\x01\x00\x00\x00\x01\x05\x01\x60\x01\x7f\x00\x02\x0d\x01\x03env\x05print\x00\x00"), 0o666)
}

// isSlow reports whether a language's compiler takes seconds. Then only make guests builds more than the examples with
// it.
func isSlow(language string) bool {
	return os.Getenv("GUESTS") == "" && (language == "rust" || language == "assemblyscript")
}

// transformCondition knows lang:c, that transforms in C can be built here; guests, that they must be; and race.
func transformCondition(condition string) (bool, error) {
	switch condition {
	case "guests":
		return os.Getenv("GUESTS") != "", nil
	case "race":
		return raceEnabled, nil
	}
	name, ok := strings.CutPrefix(condition, "lang:")
	if !ok {
		return false, errors.New("unknown condition " + condition)
	}
	if isSlow(name) {
		return false, nil
	}
	dir := transformExamples + "slack-" + name
	language, err := author.LanguageOf(dir)
	if err != nil {
		return false, err
	}
	_, err = language.Command(dir, author.Module)
	return err == nil, nil
}

// copyExample copies an example's own files.
func copyExample(t testing.TB, from, to string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(to, 0o777); err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() { // installed by npm
			continue
		}
		text, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err == nil {
			err = os.WriteFile(filepath.Join(to, e.Name()), text, 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The files for authors are short enough to read.
func TestAuthorsFilesAreShort(t *testing.T) {
	for _, file := range []string{"slack-c/awf_hook.h", "slack-rust/awf_hook.rs", "slack-assemblyscript/awf_hook.ts"} {
		text, err := os.ReadFile(transformExamples + file)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n > 100 {
			t.Errorf("%s has %d lines, want at most 100", file, n)
		}
	}
}
