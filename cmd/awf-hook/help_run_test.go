package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spf13/cobra"
)

// endings are the exit codes of examples that do not succeed, by a part of their lines.
var endings = map[string]int{
	"exec -- awf run deploy":     1,           // as awf does
	"preview -c new.yaml --diff": exitFailure, // there is a difference
}

// instead puts what a test has into the places of what examples leave to the user: an id, folders and ports of the system, a database.
var instead = strings.NewReplacer(
	"/etc/awf-hook.yaml", "awf-hook.yaml", "/etc/old.yaml", "$HOME/old.yaml", "/var/lib/awf/audit.jsonl", "past.jsonl",
	"~/.local/state", "state",
	"--queue postgres://awf@db.example/hooks", "--queue state/awf-hook/queue.db", "postgres://awf@db.example/hooks", "moved.db",
	"curl -H", "curl -s -H", "--lang go", "--lang js", "cd hello", "cp transform.wasm hello; cd hello", "rust hello", "rust hello-rust",
	"awf-hook init", "cd fresh && awf-hook init", "awf-hook trust\n", "awf-hook trust --yes\n", "--workflow deploy --since 1h",
	"--workflow deploy --since 1h --yes",
	"body.json >headers", "body.json >signed", "@headers", "@signed",
	"awf-hook follow", "./till-ready awf-hook follow", "awf-hook listen", "./till-ready awf-hook listen 127.0.0.1:0",
	"awf-hook serve", "./till-ready awf-hook serve --lame-duck 0s --listen 127.0.0.1:0",
)

// tillReady runs a command that ends by a signal, and sends the signal once the command listens or follows. It ends as the command.
const tillReady = `#!/bin/bash
rm -rf state/awf-hook/follow
: >said # what the last command said must be gone before the next one is looked at
"$@" >said 2>&1 &
until [[ $(<said) == *'listening on'* ]] || compgen -G 'state/awf-hook/follow/*.json' >/dev/null || ! kill -0 $!; do sleep 0.02; done
kill -TERM $!
wait $!
code=$?
cat said
exit $code
`

// Every example in the help of every command runs in a home that has what the examples name.
func TestExamplesOfTheHelpRun(t *testing.T) {
	t.Parallel()
	var refused atomic.Bool
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.URL.Path == "/old" && !refused.Swap(true) {
			w.WriteHeader(http.StatusBadRequest) // a dead letter
		}
	}))
	t.Cleanup(receiver.Close)
	h := newHome(t, "")
	standinOfDocs(t, h.dir)
	h.examples(receiver.URL)
	must(t, os.WriteFile(filepath.Join(h.dir, "till-ready"), []byte(tillReady), 0o700))
	h.env = append(h.env, "HOME="+h.dir, "PATH="+h.dir+":"+os.Getenv("PATH"), "WEBHOOK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	h.run(h.command("bash", "-euc", `awf-hook run -c old.yaml <events.jsonl
awf-hook run --no-project <events.jsonl
awf-hook sign body.json --at 1614265330 >headers
printf 'POST / HTTP/1.1\r\n%s\r\n\r\n{}' "$(awf-hook sign body.json)" >request.txt`), 0)
	var dead struct{ ID string }
	list, err := h.command(h.hook, "deliveries", "list", "--state", "dead", "--json").Output()
	must(t, err)
	must(t, json.Unmarshal(list, &dead))
	_, noCurl := exec.LookPath("curl")
	tried := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, script := range scripts(instead.Replace(cmd.Example + "\n")) {
			tried++
			if noCurl != nil && strings.Contains(script, "curl ") {
				t.Run("curl", func(t *testing.T) { t.Skip("no curl") })
				continue
			}
			h.example(strings.NewReplacer("msg_5pfak4", dead.ID[:10], "http://localhost:8080", receiver.URL).Replace(script))
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk((&command{}).root())
	if tried < 60 {
		t.Errorf("%d examples", tried)
	}
}

// examples fills a home with what examples name.
func (h *home) examples(url string) {
	h.t.Helper()
	module, err := os.ReadFile(root + "examples/transforms/slack-c/transform.wasm")
	if err != nil {
		h.t.Fatal(err)
	}
	hooks := "webhooks:\n  - {name: oncall, url: \"URL/oncall\"}\n  - {name: slack, url: \"URL/slack\"}\n  - {name: old, url: \"URL/old\"}\n" +
		"tests:\n  - {name: one, event: {event: workflow_end}, want: [{webhook: oncall}, {webhook: slack}, {webhook: old}]}\n"
	const audit = `{"event":"workflow.started","execution_id":"9","timestamp":"2026-11-24T02:19:35.859Z",` +
		`"user":"ada","workflow_name":"deploy","schema_version":1}` + "\n"
	const events = `{"event":"workflow_error","workflow_id":"1","workflow_name":"deploy","timestamp":"2026-11-24T01:24:00Z",` +
		`"payload":{"error":"a"}}` + "\n"
	for name, text := range map[string]string{
		"awf-hook.yaml":                hooks,
		"old.yaml":                     hooks,
		"config/awf/settings.yaml":     hooks,
		".awf/settings.yaml":           strings.ReplaceAll(hooks, "name: ", "name: project-"),
		"new.yaml":                     strings.Replace(hooks, "slack, url", "slack, headers: {X-Team: platform}, url", 1),
		"events.jsonl":                 events,
		"past.jsonl":                   audit,
		".local/share/awf/audit.jsonl": audit,
		"data/awf/audit.jsonl":         audit,
		"data/awf/transcripts/.keep":   "",
		"body.json":                    "{}",
		"transform.wasm":               string(module),
		"transform.js":                 "export default function (event) { return event }\n",
		"fresh/.keep":                  "",
	} {
		name = filepath.Join(h.dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			h.t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(strings.ReplaceAll(text, "URL", url)), 0o600); err != nil {
			h.t.Fatal(err)
		}
	}
}

// example runs an example.
func (h *home) example(script string) {
	h.t.Helper()
	want := 0
	for part, code := range endings {
		if strings.Contains(script, part) {
			want = code
		}
	}
	cmd := h.command("bash", "-euc", script)
	out, err := cmd.CombinedOutput()
	if code := exitCode(h.t, err); code != want {
		h.t.Errorf("%s\nexit code %d, want %d: %s", script, code, want, out)
	}
}

// scripts splits an example into scripts: its lines, unless it changes the folder for those that follow.
func scripts(text string) []string {
	if strings.Contains(text, "cd hello") {
		return []string{text}
	}
	return strings.FieldsFunc(text, func(r rune) bool { return r == '\n' })
}
