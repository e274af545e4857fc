// Package author starts projects of wasm transforms, builds them, and inspects and measures their modules.
package author

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Module is the name of the file that a project builds.
const Module = "transform.wasm"

// Language is a programming language for transforms.
type Language struct {
	Name    string
	Source  string   // a project with this file is in this language
	example string   // new projects are copies of this example; "" for none
	files   []string // of the example, besides the source and the files of every project
	find    func(project string) (compiler string, ok bool)
	missing string   // what to do without a compiler
	prepare string   // the command that a new project needs before its first build; "" for none
	build   []string // empty for a script, which needs no build
	env     []string
}

// IsScript reports whether a project's source runs without a build.
func (l *Language) IsScript() bool { return len(l.build) == 0 }

// languages lists the languages. The first one whose source exists is a project's language. In build, OUT stands for the
// module's file. Modules keep their functions' names, so that traps can show them.
var languages = []Language{
	{
		Name: "go", Source: "main.go", example: "slack-go", find: onPath("go"),
		missing: "install Go 1.24 or newer: https://go.dev/dl",
		env:     []string{"GOOS=wasip1", "GOARCH=wasm", "GOWORK=off"},
		build:   []string{"build", "-trimpath", "-buildmode=c-shared", "-ldflags=-w", "-o", "OUT", "."},
	},
	{
		Name: "c", Source: "transform.c", example: "slack-c", files: []string{"awf_hook.h"}, find: findClang,
		missing: "apt-get install clang-19 lld-19",
		build: []string{ // without -Xclang, -O2 makes clang run Binaryen's wasm-opt, if it is installed, which removes the names
			"--target=wasm32", "-std=c17", "-Xclang", "-O2", "-mbulk-memory", "-nostdlib", "-ffreestanding", "-Wall", "-Wextra",
			"-Wl,--no-entry", "-Wl,--strip-debug", "-Wl,-z,stack-size=16384", "-o", "OUT", "transform.c",
		},
	},
	{
		Name: "rust", Source: "transform.rs", example: "slack-rust", files: []string{"awf_hook.rs"}, find: findRust,
		missing: "apt-get install rustc libstd-rust-dev-wasm32 (or, with rustup: rustup target add wasm32-unknown-unknown)",
		build: []string{
			"--edition", "2021", "--target", rustTarget, "--crate-type", "cdylib",
			"-C", "opt-level=3", "-C", "panic=abort", "-C", "lto", "-C", "strip=debuginfo",
			"-C", "link-arg=-zstack-size=65536", "-o", "OUT", "transform.rs",
		},
	},
	{
		Name: "assemblyscript", Source: "transform.ts", example: "slack-assemblyscript",
		files: []string{"awf_hook.ts", "package.json"}, find: findASC,
		missing: "npm install (for npm itself: apt-get install nodejs npm)",
		prepare: "npm install",
		build:   []string{"transform.ts", "-O3", "--noAssert", "--runtime", "minimal", "--use", "abort=", "--debug", "-o", "OUT"},
	},
	{Name: "js", Source: "transform.js", example: "slack-js"},
	{
		Name: "wat", Source: "transform.wat", find: onPath("wat2wasm"),
		missing: "apt-get install wabt",
		build:   []string{"-o", "OUT", "transform.wat"},
	},
}

// Names lists the languages of new projects.
func Names() []string {
	var names []string
	for _, l := range languages {
		if l.example != "" {
			names = append(names, l.Name)
		}
	}
	return names
}

// LanguageOf returns the language of a project, which its files show.
func LanguageOf(project string) (*Language, error) {
	var sources []string
	for i := range languages {
		if _, err := os.Stat(filepath.Join(project, languages[i].Source)); err == nil {
			return &languages[i], nil
		}
		sources = append(sources, languages[i].Source)
	}
	return nil, fmt.Errorf("%s: no transform is here: want one of %s", project, strings.Join(sources, ", "))
}

