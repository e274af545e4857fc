package route_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/internal/route"
)

// workflows finds the definitions in a folder, in addition to settings with the webhook all.
func workflows(t *testing.T, folder string) *config.Workflows {
	t.Helper()
	settings := filepath.Join(t.TempDir(), "settings.yaml")
	write(t, settings, "webhooks: [{name: all, url: 'https://all.test/'}]")
	env := func(name string) (string, bool) { return folder, name == "AWF_WORKFLOWS_PATH" }
	cfg, err := config.Search{File: settings, Env: env, TrustProject: true}.Load()
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Workflows
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// table makes a table in which a webhook is its identity.
func table(folder string, t *testing.T, open func(context.Context, []config.Webhook) ([]string, error)) *route.Table[string] {
	ws := workflows(t, folder)
	all := ws.Lookup("other").Webhooks[0].Identity
	tab := route.New(route.Options[string]{
		Settings: []string{all}, Workflows: ws, Open: open, Log: slog.New(slog.DiscardHandler),
		Identity: func(w string) string { return w },
	})
	t.Cleanup(tab.Close)
	return tab
}

func identities(_ context.Context, own []config.Webhook) (list []string, err error) {
	for _, w := range own {
		list = append(list, w.Identity)
	}
	return list, nil
}

// names returns the names in the identities of webhooks.
func names(t *testing.T, r *route.Route[string]) string {
	t.Helper()
	webhooks, err := r.Webhooks(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, w := range webhooks {
		_, name, _ := strings.Cut(w, "#")
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

func folder(t *testing.T, definitions map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "other.yaml"), "states: {}")
	for name, text := range definitions {
		write(t, filepath.Join(dir, name+".yaml"), text)
	}
	return dir
}

// A definition that takes long to compile holds up neither other workflows' events nor anybody who does not wait for it.
func TestCompilesBesideTheStream(t *testing.T) {
	dir := folder(t, map[string]string{
		"slow": "webhooks: [{name: own, url: 'https://own.test/'}]",
		"fast": "webhooks: [{name: quick, url: 'https://quick.test/'}]",
	})
	begun, end := make(chan struct{}), make(chan struct{})
	tab := table(dir, t, func(ctx context.Context, own []config.Webhook) ([]string, error) {
		if own[0].Name == "own" {
			close(begun)
			<-end
		}
		return identities(ctx, own)
	})
	slow := tab.Of("slow")
	<-begun
	if slow.IsReady() {
		t.Fatal("the route is ready before its webhooks are compiled")
	}
	if again := tab.Of("slow"); again != slow {
		t.Error("a second look begins a second compilation")
	}
	for workflow, want := range map[string]string{"other": "all", "nobody": "all", "": "all", "fast": "all quick"} {
		if got := names(t, tab.Of(workflow)); got != want {
			t.Errorf("%q has %q meanwhile, want %q", workflow, got, want)
		}
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cause := errors.New("enough")
	cancel(cause)
	if _, err := slow.Webhooks(ctx); !errors.Is(err, cause) {
		t.Errorf("who waits no longer gets %v, want the cause", err)
	}
	close(end)
	if got := names(t, slow); got != "all own" {
		t.Errorf("slow has %q, want all own", got)
	}
}

// A definition that changes while it is compiled is opened twice, in order, so that the newer one stays.
func TestNewerDefinitionStays(t *testing.T) {
	dir := folder(t, map[string]string{"w": "webhooks: [{name: first, url: 'https://a.test/'}]"})
	end := make(chan struct{})
	var opened []string
	tab := table(dir, t, func(ctx context.Context, own []config.Webhook) ([]string, error) {
		if own[0].Name == "first" {
			<-end
		}
		opened = append(opened, own[0].Name)
		return identities(ctx, own)
	})
	old := tab.Of("w")
	write(t, filepath.Join(dir, "w.yaml"), "webhooks: [{name: second, url: 'https://b.test/'}] # newer")
	newer := old
	for deadline := time.Now().Add(10 * time.Second); newer == old && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		newer = tab.Of("w")
	}
	if newer.IsReady() {
		t.Error("the newer definition is ready before the older one")
	}
	close(end)
	if got := names(t, newer); got != "all second" {
		t.Errorf("w has %q, want all second", got)
	}
	if strings.Join(opened, " ") != "first second" {
		t.Errorf("opened %q, want the first, then the second", opened)
	}
}

// Close cancels compilations and waits for them.
func TestCloseEndsCompilations(t *testing.T) {
	dir := folder(t, map[string]string{"w": "webhooks: [{name: own, url: 'https://a.test/'}]"})
	ended := false
	tab := table(dir, t, func(ctx context.Context, _ []config.Webhook) ([]string, error) {
		<-ctx.Done()
		ended = true
		return nil, ctx.Err()
	})
	tab.Of("w")
	tab.Close()
	if !ended {
		t.Error("Close did not wait for the compilation")
	}
}

// The webhook of a definition is opened when the store has deliveries for it. An identity that nobody has is logged once.
func TestAdopt(t *testing.T) {
	dir := folder(t, map[string]string{"w": "webhooks: [{name: own, url: 'https://a.test/'}]"})
	var log bytes.Buffer
	opened := make(chan string, 10)
	ws := workflows(t, dir)
	tab := route.New(route.Options[string]{
		Workflows: ws, Files: []string{"/etc/settings.yaml"}, Log: slog.New(slog.NewTextHandler(&log, nil)),
		Identity: func(w string) string { return w },
		Open: func(ctx context.Context, own []config.Webhook) ([]string, error) {
			opened <- own[0].Name
			return identities(ctx, own)
		},
	})
	defer tab.Close()
	file := filepath.Join(dir, "w.yaml")
	own := file + "#own"
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	write(t, file, "webhooks: [{name: own}]")
	ws.All() // sees the change at once
	tab.Adopt(own)
	write(t, file, string(good))
	ws.All()
	tab.Adopt(own)
	if got := <-opened; got != "own" {
		t.Errorf("opened %q, want own", got)
	}
	for range 3 {
		tab.Adopt("/etc/settings.yaml#gone")
		tab.Adopt("/etc/other.yaml#stranger")
	}
	if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "gone") {
		t.Errorf("it said %q, want one line about the webhook that is gone", said)
	}
}

// A definition that was removed has no mistakes any more.
func TestBrokenDefinitionIsRemoved(t *testing.T) {
	dir := folder(t, map[string]string{"deploy": "webhooks: [{url: 7}]", "check": "webhooks: [{url: 8}]"})
	table := table(dir, t, identities)
	broken := func() int { return len(table.Mistakes()) }
	table.Of("deploy")
	table.Of("check")
	if n := broken(); n != 2 {
		t.Fatalf("%d broken definitions, want 2", n)
	}
	if err := os.Remove(filepath.Join(dir, "deploy.yaml")); err != nil {
		t.Fatal(err)
	}
	if n := broken(); n != 1 {
		t.Errorf("%d broken definitions, want 1", n)
	}
}
