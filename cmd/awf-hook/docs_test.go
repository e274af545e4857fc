package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// ranBy says which test runs the commands of each block of a document. A text in the block identifies it.
var ranBy = []struct{ file, holds, test string }{
	{"README.md", "go install github.com", "TestReleaseByGoInstall"},
	{"README.md", "install.sh | sudo sh", "TestReleaseIsInstalled"},
	{"README.md", "sudo apt install ./awf-hook", "TestReleaseIsADebianPackage"},
	{"README.md", "go run ./cmd/awf-hook demo", "TestReadmeCommands"},
	{"README.md", "make test", "TestReadmeCommands"},
	{"README.md", "awf-hook init ", "TestReadmeQuickStart"},
	{"README.md", "--debug-transcript-mirror", "TestReadmeSteps"},
	{"awf.md", "awf-hook exec -- awf run deploy", "TestCommandsOfAWFsPage"},
	{"awf.md", "awf() {", "TestCommandsOfAWFsPage"},
	{"awf.md", "--wait-delivered -- awf run deploy", "TestCommandsOfAWFsPage"},
	{"howto.md", "awf-hook", "TestHowTo"},
	{"scale.md", "awf-hook deliveries list", "TestDocsScale"},
	{"scale.md", "awf-hook queue move", "TestDocsScale"},
	{"serve.md", "awf-hook serve -c awf-hook.yaml", "TestDocsServe"},
	{"serve.md", "export AWF_HOOK_TOKEN", "TestCommandsWorkOnAServer"},
	{"transforms.md", "", "TestDocsTutorials"},
	{"tutorial.md", "", "TestTutorial"},
	{"upgrade.md", "awf-hook deliveries backup", "TestHowTo"},
}

// An existing test runs every block of commands in README and docs.
func TestEveryBlockOfCommandsRuns(t *testing.T) {
	var tests strings.Builder
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		tests.Write(text)
	}
	used := map[int]bool{}
	for _, b := range blocks(t, "sh") {
		runner := ""
		for i, by := range ranBy {
			if by.file == b.file && strings.Contains(b.text, by.holds) {
				runner, used[i] = by.test, true
				break
			}
		}
		if !strings.Contains(tests.String(), "func "+runner+"(") || runner == "" {
			t.Errorf("%s: no test %s runs\n%s", b.file, runner, b.text)
		}
	}
	for i, by := range ranBy {
		if !used[i] {
			t.Errorf("%s has no block with %q", by.file, by.holds)
		}
	}
}

// Commands are in blocks of the language sh, which tests run. Files that a document shows exist.
func TestNoCommandsHideInOtherBlocks(t *testing.T) {
	files := map[string]string{"ini": "a systemd unit", "text": "a workflow of AWF's, see TestDocumentedHooks",
		"sql": "for the database's administrator", "nginx": "a part of a proxy's configuration"}
	known := []string{"", "sh", "yaml", "json", "python", "js", "go", "c", "rust", "ts", "wat", "xml", "toml"}
	line := regexp.MustCompile(`(?m)^(?:[$ ]*|ExecStart=\S*/)awf-hook ([a-z][^\n]*)$`)
	opening := regexp.MustCompile("(?ms)^ *(```+|~~~+)([^\n]*)\n(.*?)^ *(?:```+|~~~+) *$")
	for _, document := range everyDocument(t) {
		for _, m := range opening.FindAllStringSubmatch(textOf(t, strings.TrimPrefix(document, root)), -1) {
			language, text := m[2], m[3]
			var commands [][]string
			if language != "sh" && filepath.Base(document) != "commands.md" {
				commands = line.FindAllStringSubmatch(text, -1)
			}
			isSynopsis := strings.Contains(text, "[DIR]") // a synopsis as in a man page
			if !slices.Contains(known, language) && files[language] == "" || m[1] != "```" ||
				len(commands) > 0 && files[language] == "" && !isSynopsis {
				t.Errorf("%s: no test runs the commands of a block of the language %q:\n%s", document, language, text)
			}
			for _, c := range commands {
				if err := commandExists((&command{}).root(), strings.Fields(c[1])); err != nil {
					t.Errorf("%s: awf-hook %s: %v", document, c[1], err)
				}
			}
		}
	}
}

// everyDocument lists the files that users read.
func everyDocument(t *testing.T) (documents []string) {
	t.Helper()
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md", "examples/*/README.md", "examples/transforms/*/README.md"} {
		found, err := filepath.Glob(root + pattern)
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, found...)
	}
	return documents
}

var inline = regexp.MustCompile("`awf-hook ([^`\n]+)`")

// Every command in the prose of a document has a subcommand and flags that exist.
func TestEveryCommandInProseExists(t *testing.T) {
	tried := 0
	for _, document := range everyDocument(t) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range inline.FindAllStringSubmatch(string(text), -1) {
			tried++
			if err := commandExists((&command{}).root(), strings.Fields(m[1])); err != nil {
				t.Errorf("%s: awf-hook %s: %v", filepath.Base(document), m[1], err)
			}
		}
	}
	if tried < 50 {
		t.Errorf("%d commands in prose", tried)
	}
}

