package meter_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// A source that the version is not made of could change what is written under the same version.
func TestVersionIsMadeOfAllSources(t *testing.T) {
	text, err := os.ReadFile("version.go")
	if err != nil {
		t.Fatal(err)
	}
	var embedded, sources []string
	for line := range strings.Lines(string(text)) {
		if list, is := strings.CutPrefix(line, "//go:embed "); is {
			embedded = append(embedded, strings.Fields(list)...)
		}
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if name != "version.go" && !strings.HasSuffix(name, "_test.go") {
			sources = append(sources, name)
		}
	}
	if got, want := strings.Join(embedded, " "), strings.Join(sources, " "); got != want {
		t.Errorf("the version is made of %s, want %s", got, want)
	}
	if v := meter.Version(); len(v) != 64 || v != meter.Version() {
		t.Errorf("the version is %q, want one hash", v)
	}
}
