package main

import (
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// In each shell, on a real terminal, Tab completes subcommands, names of webhooks, ids, states, types of events, formats, languages and
// the words of schema.
func TestTabCompletes(t *testing.T) {
	for _, shell := range []struct {
		args  []string
		setUp string
	}{
		{[]string{"bash", "--norc", "--noprofile", "-i"},
			"source /usr/share/bash-completion/bash_completion; source <(awf-hook completion bash)"},
		{[]string{"zsh", "-f", "-i"}, "bindkey -e; autoload -U compinit; compinit -u -D; source <(awf-hook completion zsh)"},
		{[]string{"fish", "--no-config", "-i"}, "awf-hook completion fish | source"},
	} {
		t.Run(shell.args[0], func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(shell.args[0]); err != nil {
				t.Skip(err)
			}
			config := writeConfig(t, "webhooks:\n  - {name: oncall, url: 'http://127.0.0.1:1/'}\n  - {name: slack, url: 'http://127.0.0.1:1/'}\n")
			h := newHome(t, "")
			h.run(h.command(h.hook, "emit", "-c", config, "--webhook", "oncall", "--event", "workflow_error", "--drain-timeout", "50ms",
				"--log-level", "error"), exitOK)
			if err := os.WriteFile(h.dir+"/wrong.yaml", nil, 0o600); err != nil {
				t.Fatal(err)
			}
			id := regexp.MustCompile(`msg_\w+`).FindString(h.run(h.command(h.hook, "deliveries", "list"), exitOK))
			cmd := h.command(shell.args[0], shell.args[1:]...)
			cmd.Env = append(cmd.Env, "HOME="+h.dir, "TERM=xterm", "ENV=", "INPUTRC=/dev/null")
			term := onTerminalSized(t, cmd, 200, 40)
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				_ = term.wait() // it was killed
			})
			result := regexp.MustCompile("[\r\n]result (awf-hook .*?) *\r\n")
			steering := regexp.MustCompile("\x1b\\[[0-9;?]*[A-Za-z]|\x1b[(]B|\x1b\\][^\x07]*\x07|\x1b[=>]")
			enter := func(keys string) string {
				t.Helper()
				before := len(result.FindAllString(steering.ReplaceAllString(term.text(), ""), -1))
				if _, err := io.WriteString(term.pty, keys+"\x01echo re\"\"sult \r"); err != nil {
					t.Fatal(err)
				}
				var all [][]string
				waitFor(t, keys, func() bool {
					all = result.FindAllStringSubmatch(steering.ReplaceAllString(term.text(), ""), -1)
					return len(all) > before
				})
				return all[len(all)-1][1]
			}
			if _, err := io.WriteString(term.pty, shell.setUp+"\r"); err != nil {
				t.Fatal(err)
			}
			for typed, want := range map[string]string{
				"awf-hook deliv\t": "awf-hook deliveries",
				"awf-hook webhooks test -c " + config + " onc\t":                       "awf-hook webhooks test -c " + config + " oncall",
				"awf-hook preview -c " + config + " --webhook sl\t":                    "awf-hook preview -c " + config + " --webhook slack",
				"awf-hook deliveries show -c " + config + " " + id[:len(id)-20] + "\t": "awf-hook deliveries show -c " + config + " " + id,
				"awf-hook deliveries list --state dea\t":                               "awf-hook deliveries list --state dead",
				"awf-hook emit --event workflow_can\t":                                 "awf-hook emit --event workflow_cancel",
				"awf-hook formats pag\t":                                               "awf-hook formats pagerduty",
				"awf-hook transform new --lang ru\t":                                   "awf-hook transform new --lang rust",
				"awf-hook schema webhooks te\t":                                        "awf-hook schema webhooks test",
				"awf-hook check wro\t":                                                 "awf-hook check wrong.yaml",
			} {
				if got := enter(typed); got != want {
					t.Errorf("%q and Tab made %q, want %q", typed, got, want)
				}
			}
		})
	}
}

// Flags and arguments offer the names of files only if they take files, and a flag offers what its command means by it.
func TestCompletionsAreOfTheirKind(t *testing.T) {
	var visit func(cmd *cobra.Command)
	visit = func(cmd *cobra.Command) {
		cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
			kind, _ := pflag.UnquoteUsage(f)
			file := strings.HasPrefix(kind, "FILE") || slices.Contains([]string{"DIR", "PATH", "QUEUE"}, kind)
			if _, known := cmd.GetFlagCompletionFunc(f.Name); kind != "" && known == file && f.Name != "help" {
				t.Errorf("%s --%s %s: has completions of its own: %t", cmd.CommandPath(), f.Name, kind, known)
			}
		})
		for _, sub := range cmd.Commands() {
			visit(sub)
		}
	}
	visit((&command{}).root())
	config := writeConfig(t, "webhooks: [{name: oncall, url: 'http://127.0.0.1:1/'}]")
	for words, want := range map[string]string{
		"exec -c CONFIG --to": ":4", "deliveries move -c CONFIG --to": "oncall\n:4", "queue move -c CONFIG --to": ":0",
		"webhooks enable -c CONFIG": "oncall\n:4", "serve -c CONFIG": ":4", "serve -c CONFIG --lame-duck": ":4",
		"check": ":0", "sign --hash": "sha256\nsha512\n:4", "completion": "bash\nfish\nzsh\n:4",
	} {
		args := append([]string{"__complete"}, strings.Fields(strings.ReplaceAll(words, "CONFIG", config))...)
		out, err := exec.Command("awf-hook", append(args, "")...).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", words, got, err, want)
		}
	}
}
