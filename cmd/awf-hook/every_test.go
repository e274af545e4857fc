package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/spf13/cobra"
)

// call is how a test calls a command so that it prints what it can.
type call struct {
	args string // after the command's path
	in   string // a file of the folder, for stdin
	code int
	mute bool // it prints nothing on stdout
	once bool // a second time is an error, or takes long
}

// calls has each command; running those that run until a signal.
var calls = map[string]call{
	"backtest":          {args: "-c hook.yaml --against old.yaml past.jsonl"},
	"check":             {args: "hook.yaml wrong.yaml --print", code: exitConfig},
	"completion":        {args: "bash"},
	"deliveries backup": {args: "copy.db", once: true},
	"deliveries delete": {args: "--all --dry-run"},
	"deliveries list":   {args: "-c hook.yaml"},
	"deliveries move":   {args: "-c hook.yaml --from bad --to good", mute: true},
	"deliveries replay": {args: "--webhook bad", mute: true},
	"deliveries send":   {args: "-c hook.yaml", mute: true},
	"deliveries show":   {args: "ID"},
	"demo":              {},
	"doctor":            {args: "-c hook.yaml --send", code: exitFailure},
	"emit":              {args: "-c hook.yaml --event workflow_error --workflow EVIL", mute: true},
	"eval":              {args: "payload past.jsonl"},
	"events":            {},
	"exec":              {args: "-c hook.yaml -- true", mute: true},
	"explain":           {args: "-c hook.yaml past.jsonl"},
	"formats":           {args: "slack"},
	"functions":         {},
	"help":              {},
	"init":              {args: "new.yaml", once: true},
	"man":               {args: ".", mute: true},
	"operations":        {},
	"preview":           {args: "-c hook.yaml past.jsonl"},
	"queue check":       {},
	"queue move":        {args: "--from state/awf-hook/queue.db --to moved.db", mute: true},
	"run":               {args: "-c hook.yaml", in: "passed.txt"},
	"schema":            {args: "run"},
	"secret new":        {},
	"secret token":      {},
	"sign":              {args: "--secret a-secret-of-sixteen-bytes past.jsonl"},
	"test":              {args: "-c hook.yaml", code: exitFailure},
	"top":               {},
	"transform bench":   {args: "redact.wasm --with {\"keys\":[\"a\"]}", in: "past.jsonl", once: true},
	"transform build":   {args: "script", mute: true},
	"transform inspect": {args: "redact.wasm"},
	"transform new":     {args: "--lang js made", mute: true, once: true},
	"transform run":     {args: "redact.wasm --with {\"keys\":[\"a\"]}", in: "past.jsonl"},
	"transform test":    {args: "script"},
	"trust":             {args: "--list"},
	"verify":            {args: "--secret a-secret-of-sixteen-bytes received.jsonl", code: exitFailure},
	"version":           {},
	"webhooks disable":  {args: "bad", mute: true},
	"webhooks enable":   {args: "bad", mute: true},
	"webhooks list":     {},
	"webhooks pause":    {args: "bad", mute: true},
	"webhooks test":     {args: "bad -c hook.yaml", code: exitFailure},
}

// running are the commands that run until a signal; tests of their own look at what they print.
var running = []string{"follow", "listen", "serve"}

// evil is a text that a stranger may put into an event or an answer: it controls a terminal, reverses the writing, and is wide.
const evil = "\x1b]0;title\x07\x1b[31m\x1b[2J\u009b5A\u202eturned\u200f\r\b語👩‍👩‍👧e\u0301\x00\x7f"

