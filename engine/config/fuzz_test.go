package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// lineBreak is YAML's.
var lineBreak = regexp.MustCompile("\r\n|[\n\r\u0085\u2028\u2029]")

// Reading and compiling any small file may cost this much. The time is the processor's, as other programs run at the same time.
const (
	fuzzTime   = 2 * time.Second
	fuzzMemory = 256 << 20 // bytes allocated, most of which is given back at once
)

func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"config/err/*.yaml", "config/ok/*.yaml", "f028/*.yaml"} {
		files, err := filepath.Glob(filepath.Join("../../testdata", pattern))
		if err != nil || len(files) == 0 {
			f.Fatalf("no files %s in testdata: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			if len(text) <= 4096 { // the fuzzer takes minutes to minimize longer ones
				f.Add(text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		used := processorTime()
		defer func() {
			took := processorTime() - used
			runtime.ReadMemStats(&after)
			if made := after.TotalAlloc - before.TotalAlloc; took > fuzzTime || made > fuzzMemory {
				t.Errorf("reading the file took %v and %d MiB", took, made>>20)
			}
		}()
		lines := lineBreak.Split(string(text), -1)
		source := config.NewSource(text)
		for i, as := range []struct {
			origin config.Origin
			env    config.Env
		}{
			{config.UserFile, environment}, {config.UserFile, config.NoEnv}, {config.ProjectFile, environment}, {config.WorkflowFile, environment},
		} {
			cfg, err := config.ParseAs("f.yaml", text, as.origin, as.env)
			if cfg == nil {
				t.Fatalf("no configuration beside %v", err)
			}
			var mistakes config.Errors
			if err != nil && !errors.As(err, &mistakes) {
				t.Fatalf("Parse = %v, want an error of the type config.Errors", err)
			}
			if i == 0 {
				more, _ := engine.Check(cfg, engine.Options{})
				mistakes = append(mistakes, more...)
			}
			for _, m := range append(mistakes, cfg.Warnings...) {
				checkPlace(t, lines, m)
				source.Excerpt(m.Pos)
			}
			for _, w := range cfg.Webhooks {
				if w.Name == "" || !strings.HasSuffix(w.Identity, "f.yaml#"+w.Name) {
					t.Errorf("name %q, identity %q: want a name and the file with it", w.Name, w.Identity)
				}
				w.Values()
			}
		}
	})
}

// processorTime returns the processor time that this process has used.
func processorTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// checkPlace checks that a mistake is at a place in the file, or right behind the end of a line.
func checkPlace(t *testing.T, lines []string, m *config.Error) {
	t.Helper()
	switch {
	case m.File != "f.yaml" || m.Line < 1 || m.Line > len(lines):
		t.Errorf("%v: want a line from 1 to %d of f.yaml", m, len(lines))
	case m.Col < 1 || m.Col > utf8.RuneCountInString(lines[m.Line-1])+1:
		t.Errorf("%v: want a column from 1 to the length of %q and one", m, lines[m.Line-1])
	}
	if strings.ContainsFunc(m.Error(), unicode.IsControl) {
		t.Errorf("%q: want no control characters", m.Error())
	}
}
