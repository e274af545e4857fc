package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// entwined lists the types that may hold pointers to each other, and why.
var entwined = map[string]string{
	"engine/internal/store/memory: lane and row": "a row is an element of its lane's heap; " +
		"one lock guards both, and no other package sees them",
}

// State has one owner: no two types of a package of engine hold pointers to each other, neither directly nor through the structs,
// lists, maps, channels and generic types in them. A type may hold pointers to its own kind, as trees do, and a function value hides
// its owner.
func TestNoTwoTypesPointAtEachOther(t *testing.T) {
	checked := 0
	for _, pkg := range packagesBelow(t, "engine") {
		points := map[*types.TypeName]map[*types.TypeName]bool{}
		for _, name := range pkg.Scope().Names() {
			if of, isType := pkg.Scope().Lookup(name).(*types.TypeName); isType && !of.IsAlias() {
				points[of] = map[*types.TypeName]bool{}
				pointedAt(of.Type().Underlying(), false, points[of])
			}
		}
		checked += len(points)
		for a, fields := range points {
			for b, isPointer := range fields {
				if !isPointer || a.Name() >= b.Name() || !points[b][a] {
					continue
				}
				pair := fmt.Sprintf("%s: %s and %s", strings.TrimPrefix(pkg.Path(), module), a.Name(), b.Name())
				if entwined[pair] == "" {
					t.Errorf("%s hold pointers to each other", pair)
				}
			}
		}
	}
	if checked < 300 {
		t.Errorf("checked %d types, want all of engine", checked)
	}
}

// pointedAt adds the named types in a value of type t: true for those to which it holds pointers, false for those that are parts of
// it. behind says that t itself is behind a pointer.
func pointedAt(t types.Type, behind bool, found map[*types.TypeName]bool) {
	switch t := t.(type) {
	case *types.Pointer:
		pointedAt(t.Elem(), true, found)
	case *types.Slice:
		pointedAt(t.Elem(), behind, found)
	case *types.Array:
		pointedAt(t.Elem(), behind, found)
	case *types.Chan:
		pointedAt(t.Elem(), behind, found)
	case *types.Map:
		pointedAt(t.Key(), behind, found)
		pointedAt(t.Elem(), behind, found)
	case *types.Struct:
		for field := range t.Fields() {
			pointedAt(field.Type(), behind, found)
		}
	case *types.Named:
		for arg := range t.TypeArgs().Types() {
			pointedAt(arg, behind, found)
		}
		of := t.Origin().Obj()
		_, seen := found[of]
		if found[of] = found[of] || behind; !seen && !behind && of.Pkg() != nil && strings.HasPrefix(of.Pkg().Path(), module) {
			pointedAt(t.Underlying(), false, found) // a part of the value
		}
	}
}

// packagesBelow type-checks a folder's packages, without their tests.
func packagesBelow(t *testing.T, folder string) (packages []*types.Package) {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,GoFiles,Export", "./"+folder+"/...")
	cmd.Dir = filepath.Join("..", "..")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	type listed struct {
		ImportPath, Dir, Export string
		GoFiles                 []string
	}
	exports := map[string]string{}
	var ours []listed
	for decoder := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if path := strings.TrimPrefix(p.ImportPath, module); path == folder || strings.HasPrefix(path, folder+"/") {
			ours = append(ours, p)
		}
	}
	set := token.NewFileSet()
	compiled := importer.ForCompiler(set, "gc", func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) })
	for _, p := range ours {
		var files []*ast.File
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(set, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, file)
		}
		pkg, err := (&types.Config{Importer: compiled}).Check(p.ImportPath, set, files, nil)
		if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, pkg)
	}
	return packages
}
