package engine_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/google/go-cmp/cmp"
)

// calls records the hosts of requests, and answers with the status in the host's name.
type calls struct {
	mu    sync.Mutex
	hosts []string
}

func (c *calls) RoundTrip(r *http.Request) (*http.Response, error) {
	_ = r.Body.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hosts = append(c.hosts, r.URL.Host)
	if strings.HasPrefix(r.URL.Host, "down") {
		return answer(503)
	}
	return answer(200)
}

// took returns the hosts since the last call, sorted.
func (c *calls) took() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	hosts := slices.Sorted(slices.Values(c.hosts))
	c.hosts = nil
	return strings.Join(hosts, " ")
}

// openProject enters a new project whose settings have the webhook all, and opens an engine for it. The queue is in
// memory unless one is given.
func openProject(t *testing.T, transport http.RoundTripper, log *bytes.Buffer, queue ...string) *engine.Engine {
	t.Helper()
	putDefinition(t, "settings.yaml", "webhooks: [{name: all, url: 'https://all.test/'}]")
	cfg, err := config.Search{TrustProject: true, Env: func(string) (string, bool) { return "", false }}.Load()
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(cfg, engine.Options{
		Queue: strings.Join(queue, ""), Transport: transport, Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func putDefinition(t *testing.T, file, text string) {
	t.Helper()
	file = filepath.Join(".awf", file)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func eventOf(workflow, id string) event.Event {
	ev := newEvent(id)
	ev.WorkflowName = workflow
	return ev
}

func TestDefinitionsWebhooksGetItsEventsAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	putDefinition(t, "workflows/file.yaml", "name: deploy\nwebhooks: [{name: own, url: 'https://own.test/'}]")
	putDefinition(t, "workflows/over.yaml", "webhooks: [{name: all, url: 'https://over.test/'}]")
	putDefinition(t, "workflows/off.yaml", "webhooks: [{name: all, enabled: false}]")
	synctest.Test(t, func(t *testing.T) {
		var got calls
		e := openProject(t, &got, new(bytes.Buffer))
		run(t, e)
		for workflow, want := range map[string]string{
			"deploy": "all.test own.test",
			"file":   "all.test own.test", // by the file's name as well as by its own name
			"over":   "over.test",
			"off":    "",
			"nobody": "all.test",
			"":       "all.test",
		} {
			submit(t, e, eventOf(workflow, "a"+workflow), eventOf(workflow, "b"+workflow))
			drain(t, e)
			var twice []string
			for _, host := range strings.Fields(want) {
				twice = append(twice, host, host)
			}
			if diff := cmp.Diff(strings.Join(twice, " "), got.took()); diff != "" {
				t.Errorf("the events of %q (-want +got):\n%s", workflow, diff)
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A definition with mistakes has no webhooks of its own until the user mends it. The log says so once.
func TestBrokenDefinitionHarmsItsOwnWorkflowAlone(t *testing.T) {
	t.Chdir(t.TempDir())
	putDefinition(t, "workflows/broken.yaml", "webhooks:\n  - {url: 'https://own.test/', filter: nothing ==}\n")
	putDefinition(t, "workflows/good.yaml", "webhooks:\n  - url: https://good.test/\n")
	synctest.Test(t, func(t *testing.T) {
		var got calls
		var log bytes.Buffer
		e := openProject(t, &got, &log)
		run(t, e)
		for i := range 10 {
			submit(t, e, eventOf("broken", fmt.Sprint(i)), eventOf("good", fmt.Sprint(-1-i)))
			time.Sleep(time.Second) // the folders are checked several times meanwhile
		}
		drain(t, e)
		hosts := got.took()
		if strings.Count(hosts, "all.test") != 20 || strings.Count(hosts, "good.test") != 10 || strings.Contains(hosts, "own") {
			t.Errorf("requests to %s, want 20 to all, 10 to good and none to own", hosts)
		}
		if said := log.String(); strings.Count(said, "\n") != 1 || !strings.Contains(said, "broken.yaml:2:") {
			t.Errorf("logged %q, want the mistake with its place once", said)
		}
		putDefinition(t, "workflows/broken.yaml", "webhooks:\n  - {url: 'https://own.test/'}\n")
		time.Sleep(2 * time.Second)
		submit(t, e, eventOf("broken", "mended"))
		drain(t, e)
		if hosts := got.took(); hosts != "all.test own.test" {
			t.Errorf("requests to %s after the user mended the definition, want one to all and one to own", hosts)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Deliveries that wait go to the address of the changed definition.
func TestChangedDefinitionHoldsForWhatWaits(t *testing.T) {
	t.Chdir(t.TempDir())
	putDefinition(t, "workflows/deploy.yaml", "webhooks:\n  - {name: own, url: 'https://down.test/', retry: {delay: 1h}}\n")
	synctest.Test(t, func(t *testing.T) {
		var got calls
		e := openProject(t, &got, new(bytes.Buffer))
		run(t, e)
		submit(t, e, eventOf("deploy", "a"))
		synctest.Wait()
		if hosts := got.took(); hosts != "all.test down.test" {
			t.Fatalf("requests to %s, want one to all and one to down", hosts)
		}
		putDefinition(t, "workflows/deploy.yaml", "webhooks:\n  - {name: own, url: 'https://up.test/', retry: {delay: 1h}} # moved\n")
		time.Sleep(2 * time.Second)
		submit(t, e, eventOf("deploy", "b")) // an event makes the engine check the definition
		drain(t, e)
		if hosts := got.took(); hosts != "all.test up.test up.test" {
			t.Errorf("requests to %s, want both events at the new address", hosts)
		}
		checkReport(t, e, engine.Report{Events: 2, Deliveries: 4, Delivered: 4})
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

// Drain delivers what an earlier process left for the webhook of a definition, although the engine opens that webhook only then.
func TestDrainTakesUpWhatWaitsForADefinition(t *testing.T) {
	t.Chdir(t.TempDir())
	putDefinition(t, "workflows/deploy.yaml", "webhooks:\n  - {name: own, url: 'https://own.test/'}\n")
	own, err := filepath.Abs(".awf/workflows/deploy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	queue := filepath.Join(t.TempDir(), "queue.db")
	for i := range 20 {
		var got calls
		before := openProject(t, &got, new(bytes.Buffer), queue)
		ev := eventOf("deploy", fmt.Sprint(i))
		ev.Webhooks = []string{own + "#own"}
		submit(t, before, ev)
		if err := before.Close(); err != nil {
			t.Fatal(err)
		}
		e := openProject(t, &got, new(bytes.Buffer), queue)
		run(t, e)
		drain(t, e)
		if hosts := got.took(); hosts != "own.test" {
			t.Fatalf("round %d: requests to %q, want one to own.test", i, hosts)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// The definition changes during an attempt, which then fails. The webhook of the new definition retries the delivery.
func TestAttemptInFlightSurvivesAChangedDefinition(t *testing.T) {
	t.Chdir(t.TempDir())
	putDefinition(t, "workflows/deploy.yaml", "webhooks:\n  - {name: own, url: 'https://slow.test/', retry: {delay: 1m}}\n")
	synctest.Test(t, func(t *testing.T) {
		var got calls
		e := openProject(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "slow.test" {
				time.Sleep(10 * time.Second)
				return answer(503)
			}
			return got.RoundTrip(r)
		}), new(bytes.Buffer))
		run(t, e)
		submit(t, e, eventOf("deploy", "a"))
		time.Sleep(2 * time.Second)
		putDefinition(t, "workflows/deploy.yaml", "webhooks:\n  - {name: own, url: 'https://up.test/', retry: {delay: 1m}} # moved\n")
		submit(t, e, eventOf("deploy", "b"))
		drain(t, e)
		if hosts := got.took(); hosts != "all.test all.test up.test up.test" {
			t.Errorf("requests to %s, want two to all, and both deliveries at up", hosts)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
}

// While secrets are rotated both sign, each within its period.
func TestSecretsSignWithinTheirTime(t *testing.T) {
	const oldest, newest = "the oldest secret", "the newest secret"
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now() // of the bubble: 2000-01-01
		var signed []string
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			var by []string
			body := []byte(`{"event":"workflow_end","workflow_id":"run-x","workflow_name":"",` +
				`"timestamp":"2000-01-01T00:00:00Z","payload":{"ok":true}}`)
			for _, secret := range []string{newest, oldest} {
				if signature.Verify(r.Header, body, signature.Standard, time.Now(), secret) == nil {
					by = append(by, strings.Fields(secret)[1])
				}
			}
			signed = append(signed, strings.Join(by, "+"))
			return answer(200)
		}), fmt.Sprintf(`webhooks:
  - url: https://one.test/
    secret:
      - {value: %q, not_before: %s}
      - {value: %q, not_after: %s}
`, newest, begin.Add(time.Hour).Format(time.RFC3339), oldest, begin.Add(2*time.Hour).Format(time.RFC3339)))
		run(t, e)
		for i := range 3 {
			ev := newEvent(fmt.Sprint(i))
			ev.WorkflowID, ev.Timestamp = "run-x", begin
			submit(t, e, ev)
			drain(t, e)
			time.Sleep(time.Hour)
		}
		if diff := cmp.Diff([]string{"oldest", "newest+oldest", "newest"}, signed); diff != "" {
			t.Errorf("signed by (-want +got):\n%s", diff)
		}
	})
}
