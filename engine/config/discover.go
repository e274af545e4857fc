package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/awf-project/awf-hook/engine/file"
)

// Search says where a configuration is looked for.
// The places are, each overriding those before it: the user's global settings.yaml, the project's .awf/settings.yaml,
// and for the events of one workflow its own definition.
type Search struct {
	File      string // read instead of the global and the project's settings; "" for none
	Dir       string // the project's folder; "" is the process's
	To        string // the address of a server that gets all events, instead of the settings' webhooks; "" for what the settings say
	NoProject bool   // leaves out what comes with a checkout: the project's settings and workflows' definitions
	Env       Env    // of the process; it also says where the user's files are

	// A project's webhooks hold only if the user trusts its folder. TrustProject trusts it whatever it says, as AWF_HOOK_TRUST does.
	TrustProject bool
	// Inspect also reads what is not trusted, for showing what it says: no variable is expanded in it, and it must not be delivered to.
	Inspect bool

	places Env // where Env is closed: what says where the user's files are
}

// Load reads and merges what is found. Its mistakes are [Errors], those of all the user's own files; what could be read is returned too.
// A file that is not there is no mistake, unless it is Search.File. What is wrong with a project's files is in [Config.Project]: it takes
// nothing away from the user's own webhooks. An inspection has it among the mistakes.
func (s Search) Load() (*Config, error) {
	merged, mistakes, err := s.loadOwn()
	if err == nil && len(mistakes) == 0 {
		err = s.handOver(merged)
	}
	if err != nil {
		return nil, err
	}
	if !s.NoProject {
		p, err := s.project(&Config{Webhooks: merged.Webhooks})
		if err != nil {
			return nil, err
		}
		if s.File == "" && s.To == "" && merged.Server.URL == "" {
			p.readSettings(merged)
		}
		merged.Project, merged.Workflows = p, p.workflows(merged)
		var ofProject Errors
		switch {
		case !s.Inspect || p.Err == nil:
		case errors.As(p.Err, &ofProject):
			mistakes = append(mistakes, ofProject...)
		default:
			return merged, p.Err
		}
	}
	if len(mistakes) > 0 {
		mistakes.Sort()
		return merged, mistakes
	}
	return merged, nil
}

// loadOwn reads and merges the user's own files.
func (s Search) loadOwn() (*Config, Errors, error) {
	merged := &Config{}
	var mistakes Errors
	for _, path := range s.ownPlaces() {
		cfg, err := load(path, UserFile, s.Env)
		var errs Errors
		switch {
		case errors.As(err, &errs):
			mistakes = append(mistakes, errs...)
		case errors.Is(err, fs.ErrNotExist) && s.File == "":
			continue
		case err != nil:
			return nil, nil, err
		}
		merged.add(cfg)
	}
	return merged, mistakes, nil
}

// LoadFile inspects one file as what its place makes it: what comes with a checkout may say less than the user's own files, and no
// variable is expanded in it unless the user trusts it. Its mistakes are [Errors]; what could be read beside them is returned too.
func (s Search) LoadFile(path string) (*Config, error) {
	origin := s.Origin(path)
	if origin == UserFile || s.Env == nil {
		return load(path, origin, s.Env)
	}
	text, err := file.Read(path, origin.limit())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	s.Inspect = true
	own, _, err := s.loadOwn() // whose mistakes are not asked for
	if err != nil {
		own = &Config{}
	}
	p, err := s.project(own)
	if err != nil {
		return nil, err
	}
	cfg, _, err := p.read(path, text, origin)
	return cfg, err
}

// Origin says whose a file is, by its place.
func (s Search) Origin(path string) Origin {
	if samePath(path, filepath.Join(s.Dir, projectSettings)) {
		return ProjectFile
	}
	for _, folder := range s.workflowFolders() {
		if samePath(filepath.Dir(path), folder) {
			return WorkflowFile
		}
	}
	return UserFile
}

func samePath(a, b string) bool {
	absA, errA := filepath.Abs(a)
	absB, errB := filepath.Abs(b)
	return errA == nil && errB == nil && absA == absB
}

// projectSettings is where a project has its settings, from its folder on.
const projectSettings = ".awf/settings.yaml"

// Places lists the settings files that are looked for.
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

// globalFolder is AWF's folder for the user's configuration; "" if there is no home either.
func (s Search) globalFolder() string {
	if folder := s.variable("AWF_CONFIG_HOME"); folder != "" {
		return folder
	}
	if folder := s.variable("XDG_CONFIG_HOME"); folder != "" {
		return filepath.Join(folder, "awf")
	}
	if home := s.variable("HOME"); home != "" {
		return filepath.Join(home, ".config", "awf")
	}
	return ""
}

// variable looks up a place, which is needed also where a configuration's variables are not looked up.
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

// StateFolder is awf-hook's folder for what it keeps; "" if there is no home either.
func (s Search) StateFolder() string { return s.ownFolder("XDG_STATE_HOME", ".local/state") }

// CacheFolder is awf-hook's folder for what it can make again; "" if there is no home either.
func (s Search) CacheFolder() string { return s.ownFolder("XDG_CACHE_HOME", ".cache") }

func (s Search) ownFolder(variable, inHome string) string {
	if folder := s.variable(variable); folder != "" {
		return filepath.Join(folder, "awf-hook")
	}
	if home := s.variable("HOME"); home != "" {
		return filepath.Join(home, inHome, "awf-hook")
	}
	return ""
}

// workflowFolders are where AWF looks for definitions, in its order.
func (s Search) workflowFolders() []string {
	var folders []string
	if path := s.variable("AWF_WORKFLOWS_PATH"); path != "" {
		folders = append(folders, path) // AWF takes it for one folder, too
	}
	folders = append(folders, filepath.Join(s.Dir, ".awf", "workflows"))
	if folder := s.globalFolder(); folder != "" {
		folders = append(folders, filepath.Join(folder, "workflows"))
	}
	return folders
}

// packFolders are those of the installed packs, which are nobody's own: PACK/workflows.
func (s Search) packFolders() []string {
	data := s.variable("XDG_DATA_HOME")
	if home := s.variable("HOME"); data == "" && home != "" {
		data = filepath.Join(home, ".local", "share")
	}
	packs := []string{filepath.Join(s.Dir, ".awf", "workflow-packs")}
	if data != "" {
		packs = append(packs, filepath.Join(data, "awf", "workflow-packs"))
	}
	var folders []string
	for _, folder := range packs {
		entries, _ := readDir(folder)
		for _, pack := range entries {
			if len(folders) < maxPacks {
				folders = append(folders, filepath.Join(folder, pack.Name(), "workflows"))
			}
		}
	}
	return folders
}

// All returns the webhooks as the files say them, also those that another file's overrides.
func (c *Config) All() []Webhook {
	if c.given == nil {
		return c.Webhooks
	}
	return c.given
}

// Active returns the webhooks that are not switched off.
func (c *Config) Active() []Webhook { return active(c.Webhooks) }

// Inactive returns the webhooks that do not hold: switched off, or overridden.
func (c *Config) Inactive() []Webhook {
	holds := map[string]bool{}
	for _, w := range c.Active() {
		holds[w.Identity] = true
	}
	return slices.DeleteFunc(slices.Clone(c.All()), func(w Webhook) bool { return holds[w.Identity] })
}

func active(webhooks []Webhook) []Webhook {
	var on []Webhook
	for _, w := range webhooks {
		if w.Enabled {
			on = append(on, w)
		}
	}
	return on
}
