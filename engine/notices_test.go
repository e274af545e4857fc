package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
)

// told is a receiver that records the events that it gets, and answers with status.
type told struct {
	mu     sync.Mutex
	status int
	events []event.Event
	bodies []map[string]any
}

func (o *told) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var ev struct {
		Event        string         `json:"event"`
		WorkflowName string         `json:"workflow_name"`
		Payload      map[string]any `json:"payload"`
	}
	_ = json.Unmarshal(body, &ev)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.events = append(o.events, event.Event{Type: ev.Event, WorkflowName: ev.WorkflowName})
	o.bodies = append(o.bodies, ev.Payload)
	if o.status != 0 {
		w.WriteHeader(o.status)
	}
}

// types lists the types of these events.
func (o *told) types() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []string
	for _, ev := range o.events {
		list = append(list, ev.Type)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

const allOperatorEvents = "hook_lane_closed, hook_lane_failing, hook_lane_recovered, hook_dead_letter, hook_backlog, hook_reload_failed"

// deliverAll submits n events, delivers them and closes the engine.
func deliverAll(t *testing.T, yaml, queue string, n int, meanwhile func(*engine.Engine)) {
	t.Helper()
	deliverConfig(t, parse(t, yaml), queue, n, meanwhile)
}

func deliverConfig(t *testing.T, cfg *config.Config, queue string, n int, meanwhile func(*engine.Engine)) {
	t.Helper()
	eng, err := engine.Open(cfg, engine.Options{Queue: queue, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	var running sync.WaitGroup
	running.Go(func() { _ = eng.Run(ctx) })
	for range n {
		ev, err := event.New(event.WorkflowEnd, "run-1", "deploy", nil)
		if err == nil {
			err = eng.Submit(ctx, ev)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if meanwhile != nil {
		meanwhile(eng)
	}
	draining, stop := context.WithTimeout(ctx, 15*time.Second)
	defer stop()
	_ = eng.Drain(draining)
	if err := eng.Close(); err != nil {
		t.Error(err)
	}
	running.Wait()
}

// A webhook gets the operator events that it names, about all other webhooks. "*" does not include them.
func TestOperatorEvents(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status, events int
		want           string // types that the operators' webhook gets
		here           string // keys of the first one's payload; "" if they do not matter
	}{
		"delivered":    {200, 3, "", ""},
		"dead letters": {400, 2, "hook_dead_letter hook_dead_letter", "attempts delivery event event_id reason webhook"},
		"many":         {400, 30, strings.TrimSpace(strings.Repeat("hook_dead_letter ", 10)), "attempts delivery event event_id reason webhook"},
		"closed":       {410, 1, "hook_dead_letter hook_lane_closed", ""},
		"failing":      {503, 7, "hook_lane_failing", "dead failures reason waiting webhook"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad, all, operators, second := &told{status: c.status}, &told{}, &told{}, &told{status: 400}
			yaml := `webhooks:
  - {name: bad, url: "` + serveHTTP(t, bad) + `", events: [workflow_end], retry: {delay: 1h, max_attempts: 3}}
  - {name: all, url: "` + serveHTTP(t, all) + `", events: ["*", "hook_*"]}
  - {name: operators, url: "` + serveHTTP(t, operators) + `", events: [` + allOperatorEvents + `]}
  - {name: second, url: "` + serveHTTP(t, second) + `", events: [` + allOperatorEvents + `]}
`
			deliverAll(t, yaml, filepath.Join(t.TempDir(), "queue.db"), c.events, nil)
			if got := all.types(); strings.Contains(got, "hook_") {
				t.Errorf(`"*" got %q`, got)
			}
			if got := operators.types(); got != c.want {
				t.Errorf("operators got %q, want %q", got, c.want)
			}
			for i, payload := range operators.bodies {
				if payload["webhook"] != "bad" {
					t.Errorf("an operator event about %v, want only some about bad: a lost operator event makes no other", payload["webhook"])
				}
				if i == 0 && c.here != "" && keysOf(payload) != c.here {
					t.Errorf("the payload has %s, want %s", keysOf(payload), c.here)
				}
				if ev := operators.events[i]; ev.Type == event.HookDeadLetter && ev.WorkflowName != "deploy" {
					t.Errorf("hook_dead_letter names the workflow %q, want deploy", ev.WorkflowName)
				}
			}
		})
	}
}

func keysOf(m map[string]any) string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return strings.Join(keys, " ")
}

// Two webhooks that get each other's operator events do not make a loop. A lane is reported once, however often a process starts.
func TestOperatorEventsDoNotLoop(t *testing.T) {
	t.Parallel()
	one, two := &told{status: 410}, &told{status: 410}
	yaml := `webhooks:
  - {name: one, url: "` + serveHTTP(t, one) + `", events: [workflow_end, ` + allOperatorEvents + `]}
  - {name: two, url: "` + serveHTTP(t, two) + `", events: [workflow_end, ` + allOperatorEvents + `]}
`
	queue := filepath.Join(t.TempDir(), "queue.db")
	for range 3 {
		deliverAll(t, yaml, queue, 1, nil)
	}
	for name, o := range map[string]*told{"one": one, "two": two} {
		if n := len(o.events); n > 3 {
			t.Errorf("%s got %d requests, want 3 at most: %s", name, n, o.types())
		}
	}
}

// A webhook gets events about the dead letters of others, and not about its own.
func TestNoWebhookHearsOfItself(t *testing.T) {
	t.Parallel()
	one, two := &told{status: 400}, &told{status: 400}
	yaml := `webhooks:
  - {name: one, url: "` + serveHTTP(t, one) + `", events: [workflow_end, ` + allOperatorEvents + `]}
  - {name: two, url: "` + serveHTTP(t, two) + `", events: [workflow_end, ` + allOperatorEvents + `]}
`
	deliverAll(t, yaml, "", 1, nil)
	for name, o := range map[string]*told{"one": one, "two": two} {
		if got := o.types(); got != "hook_dead_letter workflow_end" {
			t.Errorf("%s got %q, want the event and the other's dead letter", name, got)
		}
	}
}

// A lane that failed and delivers again has recovered, even if another process saw it fail.
func TestOperatorsHearOfRecovery(t *testing.T) {
	t.Parallel()
	bad, operators := &told{status: 503}, &told{}
	yaml := `webhooks:
  - {name: bad, url: "` + serveHTTP(t, bad) + `", events: [workflow_end], retry: {delay: 300ms, max_delay: 300ms, max_attempts: 50}}
  - {name: operators, url: "` + serveHTTP(t, operators) + `", events: [` + allOperatorEvents + `]}
`
	deliverAll(t, yaml, filepath.Join(t.TempDir(), "queue.db"), 6, func(*engine.Engine) {
		for deadline := time.Now().Add(10 * time.Second); !strings.Contains(operators.types(),
			event.HookLaneFailing); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("no hook_lane_failing after 10 s")
			}
		}
		bad.mu.Lock()
		bad.status = 200
		bad.mu.Unlock()
	})
	if got := operators.types(); got != "hook_lane_failing hook_lane_recovered" {
		t.Errorf("operators got %q, want hook_lane_failing and hook_lane_recovered", got)
	}
}

