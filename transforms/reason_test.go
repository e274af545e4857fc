package transforms_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/transforms"
	"github.com/awf-project/awf-hook/transforms/wasm"
)

// Each failure of a module has a word of its own, which the reasons of a wasm step list.
func TestEveryFailureOfAModuleHasAWord(t *testing.T) {
	kinds := map[string]error{
		"ErrFuel": wasm.ErrFuel, "ErrTime": wasm.ErrTime, "ErrMemory": wasm.ErrMemory, "ErrStack": wasm.ErrStack, "ErrInput": wasm.ErrInput,
		"ErrOutput": wasm.ErrOutput, "ErrInvalidOutput": wasm.ErrInvalidOutput, "ErrTrap": wasm.ErrTrap, "ErrFail": wasm.ErrFail,
		"ErrModule": wasm.ErrModule,
	}
	for _, name := range errorNames(t, "wasm/errors.go") {
		if kinds[name] == nil && name != "ErrDrop" && name != "ErrClosed" { // these are not failures
			t.Errorf("%s is missing in this test", name)
		}
	}
	words := map[string]string{"error": "what has no word"}
	for name, kind := range kinds {
		word := transforms.Reason(&transforms.Error{Number: 1, Kind: "wasm", Err: &wasm.Error{Kind: kind}})
		if other, known := words[word]; known {
			t.Errorf("%s has the word %q of %s", name, word, other)
		}
		words[word] = name
		if !slices.Contains(transforms.Reasons("wasm"), word) {
			t.Errorf("%s: the reasons %q lack %q", name, transforms.Reasons("wasm"), word)
		}
	}
}

// errorNames are the package variables of a file whose names begin with Err.
func errorNames(t *testing.T, file string) (names []string) {
	t.Helper()
	tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range tree.Decls {
		group, isGroup := d.(*ast.GenDecl)
		if !isGroup || group.Tok != token.VAR {
			continue
		}
		for _, spec := range group.Specs {
			if name := spec.(*ast.ValueSpec).Names[0].Name; strings.HasPrefix(name, "Err") {
				names = append(names, name)
			}
		}
	}
	return names
}
