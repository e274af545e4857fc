package wasm

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/transforms/wasm/meter"
)

// abi is one of the forms of a transform.
type abi int

const (
	reactor abi = iota // the host calls transform with the event in the guest's memory
	command            // the host calls _start with the event on stdin
	script             // the engine for scripts, with a script in its memory
)

func (a abi) String() string { return [...]string{"reactor", "command", "script"}[a] }

// The names of the ABI.
const (
	memoryExport    = "memory"
	allocExport     = "alloc"
	transformExport = "transform"
	initExport      = "_initialize"
	startCommand    = "_start"

	awfModule  = "awf"
	wasiModule = "wasi_snapshot_preview1"
	ourPrefix  = "awf:" // of the exports that the meter adds
)

// signature writes a signature: i is i32, I is i64.
func signature(params, results string) meter.Signature {
	types := strings.NewReplacer("i", "\x7f", "I", "\x7e")
	return meter.Signature{Params: types.Replace(params), Results: types.Replace(results)}
}

// detect finds out which ABI a module has, or every reason why it has none.
func detect(m *meter.Module) (abi, error) {
	mistakes := checkImports(m.Imports)
	exports := map[string]meter.Export{}
	var functions []string
	for _, e := range m.Exports {
		exports[e.Name] = e
		if strings.HasPrefix(e.Name, ourPrefix) {
			mistakes = append(mistakes, fmt.Sprintf("exports %q, which is ours", legible.ShortLine(e.Name, 60)))
		}
		if e.Kind == meter.Func {
			functions = append(functions, legible.ShortLine(e.Name, 60))
		}
	}
	kind := reactor
	_, isReactor := exports[transformExport]
	_, isCommand := exports[startCommand]
	want := func(name string, kind meter.ExternKind, s meter.Signature) {
		if err := checkExport(exports, meter.Export{Name: name, Kind: kind, Signature: s}); err != nil {
			mistakes = append(mistakes, err.Error())
		}
	}
	switch {
	case isCommand: // even if it exports transform, as stock Go does: WASI allows no other call into a command
		kind = command
		want(memoryExport, meter.Memory, meter.Signature{})
		want(startCommand, meter.Func, meter.Signature{})
	case isReactor:
		want(memoryExport, meter.Memory, meter.Signature{})
		want(allocExport, meter.Func, signature("i", "i"))
		want(transformExport, meter.Func, signature("ii", "I"))
		if _, ok := exports[initExport]; ok {
			want(initExport, meter.Func, meter.Signature{})
		}
	default:
		found := ""
		if functions != nil {
			found = ", but " + first(functions, 8, ", ")
		}
		mistakes = append(mistakes, "exports neither transform (a reactor) nor _start (a command)"+found)
	}
	if len(mistakes) == 0 {
		return kind, nil
	}
	return 0, listed(mistakes)
}

// listed returns an error of the first mistakes.
func listed(mistakes []string) error { return errors.New(first(mistakes, 10, "; ")) }

// first joins the first of a list, and says how many more there are.
func first(list []string, most int, separator string) string {
	if n := len(list) - most; n > 0 {
		list = append(list[:most:most], fmt.Sprintf("and %d more", n))
	}
	return strings.Join(list, separator)
}

func checkExport(exports map[string]meter.Export, want meter.Export) error {
	e, ok := exports[want.Name]
	switch {
	case !ok:
		return fmt.Errorf("does not export %s", want.Name)
	case e.Kind != want.Kind:
		return fmt.Errorf("exports %s as a %s: want a %s", want.Name, e.Kind, want.Kind)
	case e.Signature != want.Signature:
		return fmt.Errorf("exports %s as %s: want %s", want.Name, e.Signature, want.Signature)
	}
	return nil
}

const needsJavaScript = "wasm-bindgen's modules need JavaScript: build a cdylib without it"

// foreignABIs lists other ABIs that modules are built for, by an import that shows them: a pattern of its module, and a name or "" for any.
var foreignABIs = []struct{ module, name, advice string }{
	{"extism:host/*", "", "Extism's plug-ins have an ABI of their own: replace its calls for input and output"},
	{"wbg", "", needsJavaScript},
	{"__wbindgen_placeholder__", "", needsJavaScript},
	{"a", "", "Emscripten, which has shortened the names: build with -sSTANDALONE_WASM"},
	{"env", "abort", "AssemblyScript: build with --use abort="},
	{"env", "", "Emscripten: build with -sSTANDALONE_WASM; C: link what is missing"},
	{"gojs", "", "Go: build with GOOS=wasip1"},
	{"go", "", "Go: build with GOOS=wasip1"},
	{"./*_bg.js", "", needsJavaScript},
	{"wasi", "thread-spawn", "threads: build for wasip1 without -pthread"},
	{"wasi_unstable", "", "build for wasip1"},
	{"wasi", "", "build for wasip1"},
	{"wasi:*/*", "", "a part of a component: build for wasip1"},
}

// foreign returns advice about an import of another ABI.
func foreign(i meter.Import) string {
	for _, abi := range foreignABIs {
		if is, _ := path.Match(abi.module, i.Module); is && (abi.name == "" || abi.name == i.Name) {
			return " (" + abi.advice + ")"
		}
	}
	return ""
}

// checkImports lists the imports that no guest gets, those of one ABI together.
func checkImports(imports []meter.Import) (mistakes []string) {
	var advices []string
	names := map[string][]string{} // by advice
	for _, i := range imports {
		if i.Module == awfModule || i.Module == wasiModule {
			if err := checkImport(i); err != nil {
				mistakes = append(mistakes, err.Error())
			}
			continue
		}
		advice := foreign(i)
		if names[advice] == nil {
			advices = append(advices, advice)
		}
		names[advice] = append(names[advice], legible.ShortLine(i.Module, 60)+"."+legible.ShortLine(i.Name, 60))
	}
	for _, advice := range advices {
		mistakes = append(mistakes,
			fmt.Sprintf("imports %s: want only %s.* and %s.*%s", first(names[advice], 5, ", "), awfModule, wasiModule, advice))
	}
	return mistakes
}

// checkImport refuses an import that no guest gets from one of our modules.
func checkImport(i meter.Import) error {
	name := legible.ShortLine(i.Module, 60) + "." + legible.ShortLine(i.Name, 60)
	functions := hostFunctions(i.Module)
	f, ok := functions[i.Name]
	if !ok {
		if i.Module == awfModule {
			return fmt.Errorf("imports %s: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(functions)), ", "))
		}
		return fmt.Errorf("imports %s: WASI preview 1 has no such function", name)
	}
	if f.signature != i.Signature {
		return fmt.Errorf("imports %s as %s: want %s", name, i.Signature, f.signature)
	}
	return nil
}
