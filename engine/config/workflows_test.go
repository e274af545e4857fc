package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/file"
)

// project makes a folder with files and changes to it. It returns a function that loads the configuration of the folder.
func project(t testing.TB, files map[string]string) func() *config.Config {
	t.Helper()
	t.Chdir(t.TempDir())
	for file, text := range files {
		put(t, file, text)
	}
	return func() *config.Config {
		env := map[string]string{"AWF_CONFIG_HOME": "global", "SECRET": "0123456789abcdef"}
		cfg, err := config.Search{TrustProject: true, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}.Load()
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
}

func put(t testing.TB, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func names(found *config.Found) string {
	list := ""
	for _, w := range found.Webhooks {
		list += w.Name + " "
	}
	return list
}

// A definition is read when it is first asked for, and read again after it has changed, two seconds later at the earliest. A change of one
// definition does not affect another.
func TestDefinitionsAreReadAgainWhenTheyChange(t *testing.T) {
	load := project(t, map[string]string{
		"global/settings.yaml":     "webhooks: [{name: all, url: 'https://a.example/'}]",
		".awf/workflows/one.yaml":  "name: first\nwebhooks: [{name: own, url: 'https://b.example/'}]",
		".awf/workflows/two.yaml":  "name: second\nwebhooks: [{name: other, url: 'https://c.example/'}]",
		".awf/workflows/none.yaml": "name: third\n",
	})
	synctest.Test(t, func(t *testing.T) {
		workflows := load().Workflows
		first, second := workflows.Lookup("first"), workflows.Lookup("second")
		if names(first) != "all own " || names(second) != "all other " || names(workflows.Lookup("third")) != "all " {
			t.Errorf("first %q, second %q, third %q", names(first), names(second), names(workflows.Lookup("third")))
		}
		if workflows.Lookup("nobody") != nil {
			t.Error("there is a definition of the workflow nobody")
		}
		if workflows.Lookup("one") != first {
			t.Error("the file's name finds another definition than the workflow's name")
		}
		put(t, ".awf/workflows/one.yaml", "name: first\nwebhooks: [{name: changed, url: 'https://b.example/'}]")
		put(t, ".awf/workflows/nobody.yaml", "webhooks: [{name: new, url: 'https://b.example/'}]")
		time.Sleep(time.Second)
		if workflows.Lookup("first") != first || workflows.Lookup("nobody") != nil {
			t.Error("the folders were read again after a second, want after two")
		}
		time.Sleep(time.Second)
		if got := names(workflows.Lookup("first")); got != "all changed " {
			t.Errorf("after the change the webhooks are %q, want all and changed", got)
		}
		if got := names(workflows.Lookup("nobody")); got != "all new " {
			t.Errorf("the new definition has the webhooks %q, want all and new", got)
		}
		if workflows.Lookup("second") != second {
			t.Error("the unchanged definition was read again")
		}
		if err := os.Remove(".awf/workflows/one.yaml"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if workflows.Lookup("first") != nil || workflows.Lookup("one") != nil {
			t.Error("a definition is found after its file was removed")
		}
	})
}

func TestBrokenDefinitionHasNoWebhooks(t *testing.T) {
	load := project(t, map[string]string{
		"global/settings.yaml":       "webhooks: [{name: all, url: 'https://a.example/'}]",
		".awf/workflows/broken.yaml": "webhooks:\n  - {name: all, url: 5}\n",
	})
	cfg := load()
	found := cfg.Workflows.Lookup("broken")
	var mistakes config.Errors
	if !errors.As(found.Err, &mistakes) || len(mistakes) != 1 || mistakes[0].File != ".awf/workflows/broken.yaml" || mistakes[0].Line != 2 {
		t.Errorf("error %v, want one mistake in line 2 of the definition", found.Err)
	}
	if names(found) != "all " || found.Webhooks[0].Origin != config.UserFile || found.Webhooks[0].URL.Host() != "a.example" {
		t.Errorf("webhooks %v, want those of the settings alone", found.Webhooks)
	}
	if got := names(&config.Found{Webhooks: cfg.ActiveAnywhere()}); got != names(&config.Found{Webhooks: cfg.Active()}) {
		t.Errorf("active anywhere: %s, want none of a broken definition", got)
	}
}

func TestDefinitionsAreFoundByWhatTheyCallThemselves(t *testing.T) {
	for _, tt := range []struct{ text, name string }{
		{"name: deploy", "deploy"},
		{"\ufeffname: deploy", "deploy"},
		{"# a comment\nname:    'deploy it'   # why\r\n", "deploy it"},
		{`"name": "deploy \u0041"`, "deploy A"},
		{"a: {name: no}\n  name: no\nname: deploy\n", "deploy"},
		{"broken: [}\nname: deploy\n", "deploy"},
		{"name: >-\n  deploy\n  it\n", "deploy it"},
		{"name:\n  deploy\n", "deploy"},
		{"name: deploy\n  it\n", "deploy it"},
		{"name: \"deploy\n\n  it\"\nversion: 1\n", "deploy\nit"},
		{"{name: deploy, states: {}}", "deploy"},
		{"? name\n: deploy\n", "deploy"},
		{"x: &n deploy\nname: *n\n", "deploy"},
		{"base: &b {name: deploy}\n<<: *b\n", "deploy"},
		{"'na\u006de': deploy", "deploy"},
		{`"na\u006de": deploy`, "deploy"},
		{"about: \"a text\n\nname: no\n\"\nname: deploy\n", "deploy"},
		{"about: it's a text\nname: deploy\n", "deploy"},
		{"a: 1\rname: deploy\r", "deploy"},
		{"name: &n !!str deploy", "deploy"},
		{"name: ! deploy", "deploy"},
		{"name it: no\nname:deploy: no\nname: deploy\n", "deploy"},
		{"name: deploy\n  # why\n", "deploy"},
		{"name: ''", "file"},
		{"name: \"deploy\"\nlong: [" + strings.Repeat("a, ", 8_000) + "]", "deploy"},
		{"about: 'a \" b'\nname: deploy\nlong:\n" + strings.Repeat("  - a\n", 8_000), "deploy"},
		{"names: no\n", "file"},
		{"name:\n", "file"},
		{"name: [a]\n", "file"},
		{"", "file"},
	} {
		load := project(t, map[string]string{".awf/workflows/file.yaml": tt.text, ".awf/workflows/other.yaml": "name: other"})
		found := load().Workflows.Lookup(tt.name)
		if found == nil || found.File != ".awf/workflows/file.yaml" || found.Name != tt.name {
			t.Errorf("%q: looking up %q found %+v", tt.text, tt.name, found)
		}
	}
}

// A definition whose name is too far below its beginning is found by its file. The check says so, and that a merge key's webhooks are not
// read.
func TestWebhooksOfADefinitionAreNotLostSilently(t *testing.T) {
	const own = "webhooks: [{name: own, url: 'https://a.example/'}]\n"
	for text, want := range map[string]string{
		"# " + strings.Repeat("x", 17_000) + "\nname: deploy\n" + own: "2:7: warning: name: this name cannot be found, " +
			`so the webhooks are those of "file": put it in one line at the beginning of the file`,
		"base: &b\n  " + own + "<<: *b\n":   "3:1: <<: merge keys are not supported: write the key webhooks itself",
		"base: &b\n  " + own + "<<: [*b]\n": "3:1: <<: merge keys are not supported: write the key webhooks itself",
		"name: other\n" + own: "1:7: warning: name: a.yaml has this name, too, and comes first: " +
			"the webhooks here do nothing",
		"base: &b {a: 1}\n<<: *b\nname: file\n" + own: "",
		"a: &a\n  <<: &b [*a]\n<<: *b\n" + own:        "",
	} {
		load := project(t, map[string]string{".awf/workflows/a.yaml": "name: other", ".awf/workflows/file.yaml": text})
		found := load().Workflows.Lookup("file")
		got := found.Warnings.Error()
		if found.Err != nil {
			got = found.Err.Error()
		}
		if want != "" {
			want = ".awf/workflows/file.yaml:" + want
		}
		if got != want {
			t.Errorf("%.40q: %s, want %s", text, got, want)
		}
	}
}

// check names a definition that is not a file, and so does the first event of its workflow.
func TestDefinitionsThatAreNoFiles(t *testing.T) {
	load := project(t, map[string]string{".awf/workflows/good.yaml": "name: good"})
	const folder = ".awf/workflows/"
	for _, err := range []error{
		os.Mkdir(folder+"folder.yaml", 0o700), syscall.Mkfifo(folder+"pipe.yaml", 0o600), os.Symlink("nowhere", folder+"broken.yaml"),
		os.Symlink("loop.yaml", folder+"loop.yaml"), os.Symlink("pipe.yaml", folder+"link.yml"), os.Symlink("/dev/zero", folder+"device.yml"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"folder": "is a directory", "pipe": "not a regular file", "broken": "no such file or directory",
		"loop": "too many levels of symbolic links", "link": "not a regular file", "device": "", "good": "",
	} {
		found := load().Workflows.Lookup(name)
		switch {
		case found == nil:
			t.Errorf("%s: not found", name)
		case want == "" && (found.NoFile() != nil || (found.Err != nil) != (name == "device")): // a device is outside the project
			t.Errorf("%s: %v, %v", name, found.Err, found.NoFile())
		case want != "" && (found.NoFile() == nil || !strings.Contains(found.NoFile().Message+found.Err.Error(), want)):
			t.Errorf("%s: %v, %v, want %s", name, found.Err, found.NoFile(), want)
		}
	}
}

// A pack's workflow is found by pack and name, and by its name alone if no other workflow has it.
func TestDefinitionsInPacks(t *testing.T) {
	load := project(t, map[string]string{
		".awf/workflows/deploy.yaml":                  "name: deploy\nwebhooks: [{name: local, url: 'https://l.example/'}]",
		".awf/workflow-packs/ops/workflows/d.yaml":    "name: deploy\nwebhooks: [{name: pack, url: 'https://p.example/'}]",
		".awf/workflow-packs/ops/workflows/scan.yaml": "name: scan",
	})
	workflows := load().Workflows
	for name, want := range map[string]string{
		"deploy": ".awf/workflows/deploy.yaml", "ops/deploy": ".awf/workflow-packs/ops/workflows/d.yaml",
		"ops/d": ".awf/workflow-packs/ops/workflows/d.yaml", "scan": ".awf/workflow-packs/ops/workflows/scan.yaml",
		"ops/scan": ".awf/workflow-packs/ops/workflows/scan.yaml", "other/scan": "", "/deploy": "", "ops/": "",
	} {
		found := workflows.Lookup(name)
		if got := ""; found != nil {
			if got = found.File; got != want {
				t.Errorf("%s is in %s, want %q", name, got, want)
			}
		} else if want != "" {
			t.Errorf("%s is not found", name)
		}
	}
}

// A definition may be a link to a file of its project, which is the folder that has its .awf, and nowhere else. One that is below no .awf
// must stay in its own folder.
func TestDefinitionsThatAreLinks(t *testing.T) {
	definition := func(name string) string {
		return "name: " + name + "\nwebhooks: [{name: of-" + name + ", url: 'https://a.example/'}]"
	}
	files := map[string]string{
		"elsewhere/out.yaml": definition("out"), "elsewhere/pack/workflows/linked-pack.yaml": definition("linked-pack"),
		"project/shared/a.yaml": definition("in-workflows"), "project/shared/b.yaml": definition("in-pack"),
		"other/shared/c.yaml": definition("in-other"), "plain/d.yml": definition("in-plain"), "plain/inner/e.yaml": definition("below-plain"),
		"data/awf/workflow-packs/own/workflows/f.txt": definition("in-data"),
	}
	links := map[string]string{
		"project/.awf/workflows/a.yaml":                     "../../shared/a.yaml",
		"project/.awf/workflow-packs/p/workflows/b.yaml":    "../../../../shared/b.yaml",
		"project/.awf/workflows/out1.yaml":                  "../../../elsewhere/out.yaml",
		"project/.awf/workflow-packs/p/workflows/out2.yaml": "../../../../../elsewhere/out.yaml",
		"project/.awf/workflow-packs/linked":                "../../../elsewhere/pack",
		"other/.awf/more/c.yaml":                            "../../shared/c.yaml",
		"other/.awf/more/out3.yaml":                         "../../../project/shared/a.yaml",
		"plain/e.yaml":                                      "inner/e.yaml",
		"plain/out4.yaml":                                   "../project/shared/a.yaml",
		"data/awf/workflow-packs/own/workflows/f.yaml":      "f.txt",
		"data/awf/workflow-packs/own/workflows/out5.yaml":   "../../../../../project/shared/a.yaml",
	}
	top := t.TempDir()
	for file, text := range files {
		put(t, filepath.Join(top, file), text)
	}
	for link, to := range links {
		if err := errors.Join(os.MkdirAll(filepath.Dir(filepath.Join(top, link)), 0o700), os.Symlink(to, filepath.Join(top, link))); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(top, "project"))
	for path, want := range map[string]struct{ read, refused []string }{
		"":                {[]string{"in-workflows", "in-pack", "in-data"}, []string{"out1", "out2", "out5", "linked-pack"}},
		"other/.awf/more": {[]string{"in-other"}, []string{"out3"}},
		"plain":           {[]string{"in-plain", "below-plain"}, []string{"out4"}},
	} {
		env := map[string]string{"AWF_CONFIG_HOME": top + "/global", "XDG_DATA_HOME": top + "/data", "AWF_WORKFLOWS_PATH": ""}
		if path != "" {
			env["AWF_WORKFLOWS_PATH"] = filepath.Join(top, path)
		}
		cfg, err := config.Search{TrustProject: true, Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }}.Load()
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range want.read {
			if found := cfg.Workflows.Lookup(name); found == nil || found.Err != nil || names(found) != "of-"+name+" " {
				t.Errorf("%s: %+v, want it read", name, found)
			}
		}
		for _, name := range want.refused {
			if found := cfg.Workflows.Lookup(name); found == nil || !errors.Is(found.Err, file.ErrOutside) || len(found.Webhooks) > 0 {
				t.Errorf("%s: %+v, want it refused", name, found)
			}
		}
		if found := cfg.Workflows.Lookup("out"); found != nil {
			t.Errorf("a refused link is found by the name in its target: %+v", found)
		}
	}
}

func TestLookupsAtTheSameTime(t *testing.T) {
	files := map[string]string{}
	for i := range 20 {
		files[fmt.Sprintf(".awf/workflows/%d.yaml", i)] = fmt.Sprintf("webhooks: [{name: w%d, url: 'https://b.example/'}]", i)
	}
	workflows := project(t, files)().Workflows
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 20 {
				if got, want := names(workflows.Lookup(fmt.Sprint(i))), fmt.Sprintf("w%d ", i); got != want {
					t.Errorf("%d has %q, want %q", i, got, want)
				}
			}
		})
	}
	wg.Wait()
}

