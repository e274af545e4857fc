package config

import (
	"cmp"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Search says where to look for a configuration. There are three places, and each overrides those before it: the user's global
// settings.yaml, the project's .awf/settings.yaml, and the workflow's definition for the events of that workflow.
type Search struct {
	File      string // a file to read instead of the global and the project's settings; "" for none
	Dir       string // the project's folder; "" for the working directory
	To        string // the address of a server that receives all events instead of the settings' webhooks; "" for the settings' own
	NoProject bool   // leaves out what comes with a checkout: the project's settings and definitions of workflows
	Env       Env    // the process's variables, which also say where the user's files are

	// A project's webhooks are active only if the user trusts its folder. TrustProject trusts it whatever it contains, like AWF_HOOK_TRUST.
	TrustProject bool
	// Inspect also reads untrusted files, to show their content. It expands no variable in them, and nothing must be delivered to them.
	Inspect bool

	places Env // if Env is closed, the variables that say where the user's files are
}

// Load reads and merges the files that it finds. It returns what it could read, and the mistakes in the user's own files as [Errors].
// A missing file is not a mistake, unless it is Search.File. Mistakes in a project's files are kept in [Config.Project], because they must
// not affect the user's own webhooks; with Inspect, Load returns them too.
func (s Search) Load() (*Config, error) {
	merged, mistakes, err := s.loadOwn()
	if err == nil && len(mistakes) == 0 {
		err = s.handOver(merged)
	}
	if err != nil {
		return nil, err
	}
	if !s.NoProject {
		if merged.Project, err = s.project(merged.Webhooks); err != nil {
			return nil, err
		}
		if s.File == "" && s.To == "" && merged.Server.URL == "" {
			merged.Project.readSettings(merged)
		}
	}
	merged.Workflows = s.workflows(merged, merged.Project)
	if p := merged.Project; s.Inspect && p != nil && p.Err != nil {
		inProject, ok := errors.AsType[Errors](p.Err)
		if !ok {
			return merged, p.Err
		}
		mistakes = append(mistakes, inProject...)
	}
	if len(mistakes) > 0 {
		mistakes.Sort()
		return merged, mistakes
	}
	return merged, nil
}

// workflows finds the user's definitions, and those of the project unless it is nil.
func (s Search) workflows(base *Config, p *Project) *Workflows {
	ws := &Workflows{search: s, base: *base, project: p, found: map[*definition]*Found{}}
	if folder := s.globalFolder(); folder != "" {
		ws.own = filepath.Join(folder, "workflows")
	}
	return ws
}

// loadOwn reads and merges the user's own files.
func (s Search) loadOwn() (*Config, Errors, error) {
	merged := &Config{}
	var mistakes Errors
	for _, path := range s.ownPlaces() {
		cfg, err := load(path, UserFile, s.Env)
		inFile, isRead := errors.AsType[Errors](err)
		switch {
		case err == nil || isRead:
			mistakes = append(mistakes, inFile...)
			merged.add(cfg)
		case !errors.Is(err, fs.ErrNotExist) || s.File != "":
			return nil, nil, err
		}
	}
	return merged, mistakes, nil
}

// LoadFile inspects one file. The file's place says whose it is: a checkout's file may set fewer keys than the user's own, and its
// variables are expanded only if the user trusts it. LoadFile returns what it could read, and the mistakes as [Errors].
func (s Search) LoadFile(path string) (*Config, error) {
	origin := s.Origin(path)
	if origin == UserFile || s.Env == nil {
		return load(path, origin, s.Env)
	}
	text, err := origin.read("", path)
	if err != nil {
		return nil, err
	}
	s.Inspect = true
	own, _, err := s.loadOwn() // the caller did not ask for mistakes in these files
	if err != nil {
		own = &Config{}
	}
	p, err := s.project(own.Webhooks)
	if err != nil {
		return nil, err
	}
	cfg, _, err := p.read(path, text, origin, nil)
	return cfg, err
}

// Origin returns whose file it is, judged by its place, whatever the spelling of the path and the links in it.
func (s Search) Origin(path string) Origin {
	switch {
	case s.isOwn(path):
		return UserFile
	case sameFile(path, filepath.Join(s.Dir, projectSettings)):
		return ProjectFile
	}
	at, targetAt := filepath.Dir(path), filepath.Dir(targetOf(path))
	for _, folder := range slices.Concat(s.workflowFolders(), s.packFolders()) {
		if sameFile(at, folder) || sameFile(targetAt, folder) {
			return WorkflowFile
		}
	}
	return UserFile
}

// At returns the search of the project whose settings or definition a file is, or s itself.
func (s Search) At(path string) Search {
	if s.Origin(path) != UserFile {
		return s
	}
	for _, named := range []string{path, targetOf(path)} {
		abs, err := filepath.Abs(named)
		if err != nil {
			continue
		}
		other := s
		if other.Dir = projectOf(abs); other.Origin(path) != UserFile {
			return other
		}
	}
	return s
}

// targetOf returns the path of a file without links, the path itself if there is no such file.
func targetOf(path string) string {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		return target
	}
	return path
}

