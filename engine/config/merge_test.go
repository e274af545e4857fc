package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
)

const (
	digestA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// mergedValues has two values for each key that files merge by, except those of webhooks, and the value that results if a first file has
// the one and a second file the other. The keys of a list's entries go with their list.
var mergedValues = map[string]struct{ first, second, holds string }{
	"tests":              {"[{event: {event: a}}]", "[{event: {event: b}}]", "[{event: {event: a}}, {event: {event: b}}]"},
	"network.allow":      {"[10.0.0.0/8]", "[192.168.0.0/16]", "[10.0.0.0/8, 192.168.0.0/16]"},
	"network.https_only": {"true", "false", "false"},
	"queue.path":         {"/a.db", "/b.db", "/b.db"},
	"queue.url":          {"postgres://a/a", "postgres://b/b", "postgres://b/b"},
	"queue.namespace":    {"a", "b", "b"},
	"queue.spill":        {"keep", "deliver", "deliver"},
	"queue.keep":         {"1h", "2h", "2h"},
	"queue.keep_dead":    {"1h", "2h", "2h"},
	"queue.backlog":      {"1h", "2h", "2h"},
	"queue.max_size":     {"1MiB", "2MiB", "2MiB"},
	"serve.listen":       {"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:2"},
	"serve.hosts":        {"[a, b]", "[c]", "[c]"},
	"serve.tokens": {"[{name: a, sha256: " + digestA + "}, {name: b, sha256: " + digestB + "}]", "[{name: c, sha256: " + digestB + "}]",
		"[{name: c, sha256: " + digestB + "}]"},
	"serve.secret": {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"},
	"serve.rate":   {"1/s", "2/s", "2/s"},
	"serve.page":   {"off", "operate", "operate"},
	"serve.tls": {"{cert_file: /a.pem, key_file: /a.key}", "{cert_file: /b.pem, key_file: /b.key}",
		"{cert_file: /b.pem, key_file: /b.key}"},
	"server": {"{url: 'https://a.example', token: a}", "{url: 'https://b.example'}", "{url: 'https://b.example'}"},
}

// parseAs reads a file that has only a value at a key's path. It gives no variables, so no file of certificates is opened.
func parseAs(t *testing.T, origin config.Origin, path, value string) (*config.Config, error) {
	t.Helper()
	_, with := keyPlace(path)
	return config.ParseAs("f.yaml", []byte(with(value)), origin, config.NoEnv)
}

// sameKeys reports whether two configurations agree in all keys beside webhooks, apart from their places.
func sameKeys(a, b *config.Config) bool {
	name := func(tests []config.Test) (names []string) {
		for _, test := range tests {
			names = append(names, test.Event.Get("event").Text.Value)
		}
		return names
	}
	secrets := func(list []config.SigningSecret) (texts []string) {
		for _, s := range list {
			texts = append(texts, s.Reveal())
		}
		return texts
	}
	return a.Queue.Equal(b.Queue) && a.HTTPSOnly == b.HTTPSOnly && slices.Equal(a.Allow, b.Allow) &&
		slices.Equal(name(a.Tests), name(b.Tests)) &&
		a.Server.URL == b.Server.URL && a.Server.Token.Reveal() == b.Server.Token.Reveal() && a.Serve.TLS.CertFile == b.Serve.TLS.CertFile &&
		a.Serve.TLS.KeyFile == b.Serve.TLS.KeyFile &&
		a.Serve.Listen == b.Serve.Listen && a.Serve.Page == b.Serve.Page && a.Serve.Rate == b.Serve.Rate &&
		slices.Equal(a.Serve.Hosts, b.Serve.Hosts) && slices.Equal(a.Serve.Tokens, b.Serve.Tokens) &&
		slices.Equal(secrets(a.Serve.Secrets), secrets(b.Serve.Secrets))
}

// Each key merges as its row says. A file that may not set the key does not change it.
func TestKeysMergeAsTheirRowsSay(t *testing.T) {
	for _, key := range config.Keys() {
		path := key.Path
		if strings.HasPrefix(path, "webhooks") || strings.Contains(path, "[]") || strings.HasPrefix(path, "server.") ||
			strings.HasPrefix(path, "serve.tls.") ||
			key.Kind == config.KindMapping && mergedValues[path].first == "" {
			continue
		}
		values, listed := mergedValues[path]
		if !listed {
			t.Errorf("%s has no row in the test's table", path)
			continue
		}
		parsed := func(origin config.Origin, value string) *config.Config {
			cfg, err := parseAs(t, origin, path, value)
			if isRefused := origin != config.UserFile && key.UserOnly; (err != nil) != isRefused ||
				isRefused && !strings.Contains(err.Error(), "not allowed here") {
				t.Fatalf("%s: %s of a file of origin %d: %v", path, value, origin, err)
			}
			return cfg
		}
		first, second := parsed(config.UserFile, values.first), parsed(config.UserFile, values.second)
		if sameKeys(first, second) {
			t.Errorf("%s: the test does not see that the two values differ", path)
		}
		for _, tt := range []struct {
			name  string
			over  *config.Config
			holds string
		}{
			{"a second file of the user's", second, values.holds},
			{"a second file that does not give it", &config.Config{}, values.first},
			{"a project's file", parsed(config.ProjectFile, values.second), map[bool]string{true: values.first, false: values.holds}[key.UserOnly]},
		} {
			got := config.Merge(first, tt.over)
			if want := parsed(config.UserFile, tt.holds); !sameKeys(got, want) {
				t.Errorf("%s: over %s, %s gives\n%+v\nwant\n%+v", path, values.first, tt.name, got.Values(), want.Values())
			}
		}
	}
}

// The last file that names the queue's path or URL decides which of the two holds.
func TestQueuesPlaceIsOne(t *testing.T) {
	file, _ := parseAs(t, config.UserFile, "queue.path", "/a.db")
	database, _ := parseAs(t, config.UserFile, "queue.url", "postgres://a/a")
	if got := config.Merge(file, database).Queue; got.Path != "" || got.URL.IsZero() {
		t.Errorf("a URL over a path gives %+v, want the URL alone", got)
	}
	if got := config.Merge(database, file).Queue; got.Path != "/a.db" || !got.URL.IsZero() {
		t.Errorf("a path over a URL gives %+v, want the path alone", got)
	}
}

// A value of merged files is shown with the place of the file that it comes from.
func TestValuesOfMergedFilesHaveTheirPlace(t *testing.T) {
	a, _ := config.Parse("a.yaml", []byte("queue: {keep: 1h}"), nil)
	b, _ := config.Parse("b.yaml", []byte("\nqueue: {keep: 2h}"), nil)
	for _, v := range config.Merge(a, b).Values() {
		if v.Key == "queue.keep" && (v.Text != "2h" || v.Place != "b.yaml:2") {
			t.Errorf("%+v, want 2h of b.yaml:2", v)
		}
	}
}

// Each key that a file sets is shown with the place of its value. Secrets are masked.
func TestGivenKeysAreShown(t *testing.T) {
	for path, values := range mergedValues {
		if path == "tests" || path == "queue.namespace" { // tests are not a setting, and a namespace without a database means nothing
			continue
		}
		cfg, err := parseAs(t, config.UserFile, path, values.first)
		if err != nil {
			t.Fatal(err)
		}
		shown := slices.DeleteFunc(cfg.Values(), func(v config.Value) bool {
			return !strings.HasPrefix(v.Key, path) || v.Place == "default" || strings.Contains(v.Text, "aaaaaaaa")
		})
		if len(shown) == 0 {
			t.Errorf("%s: the value %s is not shown, or not masked", path, values.first)
		}
	}
}

// An entry that switches off what it misspells says so. One without a near name may be meant for other users.
func TestNothingIsSwitchedOffIsTold(t *testing.T) {
	for name, told := range map[string]bool{
		"oncall": false, "Oncall": true, "oncal": true, "on-call": true, "oncall\u0301": true, "pager": false, "audit": false,
	} {
		off := "webhooks: [{name: " + name + ", enabled: false}]"
		for _, place := range []string{".awf/settings.yaml", ".awf/workflows/w.yaml"} {
			load := project(t, map[string]string{
				"global/settings.yaml":   "webhooks: [{name: oncall, url: 'https://a.example/'}]",
				".awf/workflows/w.yaml":  "states: {}",
				".awf/workflows/w2.yaml": "webhooks: [{name: " + name + ", url: 'https://b.example/', enabled: false}]",
				place:                    off,
			})
			cfg := load()
			warnings := append(cfg.Warnings, cfg.Workflows.Lookup("w").Warnings...)
			if got := strings.Contains(warnings.Error(), "switches off nothing"); got != told {
				t.Errorf("%s in %s: %v, told should be %v", name, place, warnings, told)
			}
			if got := cfg.Workflows.Lookup("w2").Warnings; len(got) > 0 {
				t.Errorf("%s with a URL: %v", name, got)
			}
		}
	}
}
