package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The configuration and commands in docs/scale.md work on a real server: one machine knows what another one delivered.
func TestDocsScale(t *testing.T) {
	t.Parallel()
	database := databases.New(t)
	page, err := os.ReadFile(root + "docs/scale.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(page)
	if block == nil {
		t.Fatal("no configuration in docs/scale.md")
	}
	receiver := newCounted()
	text := strings.NewReplacer(
		"postgres://awf@db.example/hooks", database, "https://hooks.example.com/awf", serve(t, receiver),
	).Replace(string(block[1]))
	here, there := writeConfig(t, "%s", text), writeConfig(t, "%s", text) // two machines' files

	runHook(t, exitOK, strings.NewReader(envelopes("r", 3)), "run", "-c", here)
	if receiver.count() != 3 {
		t.Errorf("%d events arrived, want 3", receiver.count())
	}
	if _, talk := runHook(t, exitOK, strings.NewReader(envelopes("r", 3)), "run", "-c", there); !strings.Contains(talk, "3 known") {
		t.Errorf("another machine says %s, want the events to be known", talk)
	}
	queue := t.TempDir() + "/queue.db"
	alone := writeConfig(t, "webhooks: [{name: oncall, url: 'http://127.0.0.1:%s', retry: {delay: 1h}}]", freePort())
	runHook(t, exitOK, strings.NewReader(envelopes("moved", 2)), "run", "-c", alone, "--queue", queue, "--log-level", "error")
	for _, b := range blocks(t, "sh") {
		if b.file != "scale.md" || !strings.Contains(b.text, "queue move") {
			continue
		}
		for line := range strings.Lines(strings.NewReplacer("~/.local/state/awf-hook/queue.db", queue, "postgres://awf@db.example/hooks",
			database).Replace(b.text)) {
			args := append(strings.Fields(line)[1:], "-c", there)
			out, talk := runHook(t, exitOK, nil, args...)
			if !strings.Contains(out+talk, "2 moved from") && !strings.Contains(out, "is consistent") {
				t.Errorf("%q says %s%s", args, out, talk)
			}
		}
	}
	commands := regexp.MustCompile("(?s)```sh\n(.*?)```").FindSubmatch(page)
	if commands == nil {
		t.Fatal("no commands in docs/scale.md")
	}
	for _, line := range regexp.MustCompile("(?m)^awf-hook (.*)$").FindAllSubmatch(commands[1], -1) {
		args := append(strings.Fields(string(line[1])), "-c", there)
		if out, _ := runHook(t, exitOK, nil, args...); !strings.Contains(out, "oncall") {
			t.Errorf("%q shows %s", args, out)
		}
	}
}