// everyCommand makes a folder in which each call works, with a queue, and returns the id of a dead letter in it.
func everyCommand(t *testing.T) (id string) {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusBadRequest)
		}
		_, _ = io.WriteString(w, evil)
	}))
	t.Cleanup(receiver.Close)
	module, err := os.ReadFile(root + "examples/transforms/redact-c/transform.wasm")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"AWF_CONFIG_HOME", "AWF_AUDIT_LOG", "AWF_WORKFLOWS_PATH", "NO_COLOR"} {
		t.Setenv(name, "")
	}
	for name, folder := range map[string]string{"HOME": "", "XDG_STATE_HOME": "/state", "XDG_CONFIG_HOME": "/config", "XDG_DATA_HOME": "/data",
		"XDG_CACHE_HOME": "/cache"} {
		t.Setenv(name, dir+folder)
	}
	t.Setenv("TERM", "xterm")
	quoted, _ := json.Marshal(evil)
	past := fmt.Sprintf(`{"event":"workflow_error","workflow_id":%s,"workflow_name":%[1]s,"timestamp":"2026-11-24T01:24:00Z",`+
		`"payload":{"error":%[1]s,"exit_code":1,%[1]s:[%[1]s]}}`+"\n", quoted)
	hook := "webhooks:\n  - {name: good, url: \"URL/good\", filter: 'payload.error contains \"a\" or payload.exit_code == 1'}\n" +
		"  - {name: bad, url: \"URL/bad\", headers: {X-Workflow: \"=workflow_name\"}, transform: {map: {text: \"{{ payload.error }}\"}}}\n"
	for name, text := range map[string]string{
		"hook.yaml": hook + "tests:\n  - {name: one, events: past.jsonl, want: [{webhook: good, body: {event: " +
			strconv.QuoteToASCII(evil) + "}}]}\n",
		"old.yaml":            strings.Replace(hook, "text", "old", 1),
		"wrong.yaml":          "webhooks:\n  - {urk: 1, name: \"\\e[31m\", " + strconv.QuoteToASCII(evil) + ": 1}\n",
		"past.jsonl":          past,
		"passed.txt":          "passed\n" + past,
		"received.jsonl":      `{"at":"2026-11-24T01:24:00Z","headers":{"X-Awf-Signature":` + string(quoted) + `},"body":"{}"}` + "\n",
		"redact.wasm":         string(module),
		"script/transform.js": "export default function (event) { return event }\n",
		".awf/settings.yaml":  "webhooks:\n  - {name: " + strconv.QuoteToASCII("p\u0301語") + ", url: \"URL/good\"}\n",
		"script/awf-hook.yaml": "webhooks:\n  - {name: a, url: \"http://127.0.0.1:1/\"}\n" +
			"tests:\n  - {name: one, event: {event: workflow_end}, want: [{webhook: a}]}\n",
	} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(strings.ReplaceAll(text, "URL", receiver.URL)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if code, _, said := invoked(t, "run", "-c", "hook.yaml", "--storage", "none"); code != exitOK {
		t.Fatalf("run: exit code %d: %s", code, said)
	}
	if code, _, said := invoked(t, "trust", "--yes"); code != exitOK {
		t.Fatalf("trust: exit code %d: %s", code, said)
	}
	_, list, _ := invoked(t, "deliveries", "list", "--json", "--state", "dead")
	var item struct{ ID string }
	if err := json.Unmarshal([]byte(list), &item); err != nil {
		t.Fatalf("%v: %s", err, list)
	}
	return item.ID
}

// invoked runs a command in this process, with past.jsonl as its stdin.
func invoked(t *testing.T, args ...string) (code int, out, said string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	in, err := os.Open("past.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	code = (&command{in: in, out: &stdout, err: &stderr}).run(args)
	return code, stdout.String(), stderr.String()
}

// words are the arguments of a call.
func (c call) words(path, id string) []string {
	args := strings.Fields(path + " " + c.args)
	for i := range args {
		args[i] = strings.NewReplacer("ID", id, "EVIL", evil).Replace(args[i])
	}
	return args
}

// stdin opens a call's.
func (c call) stdin(t *testing.T) io.Reader {
	t.Helper()
	if c.in == "" {
		return strings.NewReader("")
	}
	f, err := os.Open(c.in)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// The table of calls has each command.
func TestCallsAreOfEveryCommand(t *testing.T) {
	known := map[string]bool{}
	for path := range calls {
		if path == "help" { // cobra adds it later
			continue
		}
		known[path] = true
	}
	for _, path := range running {
		known[path] = true
	}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		path := strings.TrimPrefix(cmd.CommandPath(), "awf-hook ")
		if !cmd.HasSubCommands() && !known[path] {
			t.Errorf("no call of %s", path)
		}
		delete(known, path)
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&command{}).root())
	for path := range known {
		t.Errorf("there is no command %s", path)
	}
}