// A delivery that waits for longer than queue.backlog is reported.
func TestOperatorsHearOfABacklog(t *testing.T) {
	t.Parallel()
	bad, operators := &told{status: 503}, &told{}
	cfg := parse(t, `webhooks:
  - {name: bad, url: "`+serveHTTP(t, bad)+`", events: [workflow_end], retry: {delay: 1h, max_attempts: 50}}
  - {name: operators, url: "`+serveHTTP(t, operators)+`", events: [`+allOperatorEvents+`]}
`)
	queue := filepath.Join(t.TempDir(), "queue.db")
	deliverConfig(t, cfg, queue, 2, nil)
	if got := operators.types(); got != "" {
		t.Errorf("operators got %q before anything was old", got)
	}
	cfg.Queue.Backlog = time.Millisecond
	deliverConfig(t, cfg, queue, 0, func(*engine.Engine) { time.Sleep(200 * time.Millisecond) })
	if got := operators.types(); got != event.HookBacklog || operators.bodies[0]["waiting"] != 2.0 || operators.bodies[0]["webhook"] != "bad" {
		t.Errorf("operators got %q, %v, want one hook_backlog", got, operators.bodies)
	}
}

// A configuration that could not be loaded makes an operator event.
func TestOperatorsHearOfAFailedReload(t *testing.T) {
	t.Parallel()
	for err, want := range map[string]string{"unexpected EOF": "unexpected EOF",
		"a" + strings.Repeat("é", 600): "a" + strings.Repeat("é", 499)} {
		operators := &told{}
		yaml := `webhooks: [{name: operators, url: "` + serveHTTP(t, operators) + `", events: [` + allOperatorEvents + `]}]`
		deliverAll(t, yaml, "", 0, func(eng *engine.Engine) { eng.ReloadFailed(errors.New(err)) })
		if got := operators.types(); got != event.HookReloadFailed || operators.bodies[0]["reason"] != want {
			t.Errorf("operators got %q, %v, want one hook_reload_failed with the reason %q", got, operators.bodies, want)
		}
	}
}

func serveHTTP(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// Many lanes that close at once do not hold anything up, although there is no room for all their operator events.
func TestManyLanesCloseAtOnce(t *testing.T) {
	t.Parallel()
	operators := &told{}
	var yaml strings.Builder
	yaml.WriteString("webhooks:\n")
	const lanes = 600
	for i := range lanes {
		fmt.Fprintf(&yaml, "  - {name: w%d, url: \"http://127.0.0.1:1/\", events: [workflow_end]}\n", i)
	}
	yaml.WriteString(`  - {name: operators, url: "` + serveHTTP(t, operators) + `", events: [` + allOperatorEvents + "]}\n")
	eng, err := engine.Open(parse(t, yaml.String()), engine.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := eng.Submit(t.Context(), newEvent("a")); err != nil {
		t.Fatal(err)
	}
	for i := range lanes {
		if _, err := eng.Queue().Disable(t.Context(), fmt.Sprintf("w%d", i), "no more"); err != nil {
			t.Fatal(err)
		}
	}
	run(t, eng)
	eventually(t, "an operator event", func() bool { return strings.Contains(operators.types(), event.HookLaneClosed) })
}
