package engine

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/route"
)

func line(workflow string, n int) string {
	return fmt.Sprintf(`{"id":"%s-%d","event":"workflow_end","workflow_id":"run","workflow_name":%[1]q,`+
		`"timestamp":"2026-03-01T12:00:00Z"}`+"\n", workflow, n)
}

// until waits until a condition holds that other goroutines bring about.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited 10 s in vain: %s", what)
		}
	}
}

// slowDefinition opens an engine with settings and with the workflow slow, whose own webhook compiles until end is
// closed.
func slowDefinition(t *testing.T, end <-chan struct{}) *Engine {
	t.Helper()
	dir := t.TempDir()
	settings := filepath.Join(dir, "settings.yaml")
	for file, text := range map[string]string{
		settings:                       "webhooks: [{name: all, url: 'http://127.0.0.1:1/'}]",
		filepath.Join(dir, "slow.yml"): "webhooks: [{name: own, url: 'http://127.0.0.1:1/'}]",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	env := func(name string) (string, bool) { return dir, name == "AWF_WORKFLOWS_PATH" }
	cfg, err := config.Search{File: settings, Env: env, TrustProject: true}.Load()
	if err != nil {
		t.Fatal(err)
	}
	e, err := Open(cfg, Options{})
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler{e.modules, e.log, cfg.Secrets()}.settings(cfg)
	if err != nil {
		t.Fatal(err)
	}
	options := e.openAll(cfg, compiled)
	open := options.Open
	options.Open = func(ctx context.Context, own []config.Webhook) ([]*webhook, error) {
		<-end
		return open(ctx, own)
	}
	options.Log = slog.New(slog.DiscardHandler)
	e.routes = route.New(options)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// While a workflow's webhooks compile, its events wait. Neither the stream nor another workflow's events wait with them.
func TestCompilingHoldsUpNoStream(t *testing.T) {
	const events = 100
	end := make(chan struct{})
	e := slowDefinition(t, end)
	in, feed := io.Pipe()
	out, passed := io.Pipe()
	read := make(chan error, 1)
	go func() {
		read <- e.Read(context.Background(), Stream{Name: "<stdin>", In: in, Out: passed})
		passed.Close()
	}()
	go func() {
		for n := range events {
			fmt.Fprint(feed, line("slow", n), line("other", n))
		}
		fmt.Fprint(feed, "AWF's own line\n")
	}()
	text := make([]byte, 15)
	if _, err := io.ReadFull(out, text); err != nil || string(text) != "AWF's own line\n" {
		t.Fatalf("passed %q, %v, want AWF's own line before the webhooks are compiled", text, err)
	}
	until(t, "the other workflow's events are accepted", func() bool { return e.counts.events.Load() == events })
	until(t, "their deliveries are counted", func() bool { return e.counts.deliveries.Load() == events })
	feed.Close()
	close(end)
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	if r := e.Report(); r.Events != 2*events || r.Deliveries != 3*events || r.Refused != 0 {
		t.Errorf("report %+v, want %d events with %d deliveries, those of slow for two webhooks", r, 2*events, 3*events)
	}
	items, err := e.queue.List(context.Background(), Filter{Webhook: "own"})
	if err != nil || len(items) != events {
		t.Fatalf("%d deliveries of the workflow's own webhook, %v, want %d", len(items), err, events)
	}
	for i, item := range items { // the last one comes first
		if want := fmt.Sprint("slow-", events-1-i); !strings.HasSuffix(item.Event.ID, want) {
			t.Fatalf("delivery %d is of %s, want %s, as deliveries keep the order of the stream", i, item.Event.ID, want)
		}
	}
}

// A file waits until a workflow's webhooks are compiled, however long that takes.
func TestFileWaitsForDefinitions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const events = 5000
		end := make(chan struct{})
		e := slowDefinition(t, end)
		var in strings.Builder
		for n := range events {
			in.WriteString(line("slow", n))
		}
		time.AfterFunc(time.Minute, func() { close(end) })
		if err := e.Read(t.Context(), Stream{In: strings.NewReader(in.String()), Waits: func() bool { return true }}); err != nil {
			t.Fatal(err)
		}
		if r := e.Report(); r.Events != events || r.Refused != 0 {
			t.Errorf("%+v, want all %d events accepted", r, events)
		}
	})
}

// A closed intake refuses events and counts them.
func TestNoEventVanishesAtAStop(t *testing.T) {
	e, err := Open(&config.Config{}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	in := newIntake(nil)
	in.open(e)
	in.close()
	in.add(event.Event{ID: "late", Type: "workflow_end"})
	if r := e.Report(); r.Refused != 1 || r.Events != 0 {
		t.Errorf("report %+v, want the event refused", r)
	}
}
