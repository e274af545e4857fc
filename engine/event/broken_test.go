package event_test

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const brokenLines = "../../testdata/lines/broken"

// Each broken line of a known dialect is reported with its place and the reason. The next line is read as usual.
func TestBrokenLines(t *testing.T) {
	text, err := os.ReadFile(brokenLines + ".jsonl")
	if err != nil {
		t.Fatal(err)
	}
	res := read(t, bytes.NewReader(text))
	golden(t, brokenLines+".out", strings.Join(res.broken, "\n")+"\n")
	if res.passed != "" {
		t.Errorf("passed %q, want nothing", res.passed)
	}
	if got := len(res.events); got != 1 || res.events[0].WorkflowID != "good" {
		t.Errorf("%d events, want the good one", got)
	}
	if got, want := res.counts.Broken, bytes.Count(text, []byte("\n"))-1; got != want {
		t.Errorf("%d broken lines counted, want %d", got, want)
	}
}

// The golden file has every error text of the reader.
func TestEveryErrorTextIsGolden(t *testing.T) {
	golden, err := os.ReadFile(brokenLines + ".out")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := map[string]bool{
		"line is over 1 MiB": true, // TestLongLine
		"invalid JSON: %w":   true, // the standard library gives no position
		"event: missing":     true, // Validate: TestValidate
		"timestamp: missing": true,
		"timestamp: want a year from 0 to 9999, got %d": true,
		"payload: invalid JSON":                         true,
		"payload: want an object, got %s":               true,
		"payload: invalid UTF-8":                        true,
		"payload: want at most %d MiB, got %d bytes":    true,
		"payload: %w": true, // New: the library's caller

		"timestamp: want an RFC 3339 time, got %q": true, // Restore: TestTimes

		"text that looks like an event is passed on: %w": true, // TestWhatLooksLikeAnEvent
	}
	texts := 0
	for _, text := range errorTexts(t) {
		if elsewhere[text] {
			continue
		}
		texts++
		pattern := regexp.QuoteMeta(text)
		pattern = regexp.MustCompile(`%[a-z]`).ReplaceAllString(pattern, ".+")
		if !regexp.MustCompile(pattern).Match(golden) {
			t.Errorf("no line of the golden file has the error text %q", text)
		}
	}
	if texts < 8 {
		t.Errorf("found %d error texts in the source: the search is broken", texts)
	}
}

// errorTexts returns the formats with which the package makes errors.
func errorTexts(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			fun, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || fun.Sel.Name != "fail" && fun.Sel.Name != "Errorf" && fun.Sel.Name != "New" {
				return true
			}
			for _, arg := range call.Args[:min(2, len(call.Args))] {
				if lit, ok := arg.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, _ := strconv.Unquote(lit.Value)
					texts = append(texts, text)
				}
			}
			return true
		})
	}
	return texts
}

// A line over 1 MiB is reported as broken if it begins like a known dialect, and passed on otherwise. The next line is read as usual.
func TestLongLine(t *testing.T) {
	const begin = `{"event":"a","workflow_id":"w","workflow_name":"n","timestamp":"2026-11-24T01:24:00Z","payload":{"x":"`
	fill := func(size int) string { return begin + strings.Repeat("x", size-len(begin)-3) + `"}}` }
	after := envelope(`{}`)
	for _, tt := range []struct {
		name, line     string
		events, broken int
	}{
		{"at the limit", fill(1 << 20), 2, 0},
		{"one over", fill(1<<20 + 1), 1, 1},
		{"far over", fill(5 << 20), 1, 1},
		{"foreign text", strings.Repeat("y", 5<<20), 1, 0},
		{"foreign JSON", `{"log":"` + strings.Repeat("y", 5<<20) + `"}`, 1, 0},
	} {
		for _, ending := range []string{"\n", "\r\n"} {
			t.Run(fmt.Sprintf("%s %q", tt.name, ending), func(t *testing.T) {
				res := read(t, strings.NewReader(tt.line+ending+after+"\n"))
				if len(res.events) != tt.events || len(res.broken) != tt.broken {
					t.Errorf("%d events, broken %q, want %d and %d", len(res.events), res.broken, tt.events, tt.broken)
				}
				if tt.broken == 1 && len(res.broken) == 1 && res.broken[0] != "<stdin>:1: line is over 1 MiB" {
					t.Errorf("broken = %q", res.broken[0])
				}
				isForeign := tt.events+tt.broken == 1
				if got := res.passed == tt.line+ending; got != isForeign {
					t.Errorf("passed = %v (%d bytes), want %v", got, len(res.passed), isForeign)
				}
			})
		}
	}
}