// shared says which of the flags that commands share each has: c for --config, j for --json, w for --webhook.
var shared = map[string]string{
	"backtest": "cjw", "check": "cjw", "completion": "", "demo": "", "doctor": "cj", "emit": "cjw", "eval": "j", "events": "j", "exec": "cj",
	"explain": "cjw", "follow": "cj", "formats": "j", "functions": "j", "init": "", "listen": "j", "man": "", "operations": "cj",
	"preview": "cjw", "run": "cj", "schema": "", "serve": "cj", "sign": "j", "test": "cjw", "top": "cj", "trust": "j", "verify": "j",
	"version": "j", "deliveries backup": "cj", "deliveries delete": "cjw", "deliveries list": "cjw", "deliveries move": "cj",
	"deliveries replay": "cjw",
	"deliveries send":   "cj", "deliveries show": "cj", "queue check": "cj", "queue move": "c", "secret new": "j", "secret token": "j",
	"transform bench": "", "transform build": "", "transform inspect": "j", "transform new": "", "transform run": "", "transform test": "jw",
	"webhooks disable": "cj", "webhooks enable": "cj", "webhooks list": "cj", "webhooks pause": "cj", "webhooks test": "cj",
}

// Each command has the flags that the table says. It refuses the others with the reason.
func TestFlagsThatCommandsShare(t *testing.T) {
	everyCommand(t)
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		path := strings.TrimPrefix(cmd.CommandPath(), "awf-hook ")
		if cmd.HasSubCommands() {
			return
		}
		has, listed := shared[path]
		if !listed {
			t.Errorf("%s is not in the table", path)
		}
		for name, letter := range map[string]string{"config": "c", "json": "j", "webhook": "w"} {
			got := cmd.Flag(name) != nil
			if got != strings.Contains(has, letter) {
				t.Errorf("%s has --%s: %v, want %v", path, name, got, !got)
			}
			if got {
				continue
			}
			code, out, said := invoked(t, append(strings.Fields(path), "--"+name, "x")...)
			if code != exitUsage || out != "" || !strings.HasPrefix(said, "awf-hook: --"+name+": awf-hook ") || strings.Contains(said, "unknown") {
				t.Errorf("%s --%s: exit code %d: %s%s", path, name, code, out, said)
			}
		}
	}
	walk((&command{}).root())
}

// The help of a command says each exit code that it has: for success, for a failure, for bad arguments and for a bad configuration.
func TestExitCodesAreInTheHelp(t *testing.T) {
	id := everyCommand(t)
	for path, c := range calls {
		if path == "help" || path == "transform bench" {
			continue
		}
		cmd, _, err := (&command{}).root().Find(strings.Fields(path))
		if err != nil {
			t.Fatal(err)
		}
		_, told, _ := strings.Cut(cmd.Long, "Exit codes:")
		tries := [][]string{append(strings.Fields(path), "--no-such-flag")}
		if !c.once {
			tries = append(tries, c.words(path, id))
		}
		if cmd.Flag("config") != nil && path != "exec" {
			tries = append(tries, append(c.words(path, id), "-c", "wrong.yaml"), append(c.words(path, id), "-c", "missing.yaml"))
		}
		for _, args := range tries {
			var said bytes.Buffer
			code := (&command{in: c.stdin(t), out: io.Discard, err: &said}).run(args)
			if !regexp.MustCompile(`(^|[ \n(])` + strconv.Itoa(code) + " ").MatchString(told) {
				t.Errorf("awf-hook %s: exit code %d, which is not in its help:%s\n%s", strings.Join(args, " "), code, told, said.String())
			}
		}
	}
}

