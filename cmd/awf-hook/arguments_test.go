package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// No command takes an empty value of a flag, which an unset variable of a script leaves, or a negative number or time. The flags that give
// an event a text are the exception.
func TestValuesThatWouldBeGuessed(t *testing.T) {
	everyCommand(t)
	tried := 0
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
		path := strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), "awf-hook"), " ")
		if path == "" || path == "exec" || cmd.Hidden { // exec runs its command nevertheless
			return
		}
		try := func(f *pflag.Flag) {
			value := map[string]string{"int": "-1", "int64": "-1", "duration": "-1s"}[f.Value.Type()]
			if f.Value.Type() == "bool" || path == "emit" && strings.HasPrefix(f.Name, "workflow") {
				return
			}
			tried++
			code, out, said := invoked(t, append(strings.Fields(path), "--"+f.Name+"="+value)...)
			if code != exitUsage || out != "" || !strings.HasPrefix(said, "awf-hook: --"+f.Name+": ") {
				t.Errorf("%s --%s=%q: exit code %d: %s%s", path, f.Name, value, code, out, said)
			}
		}
		cmd.LocalFlags().VisitAll(try)
		cmd.InheritedFlags().VisitAll(try)
	}
	walk((&command{}).root())
	if tried < 200 {
		t.Errorf("tried %d flags", tried)
	}
}

// Commands refuse arguments that they would ignore or take for something else, or say so.
func TestArgumentsThatDoNothing(t *testing.T) {
	id := everyCommand(t)
	const unknownEvent = "no event of AWF has this type, did you mean workflow_error?"
	for line, want := range map[string]string{
		"check ''":           "got an empty argument",
		"deliveries show ''": "got an empty argument",
		"deliveries delete --webhook= --state dead":             "--webhook: want a NAME, got an empty text",
		"deliveries replay --state delivered --yes":             "want an ID, flags that say which to replay, or --all",
		"sign --secret s --at -5 past.jsonl":                    "--at: want a time",
		"listen 99999":                                          "99999: invalid port: want a port",
		"schema nope":                                           "no command awf-hook nope",
		"deliveries delete --all --webhook bad":                 "only one of them",
		"deliveries delete " + id + " --all":                    "only one of them",
		"deliveries replay " + id + " --webhook bad":            "only one of them",
		"deliveries replay --workflow nosuch":                   "no delivery matches",
		"deliveries delete --event workflow_erorr":              "no delivery matches: " + unknownEvent,
		"deliveries list --since 2999-01-01":                    "--since: 2999-01-01 is in the future",
		"deliveries list -c wrong.yaml --since -1h":             "--since: want a time",
		"emit -c hook.yaml --event workflow_eror --workflow w":  "--event workflow_eror: " + unknownEvent,
		"emit -c hook.yaml --event step_*":                      "--event: want letters",
		"emit -c hook.yaml --sample backup_done":                "--sample: no type of event is called backup_done: want one of",
		"webhooks test bad -c hook.yaml --event workflow_erorr": "did you mean workflow_error?",
		"eval payload past.jsonl --event workflow_erorr":        "no event has the type workflow_erorr: " + unknownEvent,
		"preview -c hook.yaml past.jsonl passed.txt hook.yaml":  "awf-hook: hook.yaml: no event in the input: it has no JSON",
	} {
		args := strings.Fields(line)
		for i := range args {
			args[i] = strings.Trim(args[i], "'")
		}
		if _, _, said := invoked(t, args...); !strings.Contains(said, want) {
			t.Errorf("awf-hook %s: %q, want %q", line, said, want)
		}
	}
}

