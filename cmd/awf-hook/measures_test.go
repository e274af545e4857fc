package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

// The measures of the house. Files of tests keep those of their lines alone, and may have more of them, as their tables are long.
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

// A reader takes in each file, function and line at once.
func TestMeasures(t *testing.T) {
	used := map[string]bool{}
	goFiles(t, func(path string, source []byte) {
		path = filepath.ToSlash(strings.TrimPrefix(path, filepath.Join("..", "..")+string(filepath.Separator)))
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/storetest/") {
			for _, mistake := range overLines(source, maxTestLines) {
				t.Errorf("%s: %s", path, mistake)
			}
			return
		}
		for _, mistake := range append(overLines(source, maxFileLines), overFunctions(t, path, source)...) {
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

// overLines says whether a file has too many lines, and lists those that are too wide.
func overLines(source []byte, maxLines int) (mistakes []string) {
	lines := strings.Split(strings.TrimSuffix(string(source), "\n"), "\n")
	if len(lines) > maxLines {
		mistakes = append(mistakes, fmt.Sprintf("%d lines, want at most %d", len(lines), maxLines))
	}
	for i, line := range lines {
		if n := utf8.RuneCountInString(line); n > maxColumns {
			mistakes = append(mistakes, fmt.Sprintf("line %d has %d columns, want at most %d", i+1, n, maxColumns))
		}
	}
	return mistakes
}

// overFunctions lists the functions that are too long or have too many parameters.
func overFunctions(t *testing.T, path string, source []byte) (mistakes []string) {
	say := func(format string, args ...any) { mistakes = append(mistakes, fmt.Sprintf(format, args...)) }
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
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
