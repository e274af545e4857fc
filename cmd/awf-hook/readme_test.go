package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const root = "../../"

// block is a fenced block of a Markdown file.
type block struct {
	file, language, text string
}

var fence = regexp.MustCompile("(?ms)^```([a-z]+)\n(.*?)^```$")

func blocks(t *testing.T, language string) []block {
	t.Helper()
	files, err := filepath.Glob(root + "docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	var found []block
	for _, file := range append(files, root+"README.md") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
			if m[1] == language {
				found = append(found, block{filepath.Base(file), m[1], m[2]})
			}
		}
	}
	if len(found) == 0 {
		t.Fatalf("no %s block found", language)
	}
	return found
}

// readme returns the only block of a language in README that contains the text.
func readme(t *testing.T, language, holds string) string {
	t.Helper()
	for _, b := range blocks(t, language) {
		if b.file == "README.md" && strings.Contains(b.text, holds) {
			return b.text
		}
	}
	t.Fatalf("README has no %s block with %q", language, holds)
	return ""
}

func TestDocsConfigurationsAreGood(t *testing.T) {
	t.Parallel()
	for i, b := range blocks(t, "yaml") {
		dir := t.TempDir()
		copyExample(t, transformExamples+"redact-c", dir)
		if err := os.Rename(filepath.Join(dir, "transform.wasm"), filepath.Join(dir, "redact.wasm")); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, fmt.Sprintf("%s-%d.yaml", b.file, i))
		if err := os.WriteFile(file, []byte(b.text), 0o600); err != nil {
			t.Fatal(err)
		}
		runHook(t, exitOK, strings.NewReader(""), "check", "--no-env", file)
	}
}

// README's two commands exist.
func TestReadmeCommands(t *testing.T) {
	readme(t, "sh", "go run ./cmd/awf-hook demo\n")
	readme(t, "sh", "make test\n")
	ci, err := os.ReadFile(root + ".ci/run")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile(root + "Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(ci), "make check") || !strings.Contains(string(makefile), "$(MAKE) test") {
		t.Error(".ci/run does not call make test")
	}
}

// README's quick start works verbatim, with an awf that plays a recording in the real one's format.
func TestReadmeQuickStart(t *testing.T) {
	script := readme(t, "sh", "awf-hook init")
	dir := t.TempDir()
	recording, err := filepath.Abs(recordings + "/mixed-stdout-fail.txt")
	if err != nil {
		t.Fatal(err)
	}
	awf := fmt.Sprintf("#!/bin/sh\ntest \"$*\" = 'run deploy' && cat %s >\"$AWF_AUDIT_LOG\"\n", recording)
	if err := os.WriteFile(filepath.Join(dir, "awf"), []byte(awf), 0o700); err != nil {
		t.Fatal(err)
	}
	// Use another, free port; wait for the receiver; end it afterwards.
	port := freePort()
	script = strings.ReplaceAll(script, "8080", port)
	script = strings.Replace(script, "awf-hook init ", "awf-hook init && sed -i.bak s/8080/"+port+"/ awf-hook.yaml ", 1)
	script = strings.Replace(script, " &  ", " >received & listener=$!; until grep -q listening talk; do sleep 0.02; done  ", 1)
	script = strings.Replace(script, "awf-hook listen 127.0.0.1:"+port, "awf-hook listen 127.0.0.1:"+port+" 2>talk", 1)
	script += "\nkill -INT $listener; wait $listener\n"
	cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		"Workflow failed: workflow reached terminal failure state: bad\n",
		"awf-hook: 2 events, 1 delivery: 1 delivered, 0 to retry, 0 dead\n",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it printed %q, want %q in it", out, want)
		}
	}
	got, err := os.ReadFile(filepath.Join(dir, "received"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), "● workflow_error") || !strings.Contains(string(got), "awf good, standard good") {
		t.Errorf("received %q", got)
	}
}