// manyDefinitions makes a project with two hundred definitions and settings with one webhook.
func manyDefinitions(t testing.TB) *config.Workflows {
	files := map[string]string{"global/settings.yaml": "webhooks: [{url: 'https://a.example/'}]"}
	for i := range 200 {
		files[fmt.Sprintf(".awf/workflows/%d.yaml", i)] = fmt.Sprintf("name: n%d\nwebhooks: [{url: 'https://b.example/'}]", i)
	}
	return project(t, files)().Workflows
}

// Only the first lookup of a workflow allocates memory, whether the workflow has a definition or not.
func TestLookupCostsNothingAfterTheFirst(t *testing.T) {
	workflows := manyDefinitions(t)
	synctest.Test(t, func(*testing.T) { // the time does not change here, so the folders are not read again
		for _, name := range []string{"n150", "nobody"} {
			workflows.Lookup(name)
			if allocs := testing.AllocsPerRun(1000, func() { workflows.Lookup(name) }); allocs != 0 {
				t.Errorf("looking up %s: %v allocations, want none", name, allocs)
			}
		}
	})
}

// The figure includes reading the folders again every two seconds.
func BenchmarkLookup(b *testing.B) {
	workflows := manyDefinitions(b)
	workflows.Lookup("n150")
	b.ReportAllocs()
	for b.Loop() {
		workflows.Lookup("n150")
	}
}

// A definition is one however its extension is written, since a file system may not tell the difference.
func TestExtensionsInAnyCase(t *testing.T) {
	load := project(t, map[string]string{
		".awf/workflows/a.YAML": "webhooks: [{name: x, url: 'https://x.example/'}]",
		".awf/workflows/b.Yml":  "name: c\nwebhooks: [{name: y, url: 'https://y.example/'}]",
	})
	cfg := load()
	for workflow, want := range map[string]string{"a": "x ", "c": "y "} {
		if found := cfg.Workflows.Lookup(workflow); found == nil || names(found) != want {
			t.Errorf("%s: %+v, want %s", workflow, found, want)
		}
	}
}
