package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
)

// mine is a webhook of the user's own definition.
const mine = "webhooks: [{name: mine, url: 'https://mine.example/'}]"

// A checkout's definition that has the name of one of the user's own takes the place of that one's webhooks only once the user trusts it
// to do so, whatever its name comes from and whatever it contains.
func TestCheckoutDoesNotTakeADefinitionAway(t *testing.T) {
	for name, test := range map[string]struct{ own, file, text, claim string }{
		"the key name, without webhooks": {"d.yaml: name: deploy", "x.yaml", "name: deploy\nstates: {}", "mine: switches off your webhook mine"},
		"the file's name":                {"deploy.yaml: ", "deploy.yaml", "states: {}", "mine: switches off your webhook mine"},
		"the file's name beside a name":  {"deploy.yaml: ", "deploy.yml", "name: other\nstates: {}", ""},
		"with a webhook": {"d.yaml: name: deploy", "x.yaml", "name: deploy\nwebhooks: [{name: x, url: 'https://x.example/'}]",
			"mine: switches off your webhook mine"},
		"with an override": {"d.yaml: name: deploy", "x.yaml", "name: deploy\nwebhooks: [{name: mine, url: 'https://x.example/'}]",
			"mine: takes the place of your webhook mine; sends to https://x.example"},
		"with a mistake": {"d.yaml: name: deploy", "x.yaml", "name: deploy\nwebhooks: 5", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t, map[string]string{".awf/workflows/" + test.file: test.text})
			file, key, _ := strings.Cut(test.own, ": ")
			put(t, filepath.Join(c.home, ".config/awf/workflows", file), key+"\n"+mine)
			active := func() string { return names(c.load().Workflows.Lookup("deploy")) }
			if got := active(); got != "oncall audit mine " {
				t.Errorf("untrusted: active webhooks %s, want the user's own", got)
			}
			if test.claim == "" { // engine/internal/route tests mistakes in either file
				return
			}
			claims := ""
			for _, claim := range c.trust().Claims {
				claims += claim.Webhook + ": " + claim.String() + "\n"
			}
			if !strings.Contains(claims, test.claim+"\n") {
				t.Errorf("claims:\n%s want %s", claims, test.claim)
			}
			if got := active(); strings.Contains(got, "mine") && !strings.Contains(test.claim, "takes the place") {
				t.Errorf("trusted: active webhooks %s, want the definition of the project to hold", got)
			}
		})
	}
}

// A definition that a trusted checkout adds later switches off nothing that the user has not seen.
func TestLaterDefinitionSwitchesOffNothing(t *testing.T) {
	c := newCheckout(t, map[string]string{".awf/settings.yaml": stranger})
	put(t, filepath.Join(c.home, ".config/awf/workflows/d.yaml"), "name: deploy\n"+mine)
	c.trust()
	put(t, ".awf/workflows/x.yaml", "name: deploy\nstates: {}")
	if got := names(c.load().Workflows.Lookup("deploy")); !strings.Contains(got, "mine ") {
		t.Errorf("active webhooks %s, want mine among them", got)
	}
}

// The user's own definitions are found with the project and without it, even if their folder is made later, and however it is spelled.
func TestOwnDefinitionsInAFolderMadeLater(t *testing.T) {
	for name, test := range map[string]struct{ home, workflows, folder string }{
		"beside the settings":     {"global", "", "global/workflows"},
		"also AWF_WORKFLOWS_PATH": {"global", "global/../global/workflows", "global/workflows"},
		"in the project's folder": {".awf/../.awf", "", ".awf/workflows"},
	} {
		for _, without := range []bool{true, false} {
			t.Run(fmt.Sprint(name, ", without the project: ", without), func(t *testing.T) {
				c := newCheckout(t, nil)
				c.env["AWF_CONFIG_HOME"], c.env["AWF_WORKFLOWS_PATH"] = test.home, test.workflows
				synctest.Test(t, func(t *testing.T) {
					s := c.search()
					s.NoProject = without
					cfg, err := s.Load()
					if err != nil || cfg.Workflows.Lookup("deploy") != nil {
						t.Fatal(err, "or a definition without a folder")
					}
					put(t, filepath.Join(test.folder, "d.yaml"), "name: deploy\n"+mine)
					time.Sleep(2 * time.Second)
					if found := cfg.Workflows.Lookup("deploy"); found == nil || names(found) != "mine " {
						t.Errorf("deploy: %+v, want its own webhook", found)
					}
					if all := cfg.Workflows.All(); len(all) != 1 {
						t.Errorf("%d definitions, want the one", len(all))
					}
				})
			})
		}
	}
}