// README's way to see steps works, with an awf that plays a recording into the descriptor.
func TestReadmeSteps(t *testing.T) {
	script := readme(t, "sh", "--debug-transcript-mirror")
	dir := t.TempDir()
	awf := fmt.Sprintf(`#!/bin/sh
echo own output
test "$AWF_AUDIT_LOG $*" = '/dev/fd/3 run deploy --debug-transcript-mirror /dev/fd/3' &&
	cat %s >/dev/fd/3
`, abs(t, recordings+"/exit-execution-error.jsonl"))
	if err := os.WriteFile(filepath.Join(dir, "awf"), []byte(awf), 0o700); err != nil {
		t.Fatal(err)
	}
	url, end := startListen(t, "--json")
	script = strings.Replace(script, "awf-hook.yaml", writeConfig(t, "webhooks: [{url: %q}]", url), 1)
	cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal, as in CI
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "4 events, 3 deliveries: 3 delivered") ||
		!strings.Contains(string(out), "own output\n") {
		t.Errorf("%v: %s", err, out)
	}
	if got := len(received(t, end())); got != 3 {
		t.Errorf("%d requests arrived, want 3", got)
	}
}

// README's verifiers accept what awf-hook sends and return false for everything else, including a request without a
// signature or with garbage in it, which must not stop a receiver.
func TestReadmeVerifiers(t *testing.T) {
	t.Parallel()
	r := deliverOne(t)
	goMod := "module verifier\n\ngo 1.26.0\n\nrequire github.com/awf-project/awf-hook v0.0.0\n\nreplace github.com/awf-project/awf-hook => " +
		abs(t, root) + "\n"
	const imports = "package main\n\nimport (\n\t\"encoding/json\"\n\t\"fmt\"\n\t\"os\""
	goSnippet := strings.Replace(readme(t, "go", "func verify("), "import (", imports, 1) + `
func main() {
	var r struct {
		Header map[string]string ` + "`json:\"headers\"`" + `
		Body   string
	}
	if err := json.Unmarshal([]byte(os.Args[2]), &r); err != nil {
		panic(err)
	}
	headers := http.Header{}
	for name, value := range r.Header {
		headers.Set(name, value)
	}
	fmt.Println(verify(os.Args[1], headers, []byte(r.Body)))
}
`
	for _, tt := range []struct {
		interpreter string
		files       map[string]string
		args        []string
	}{
		{"python3", map[string]string{"v.py": readme(t, "python", "def verify(") + `
import json, sys
r = json.loads(sys.argv[2])
signature = r["headers"].get("X-Awf-Signature")
headers = {} if signature is None else {"X-AWF-Signature": signature}
print(str(verify(sys.argv[1].encode(), headers, r["body"].encode())).lower())
`}, []string{"v.py"}},
		{"node", map[string]string{"v.js": readme(t, "js", "function verify(") + `
const r = JSON.parse(process.argv[3]);
console.log(verify(process.argv[2], {"x-awf-signature": r.headers["X-Awf-Signature"]}, r.body));
`}, []string{"v.js"}},
		{"go", map[string]string{"v.go": goSnippet, "go.mod": goMod}, []string{"run", "v.go"}},
	} {
		t.Run(tt.interpreter, func(t *testing.T) {
			if _, err := exec.LookPath(tt.interpreter); err != nil {
				t.Skip(err)
			}
			dir := t.TempDir()
			for name, text := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			spoilt := r
			spoilt.Body += " "
			type arrival struct {
				request receivedJSON
				want    string
			}
			arrivals := []arrival{{r, "true\n"}, {spoilt, "false\n"}}
			for _, garbage := range []map[string]string{{}, {"X-Awf-Signature": "", "Webhook-Signature": ""},
				{"X-Awf-Signature": "é☠", "Webhook-Signature": "v1,é☠"}} {
				forged := r
				forged.Header = garbage
				arrivals = append(arrivals, arrival{forged, "false\n"})
			}
			for _, arrived := range arrivals {
				request, err := json.Marshal(arrived.request)
				if err != nil {
					t.Fatal(err)
				}
				cmd := exec.Command(tt.interpreter, append(tt.args, secret, string(request))...)
				cmd.Dir = dir
				cmd.WaitDelay = time.Second
				out, err := cmd.CombinedOutput()
				if err != nil || string(out) != arrived.want {
					t.Errorf("%s, %v; want %s", out, err, arrived.want)
				}
			}
		})
	}
}

func abs(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}
