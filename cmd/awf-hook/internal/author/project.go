package author

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/examples"
	"github.com/awf-project/awf-hook/transforms/guest"
)

// common lists the files of every project.
var common = []string{"awf-hook.yaml", "awf-hook_test.yaml", "events.jsonl", "README.md"}

var validName = lazy.Regexp(`^[a-z][a-z0-9-]{0,62}$`)

// A Go project has a copy of package guest, as a module that replaces the published one: imports are the same in every
// project, and nothing is downloaded.
const (
	guestModule = "github.com/awf-project/awf-hook/transforms/guest"
	guestGoMod  = "module " + guestModule + "\n\ngo 1.24\n"
	goMod       = "module transform\n\ngo 1.24\n\nrequire " + guestModule + " v0.0.0\n\nreplace " + guestModule + " => ./guest\n"
)

// New makes a project in a new folder in dir: source that makes a Slack message, events and tests. It builds without a
// network, except for the language's own packages.
func New(dir, name, language string) error {
	i := slices.IndexFunc(languages, func(l Language) bool { return l.Name == language && l.example != "" })
	if i < 0 {
		return fmt.Errorf("--lang: want one of %s, got %q", strings.Join(Names(), ", "), language)
	}
	if !validName().MatchString(name) {
		return fmt.Errorf("name: want lower case letters, digits and hyphens, a letter first, at most 63, got %q", name)
	}
	files, err := languages[i].project(name)
	if err != nil {
		return err
	}
	folder := filepath.Join(dir, name)
	if err := os.Mkdir(folder, 0o777); err != nil {
		return err
	}
	for file, text := range files {
		to := filepath.Join(folder, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
			return err
		}
		if err := os.WriteFile(to, text, 0o666); err != nil {
			return err
		}
	}
	return nil
}

// project returns the files of a new project by path.
func (l *Language) project(name string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, file := range slices.Concat(common, []string{l.Source}, l.files) {
		text, err := examples.Transforms.ReadFile(path.Join("transforms", l.example, file))
		if err != nil {
			return nil, err
		}
		files[file] = bytes.ReplaceAll(text, []byte(l.example), []byte(name))
	}
	if l.Name != "go" {
		return files, nil
	}
	files["go.mod"], files["guest/go.mod"] = []byte(goMod), []byte(guestGoMod)
	return files, fs.WalkDir(guest.Source, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		files["guest/"+file], err = guest.Source.ReadFile(file)
		return err
	})
}

// IsStale reports whether a project's module is missing or older than its source.
func (l *Language) IsStale(project string) bool {
	if l.IsScript() {
		return false
	}
	built, err := os.Stat(filepath.Join(project, Module))
	if err != nil {
		return true
	}
	sources, _ := fs.Glob(os.DirFS(project), "*"+filepath.Ext(l.Source)) // the pattern is good
	return slices.ContainsFunc(append(sources, l.files...), func(file string) bool {
		source, err := os.Stat(filepath.Join(project, file))
		return err == nil && source.ModTime().After(built.ModTime())
	})
}
