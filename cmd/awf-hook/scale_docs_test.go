package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/testdata/pgtest"
)

// docs/scale.md's configuration and commands, on a real server: what one machine delivered is known to another.
func TestDocsScale(t *testing.T) {
	t.Parallel()
	_, database := pgtest.New(t, "fsync=off")
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
