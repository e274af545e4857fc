package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
)

// A server takes the place of the settings' webhooks, and keeps its identity wherever awf-hook is called.
func TestServerInsteadOfWebhooks(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, "settings.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := func(name string) (string, bool) {
		value, set := map[string]string{"AWF_CONFIG_HOME": home, "T": "a-token-of-ours", "AWF_HOOK_TOKEN": "another-token-of-ours"}[name]
		return value, set
	}
	const own = "webhooks: [{name: own, url: 'https://own.test/'}]\n"
	identities := map[string]bool{}
	for _, tt := range []struct{ settings, to, url, token string }{
		{own, "", "https://own.test/", ""},
		{own + "server: {url: 'https://hooks.test', token: '${T}'}", "", "https://hooks.test/v1/events", "Bearer a-token-of-ours"},
		{own, "https://hooks.test/", "https://hooks.test/v1/events", "Bearer another-token-of-ours"},
		{own, "https://hooks.test/behind/proxy", "https://hooks.test/behind/proxy", "Bearer another-token-of-ours"},
	} {
		write(tt.settings)
		cfg, err := config.Search{Env: env, To: tt.to, Dir: t.TempDir()}.Load()
		if err != nil || len(cfg.Webhooks) != 1 {
			t.Errorf("%q to %q: %v, %v", tt.settings, tt.to, cfg, err)
			continue
		}
		w := cfg.Webhooks[0]
		token := ""
		if len(w.Headers) > 0 {
			token = w.Headers[0].Value.Reveal()
		}
		if w.URL.Reveal().String() != tt.url || token != tt.token {
			t.Errorf("%q to %q: %s with %q", tt.settings, tt.to, w.URL.Reveal(), token)
		}
		identities[w.Identity] = true
	}
	if len(identities) != 2 {
		t.Errorf("the server's identity changes: %v", identities)
	}
	for _, to := range []string{"hooks.test", "ftp://hooks.test", "http://", "://"} {
		if _, err := (config.Search{Env: env, To: to}).Load(); err == nil {
			t.Errorf("%q is taken for a server", to)
		}
	}
	write("server: {url: nowhere}")
	if _, err := (config.Search{Env: env, NoProject: true}).Load(); err == nil {
		t.Error("server.url: nowhere is taken")
	}
}
