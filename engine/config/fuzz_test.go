package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/awf-project/awf-hook/engine/config"
)

// breaks are YAML's line breaks; each \r\n counts twice here, which only loosens the bound.
var breaks = strings.NewReplacer("\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"err", "ok"} {
		files, err := filepath.Glob(filepath.Join("../../testdata/config", pattern, "*.yaml"))
		if err != nil || len(files) == 0 {
			f.Fatalf("no files in testdata/config/%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(text) <= 4096 { // long inputs are minimized for minutes
				f.Add(text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		last := strings.Count(breaks.Replace(string(text)), "\n") + 2
		for _, env := range []config.Env{environment, config.NoEnv} {
			cfg, err := config.Parse("f.yaml", text, env)
			if cfg == nil {
				t.Fatalf("no configuration beside %v", err)
			}
			var mistakes config.Errors
			if err != nil && !errors.As(err, &mistakes) {
				t.Fatalf("Parse = %v, want an error of the type config.Errors", err)
			}
			for _, m := range mistakes {
				if m.File != "f.yaml" || m.Line < 1 || m.Line > last || m.Col < 1 {
					t.Errorf("%v: want the line to be 1 to %d and the column 1 or more", m, last)
				}
				if strings.ContainsFunc(m.Error(), unicode.IsControl) {
					t.Errorf("%q: want no control characters", m.Error())
				}
			}
			for _, w := range cfg.Webhooks {
				if w.Name == "" || !strings.HasSuffix(w.Identity, "f.yaml#"+w.Name) {
					t.Errorf("name %q, identity %q: want a name and the file with it", w.Name, w.Identity)
				}
				for _, text := range append(w.Events, w.Filter) {
					if at := text.Fail(1, 0, "m"); text.Path != "" && (at.Line < 1 || at.Line > last || at.Col < 1) {
						t.Errorf("%v: want the line to be 1 to %d and the column 1 or more", at, last)
					}
				}
			}
		}
	})
}
