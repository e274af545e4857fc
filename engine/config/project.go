package config

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/config/trust"
	"github.com/awf-project/awf-hook/engine/file"
	"github.com/awf-project/awf-hook/engine/legible"
)

// Bounds of a project's files, in bytes.
const (
	maxModule  = 32 << 20  // the upper bound of limits.module: larger modules get no digest
	maxModules = 128 << 20 // all modules of the project together
)

// Project is a checkout: the settings and the definitions of workflows that come with a folder. Its webhooks do nothing until the user
// trusts it, and a mistake in its files does not affect other webhooks.
type Project struct {
	Folder   string // its real path
	Settings string // the path of its settings; "" if there are none
	State    trust.State
	Claims   []trust.Claim // what its webhooks would do, for the files that were read
	New      []trust.Claim // if Changed, the claims that the user has not seen
	Gone     []trust.Claim // if Changed, the claims that the user has seen and that are gone
	Err      error         // the mistakes in its files, or the failure to read the record of trust

	search    Search
	own       []Webhook         // the user's, which the project's may override
	record    *trust.Record     // what the user trusts; nil for nothing
	recordErr error             // why the record could not be read
	all       bool              // AWF_HOOK_TRUST or TrustProject trusts it, whatever it claims
	warned    bool              // the warning that it is not trusted was given
	digests   map[string]digest // of modules, by path
	digested  int64             // bytes of those modules
}

// digest is that of a module's file, in hex.
type digest struct {
	sum string
	err error // the file could not be read
}

// Project reads all files that come with the folder, including definitions, and collects what their webhooks would do. It expands no
// variable.
func (s Search) Project() (*Project, error) {
	s.Inspect = true
	own, _, err := s.loadOwn()
	if err != nil {
		return nil, err
	}
	if s.Env != nil { // variables of definitions stay closed; those that name places do not
		s.places, s.Env = s.Env, NoEnv
	}
	p, err := s.project(own.Webhooks)
	if err != nil {
		return nil, err
	}
	p.readSettings(own)
	mistakes := []error{p.Err}
	for _, found := range s.workflows(own, p).All() {
		mistakes = append(mistakes, found.Err)
	}
	p.Err = errors.Join(mistakes...)
	if p.State == trust.Changed {
		p.Gone = trust.Without(p.record.Claims, p.Claims)
	}
	return p, nil
}

// project returns the project of the search and the user's decision about it. It reads none of the project's files.
func (s Search) project(own []Webhook) (*Project, error) {
	folder, err := trust.Folder(cmp.Or(s.Dir, "."))
	if err != nil {
		return nil, err
	}
	p := &Project{Folder: folder, State: trust.Untrusted, search: s, own: own, all: s.TrustProject, digests: map[string]digest{}}
	for _, named := range filepath.SplitList(s.variable("AWF_HOOK_TRUST")) {
		if real, err := trust.Folder(named); named != "" && err == nil && real == folder {
			p.all = true
		}
	}
	if p.all {
		p.State = trust.Trusted
		return p, nil
	}
	p.record, p.recordErr = trust.In(s.StateFolder()).Get(folder)
	if p.record != nil {
		p.State = trust.Trusted // until its files claim something else
	}
	return p, nil
}

// readSettings reads the project's settings and merges them over the user's own. An untrusted project's are only read to inspect them.
func (p *Project) readSettings(own *Config) {
	path := filepath.Join(p.search.Dir, projectSettings)
	if p.search.isOwn(path) {
		return
	}
	text, err := ProjectFile.read(file.In(cmp.Or(p.search.Dir, ".")), path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	p.Settings = path
	if err != nil {
		p.Err = err
		return
	}
	cfg, state, err := p.read(path, text, ProjectFile, nil)
	mistakes, _ := errors.AsType[Errors](err)
	mistakes = append(mistakes, own.httpURLs(cfg.Webhooks)...)
	if len(mistakes) > 0 {
		mistakes.Sort()
		p.Err = mistakes
	}
	if p.search.Inspect || state == trust.Trusted && p.Err == nil {
		own.add(cfg)
	}
}

// read reads a file of the project and returns its state of trust. An untrusted file is only read to inspect it, without variables.
// A definition may take the place of one of the user's own, and of its webhooks: these are shadowed.
func (p *Project) read(path string, text []byte, origin Origin, shadowed []Webhook) (*Config, trust.State, error) {
	if p.all {
		cfg, err := parse(path, text, origin, p.search.Env)
		p.Claims = append(p.Claims, p.claims(path, cfg.Webhooks, shadowed)...)
		return cfg, trust.Trusted, err
	}
	if p.record == nil && !p.search.Inspect {
		return &Config{}, trust.Untrusted, nil
	}
	cfg, err := parse(path, text, origin, NoEnv)
	claims := p.claims(path, cfg.Webhooks, shadowed)
	p.Claims = append(p.Claims, claims...)
	state := p.judge(claims)
	if state == trust.Trusted {
		cfg, err = parse(path, text, origin, p.shown(claims))
		p.pin(cfg)
	}
	return cfg, state, err
}

// judge compares a file's claims with those that the user trusts.
func (p *Project) judge(claims []trust.Claim) trust.State {
	state := p.record.Judge(claims)
	if state != trust.Trusted {
		p.State = state
	}
	if state == trust.Changed {
		p.New = append(p.New, trust.Without(p.record.New(claims), p.New)...)
	}
	return state
}

// shown returns the environment of a trusted file: only the variables that the user has seen.
func (p *Project) shown(claims []trust.Claim) Env {
	if p.search.Env == nil {
		return nil
	}
	return func(name string) (string, bool) {
		if !slices.ContainsFunc(claims, func(c trust.Claim) bool { return slices.Contains(c.Variables, name) }) {
			return "", false
		}
		return p.search.Env(name)
	}
}

// claims lists what webhooks of a file would do, to the shadowed ones too.
func (p *Project) claims(path string, webhooks, shadowed []Webhook) []trust.Claim {
	if rel, err := filepath.Rel(cmp.Or(p.search.Dir, "."), path); err == nil {
		path = rel
	}
	path = filepath.ToSlash(path)
	named := func(name string) func(Webhook) bool { return func(w Webhook) bool { return w.Named && w.Name == name } }
	own := slices.Concat(p.own, shadowed)
	var claims []trust.Claim
	for i := range webhooks {
		w := &webhooks[i]
		c := trust.Claim{File: path, Webhook: w.Name, Host: hostOf(w.urlText)}
		if w.urlText != "" {
			c.Address = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(w.urlText)))
		}
		c.Variables = slices.Compact(slices.Sorted(slices.Values(w.reads)))
		if strings.Contains(w.nameText, "${") { // the name is known only after expansion
			c.Overrides, c.Off = w.nameText, !w.Enabled
		} else if w.Named && slices.ContainsFunc(own, named(w.Name)) {
			c.Overrides, c.Off = w.Name, !w.Enabled
		}
		for j := range w.Transform {
			if m := &w.Transform[j].Wasm; m.Value != "" {
				sum, err := p.digest(m)
				if sum = "sha256:" + sum; err != nil {
					sum = "that cannot be read"
				}
				c.Modules = append(c.Modules, m.Value+" "+sum)
			}
		}
		claims = append(claims, c)
	}
	for _, w := range shadowed {
		if !slices.ContainsFunc(webhooks, named(w.Name)) {
			claims = append(claims, trust.Claim{File: path, Webhook: w.Name, Overrides: w.Name, Off: true})
		}
	}
	return claims
}