// A command that needs only the queue's place does not guess it if the configuration has a mistake there.
func TestQueueWhosePlaceIsInDoubt(t *testing.T) {
	everyCommand(t)
	for text, inDoubt := range map[string]bool{
		"":                              true,
		"\x00":                          true,
		"webhooks: [":                   true,
		"queue: {pth: q.db}\n":          true,
		"queue: {path: '${NOT_SET}'}\n": true,
		"qeue: {path: q.db}\n":          true,
		"Queue: {path: q.db}\n":         true,
		"store: {path: q.db}\n":         true,
		"- queue: {path: q.db}\n":       true,
		"{queue: {}, queue: {path: q.db}, webhooks: []}\n":  true,
		"webhooks: [{url: 'http://a', queue: {path: q}}]\n": true,
		"webhooks: [{url: 'http://a', Qeue: {path: q}}]\n":  true,
		"network: {queue: {path: q.db}}\n":                  true,
		"webhooks: [{urk: 1}]\n":                            false,
		"webhooks: [{url: '${UNSET}'}]\n":                   false,
	} {
		write(t, "doubt.yaml", text)
		for _, path := range []string{"deliveries list", "deliveries delete --all --dry-run", "deliveries delete --all",
			"deliveries replay --all", "webhooks list", "operations", "top --interval 100ms", "queue check"} {
			code, _, said := invoked(t, append(strings.Fields(path), "-c", "doubt.yaml")...)
			if inDoubt != (code == exitConfig) || inDoubt && !strings.Contains(said, "doubt.yaml:1:") {
				t.Errorf("%s with the configuration %q: exit code %d: %s", path, text, code, said)
			}
			words := append(strings.Fields(path), "-c", "doubt.yaml", "--queue", "state/awf-hook/queue.db")
			if code, _, said := invoked(t, words...); code != exitOK {
				t.Errorf("%s of a queue that --queue names: exit code %d: %s", path, code, said)
			}
		}
	}
}

// A name means all webhooks that have it. A webhook without a lane cannot be closed, and the command says which one stays open.
func TestDisableSaysWhatStaysOpen(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	t.Setenv("AWF_CONFIG_HOME", dir)
	t.Setenv("XDG_STATE_HOME", dir)
	const hooks = "webhooks: [{name: oncall, url: 'http://127.0.0.1:1/'}]\n"
	write(t, "settings.yaml", hooks)
	must(t, os.Mkdir("workflows", 0o700))
	const definition = "workflows/ship.yaml"
	write(t, definition, "name: ship\n"+hooks)
	for _, workflow := range []string{"deploy", "ship"} {
		runHook(t, exitOK, nil, "emit", "--event", "workflow_end", "--workflow", workflow, "--drain-timeout", "1ms", "--log-level", "error")
		_, said := runHook(t, exitOK, nil, "webhooks", "disable", "oncall")
		open := filepath.Join(dir, definition) + "#oncall has had no delivery yet and is not disabled"
		if !strings.Contains(said, "oncall disabled\n") || strings.Contains(said, open) != (workflow == "deploy") {
			t.Errorf("after an event of %s: %s", workflow, said)
		}
	}
}

// A dash means stdin in each command that reads events, a body or a request from a file.
func TestDashIsStdin(t *testing.T) {
	everyCommand(t)
	for _, line := range []string{
		"eval event", "explain -c hook.yaml", "preview -c hook.yaml", "sign --secret s --id a --at 1", "verify --secret s",
		"sign --secret s --id a --at 1 --json", "preview --json -c hook.yaml",
	} {
		args := strings.Fields(line)
		code, want, _ := invoked(t, append(args, "past.jsonl")...)
		if got, out, said := invoked(t, append(args, "-")...); got != code || out != want || want == "" {
			t.Errorf("%s -: exit code %d: %s%s, want %d: %s", line, got, out, said, code, want)
		}
	}
}

// A command that inherits --server and cannot use it says why, before it opens anything.
func TestServerIsRefusedWhereItMeansNothing(t *testing.T) {
	id := everyCommand(t)
	for path, why := range localOnly {
		code, out, said := invoked(t, append(calls[path].words(path, id), "--server", "http://127.0.0.1:1")...)
		if code != exitUsage || out != "" || !strings.HasPrefix(said, "awf-hook: --server: "+why) {
			t.Errorf("%s --server: exit code %d: %s%s", path, code, out, said)
		}
	}
}

// With --log-format json each line on stderr is a record or, with --json, the report, whatever a command says there.
func TestEachMessageIsARecord(t *testing.T) {
	id := everyCommand(t)
	lines := 0
	for path, c := range calls {
		args := append([]string{"--log-format", "json"}, c.words(path, id)...)
		if path == "exec" { // what follows its command is the command's
			args = append([]string{"exec", "--log-format", "json"}, c.words("", id)...)
		}
		_, _, said := invoked(t, args...)
		for line := range strings.Lines(said) {
			lines++
			var record struct{ Level, Msg string }
			if err := json.Unmarshal([]byte(line), &record); err != nil || record.Msg == "" && !strings.Contains(line, `"events":`) {
				t.Errorf("%s: %v: %s", path, err, line)
			}
		}
	}
	if lines < 20 {
		t.Errorf("the commands said %d lines", lines)
	}
}
