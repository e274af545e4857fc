package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/format"
)

// The webhooks that init writes as comments are valid once they are uncommented.
func TestInitShowsSlackAndPagerDuty(t *testing.T) {
	var uncommented strings.Builder
	for line := range strings.Lines(string(initFile)) {
		if rest, isComment := strings.CutPrefix(line, "  # "); isComment && !strings.HasPrefix(rest, "Slack and") {
			line = "  " + rest
		}
		uncommented.WriteString(line)
	}
	file := filepath.Join(t.TempDir(), "awf-hook.yaml")
	if err := os.WriteFile(file, []byte(uncommented.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _ := runHook(t, exitOK, strings.NewReader(""), "check", "--no-env", file); !strings.Contains(out, "webhooks: 3") {
		t.Errorf("check said %q of\n%s", out, uncommented.String())
	}
}

// Each format's example is a valid configuration.
func TestFormatsExamplesAreGood(t *testing.T) {
	t.Parallel()
	for _, name := range format.Names() {
		kind, _ := format.Lookup(name)
		config, _ := kind.Example()
		file := filepath.Join(t.TempDir(), name+".yaml")
		if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
			t.Fatal(err)
		}
		runHook(t, exitOK, strings.NewReader(""), "check", "--no-env", file)
	}
}