// What belongs to the user stays when the project is left out.
func TestOwnDefinitionsWithoutTheProject(t *testing.T) {
	c := newCheckout(t, map[string]string{".awf/workflows/x.yaml": "name: other\nwebhooks: [{name: x, url: 'https://x.example/'}]"})
	put(t, filepath.Join(c.home, ".config/awf/workflows/d.yaml"), "name: deploy\n"+mine)
	s := c.search()
	s.NoProject = true
	cfg, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	if found := cfg.Workflows.Lookup("deploy"); found == nil || names(found) != "oncall audit mine " {
		t.Errorf("deploy: %+v, want its own webhook", found)
	}
	if found := cfg.Workflows.Lookup("other"); found != nil || cfg.Project != nil {
		t.Errorf("other: %+v, want nothing of the project", found)
	}
}

// In the folder that holds the user's global settings as .awf, those are the user's own, however they are spelled.
func TestGlobalSettingsAreNoProject(t *testing.T) {
	for name, global := range map[string]func(folder string) string{
		"whole path": func(folder string) string { return filepath.Join(folder, ".awf") },
		"relative":   func(string) string { return ".awf/../.awf" },
		"link": func(folder string) string {
			if err := os.Symlink(filepath.Join(folder, ".awf"), filepath.Join(folder, "link")); err != nil {
				t.Fatal(err)
			}
			return filepath.Join(folder, "link")
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t, map[string]string{
				".awf/settings.yaml":    "network: {https_only: true}\nwebhooks: [{name: a, url: 'https://a.example/'}]",
				".awf/workflows/d.yaml": "name: deploy\n" + mine,
			})
			folder, err := os.Getwd()
			if err != nil {
				t.Fatal(err)
			}
			c.env["AWF_CONFIG_HOME"] = global(folder)
			cfg := c.load()
			if got := hosts(cfg); got != "a=a.example" || cfg.Project.Err != nil || cfg.Project.Warning() != "" || !cfg.HTTPSOnly {
				t.Errorf("active webhooks %s, mistakes %v, warning %q", got, cfg.Project.Err, cfg.Project.Warning())
			}
			if got := names(cfg.Workflows.Lookup("deploy")); got != "a mine " {
				t.Errorf("of the workflow: %s", got)
			}
			for file, want := range map[string]config.Origin{".awf/settings.yaml": config.UserFile, ".awf/workflows/d.yaml": config.WorkflowFile} {
				if got := c.search().Origin(file); got != want {
					t.Errorf("%s is %v, want %v", file, got, want)
				}
			}
		})
	}
}

