package config

import (
	"bytes"
	"cmp"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/awf-project/awf-hook/engine/config/trust"
	"github.com/awf-project/awf-hook/engine/file"
	"github.com/awf-project/awf-hook/engine/legible"
	"gopkg.in/yaml.v3"
)

// Bounds of the search for definitions, which docs/config.md lists.
const (
	maxDefinitions  = 10_000          // files that are read
	maxPacks        = 100             // packs whose folders are read
	refreshInterval = 2 * time.Second // how often files are checked for changes
)

// Workflows finds the webhooks in the definitions of workflows. It finds a definition by its key name, which is also the workflow's name in
// events, else by the file's name. It reads a definition's webhooks on the first lookup, and again if the file's time or size
// changes. Workflows is safe for concurrent use.
type Workflows struct {
	search  Search
	own     string   // the folder that belongs to the user and not to the project
	base    Config   // applies to all workflows
	project *Project // nil if it is left out

	mu      sync.Mutex
	shares  string                 // the namespace of a shared queue; "" for none
	files   map[string]*definition // by path
	byName  map[string]*definition
	ownBy   map[string]*definition // the user's own, by name
	found   map[*definition]*Found // results of lookups
	checked time.Time
	version int
	head    []byte // beginning of the definition that is being read
	parsed  int    // bytes of beginnings that were parsed since the folders were read
}

// Found is the result of looking up a workflow that has a definition.
type Found struct {
	File     string    // the definition
	Name     string    // as its events name it: the key name, else the file's name
	Webhooks []Webhook // all active webhooks, including those of the settings
	Own      []Webhook // the definition's own webhooks that could be read
	Warnings Errors
	Err      error  // the definition's mistakes; its own webhooks are then not active
	Instead  *Found // the user's own definition of this name, which holds until the project's can be read and is trusted; nil for none

	shadows *definition // see Workflows.shadowed
}

