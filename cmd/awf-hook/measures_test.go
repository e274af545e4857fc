package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The measures of the house, for what is built. A file of tests may have a table more.
const (
	maxFileLines     = 400
	maxTestLines     = 500
	maxFunctionLines = 60
	maxParameters    = 4   // beside a context
	maxColumns       = 140 // characters, a tab for one
)

// larger lists the exceptions, and why.
var larger = map[string]string{
	"engine/signature/signature.go": "Verify is called by receivers, whose code names its five arguments",
}

// Files, functions and lines are of a size that a reader takes in at once.
func TestMeasures(t *testing.T) {
	used := map[string]bool{}
	goFiles(t, func(path string, source []byte) {
		path = filepath.ToSlash(strings.TrimPrefix(path, filepath.Join("..", "..")+string(filepath.Separator)))
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/storetest/") {
			if n := bytes.Count(source, []byte("\n")); n > maxTestLines {
				t.Errorf("%s: %d lines, want at most %d", path, n, maxTestLines)
			}
			return
		}
		for _, mistake := range overMeasure(t, path, source) {
			if used[path] = true; larger[path] == "" {
				t.Errorf("%s: %s", path, mistake)
			}
		}
	})
	for path, why := range larger {
		if !used[path] {
			t.Errorf("%s is an exception (%s), and keeps the measures: take it out", path, why)
		}
	}
}

// overMeasure lists the parts of a file that are too large.
func overMeasure(t *testing.T, path string, source []byte) (mistakes []string) {
	say := func(format string, args ...any) { mistakes = append(mistakes, fmt.Sprintf(format, args...)) }
	lines := strings.Split(strings.TrimSuffix(string(source), "\n"), "\n")
	if len(lines) > maxFileLines {
		say("%d lines, want at most %d", len(lines), maxFileLines)
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range lines {
		if n := utf8.RuneCountInString(line); n > maxColumns {
			say("line %d has %d columns, want at most %d", i+1, n, maxColumns)
		}
	}
	for _, d := range file.Decls {
		f, isFunction := d.(*ast.FuncDecl)
		if !isFunction {
			continue
		}
		if length := set.Position(f.End()).Line - set.Position(f.Pos()).Line + 1; length > maxFunctionLines {
			say("%s has %d lines, want at most %d", f.Name.Name, length, maxFunctionLines)
		}
		n := f.Type.Params.NumFields()
		if n > 0 {
			if of, isSelector := f.Type.Params.List[0].Type.(*ast.SelectorExpr); isSelector && of.Sel.Name == "Context" {
				n--
			}
		}
		if n > maxParameters {
			say("%s has %d parameters, want at most %d", f.Name.Name, n, maxParameters)
		}
	}
	return mistakes
}
