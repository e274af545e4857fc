package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var exampleVariable = regexp.MustCompile(`\$\{([A-Z_]+)(:-[^}]*)?\}`)

// Each example is valid, passes its own tests, and sends to a receiver what preview shows.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/awf-hook.yaml")
	if err != nil {
		t.Fatal(err)
	}
	tested := 0
	for _, file := range files {
		dir := filepath.Dir(file)
		if filepath.Base(dir) == "demo" { // see demo.txtar
			continue
		}
		tested++
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			runHook(t, exitOK, strings.NewReader(""), "check", "--no-env", file)
			url, end := startListen(t, "--json")
			env := exampleEnv(t, file, url)
			run := func(args ...string) string { return runIn(t, env, args...) }

			if got := run("test", "-c", file); !strings.HasSuffix(got, ", failed: 0\n") || strings.HasPrefix(got, "tests: 0") {
				t.Errorf("test said %s", got)
			}
			events := filepath.Join(dir, "events.jsonl")
			var want []string
			for line := range strings.Lines(run("preview", "--json", "-c", file, events)) {
				var p previewJSON
				if err := json.Unmarshal([]byte(line), &p); err != nil {
					t.Fatal(err)
				}
				if p.Choice == "sent" {
					want = append(want, sentHeaders(p.Header)+p.Body)
				}
			}
			in, err := os.ReadFile(events)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("awf-hook", "run", "-c", file, "--queue", "memory:")
			cmd.Env, cmd.Stdin = env, bytes.NewReader(in)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			var got []string
			for _, r := range received(t, end()) {
				got = append(got, sentHeaders(r.Header)+strings.ReplaceAll(r.Body, exampleSecret, "<secret>"))
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
				t.Errorf("arrived (-preview +received):\n%s", diff)
			}
			exampleReadme(t, dir, env)
		})
	}
	if tested < 6 {
		t.Errorf("%d examples, want six", tested)
	}
}

// sentHeaders returns the headers that are not masked and do not depend on the time.
func sentHeaders(header map[string]string) string {
	var text strings.Builder
	for _, name := range []string{"Content-Type", "User-Agent", "X-Awf-Event", "X-Awf-Delivery", "X-Awf-Attempt"} {
		text.WriteString(header[name] + " ")
	}
	return text.String()
}

const exampleSecret = "0123456789abcdef0123456789abcdef"

// exampleEnv sets the variables of an example: URLs lead to the receiver.
func exampleEnv(t *testing.T, file, url string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "HOME="+t.TempDir())
	for _, m := range exampleVariable.FindAllStringSubmatch(string(text), -1) {
		value := exampleSecret
		if strings.HasSuffix(m[1], "_URL") || strings.HasSuffix(m[1], "_API") {
			value = url
		}
		if strings.HasSuffix(m[1], "_SHA") {
			value = strings.Repeat("0123456789", 4)
		}
		env = append(env, m[1]+"="+value)
	}
	return env
}

func runIn(t *testing.T, env []string, args ...string) string {
	t.Helper()
	cmd := exec.Command("awf-hook", args...)
	cmd.Env = env
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("awf-hook %q: %v: %s%s", args, err, out, talk.String())
	}
	return string(out)
}

// exampleReadme checks that the README is short and that its commands work as written.
func exampleReadme(t *testing.T, dir string, env []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := slices.DeleteFunc(strings.Split(string(text), "\n"), func(line string) bool { return line == "" })
	if len(lines) > 10 {
		t.Errorf("README.md has %d lines, want ten", len(lines))
	}
	m := fence.FindStringSubmatch(string(text))
	if m == nil {
		t.Fatal("README.md has no commands")
	}
	cmd := exec.Command("bash", "-eu", "-c", m[2])
	cmd.Dir = dir
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("README.md: %v: %s", err, out)
	}
}
