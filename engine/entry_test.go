package engine_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"
)

// unshown lists entry points without an example of their own: those in Example, those of the command, to be hidden before
// 1.0, and those that their type explains.
var unshown = strings.Fields(`
	Open Engine.Submit Engine.Run Engine.Drain Engine.Close Engine.Report
	Engine.Attend ParseScript
	AuditFile Body Orphans PassThrough QueueName Renames Storage Transcripts
	Engine.Adopt Engine.Config Engine.KeepsHouse Engine.Lanes Engine.Name Engine.Queue Engine.Ready Engine.ReloadFailed Engine.Turned Engine.Warnings Engine.Webhooks
	NewSeal Engine.Mistakes Engine.QueueEngine Engine.Standing FailureReasons
`)

// Each exported function, and each method of Engine, has an example that runs.
func TestEntryPointsHaveExamples(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	fset := token.NewFileSet()
	var files []*ast.File
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), ".go") {
			continue
		}
		file, err := parser.ParseFile(fset, entry.Name(), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if name := file.Name.Name; name == "engine" || name == "engine_test" {
			files = append(files, file)
		}
	}
	pkg, err := doc.NewFromFiles(fset, files, "github.com/awf-project/awf-hook/engine")
	if err != nil {
		t.Fatal(err)
	}
	left := map[string]bool{}
	for _, name := range unshown {
		left[name] = true
	}
	has := func(name string, examples []*doc.Example) {
		switch shown := len(examples) > 0 && examples[0].Output != ""; {
		case left[name]:
			delete(left, name)
		case !shown:
			t.Errorf("%s has no example with an output", name)
		}
	}
	funcs := pkg.Funcs
	for _, typ := range pkg.Types {
		funcs = append(funcs, typ.Funcs...)
		for _, method := range typ.Methods {
			if typ.Name == "Engine" {
				has("Engine."+method.Name, method.Examples)
			}
		}
	}
	for _, f := range funcs {
		has(f.Name, f.Examples)
	}
	for name := range left {
		t.Errorf("unshown has %s, which is no entry point", name)
	}
}
