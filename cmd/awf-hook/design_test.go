package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// The map of docs/design.md names existing files, and tests that check its invariants.
func TestDesignNamesWhatIsThere(t *testing.T) {
	text, err := os.ReadFile("../../docs/design.md")
	if err != nil {
		t.Fatal(err)
	}
	listed, err := exec.Command("git", "-C", "../..", "grep", "-hoE", "^func (Test|Fuzz)[A-Za-z0-9]+", "--", "*_test.go").Output()
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, name := range regexp.MustCompile(`(Test|Fuzz)[A-Za-z0-9]+`).FindAllString(string(listed), -1) {
		tests[name] = true
	}
	named := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9]+)`").FindAllStringSubmatch(string(text), -1)
	if len(named) < 10 {
		t.Errorf("%d tests are named, want those of the invariants", len(named))
	}
	for _, name := range named {
		if !tests[name[1]] {
			t.Errorf("docs/design.md names %s, which is nowhere", name[1])
		}
	}
	from, to := bytes.Index(text, []byte("```")), bytes.Index(text, []byte("| to add |"))
	for path := range mayImport {
		if !regexp.MustCompile(`\b` + regexp.QuoteMeta(filepath.Base(path)) + `\b`).Match(text[from:to]) {
			t.Errorf("the map in docs/design.md does not show %s", path)
		}
	}
	paths := regexp.MustCompile("`((?:cmd|engine|internal|transforms|filters)/[a-z0-9_/.-]+)`")
	for _, path := range paths.FindAllStringSubmatch(string(text), -1) {
		if _, err := os.Stat("../../" + path[1]); err != nil {
			t.Errorf("docs/design.md names %s: %v", path[1], err)
		}
	}
}
