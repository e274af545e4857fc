package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
)

// A server replaces the settings' webhooks. It has the same identity in whatever folder awf-hook is called.
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
	for _, tt := range []struct{ settings, to, url, token, place string }{
		{own, "", "https://own.test/", "", file + ":1"},
		{
			own + "server: {url: 'https://hooks.test', token: '${T}'}", "", "https://hooks.test/v1/events", "Bearer a-token-of-ours",
			file + ":2",
		},
		{own, "https://hooks.test/", "https://hooks.test/v1/events", "Bearer another-token-of-ours", "--to"},
		{own, "https://hooks.test/behind/proxy", "https://hooks.test/behind/proxy", "Bearer another-token-of-ours", "--to"},
	} {
		write(tt.settings)
		cfg, err := config.Search{Env: env, To: tt.to, Dir: t.TempDir()}.Load()
		if err != nil || len(cfg.Webhooks) != 1 {
			t.Errorf("%q to %q: %v, %v; want one webhook", tt.settings, tt.to, cfg, err)
			continue
		}
		w := cfg.Webhooks[0]
		token := ""
		if len(w.Headers) > 0 {
			token = w.Headers[0].Value.Reveal()
		}
		if w.URL.Reveal().String() != tt.url || token != tt.token {
			t.Errorf("%q to %q: sends to %s with %q, want %s with %q", tt.settings, tt.to, w.URL.Reveal(), token, tt.url, tt.token)
		}
		for _, v := range w.Values() {
			if v.Place != tt.place && v.Place != "default" {
				t.Errorf("%q to %q: %s comes from %s, want %s", tt.settings, tt.to, v.Key, v.Place, tt.place)
			}
		}
		identities[w.Identity] = true
	}
	if len(identities) != 2 {
		t.Errorf("identities %v, want one of the own webhook and one of the server", identities)
	}
	for _, to := range []string{"hooks.test", "ftp://hooks.test", "http://", "://"} {
		if _, err := (config.Search{Env: env, To: to}).Load(); err == nil {
			t.Errorf("%q is accepted as a server", to)
		}
	}
	write("server: {url: nowhere}")
	if _, err := (config.Search{Env: env, NoProject: true}).Load(); err == nil {
		t.Error("server.url accepts nowhere")
	}
}

// A token's name means one client, and a token one bearer: what serve could only guess is a mistake.
func TestTokensAreNotGuessed(t *testing.T) {
	one, two := strings.Repeat("1", 64), strings.Repeat("2", 64)
	for list, want := range map[string]string{
		"{name: ci, sha256: " + one + "}, {name: ci, sha256: " + two + "}":                                   "",
		"{name: ci, sha256: " + one + ", rate: 5/s}, {name: ci, sha256: " + two + ", rate: 5/s, role: read}": "",
		"{name: ci, sha256: " + one + "}, {name: ops, sha256: " + one + ", role: admin}":                     "has the same digest",
		"{name: ci, sha256: " + one + ", rate: 5/s}, {name: ci, sha256: " + two + "}":                        "has another rate",
		"{name: signed, sha256: " + one + "}":                                                                "want another name",
		"{name: unknown, sha256: " + one + "}":                                                               "want another name",
		`{name: "a\nb", sha256: ` + one + "}":                                                                "without # and control characters",
		`{name: "a\u202eb", sha256: ` + one + "}":                                                            "without # and control characters",
		`{name: "", sha256: ` + one + "}":                                                                    "want 1 to 100 bytes",
		"{name: " + strings.Repeat("n", 101) + ", sha256: " + one + "}":                                      "want 1 to 100 bytes",
	} {
		said := ""
		for _, m := range mistakes(t, "serve: {tokens: ["+list+"]}\nwebhooks: []") {
			said += m.Error()
		}
		if want == "" && said != "" || !strings.Contains(said, want) {
			t.Errorf("%s: %q, want %q", list, said, want)
		}
	}
}

// Without an environment nothing is said of values that only a variable has: they may be equal or not.
func TestValuesOfVariablesAreNotCompared(t *testing.T) {
	hex := func(digit string) string { return strings.Repeat(digit, 64) }
	for _, text := range []string{
		"serve: {tokens: [{name: a, sha256: '${ONE}'}, {name: b, sha256: '${TWO}'}]}\nwebhooks: []",
		"serve: {tokens: [{name: '${A}', sha256: " + hex("1") + ", rate: 5/s}, {name: '${B}', sha256: " + hex("2") + "}]}\nwebhooks: []",
		"serve: {tokens: [{name: a, sha256: " + hex("1") + ", rate: 5/s}, {name: '${B}', sha256: " + hex("2") + "}]}\nwebhooks: []",
		"serve: {tokens: [{name: a, sha256: " + hex("1") + ", rate: 5/s}, {name: a, sha256: " + hex("2") + ", rate: '${RATE}'}]}\nwebhooks: []",
		"webhooks: [{name: '${A}', url: 'https://a.example/'}, {name: '${B}', url: 'https://a.example/'}]",
		"webhooks: [{url: 'https://a.example/'}, {name: '${B}', url: 'https://a.example/'}]",
		"webhooks: [{name: '${A}', url: 'https://a.example/'}, {url: 'https://a.example/'}]",
		"webhooks: [{url: '${ONE}'}, {url: '${TWO}'}]",
		"webhooks: [{url: 'https://a.example/', secret: ['${ONE}', '${TWO}'], signing: ['${A}', '${B}']}]",
		"webhooks: [{url: 'https://a.example/', secret: s, signing: [{custom: {header: '${A}'}}, {custom: {header: '${B}'}}]}]",
	} {
		values := map[string]string{"ONE": hex("1"), "TWO": hex("2"), "A": "awf", "B": "github", "RATE": "5/s"}
		if strings.Contains(text, "url: '${ONE}'") {
			values["ONE"], values["TWO"] = "https://a.example/", "https://b.example/"
		}
		open := func(name string) (string, bool) { return values[name], true }
		for _, env := range []config.Env{open, config.NoEnv} {
			cfg, err := config.Parse("f.yaml", []byte(text), env)
			if err != nil || slices.ContainsFunc(cfg.Warnings, func(w *config.Error) bool { return w.Code == "webhook.same" }) {
				t.Errorf("%s, without an environment: %t: %v, %v, want it good", text, env == nil, err, cfg.Warnings)
			}
		}
	}
	const same = "webhooks: []\nserve: {tokens: [{name: a, sha256: '${A}'}, {name: b, sha256: '${A}'}, " +
		"{name: c, sha256: 'x'}, {name: d, sha256: 'y'}]}"
	_, err := config.Parse("f.yaml", []byte(same), config.NoEnv)
	if err == nil || strings.Contains(err.Error(), "same digest") {
		t.Errorf("%v, want nothing said of digests that are not known", err)
	}
}
