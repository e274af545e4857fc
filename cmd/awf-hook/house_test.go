package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// goFiles calls look with each Go file of this module, except nested modules and test data.
func goFiles(t *testing.T, look func(path string, source []byte)) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			nested := path != root && exists(filepath.Join(path, "go.mod"))
			if nested || entry.Name() == "testdata" || entry.Name() == "node_modules" || entry.Name() == ".git" {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		source, err := os.ReadFile(path)
		look(path, source)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// State has one owner: no two types of package engine hold pointers to each other.
func TestNoTwoTypesPointAtEachOther(t *testing.T) {
	holds := map[string]map[string]bool{} // by type: the types that its fields point at
	engine := filepath.Join("..", "..", "engine")
	goFiles(t, func(path string, source []byte) {
		if filepath.Dir(path) != engine || strings.HasSuffix(path, "_test.go") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			spec, is := node.(*ast.TypeSpec)
			if !is {
				return true
			}
			fields := map[string]bool{}
			ast.Inspect(spec.Type, func(node ast.Node) bool {
				if _, is := node.(*ast.FuncType); is {
					return false // a function value hides its owner
				}
				if star, is := node.(*ast.StarExpr); is {
					if name, is := star.X.(*ast.Ident); is {
						fields[name.Name] = true
					}
				}
				return true
			})
			holds[spec.Name.Name] = fields
			return true
		})
	})
	if len(holds) < 10 {
		t.Fatalf("found %d types in package engine", len(holds))
	}
	for a, fields := range holds {
		for b := range fields {
			if a < b && holds[b][a] {
				t.Errorf("%s and %s hold pointers to each other", a, b)
			}
		}
	}
}
