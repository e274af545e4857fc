package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"gopkg.in/yaml.v3"
)

// Bounds of the search for definitions. They stand in docs/config.md.
const (
	maxDefinitions  = 10_000          // files that are looked into
	refreshInterval = 2 * time.Second // how often it is looked whether one changed
)

// Workflows finds the webhooks that workflows' own definitions have.
// A definition is found by its name: key, which is how events name their workflow, else by its file's name.
// Its webhooks are read when it is first looked up, and again when its time or size has changed.
// Its methods may be called by several goroutines at once.
type Workflows struct {
	folders []string // those that stand first win
	env     Env
	base    *Config // what holds for all workflows

	mu      sync.Mutex
	files   map[string]*definition // by path
	byName  map[string]*definition
	found   map[*definition]*Found // of those that were looked up
	checked time.Time
}

// definition is a workflow's file as far as its name is concerned.
type definition struct {
	path    string
	name    string // of the name: key, "" if there is none
	modTime time.Time
	size    int64
}

// stem is the name of the definition's file, without what follows the dot.
func (def *definition) stem() string {
	return strings.TrimSuffix(filepath.Base(def.path), filepath.Ext(def.path))
}

// Found is what holds for the events of a workflow that has a definition.
type Found struct {
	File     string    // the definition
	Name     string    // its name: key, else its file's name: what its events say
	Webhooks []Webhook // all that are active, those of the settings included
	Own      []Webhook // those that the definition itself has, as far as they could be read
	Warnings Errors
	Err      error // the definition's mistakes: its own webhooks are not active
}

// Lookup returns what holds for a workflow's events, nil if it has no definition.
// It returns the same pointer as long as the definition does not change.
func (ws *Workflows) Lookup(workflow string) *Found {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if now := time.Now(); now.Sub(ws.checked) >= refreshInterval {
		ws.checked = now
		ws.refresh()
	}
	def := ws.byName[workflow]
	if def == nil {
		return nil
	}
	if ws.found[def] == nil {
		ws.found[def] = ws.read(def)
	}
	return ws.found[def]
}

// All looks up every definition; they are sorted by file.
func (ws *Workflows) All() []*Found {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.refresh()
	var all []*Found
	for _, def := range ws.files {
		if ws.found[def] == nil {
			ws.found[def] = ws.read(def)
		}
		all = append(all, ws.found[def])
	}
	slices.SortFunc(all, func(a, b *Found) int { return cmp.Compare(a.File, b.File) })
	return all
}

// refresh looks at the folders. What was found is forgotten of the files that went or changed.
func (ws *Workflows) refresh() {
	files := map[string]*definition{}
	var order []*definition
	changed := ws.byName == nil
	for _, folder := range ws.folders {
		entries, _ := os.ReadDir(folder) // a folder that is not there has no definitions
		for _, entry := range entries {
			ext := filepath.Ext(entry.Name())
			info, err := os.Stat(filepath.Join(folder, entry.Name()))
			if err != nil || !info.Mode().IsRegular() || ext != ".yaml" && ext != ".yml" || len(files) == maxDefinitions {
				continue
			}
			path := filepath.Join(folder, entry.Name())
			def := ws.files[path]
			if def == nil || !def.modTime.Equal(info.ModTime()) || def.size != info.Size() {
				def = &definition{path, definitionName(path), info.ModTime(), info.Size()}
				changed = true
			}
			files[path] = def
			order = append(order, def)
		}
	}
	if !changed && len(files) == len(ws.files) {
		return
	}
	ws.files, ws.byName = files, map[string]*definition{}
	maps.DeleteFunc(ws.found, func(def *definition, _ *Found) bool { return files[def.path] != def })
	for _, nameOf := range []func(*definition) string{func(def *definition) string { return def.name }, (*definition).stem} {
		for _, def := range order {
			if name := nameOf(def); name != "" && ws.byName[name] == nil {
				ws.byName[name] = def
			}
		}
	}
}

var nameLine = regexp.MustCompile(`(?m)^(?:name|"name"|'name')[ \t]*:[ \t]*(\S.*)$`)

// definitionName reads the name: key without the rest of the YAML, which may be broken and takes longer.
func definitionName(path string) string {
	text, err := readDefinition(path)
	if err != nil {
		return ""
	}
	m := nameLine.FindSubmatch(bytes.TrimPrefix(text, []byte("\ufeff")))
	if m == nil {
		return ""
	}
	var name string
	if yaml.Unmarshal(m[1], &name) != nil {
		return ""
	}
	return name
}

func readDefinition(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, cause(err)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxFile+1))
}

// read reads the definition's webhooks and merges them over those of the settings.
func (ws *Workflows) read(def *definition) *Found {
	found := &Found{File: def.path, Name: cmp.Or(def.name, def.stem())}
	text, err := readDefinition(def.path)
	if err != nil {
		found.Webhooks, found.Err = ws.base.Active(), fmt.Errorf("%s: %w", def.path, err)
		return found
	}
	cfg, err := parse(def.path, text, WorkflowFile, ws.env)
	var mistakes Errors
	errors.As(err, &mistakes)
	if ws.base.HTTPSOnly {
		mistakes = append(mistakes, httpURLs(cfg.Webhooks, ws.base.httpsOnlyAt)...)
	}
	found.Own, found.Warnings = cfg.Webhooks, cfg.Warnings
	found.Webhooks = active(override(ws.base.Webhooks, cfg.Webhooks))
	if len(mistakes) > 0 {
		mistakes.Sort()
		found.Webhooks, found.Err = ws.base.Active(), mistakes
	}
	return found
}