// commandExists says what is wrong with a command line, as far as its subcommand and the names of its flags go.
func commandExists(root *cobra.Command, words []string) error {
	if words[0] == "COMMAND" { // any
		return nil
	}
	cmd, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	for _, word := range rest {
		if word == "--" || strings.HasPrefix(word, "<") || strings.HasPrefix(word, "|") {
			break
		}
		name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
		if strings.HasPrefix(word, "--") && name != "help" && cmd.Flag(name) == nil {
			return fmt.Errorf("no flag %s", word)
		}
	}
	return nil
}

// standinOfDocs writes an awf that plays a recorded run of the workflow deploy-site, which fails, as AWF writes it.
func standinOfDocs(t *testing.T, folder string) {
	t.Helper()
	const script = `#!/bin/sh
test "$*" = 'run deploy' || exit 9
cat >"$AWF_AUDIT_LOG" <<'END'
{"event":"workflow.started","execution_id":"6cf6d88c","timestamp":"2026-11-24T02:19:35.859Z",` +
		`"user":"ada","workflow_name":"deploy-site","schema_version":1}
{"event":"workflow.completed","execution_id":"6cf6d88c","timestamp":"2026-11-24T02:19:36.168Z",` +
		`"user":"ada","workflow_name":"deploy-site","status":"failure","exit_code":1,"duration_ms":308,` +
		`"error":"step push: exit status 1","schema_version":1}
END
exit 1
`
	if err := os.WriteFile(filepath.Join(folder, "awf"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}

// The tutorial works as written, from its configuration to a page: PagerDuty is a receiver on this machine, and awf plays a recording.
func TestTutorial(t *testing.T) {
	t.Parallel()
	url, end := startListen(t, "--json")
	h := newHome(t, "")
	standinOfDocs(t, h.dir)
	var config, script string
	for _, b := range blocks(t, "yaml") {
		if b.file == "tutorial.md" {
			config += strings.ReplaceAll(b.text, "https://events.pagerduty.com/v2/enqueue", url+"/v2/enqueue")
		}
	}
	if err := os.WriteFile(h.dir+"/awf-hook.yaml", []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, b := range blocks(t, "sh") {
		if b.file == "tutorial.md" {
			script += b.text
		}
	}
	script = strings.Replace(script, "go install github.com/awf-project/awf-hook/cmd/awf-hook@latest\n", "", 1) // see TestReleaseByGoInstall
	script = strings.Replace(script, "-- awf run deploy\n", "-- awf run deploy && exit 9\ntest $? = 1\n", 1)    // it fails, as awf does
	// by the function, and the settings
	script += "awf run deploy && exit 9\ntest $? = 1\n"
	cmd := h.command("bash", "-eu", "-c", script)
	cmd.Env = append(cmd.Env, "HOME="+h.dir, "XDG_CONFIG_HOME=", "PATH="+h.dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{"awf-hook.yaml: good, webhooks: 1\n", "oncall: POST " + url, "200 OK after",
		"settings.yaml: good, webhooks: 1\n"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("it printed %s, want %q in it", out, want)
		}
	}
	var summaries []string
	for _, r := range received(t, end()) {
		var page struct {
			RoutingKey string `json:"routing_key"`
			Action     string `json:"event_action"`
			Payload    struct{ Summary string }
		}
		if err := json.Unmarshal([]byte(r.Body), &page); err != nil || page.Action != "trigger" ||
			page.RoutingKey != "0123456789abcdef0123456789abcdef" {
			t.Errorf("%v: %s", err, r.Body)
		}
		summaries = append(summaries, page.Payload.Summary)
	}
	if len(summaries) != 3 || !strings.HasPrefix(summaries[1], "deploy-site failed") {
		t.Errorf("the pages are %q, want the test's and one by each run", summaries)
	}
}

// The commands of docs/awf.md deliver what a run of AWF does.
func TestCommandsOfAWFsPage(t *testing.T) {
	url, end := startListen(t, "--json")
	h := newHome(t, "")
	standinOfDocs(t, h.dir)
	settings := "webhooks: [{name: oncall, url: " + url + ", events: [workflow_error]}]\n"
	if err := os.MkdirAll(h.dir+"/config/awf", 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"awf-hook.yaml", "config/awf/settings.yaml"} {
		if err := os.WriteFile(h.dir+"/"+file, []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ran := 0
	for _, b := range blocks(t, "sh") {
		if b.file != "awf.md" {
			continue
		}
		ran++
		script := b.text
		if strings.HasPrefix(script, "awf() {") {
			script += "awf run deploy\n"
		}
		cmd := h.command("bash", "-eu", "-c", script)
		cmd.Env = append(cmd.Env, "PATH="+h.dir+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		if exitCode(t, err) != 1 { // as awf's
			t.Errorf("%s: %v: %s", b.text, err, out)
		}
	}
	if got := len(received(t, end())); ran != 3 || got < 1 {
		t.Errorf("%d blocks ran, and %d requests arrived", ran, got)
	}
}

// The commands of docs/howto.md and docs/upgrade.md do what they say with a receiver that is up, and explain prints the text that they
// show.
func TestHowTo(t *testing.T) {
	t.Parallel()
	url, _ := startListen(t, "--json")
	h := newHome(t, "")
	standinOfDocs(t, h.dir)
	settings := "webhooks:\n  - name: oncall\n    url: " + url + "\n    secret: a-secret-of-sixteen-bytes\n" +
		"    filter: payload.exit_code > 1 and workflow_name startsWith \"deploy\"\n    events: [workflow_error]\n"
	const tests = `tests:
  - name: one
    event: {event: workflow_error, workflow_name: deploy, payload: {exit_code: 2}}
    want: [{webhook: oncall}]
`
	recording, err := os.ReadFile(recordings + "/retry-audit.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	const event = `{"event":"workflow_error","workflow_id":"5f61e16e-c3b4-4364-86db-e3823d221c9a","workflow_name":"deploy",` +
		`"timestamp":"2026-11-24T01:26:30.331Z","payload":{}}` + "\n"
	if err := os.MkdirAll(h.dir+"/config/awf", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"config/awf/settings.yaml": settings, "awf-hook.yaml": settings + tests, "new.yaml": settings + "    rate: 60/min\n",
		"audit.jsonl": string(recording), "events.jsonl": event,
	} {
		if err := os.WriteFile(filepath.Join(h.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(command string) string {
		cmd := h.command("sh", "-c", command)
		cmd.Env = append(cmd.Env, "PATH="+h.dir+":"+os.Getenv("PATH"))
		out, err := cmd.CombinedOutput()
		code := exitCode(t, err)
		mayFail := strings.Contains(command, "--diff") || strings.Contains(command, "awf run") // a difference, a failed workflow
		if code != 0 && !(code == 1 && mayFail) {
			t.Errorf("%s: %v: %s", command, err, out)
		}
		if len(out) == 0 && !strings.Contains(command, "send") && !strings.Contains(command, "awf run") && !strings.Contains(command, "--diff") {
			t.Errorf("%s printed nothing", command)
		}
		return string(out)
	}
	run("awf-hook emit -c awf-hook.yaml --sample workflow_error --json")
	ran := 0
	for _, b := range blocks(t, "sh") {
		if b.file != "howto.md" && b.file != "upgrade.md" {
			continue
		}
		for command := range strings.Lines(b.text) {
			out := run(strings.TrimSpace(command))
			if strings.Contains(command, " explain ") && !strings.Contains(textOf(t, "docs/howto.md"), out) {
				t.Errorf("explain prints\n%s\nwhich docs/howto.md does not show", out)
			}
			ran++
		}
	}
	if ran < 15 {
		t.Errorf("%d commands ran", ran)
	}
}

func textOf(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(root + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A reader with one of three questions finds its answer from README in one look: a link that names the question, to a heading that is it,
// with steps or commands below.
func TestReadersFindTheirAnswers(t *testing.T) {
	readme, howto := textOf(t, "README.md"), textOf(t, "docs/howto.md")
	for question, answer := range map[string]string{
		"How do I rotate a secret?":                         "1. Make a new secret: `awf-hook secret new`.",
		"Why did my filter not match?":                      "awf-hook explain -c awf-hook.yaml events.jsonl",
		"What happens when the receiver is down for a day?": "Nothing is lost, and you need not do anything.",
	} {
		anchor := strings.TrimSuffix(strings.ToLower(strings.ReplaceAll(question, " ", "-")), "?")
		if !strings.Contains(readme, "(docs/howto.md#"+anchor+")") {
			t.Errorf("README has no link to %s", anchor)
		}
		_, section, found := strings.Cut(howto, "\n## "+question+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if at := strings.Index(section, answer); !found || at < 0 || at > 200 {
			t.Errorf("%s: its answer does not stand at the beginning of its section", question)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)

// No link within the documents is broken: neither its file nor its heading.
func TestLinksOfTheDocuments(t *testing.T) {
	heading := regexp.MustCompile(`(?m)^#+ (.*)$`)
	notInAnchors := regexp.MustCompile("[^a-z0-9 _-]")
	for _, document := range everyDocument(t) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		prose := fence.ReplaceAllString(string(text), "")
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			target := document
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(document), m[1])
			}
			there, err := os.ReadFile(target)
			if info, statErr := os.Stat(target); err != nil && (statErr != nil || !info.IsDir()) {
				t.Errorf("%s: %s: %v", document, m[1], err)
				continue
			}
			if m[2] == "" {
				continue
			}
			known := false
			for _, h := range heading.FindAllStringSubmatch(string(there), -1) {
				anchor := strings.ReplaceAll(notInAnchors.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-")
				known = known || "#"+anchor == m[2]
			}
			if !known {
				t.Errorf("%s: %s has no heading for %s", document, filepath.Base(target), m[2])
			}
		}
	}
}
