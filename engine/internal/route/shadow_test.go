package route_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/config/trust"
	"github.com/awf-project/awf-hook/engine/internal/route"
)

// The user's own definition applies until the user trusts a checkout's definition of the same name. Its mistakes are logged as if it were
// the only one, and the reason why the checkout's does not apply is logged once.
func TestOwnDefinitionAppliesInAStrangersCheckout(t *testing.T) {
	const (
		mine   = "webhooks: [{name: mine, url: 'https://mine.test/'}]"
		broken = "webhooks: 5"
		theirs = "webhooks: [{name: theirs, url: 'https://theirs.test/'}]"
	)
	for name, test := range map[string]struct {
		own, theirs   string
		isTrusted     bool
		webhooks, log string
	}{
		"without webhooks":               {mine, "states: {}", false, "mine", ""},
		"with a webhook":                 {mine, theirs, false, "mine", "is not trusted"},
		"with a mistake":                 {mine, broken, false, "mine", "is not trusted"},
		"that cannot be read":            {mine, "", false, "mine", "not the project's"},
		"broken, theirs without":         {broken, "states: {}", false, "", "webhooks: want a list"},
		"broken, theirs with a webhook":  {broken, theirs, false, "", "webhooks: want a list"},
		"trusted, without webhooks":      {mine, "states: {}", true, "", ""},
		"trusted, with a webhook":        {mine, theirs, true, "theirs", ""},
		"trusted, with a mistake":        {mine, broken, true, "", "webhooks: want a list"},
		"trusted, mine with the mistake": {broken, theirs, true, "theirs", ""},
	} {
		t.Run(name, func(t *testing.T) {
			home, checkout := t.TempDir(), t.TempDir()
			own := filepath.Join(home, "awf/workflows/deploy.yaml")
			put(t, own, test.own)
			put(t, filepath.Join(checkout, ".awf/workflows/plain.yaml"), "states: {}")
			file := filepath.Join(checkout, ".awf/workflows/deploy.yaml")
			put(t, file, test.theirs)
			if test.theirs == "" {
				_ = os.Remove(file)
				if err := os.Symlink(own, file); err != nil {
					t.Fatal(err)
				}
			}
			env := map[string]string{"HOME": home, "XDG_CONFIG_HOME": home}
			search := config.Search{Dir: checkout, Env: func(name string) (string, bool) { value, set := env[name]; return value, set }}
			if test.isTrusted {
				p, err := search.Project()
				if err != nil {
					t.Fatal(err)
				}
				if err := trust.In(search.StateFolder()).Trust(p.Folder, p.Claims); err != nil {
					t.Fatal(err)
				}
			}
			cfg, err := search.Load()
			if err != nil {
				t.Fatal(err)
			}
			var log bytes.Buffer
			tab := route.New(route.Options[string]{
				Workflows: cfg.Workflows, Open: identities, Identity: func(w string) string { return w },
				Log: slog.New(slog.NewTextHandler(&log, nil)),
			})
			defer tab.Close()
			if test.webhooks == "mine" && !tab.Adopt(own+"#mine") {
				t.Error("nobody opens it for deliveries that wait")
			}
			tab.Of("plain") // of which there is nothing to say
			for range 3 {
				if got := names(t, tab.Of("deploy")); got != test.webhooks {
					t.Errorf("webhooks %q, want %q", got, test.webhooks)
				}
			}
			said := log.String()
			if test.log == "" && said != "" || test.log != "" && strings.Count(said, test.log) != 1 {
				t.Errorf("it said %q, want once %q", said, test.log)
			}
		})
	}
}

// put writes a file and makes its folder.
func put(t *testing.T, file, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	write(t, file, text)
}