// isOwn reports whether a file is one of the user's own settings.
func (s Search) isOwn(path string) bool {
	return slices.ContainsFunc(s.ownPlaces(), func(own string) bool { return sameFile(path, own) })
}

// sameFile reports whether two paths lead to the same file or folder.
func sameFile(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

// projectSettings is the path of a project's settings in its folder.
const projectSettings = ".awf/settings.yaml"

// Places lists the settings files that Load looks for.
func (s Search) Places() []string {
	places := s.ownPlaces()
	if s.File == "" && !s.NoProject {
		places = append(places, filepath.Join(s.Dir, projectSettings))
	}
	return places
}

func (s Search) ownPlaces() []string {
	if s.File != "" {
		return []string{s.File}
	}
	if folder := s.globalFolder(); folder != "" {
		return []string{filepath.Join(folder, "settings.yaml")}
	}
	return nil
}

// globalFolder returns AWF's folder for the user's configuration, "" if not even a home directory is known.
func (s Search) globalFolder() string {
	return cmp.Or(s.variable("AWF_CONFIG_HOME"), s.folder("XDG_CONFIG_HOME", ".config", "awf"))
}

// variable looks up a variable that names a place, even if the configuration's own variables are not looked up.
func (s Search) variable(name string) string {
	env := s.Env
	if env == nil {
		env = s.places
	}
	if env == nil {
		env = os.LookupEnv
	}
	value, _ := env(name)
	return value
}

// StateFolder returns awf-hook's folder for data that it must keep, "" if not even a home directory is known.
func (s Search) StateFolder() string { return s.folder("XDG_STATE_HOME", ".local/state", "awf-hook") }

// CacheFolder returns awf-hook's folder for data that it can make again, "" if not even a home directory is known.
func (s Search) CacheFolder() string { return s.folder("XDG_CACHE_HOME", ".cache", "awf-hook") }

// folder returns a folder within the one that a variable names, or within the variable's default in the home directory. It returns "" if
// neither is known.
func (s Search) folder(variable, inHome, name string) string {
	if folder := s.variable(variable); folder != "" {
		return filepath.Join(folder, name)
	}
	if home := s.variable("HOME"); home != "" {
		return filepath.Join(home, inHome, name)
	}
	return ""
}

// workflowFolders lists the folders in which AWF looks for definitions, in AWF's order.
func (s Search) workflowFolders() []string {
	var folders []string
	if path := s.variable("AWF_WORKFLOWS_PATH"); path != "" {
		folders = append(folders, path) // AWF also takes it as one folder
	}
	folders = append(folders, filepath.Join(s.Dir, ".awf", "workflows"))
	if folder := s.globalFolder(); folder != "" {
		folders = append(folders, filepath.Join(folder, "workflows"))
	}
	return folders
}

// packFolders lists the folders of installed packs, PACK/workflows. They belong neither to the user nor to the project.
func (s Search) packFolders() []string {
	var folders []string
	for _, folder := range []string{
		filepath.Join(s.Dir, ".awf", "workflow-packs"),
		s.folder("XDG_DATA_HOME", ".local/share", "awf/workflow-packs"),
	} {
		entries, _ := readDir(folder) // a missing folder has no packs
		for _, pack := range entries {
			if len(folders) < maxPacks {
				folders = append(folders, filepath.Join(folder, pack.Name(), "workflows"))
			}
		}
	}
	return folders
}

// All returns the webhooks of all files, including those that another file overrides.
func (c *Config) All() []Webhook {
	if c.given == nil {
		return c.Webhooks
	}
	return c.given
}

// Active returns the webhooks that are neither overridden nor switched off.
func (c *Config) Active() []Webhook { return active(c.Webhooks) }

// ActiveAnywhere returns the active webhooks, and those of all definitions without mistakes.
func (c *Config) ActiveAnywhere() []Webhook {
	all := c.Active()
	for _, found := range c.Workflows.All() {
		if found.Err == nil {
			all = append(all, active(found.Own)...)
		}
	}
	return all
}

// Inactive returns the webhooks that are overridden or switched off.
func (c *Config) Inactive() []Webhook {
	holds := map[string]bool{}
	for _, w := range c.Active() {
		holds[w.Identity] = true
	}
	return slices.DeleteFunc(slices.Clone(c.All()), func(w Webhook) bool { return holds[w.Identity] })
}

func active(webhooks []Webhook) []Webhook {
	return slices.DeleteFunc(slices.Clone(webhooks), func(w Webhook) bool { return !w.Enabled })
}
