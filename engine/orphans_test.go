package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// With server.url, deliveries for the settings' own webhooks and for an earlier server are said to wait, and why. Neither is called gone,
// what they hold stays masked, and a command with --to says nothing about them.
func TestServerLeavesNothingUnsaid(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, "settings.yaml")
	const own = "webhooks: [{name: mine, url: 'https://mine.test/', transform: {format: pagerduty, with: {routing_key: '${KEY}'}}}]\n"
	load := func(text, to string) *config.Config {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		env := func(name string) (string, bool) {
			value, set := map[string]string{"AWF_CONFIG_HOME": home, "KEY": "R0123456789abcdef0123456789abcdef"}[name]
			return value, set
		}
		cfg, err := config.Search{Env: env, To: to, Dir: t.TempDir()}.Load()
		if err != nil {
			t.Fatal(err)
		}
		return cfg
	}
	mine := load(own, "").Webhooks[0].Identity
	old := load(own+"server: {url: 'https://old.test'}", "").Webhooks[0].Identity
	for _, tt := range []struct{ text, to, mine, old string }{
		{own, "", "", ""},
		{own + "server: {url: 'https://old.test'}", "", "is not used while server.url sends all events to a server", ""},
		{own + "server: {url: 'https://new.test'}", "", "is not used while server.url sends all events to a server",
			"is not the server of server.url"},
		{own, "https://new.test", "", ""},
	} {
		cfg := load(tt.text, tt.to)
		why := engine.Orphaned(cfg)
		if got := [2]string{why(mine), why(old)}; got != [2]string{tt.mine, tt.old} {
			t.Errorf("%q to %q: %q, want %q", tt.text, tt.to, got, [2]string{tt.mine, tt.old})
		}
		masked := new(engine.StoredMasker).Of(cfg).Text("R0123456789abcdef0123456789abcdef")
		if tt.to == "" && strings.Contains(masked, "abcdef") {
			t.Errorf("%q shows the key of a body that waits: %s", tt.text, masked)
		}
	}
	lanes := make([]engine.LaneStatus, 1)
	lanes[0].Webhook, lanes[0].Waiting = old, 3
	orphans := engine.Orphans(lanes, load(own+"server: {url: 'https://new.test'}", ""))
	if len(orphans) != 1 || !strings.HasSuffix(orphans[0].To, "new.test#server") {
		t.Errorf("%+v, want the new server to take them", orphans)
	}
}