// Lookup returns the webhooks for a workflow's events, nil if the workflow has no definition. "PACK/NAME" names a pack's workflow. A name
// alone finds a pack's workflow only if no other has it. Lookup returns the same pointer until the definition changes.
func (ws *Workflows) Lookup(workflow string) *Found {
	if ws == nil {
		return nil
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.refreshInTime()
	def := ws.byName[workflow]
	if def == nil {
		return nil
	}
	return ws.result(def)
}

// result reads a definition unless it is known.
func (ws *Workflows) result(def *definition) *Found {
	if ws.found[def] == nil {
		ws.found[def] = ws.read(def)
	}
	return ws.found[def]
}

// Version counts the changes of the files that Lookup has seen.
func (ws *Workflows) Version() int {
	if ws == nil {
		return 0
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.refreshInTime()
	return ws.version
}

// refreshInTime refreshes unless somebody just did.
func (ws *Workflows) refreshInTime() {
	if now := time.Now(); now.Sub(ws.checked) >= refreshInterval {
		ws.checked = now
		ws.refresh()
	}
}

// share puts the webhooks of definitions into a namespace.
func (ws *Workflows) share(namespace string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.shares = namespace
	clear(ws.found)
}

// All looks up all definitions, sorted by file. Without folders there are none.
func (ws *Workflows) All() []*Found {
	if ws == nil {
		return nil
	}
	ws.mu.Lock()
	defer ws.mu.Unlock()
	ws.refresh()
	var all []*Found
	for _, def := range ws.files {
		all = append(all, ws.result(def))
	}
	slices.SortFunc(all, func(a, b *Found) int { return cmp.Compare(a.File, b.File) })
	return all
}

// refresh reads the folders, and forgets the results for files that are gone or have changed.
func (ws *Workflows) refresh() {
	ws.parsed = 0
	files := map[string]*definition{}
	var order []*definition
	changed := ws.byName == nil
	for _, folder := range ws.folders() {
		entries, _ := readDir(folder) // a missing folder has no definitions
		for _, entry := range entries {
			ext := strings.ToLower(filepath.Ext(entry.Name()))
			if ext != ".yaml" && ext != ".yml" || len(files) == maxDefinitions {
				continue
			}
			path := filepath.Join(folder, entry.Name())
			now := definition{path: path, size: -1} // of a link that leads nowhere
			if info, err := os.Stat(path); err == nil {
				now.modTime, now.size = info.ModTime(), info.Size()
			} else if entry.Type()&os.ModeSymlink == 0 { // it was removed meanwhile
				continue
			}
			def := ws.files[path]
			if def == nil || !def.modTime.Equal(now.modTime) || def.size != now.size {
				now.name = ws.nameOf(path) // "" for what is not a file, which reading it reports
				def, changed = &now, true
			}
			files[path] = def
			order = append(order, def)
		}
	}
	if !changed && len(files) == len(ws.files) {
		return
	}
	ws.version++
	ws.files = files
	ws.byName = byName(order)
	ws.ownBy = byName(slices.DeleteFunc(order, func(def *definition) bool { return !ws.isOwn(def.path) }))
	maps.DeleteFunc(ws.found, func(def *definition, found *Found) bool {
		return files[def.path] != def || found.shadows != ws.shadowed(def)
	})
}

// folders lists the folders to read, of which earlier ones win. A folder may come into being, or become the user's own, at any time.
func (ws *Workflows) folders() []string {
	var folders []string
	for _, folder := range ws.search.workflowFolders() {
		isOwn := folder == ws.own || sameFile(folder, ws.own)
		switch {
		case isOwn && !slices.Contains(folders, ws.own):
			folders = append(folders, ws.own)
		case !isOwn && ws.project != nil:
			folders = append(folders, folder)
		}
	}
	if ws.project != nil {
		folders = append(folders, ws.search.packFolders()...)
	}
	return folders
}

// shadowed returns the user's own definition whose name a definition of the project takes, nil for none.
func (ws *Workflows) shadowed(def *definition) *definition {
	if name := def.workflow(); !ws.isOwn(def.path) && ws.byName[name] == def {
		return ws.ownBy[name]
	}
	return nil
}

// readDir lists a folder's entries by name, up to the bound of definitions.
func readDir(folder string) ([]os.DirEntry, error) {
	f, err := os.OpenFile(folder, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(maxDefinitions)
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, err
}

// isOwn reports whether a definition is in the user's own folder.
func (ws *Workflows) isOwn(path string) bool { return filepath.Dir(path) == ws.own }

// within returns the folder that a definition must be in after following links; "" for any.
func (ws *Workflows) within(path string) file.In {
	if ws.isOwn(path) {
		return ""
	}
	return file.In(projectOf(path))
}

// read reads the definition's webhooks and merges them over the settings' own.
func (ws *Workflows) read(def *definition) *Found {
	found := &Found{File: def.path, Name: def.workflow(), Webhooks: ws.base.Active(), shadows: ws.shadowed(def)}
	var shadowed []Webhook
	if found.shadows != nil {
		found.Instead = ws.result(found.shadows)
		found.Webhooks, shadowed = found.Instead.Webhooks, active(found.Instead.Own)
	}
	text, err := WorkflowFile.read(ws.within(def.path), def.path)
	if err != nil {
		found.Err = err
		return found
	}
	var cfg *Config
	if ws.isOwn(def.path) {
		cfg, err = parse(def.path, text, WorkflowFile, ws.search.Env)
	} else {
		var state trust.State
		cfg, state, err = ws.project.read(def.path, text, WorkflowFile, shadowed)
		if state != trust.Trusted && !ws.search.Inspect {
			if !mayHaveWebhooks(text) {
				return found
			}
			if warning := ws.project.warning(); warning != "" {
				found.Err = errors.New(warning)
			}
			return found
		}
	}
	found.Webhooks, found.Instead = ws.base.Active(), nil
	mistakes, _ := errors.AsType[Errors](err)
	mistakes = append(mistakes, ws.base.httpURLs(cfg.Webhooks)...)
	if ws.shares != "" {
		err = share(cfg.Webhooks, ws.shares)
	}
	found.Own, found.Warnings = cfg.Webhooks, append(cfg.Warnings, offWithout(ws.base.Webhooks, cfg.Webhooks)...)
	first := ws.byName[found.Name]
	switch at := cfg.nameAt; {
	case at != nil && at.Value != found.Name:
		found.warn(at, "this name cannot be found, so the webhooks are those of "+strconv.Quote(found.Name)+
			": put it in one line at the beginning of the file")
	case first != nil && first != def && filepath.Dir(first.path) == filepath.Dir(def.path):
		found.warn(cmp.Or(at, &yaml.Node{Line: 1, Column: 1}), legible.Plain(filepath.Base(first.path))+
			" has this name, too, and comes first: the webhooks here do nothing")
	}
	if err != nil && len(mistakes) == 0 {
		found.Err = err
		return found
	}
	if len(mistakes) > 0 {
		mistakes.Sort()
		found.Err = mistakes
		return found
	}
	found.Webhooks = active(override(ws.base.Webhooks, cfg.Webhooks))
	return found
}

// warn adds a warning about the definition's name.
func (f *Found) warn(name *yaml.Node, message string) {
	f.Warnings = append(f.Warnings, &Error{Pos{f.File, name.Line, name.Column}, "value.form", "name", message, true})
}

// NoFile returns a warning if the definition is not a file but a folder, a pipe or a link that leads nowhere. Otherwise it returns nil.
func (f *Found) NoFile() *Error {
	for _, why := range []error{file.ErrNotRegular, syscall.EISDIR, syscall.ELOOP, syscall.ENOENT} {
		if errors.Is(f.Err, why) {
			return &Error{Pos{f.File, 1, 1}, "file.read", "", why.Error() + ": it is not a definition", true}
		}
	}
	return nil
}

// mayHaveWebhooks reports whether a definition's text could have webhooks. Of one that is too large, only the beginning was read.
func mayHaveWebhooks(text []byte) bool {
	return len(text) > maxCheckout || bytes.Contains(text, []byte("webhook"))
}