// compiled is a schema as a validator reads it.
func compiled(t *testing.T, path string) *jsonschema.Schema {
	t.Helper()
	code, text, said := invoked(t, append([]string{"schema"}, strings.Fields(path)...)...)
	if code != exitOK {
		t.Fatal(said)
	}
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// The output of a command with --json matches its schema, even if the command fails.
func TestJSONIsAsItsSchemaSays(t *testing.T) {
	id := everyCommand(t)
	more := map[string][]call{
		"check":             {{args: "hook.yaml"}, {args: "missing.yaml", code: exitConfig}, {args: "-c hook.yaml --print --webhook good"}},
		"deliveries delete": {{args: "--event workflow_start"}},
		"doctor":            {{code: exitFailure}},
		"events":            {{args: "workflow_end"}},
		"formats":           {{}},
		"functions":         {{args: "truncate"}},
		"preview":           {{args: "-c hook.yaml --reveal past.jsonl"}, {args: "-c old.yaml --all", in: "past.jsonl"}},
		"transform inspect": {{args: "script/transform.js"}, {args: "hook.yaml", code: exitFailure}},
		"webhooks test":     {{args: "good -c hook.yaml"}},
		"verify":            {{args: "--secret b --scheme awf received.jsonl", code: exitFailure}},
		"eval":              {{args: "--filter payload.nothing>1"}, {args: "duration(payload.error) past.jsonl"}},
	}
	for _, path := range slices.Sorted(maps.Keys(outputs)) {
		if slices.Contains(running, path) {
			continue
		}
		out := outputs[path]
		s := compiled(t, path)
		for _, c := range append([]call{calls[path]}, more[path]...) {
			args := append(c.words(path, id), "--json")
			if at := strings.Index(strings.Join(args, " "), " -- "); at >= 0 {
				args = strings.Fields(strings.Replace(strings.Join(args[:len(args)-1], " "), " -- ", " --json -- ", 1))
			}
			var stdout, stderr bytes.Buffer
			code := (&command{in: c.stdin(t), out: &stdout, err: &stderr}).run(args)
			text := stdout.String()
			if out.how == inReport {
				text = stderr.String()
				text = text[max(0, strings.Index(text, `{"events"`)):]
			}
			if code != c.code {
				t.Errorf("%q: exit code %d, want %d: %s", args, code, c.code, stderr.String())
			}
			n := 0
			for decoder := json.NewDecoder(strings.NewReader(text)); ; n++ {
				var value any
				if err := decoder.Decode(&value); err == io.EOF {
					break
				} else if err != nil {
					t.Fatalf("%q: %v: %s", args, err, text)
				}
				if err := s.Validate(value); err != nil {
					t.Errorf("%q: %v: %s", args, err, text)
				}
			}
			lines := strings.Count(text, "\n")
			if n == 0 || out.how != oneObject && n != lines || out.how == oneObject && n != 1 {
				t.Errorf("%q: %d objects on %d lines, want %s: %s", args, n, lines, out.how, text)
			}
		}
	}
}

// lostOutput is an output that cannot be written.
type lostOutput struct{ err error }

func (f lostOutput) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: f.err}
}

// No command says by its exit code that all is well where its output is lost. A reader that went away lost nothing.
func TestOutputThatCannotBeWritten(t *testing.T) {
	id := everyCommand(t)
	for path, c := range calls {
		if c.mute {
			continue
		}
		for _, lost := range []error{syscall.ENOSPC, syscall.EPIPE} {
			if c.once && lost == syscall.EPIPE {
				continue
			}
			var said bytes.Buffer
			code := (&command{in: c.stdin(t), out: lostOutput{lost}, err: &said}).run(c.words(path, id))
			text := said.String()
			switch {
			case lost == syscall.EPIPE && (code != c.code && code != exitOK || strings.Contains(text, "pipe")):
				t.Errorf("%s into a pipe that nobody reads: exit code %d: %s", path, code, text)
			case lost == syscall.ENOSPC && c.code == exitOK &&
				(code != exitFailure || !strings.Contains(text, "awf-hook: stdout: no space left on device\n")):
				t.Errorf("%s onto a full disk: exit code %d: %s", path, code, text)
			}
		}
	}
}
