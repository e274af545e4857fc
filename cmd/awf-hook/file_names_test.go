package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A checkout chooses the names of its files and folders. They steer no terminal and break no line, whatever command prints them.
func TestFileNamesDoNotSteer(t *testing.T) {
	const evil = "a\x1b]0;title\x07\x1b[2J\u009b5A\u202e\nb: c"
	dir := filepath.Join(t.TempDir(), evil)
	must(t, os.MkdirAll(filepath.Join(dir, ".awf/workflows"), 0o700))
	t.Chdir(dir)
	t.Setenv("AWF_CONFIG_HOME", dir)
	t.Setenv("XDG_STATE_HOME", dir)
	const good = "webhooks: [{name: %, url: 'http://127.0.0.1:1/', retry: {max_attempts: 1}}]\n"
	hooks := func(name string) string { return strings.ReplaceAll(good, "%", name) }
	write(t, "past.jsonl", `{"event":"workflow_error","workflow_id":"1","workflow_name":"ship","timestamp":"2026-11-24T00:00:00Z"}`+"\n"+
		`{"event":"workflow_error","workflow_id":"2","workflow_name":"bad","timestamp":"2026-11-24T00:00:00Z"}`+"\n")
	write(t, ".awf/settings.yaml", hooks("settled"))
	write(t, ".awf/workflows/"+evil+"1.yaml", "name: ship\n"+hooks("shipped"))
	write(t, ".awf/workflows/"+evil+"2.yaml", "name: bad\nwebhooks: [{name: x, url: 5, nme: 6}]\n")
	write(t, evil+".yaml", hooks("own")+"tests: [{event: {event: workflow_error}, want: [{webhook: nobody}]}]\n")
	write(t, evil+"bad.yaml", hooks("own")+"x: y\n")
	named := strings.NewReplacer("ONE", evil+".yaml", "BAD", evil+"bad.yaml")
	for _, line := range []string{
		"check", "trust", "trust --yes", "trust --list", "check", "check --print", "check --print --workflow ship", "preview", "explain",
		"test", "run", "deliveries list", "webhooks list", "webhooks disable shipped", "webhooks test settled", "doctor", "trust --revoke",
		"run", "check -c ONE", "check ONE", "check -c BAD", "check --print -c ONE", "test -c ONE", "test -c BAD", "preview -c ONE",
		"preview -c BAD", "explain -c ONE", "run -c ONE", "run -c BAD", "webhooks list -c ONE", "webhooks disable own -c ONE",
		"deliveries move --from own --to new -c ONE", "doctor -c ONE", "doctor -c BAD", "eval -c BAD true", "backtest -c BAD past.jsonl",
	} {
		words := strings.Fields(line)
		for i := range words {
			words[i] = named.Replace(words[i])
		}
		_, out, said := invoked(t, words...)
		if text := out + said; strings.ContainsAny(text, "\x1b\x07\u009b\u202e") || strings.Contains(text, "\nb: c") {
			t.Errorf("%s: %q", line, text)
		}
	}
}
