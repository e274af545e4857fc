package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
)

// A webhook in a database is named by the namespace, wherever its file is.
func TestWebhooksOfADatabase(t *testing.T) {
	const text = "queue: {url: \"postgres://awf:${PASSWORD}@db.example:5433/hooks?sslmode=require\", namespace: prod}\n" +
		"webhooks:\n  - {name: oncall, url: https://a.example/hook}\n"
	env := func(string) (string, bool) { return "hunter2hunter2", true }
	for _, dir := range []string{t.TempDir(), t.TempDir()} {
		path := filepath.Join(dir, "awf-hook.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := config.Load(path, env)
		if err != nil {
			t.Fatal(err)
		}
		if err := cfg.Share(); err != nil {
			t.Fatal(err)
		}
		if got, want := cfg.Webhooks[0].Identity, "prod#oncall"; got != want {
			t.Errorf("identity %q, want %q", got, want)
		}
		if got, want := cfg.Queue.URL.Reveal(), "postgres://awf:hunter2hunter2@db.example:5433/hooks?sslmode=require"; got != want {
			t.Errorf("queue %q, want %q", got, want)
		}
		shown := ""
		for _, v := range cfg.Values() {
			shown += v.Key + "=" + v.Text + " "
		}
		if !strings.Contains(shown, "queue.url=postgres://db.example:5433/hooks ") || strings.Contains(shown, "hunter2") {
			t.Errorf("shown as %s, want the database without user and password", shown)
		}
	}
}

// An entry without a name is identified by its file, which differs between machines, so Share refuses it.
func TestWebhooksOfADatabaseNeedNames(t *testing.T) {
	cfg, err := config.Parse("awf-hook.yaml", []byte("webhooks:\n  - url: https://a.example/hook\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Share(); err == nil || !strings.Contains(err.Error(), "awf-hook.yaml:2") || !strings.Contains(err.Error(), "needs a name") {
		t.Errorf("Share = %v, want an error with the entry's place that asks for a name", err)
	}
}
