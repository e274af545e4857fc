package main

import (
	"go/ast"
	"go/build"
	"go/doc"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// centralTypes are the packages that other programs import, each with the types whose methods must be called in an Example too.
var centralTypes = map[string]string{
	"engine":            "Engine Deliveries Child Seal",
	"engine/config":     "Config",
	"engine/delivery":   "",
	"engine/event":      "Reader",
	"engine/expression": "Compiler Env Program",
	"engine/secret":     "Masker Secret URL",
	"engine/signature":  "Signer Custom",
	"engine/trace":      "Context",
	"filters":           "Filter",
	"transforms":        "Compiler",
	"transforms/format": "Receiver",
	"transforms/guest":  "",
	"transforms/wasm":   "Sandbox Module",
}

// needNoExample has the functions and methods that need no Example, by the reason.
var needNoExample = map[string]string{
	"fmt, slog or encoding calls it": `engine/secret.Secret.Format engine/secret.Secret.LogValue engine/secret.Secret.MarshalText
		engine/secret.Secret.String engine/secret.URL.Format engine/secret.URL.LogValue engine/secret.URL.MarshalText engine/secret.URL.String`,
	"transforms and previews mask with it": `engine/secret.Differences engine/secret.Join engine/secret.MaskParts engine/secret.Masker.Parts
		engine/secret.Texts engine/secret.Veil engine/secret.VeilParts transforms.Hidden engine/expression.Program.IsSecret
		engine/expression.Program.PartOfBody`,
	"config finds mistakes with it": `engine/secret.Pasted engine/secret.Placeholder engine/secret.SplitHost engine/secret.Unread`,
	"transforms and formats are built on it": `engine/expression.Env.SetBody engine/expression.Env.SetEventBody engine/expression.Env.SetWith
		engine/expression.TraceTemplate transforms.Compiler.Warn transforms.TemplatesOf transforms/format.Receiver.Compile`,
	"the engine or its tests call it": `engine/config.Config.Unread engine/trace.Begin filters.Filter.IsOperators transforms/wasm.Module.Begun
		transforms/wasm.Module.FuelPercent transforms/wasm.Sandbox.Instances`,
	"serve and its page show it": `engine.Engine.KeepsHouse engine.Engine.ReloadFailed engine.Deliveries.Standing engine.Engine.Turned
		engine.Deliveries.Nodes engine.Deliveries.Oldest engine.Deliveries.Operations engine.Deliveries.Record`,
	"a single command of awf-hook uses it": `engine.Engine.Adopt engine.Deliveries.Blockers engine.Deliveries.Hurry engine.Deliveries.MoveTo
		engine.Deliveries.Namespaces`,
}

// TestEveryEntryPointHasAnExample requires a runnable Example of every exported function. An Example of its type may show a
// constructor, and any Example of the package may show a method.
func TestEveryEntryPointHasAnExample(t *testing.T) {
	excused := map[string]bool{}
	for _, names := range needNoExample {
		for name := range strings.FieldsSeq(names) {
			excused[name] = true
		}
	}
	for _, path := range slices.Sorted(maps.Keys(centralTypes)) {
		for name, shown := range entryPoints(t, path) {
			switch full := path + "." + name; {
			case !shown && !excused[full]:
				t.Errorf("%s has no Example with an // Output: comment", full)
			case shown && excused[full]:
				t.Errorf("%s has an Example: remove it from needNoExample", full)
			default:
				delete(excused, full)
			}
		}
	}
	for name := range excused {
		t.Errorf("needNoExample has %s, which is not exported", name)
	}
}

// entryPoints returns a package's exported functions, and the methods of its central types, each with whether an Example shows it.
func entryPoints(t *testing.T, path string) map[string]bool {
	pkg := parsedDoc(t, path)
	calls := map[string]bool{} // the names that runnable Examples call
	addCalls(calls, pkg.Examples)
	for _, f := range pkg.Funcs {
		addCalls(calls, f.Examples)
	}
	for _, typ := range pkg.Types {
		addCalls(calls, typ.Examples)
		for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
			addCalls(calls, f.Examples)
		}
	}
	points := map[string]bool{}
	for _, f := range pkg.Funcs {
		points[f.Name] = slices.ContainsFunc(f.Examples, runs)
	}
	for _, typ := range pkg.Types {
		for _, f := range typ.Funcs {
			points[f.Name] = slices.ContainsFunc(f.Examples, runs) || slices.ContainsFunc(typ.Examples, runs) && calls[f.Name]
		}
		if !slices.Contains(strings.Fields(centralTypes[path]), typ.Name) {
			continue
		}
		for _, m := range typ.Methods {
			points[typ.Name+"."+m.Name] = calls[m.Name]
		}
	}
	return points
}

// parsedDoc parses a package of this module as go doc does, with the Examples of its tests.
func parsedDoc(t *testing.T, path string) *doc.Package {
	dir := filepath.Join("..", "..", filepath.FromSlash(path))
	built, err := build.ImportDir(dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	fset := token.NewFileSet()
	for _, name := range slices.Concat(built.GoFiles, built.TestGoFiles, built.XTestGoFiles) {
		f, err := parser.ParseFile(fset, filepath.Join(dir, name), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	pkg, err := doc.NewFromFiles(fset, files, module+path)
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

func runs(e *doc.Example) bool { return e.Output != "" || e.EmptyOutput }

func addCalls(calls map[string]bool, examples []*doc.Example) {
	for _, e := range examples {
		if !runs(e) {
			continue
		}
		ast.Inspect(e.Code, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok {
				calls[s.Sel.Name] = true
			}
			return true
		})
	}
}