// Whose file it is follows from the file, not from the spelling of its path.
func TestOriginIsThatOfTheFile(t *testing.T) {
	c := newCheckout(t, map[string]string{
		".awf/settings.yaml":                    stranger,
		".awf/workflows/d.yaml":                 "name: d",
		".awf/workflow-packs/p/workflows/p.yml": "name: p",
		"mine.yaml":                             stranger,
	})
	for link, to := range map[string]string{"link.yaml": ".awf/settings.yaml", "linked": ".awf", "d.yaml": ".awf/workflows/d.yaml"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	for file, want := range map[string]config.Origin{
		".awf/settings.yaml": config.ProjectFile, "link.yaml": config.ProjectFile, "linked/settings.yaml": config.ProjectFile,
		"linked/workflows/d.yaml": config.WorkflowFile, "d.yaml": config.WorkflowFile,
		".awf/workflow-packs/p/workflows/p.yml": config.WorkflowFile,
		"mine.yaml":                             config.UserFile, "missing.yaml": config.UserFile, ".awf/settings.yml": config.UserFile,
		filepath.Join(c.home, ".config/awf/settings.yaml"): config.UserFile,
	} {
		if got := c.search().Origin(file); got != want {
			t.Errorf("%s is %v, want %v", file, got, want)
		}
	}
}

// A module runs only as it was when the project was judged, also if it could not be read then, and whatever sha256 the project gives.
func TestModulesChangeNothingUnseen(t *testing.T) {
	const settings = "webhooks:\n  - {name: a, url: 'https://a.example/', transform: {wasm: m.wasm%s}}\n"
	other := strings.Repeat("ab", 32)
	for name, test := range map[string]struct{ given, trusted, later, want string }{
		"it was missing":          {"", "", "later", "no such file"},
		"a digest is given":       {", sha256: " + other, "one", "one", ""},
		"a digest that it is not": {", sha256: " + other, "", "later", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCheckout(t, map[string]string{".awf/settings.yaml": fmt.Sprintf(settings, test.given)})
			if test.trusted != "" {
				put(t, ".awf/m.wasm", test.trusted)
			}
			c.trust()
			m := c.load().Webhooks[2].Transform[0].Wasm
			put(t, ".awf/m.wasm", test.later)
			_, err := m.Read(func(int64) error { return nil })
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("Read: %v, want %s", err, test.want)
			}
			if test.want == "" && m.SHA256 != other {
				t.Errorf("SHA256 %s, want the given one", m.SHA256)
			}
		})
	}

	// another given digest is another module
	c := newCheckout(t, map[string]string{".awf/settings.yaml": fmt.Sprintf(settings, ", sha256: "+other), ".awf/m.wasm": "one"})
	c.trust()
	put(t, ".awf/settings.yaml", fmt.Sprintf(settings, ", sha256: "+strings.Repeat("cd", 32)))
	if got := hosts(c.load()); got != ownHosts {
		t.Errorf("another digest: active webhooks %s, want the user's own", got)
	}
	put(t, ".awf/settings.yaml", fmt.Sprintf(settings, `, sha256: "${X:-`+other+`}"`))
	if _, err := c.search().LoadFile(".awf/settings.yaml"); err == nil || !strings.Contains(err.Error(), "cannot read a variable here") {
		t.Errorf("a variable for the digest: %v", err)
	}
}

// What trust could not show does not run: of modules that are too large together, the last ones.
func TestModulesBeyondTheBoundDoNotRun(t *testing.T) {
	var settings strings.Builder
	settings.WriteString("webhooks:\n")
	c := newCheckout(t, nil)
	for i := range 5 {
		name := string(rune('a'+i)) + ".wasm"
		put(t, ".awf/"+name, "")
		if err := os.Truncate(".awf/"+name, 32<<20); err != nil {
			t.Fatal(err)
		}
		settings.WriteString("  - {name: " + name + ", url: 'https://a.example/', transform: {wasm: " + name + ", limits: {module: 32MiB}}}\n")
	}
	put(t, ".awf/settings.yaml", settings.String())
	c.trust()
	cfg := c.load()
	for i, want := range []bool{true, true, true, true, false} {
		m := cfg.Webhooks[2+i].Transform[0].Wasm
		if _, err := m.Read(func(int64) error { return nil }); (err == nil) != want || want != (len(m.SHA256) == 64) {
			t.Errorf("module %d: digest %q, Read: %v", i, m.SHA256, err)
		}
	}
}