// A MissingError says that a language's toolchain is not installed, and how to install it.
type MissingError struct{ Language, Install string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("no compiler for %s: %s", e.Language, e.Install)
}

// Command builds the project's module into the file out. The error is a [*MissingError] if the toolchain is not installed.
func (l *Language) Command(project, out string) (*exec.Cmd, error) {
	compiler, ok := l.find(project)
	if !ok {
		return nil, &MissingError{l.Name, l.missing}
	}
	out, err := filepath.Abs(out)
	if err == nil && l.Name == "go" {
		err = hasGoMod(project)
	}
	if err != nil {
		return nil, err
	}
	var args []string
	for _, arg := range l.build {
		if arg == "OUT" {
			arg = out
		}
		args = append(args, arg)
	}
	cmd := exec.Command(compiler, args...)
	cmd.Dir, cmd.Env = project, append(os.Environ(), l.env...)
	return cmd, nil
}

// IsOwn reports whether a command runs a program that is in the project's folder.
func IsOwn(project string, cmd *exec.Cmd) bool {
	own, err := filepath.Abs(ownASC(project))
	return err == nil && cmd.Path == own
}

func ownASC(project string) string { return filepath.Join(project, "node_modules", ".bin", "asc") }

// hasGoMod returns an error if a Go project belongs to no module.
func hasGoMod(project string) error {
	dir, err := filepath.Abs(project)
	if err != nil {
		return err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return nil
		}
		if dir == filepath.Dir(dir) {
			return fmt.Errorf("%s: no go.mod is here: start with awf-hook transform new --lang go NAME, "+
				"which makes one and brings the package guest, and copy main.go there", project)
		}
		dir = filepath.Dir(dir)
	}
}

// Steps returns the commands that build a new project and run its tests, in its folder.
func Steps(language string) string {
	steps := "awf-hook transform build && awf-hook transform test"
	for i := range languages {
		switch l := &languages[i]; {
		case l.Name != language:
		case l.IsScript():
			return "awf-hook transform test"
		case l.prepare != "":
			return l.prepare + " && " + steps
		}
	}
	return steps
}

func onPath(name string) func(string) (string, bool) {
	return func(string) (string, bool) {
		path, err := exec.LookPath(name)
		return path, err == nil
	}
}

// findClang finds a clang with a linker for WebAssembly. Apple's has none.
func findClang(string) (string, bool) {
	for _, version := range []string{"-19", "-20", "-21", "-22", "", "-18", "-17", "-16"} {
		compiler, err := exec.LookPath("clang" + version)
		if _, linkerErr := exec.LookPath("wasm-ld" + version); err == nil && linkerErr == nil {
			return compiler, true
		}
	}
	return "", false
}

const rustTarget = "wasm32-unknown-unknown"

// findRust finds a rustc with the target's standard library and linker. A rustup on the PATH may hide Debian's rustc.
// rustup keeps the linker beside the library, Debian on the PATH.
func findRust(string) (string, bool) {
	for _, name := range []string{"rustc", "/usr/bin/rustc"} {
		out, err := exec.Command(name, "--print", "target-libdir", "--target", rustTarget).Output()
		if err != nil {
			continue
		}
		libraries := strings.TrimSpace(string(out))
		core, _ := filepath.Glob(filepath.Join(libraries, "libcore-*.rlib"))
		linker, _ := filepath.Glob(filepath.Join(libraries, "../../*/bin/rust-lld"))
		if _, err := exec.LookPath("rust-lld"); len(core) > 0 && (err == nil || len(linker) > 0) {
			return name, true
		}
	}
	return "", false
}

// findASC finds AssemblyScript's compiler where npm install puts it, and node, which runs it.
func findASC(project string) (string, bool) {
	if _, err := exec.LookPath("node"); err != nil {
		return "", false
	}
	local, err := filepath.Abs(ownASC(project))
	if err != nil {
		return "", false
	}
	if _, err := os.Stat(local); err == nil {
		return local, true
	}
	return onPath("asc")(project)
}