// digest returns the only digest that a module's file may have, in hex: the one that the project gives, else that of the file when its
// claims were first made.
func (p *Project) digest(m *Module) (sum string, err error) {
	if m.SHA256 != "" {
		return m.SHA256, nil
	}
	if known, again := p.digests[m.path]; again {
		return known.sum, known.err
	}
	left := maxModules - p.digested
	sum, size, err := m.digest(min(maxModule, left))
	if _, tooLarge := errors.AsType[*file.TooLarge](err); tooLarge && left < maxModule {
		err = fmt.Errorf("the project's modules are over %d MiB together: give this one's sha256, or make them smaller", maxModules>>20)
	}
	p.digested += size
	p.digests[m.path] = digest{sum, err}
	return sum, err
}

// pin makes the modules' digests, which the user has seen, a condition for loading them.
func (p *Project) pin(cfg *Config) {
	for i := range cfg.Webhooks {
		for j := range cfg.Webhooks[i].Transform {
			if m := &cfg.Webhooks[i].Transform[j].Wasm; m.Value != "" {
				m.SHA256, m.unseen = p.digest(m)
			}
		}
	}
}

// hostOf returns the scheme and the host of a URL as written, such as "https://${HOST}". The path may be a credential.
func hostOf(text string) string {
	if !strings.Contains(text, "${") {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" {
			return ""
		}
		return u.Scheme + "://" + u.Host
	}
	text = variable().ReplaceAllStringFunc(text, func(ref string) string {
		name, def, hasDefault := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(ref, "${"), "}"), ":-")
		if !hasDefault {
			return ref
		}
		if strings.Contains(def, "://") {
			def = hostOf(def)
		}
		return "${" + name + ":-" + strings.ReplaceAll(def, "/", "\x00") + "}" // no slash ends the host here
	})
	scheme, rest, isWhole := strings.Cut(text, "://")
	if !isWhole {
		scheme, rest = "", text
	} else {
		scheme += "://"
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	return scheme + strings.ReplaceAll(rest, "\x00", "/")
}

// Warning returns the warning about untrusted settings, one line that names the command that helps, "" for none.
func (p *Project) Warning() string {
	if p == nil || p.Settings == "" {
		return ""
	}
	return p.warning()
}

// warning returns the warning that the project's webhooks are off, the first time it is called.
func (p *Project) warning() string {
	if p.warned || p.search.Inspect || p.State == trust.Trusted {
		return ""
	}
	p.warned = true
	return p.Off()
}

// Off returns a line that says why the project's webhooks do nothing and which command helps, "" if the project is trusted.
func (p *Project) Off() string {
	if p == nil || p.State == trust.Trusted {
		return ""
	}
	folder := legible.Plain(p.Folder)
	off, again := "the project's webhooks are off: "+folder, "run awf-hook trust "+legible.Word(folder)
	if p.recordErr != nil {
		return off + " is not trusted: " + p.recordErr.Error()
	}
	if p.State == trust.Untrusted {
		if p.search.variable("AWF_HOOK_TRUST") != "" {
			off += " is none of the folders that AWF_HOOK_TRUST names, and"
		}
		return off + " is not trusted; to see what they would do, and to trust it, " + again
	}
	var changes []string
	for _, c := range p.New[:min(len(p.New), 3)] {
		changes = append(changes, c.Webhook+" "+c.String())
	}
	return off + " does something new (" + strings.Join(changes, ", ") + "); to trust it again, " + again
}
