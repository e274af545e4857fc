package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const testSecret = "0123456789abcdef"

// roundTripper plays the receivers of a test in fake time.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	return f(r)
}

// hang is a receiver that does not answer.
func hang(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func answer(status int) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody}, nil
}

// oneHook returns a configuration of one webhook with further keys, each on its own line.
func oneHook(keys ...string) string {
	return "webhooks:\n  - name: one\n    url: https://one.test/hook\n    " + strings.Join(keys, "\n    ") + "\n"
}

func open(t *testing.T, transport http.RoundTripper, yaml string) *engine.Engine {
	t.Helper()
	env := map[string]string{"SECRET": testSecret}
	cfg, err := config.Parse("awf-hook.yaml", []byte(yaml), func(name string) (string, bool) {
		value, set := env[name]
		return value, set
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(cfg, engine.Options{Version: "test", Transport: transport, Random: noJitter})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// run runs the engine until the test ends.
func run(t *testing.T, e *engine.Engine) {
	var running sync.WaitGroup
	running.Go(func() {
		if err := e.Run(context.Background()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		_ = e.Close()
		running.Wait()
	})
}

// noJitter makes retry delays exact.
func noJitter() float64 { return 0.5 }

// A queue without a name is refused, and leaves no file behind.
func TestOpenDeliveriesWantsAQueue(t *testing.T) {
	t.Chdir(t.TempDir())
	if _, err := engine.OpenDeliveries("", "", nil); err == nil || !strings.HasPrefix(err.Error(), "no queue given") {
		t.Errorf("OpenDeliveries: %v, want an error that says that no queue was given", err)
	}
	if made, err := os.ReadDir("."); err != nil || len(made) > 0 {
		t.Errorf("the working directory has %v, %v, want nothing", made, err)
	}
}

func newEvent(id string) event.Event {
	return event.Event{ID: id, Type: "workflow_end", WorkflowID: "run-" + id, Timestamp: time.Now(), Payload: []byte(`{"ok":true}`)}
}

// full is the number of big events that fill the queue in memory.
const full = 32

func bigEvent(id string) event.Event {
	ev := newEvent(id)
	ev.Payload = []byte(`{"n":"` + strings.Repeat("x", 1<<20-8) + `"}`)
	return ev
}

func submit(t *testing.T, e *engine.Engine, events ...event.Event) {
	t.Helper()
	for _, ev := range events {
		if err := e.Submit(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
}

func drain(t *testing.T, e *engine.Engine) {
	t.Helper()
	if err := e.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func checkReport(t *testing.T, e *engine.Engine, want engine.Report) {
	t.Helper()
	got := e.Report()
	ignored := cmpopts.IgnoreFields(engine.Report{}, "Webhooks", "Queue", "Next", "Closed", "Kept", "Lost", "DeadLost", "Trouble")
	if diff := cmp.Diff(want, got, ignored); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	checkSums(t, got)
}

// checkSums checks that a report counts each delivery in one field, and each waiting one in one place.
func checkSums(t *testing.T, r engine.Report) {
	t.Helper()
	if sum := r.Delivered + r.Waiting + r.Retrying + r.Dead + r.Dropped + r.InFlight + r.Taken; sum != r.Deliveries {
		t.Errorf("%d deliveries, but the sum of their fates is %d: %+v", r.Deliveries, sum, r)
	}
	if sum := r.Kept + r.Spilled + r.Lost; sum != r.Waiting+r.Retrying && r.Unread == "" {
		t.Errorf("%d deliveries wait, but %d are kept, spilled or lost: %+v", r.Waiting+r.Retrying, sum, r)
	}
}

func TestSubmitValidates(t *testing.T) {
	tests := []struct {
		name  string
		spoil func(*event.Event)
		want  string
	}{
		{"type", func(ev *event.Event) { ev.Type = "" }, "event: event: missing"},
		{"timestamp", func(ev *event.Event) { ev.Timestamp = time.Time{} }, "event: timestamp: missing"},
		{"payload", func(ev *event.Event) { ev.Payload = json.RawMessage(`{`) }, "event: payload: invalid JSON"},
		{"payload's kind", func(ev *event.Event) { ev.Payload = json.RawMessage(`[]`) }, "event: payload: want an object, got a list"},
	}
	e := open(t, roundTripper(hang), oneHook())
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ev := newEvent("a")
			tt.spoil(&ev)
			if err := e.Submit(t.Context(), ev); err == nil || err.Error() != tt.want {
				t.Errorf("Submit: %v, want %s", err, tt.want)
			}
		})
	}
	checkReport(t, e, engine.Report{})
}

func TestSubmitAfterCloseIsRefused(t *testing.T) {
	e := open(t, roundTripper(hang), oneHook())
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if err := e.Submit(t.Context(), newEvent("a")); !errors.Is(err, engine.ErrClosed) {
		t.Errorf("Submit: %v, want ErrClosed", err)
	}
}

func TestEventThatNobodyWantsIsCountedAlone(t *testing.T) {
	e := open(t, roundTripper(hang), oneHook("events: [workflow_error]"))
	submit(t, e, newEvent("a"))
	checkReport(t, e, engine.Report{Events: 1})
	drain(t, e)
}

func TestKnownEventIsDeliveredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := 0
		e := open(t, roundTripper(func(*http.Request) (*http.Response, error) {
			requests++
			return answer(200)
		}), oneHook("max_in_flight: 1"))
		submit(t, e, newEvent("a"), newEvent("a"))
		run(t, e)
		drain(t, e)
		submit(t, e, newEvent("a"))
		drain(t, e)
		checkReport(t, e, engine.Report{Events: 3, Deliveries: 1, Delivered: 1, Known: 2})
		if requests != 1 {
			t.Errorf("%d requests, want 1", requests)
		}
	})
}

func TestEventsWithoutIDAreDifferent(t *testing.T) {
	e := open(t, roundTripper(hang), oneHook())
	submit(t, e, newEvent(""), newEvent(""))
	checkReport(t, e, engine.Report{Events: 2, Deliveries: 2, Waiting: 2})
}

func TestSubmitDoesNotWaitForTheReceiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, roundTripper(hang), oneHook())
		run(t, e)
		begun := time.Now()
		for i := range 100 {
			submit(t, e, newEvent(fmt.Sprint(i)))
		}
		if waited := time.Since(begun); waited != 0 {
			t.Errorf("100 events took %v, want no time", waited)
		}
		synctest.Wait()
		checkReport(t, e, engine.Report{Events: 100, Deliveries: 100, Waiting: 100})
	})
}

func TestSubmitWaitsForRoomUntilItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, roundTripper(hang), oneHook())
		for i := range full {
			submit(t, e, bigEvent(fmt.Sprint(i)))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		begun := time.Now()
		err := e.Submit(ctx, bigEvent("late"))
		if !errors.Is(err, engine.ErrFull) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Submit: %v, want ErrFull with the context's cause", err)
		}
		if waited := time.Since(begun); waited != time.Minute {
			t.Errorf("waited %v, want a minute", waited)
		}
		checkReport(t, e, engine.Report{Events: full, Deliveries: full, Waiting: full, Refused: 1})
	})
}

func TestSubmitGoesOnWhenRoomComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, roundTripper(func(*http.Request) (*http.Response, error) {
			time.Sleep(3 * time.Second)
			return answer(200)
		}), oneHook())
		for i := range full {
			submit(t, e, bigEvent(fmt.Sprint(i)))
		}
		run(t, e)
		begun := time.Now()
		submit(t, e, bigEvent("late"))
		if waited := time.Since(begun); waited < 3*time.Second || waited > 3*time.Second+10*time.Millisecond {
			t.Errorf("waited %v, want 3s, until the first outcome is committed", waited)
		}
		drain(t, e)
		checkReport(t, e, engine.Report{Events: full + 1, Deliveries: full + 1, Delivered: full + 1})
	})
}

// A transport that is not net/http's may return less than it should, and any may fail at any time.
func TestTransportsFail(t *testing.T) {
	late := func(err error) func(*http.Request) (*http.Response, error) { // after the request was sent
		return func(r *http.Request) (*http.Response, error) {
			httptrace.ContextClientTrace(r.Context()).WroteRequest(httptrace.WroteRequestInfo{})
			return nil, err
		}
	}
	returning := func(res *http.Response) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return res, nil }
	}
	for _, tt := range []struct {
		name, want string
		transport  func(*http.Request) (*http.Response, error)
	}{
		{"nothing", "attempts used up: the transport returned neither an answer nor an error", returning(nil)},
		{"no body", "", returning(&http.Response{StatusCode: http.StatusOK})},
		{"no status", "attempts used up: an answer with the status 000", returning(&http.Response{})},
		{"a dead machine", "attempts used up: connection timed out", late(syscall.ETIMEDOUT)},
		{"a deadline of its own", "attempts used up: i/o timeout", late(os.ErrDeadlineExceeded)},
	} {
		synctest.Test(t, func(t *testing.T) {
			e := open(t, roundTripper(tt.transport), oneHook("retry: {max_attempts: 1}"))
			run(t, e)
			submit(t, e, newEvent("a"))
			drain(t, e)
			got := ""
			for _, w := range e.Report().Webhooks { // only those with something undelivered
				got = w.Last.Reason
			}
			if got != tt.want {
				t.Errorf("%s: the delivery is dead because of %q, want %q", tt.name, got, tt.want)
			}
		})
	}
}

func TestManySubmittersDeliverEachEventOnce(t *testing.T) {
	const submitters, each = 8, 100
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		seen[r.URL.Path+r.Header.Get("X-AWF-Delivery")]++
	}))
	defer server.Close()
	e := open(t, nil, fmt.Sprintf("webhooks:\n  - url: %s/a\n  - url: %[1]s/b\n    max_in_flight: 16\n", server.URL))
	run(t, e)
	var wg sync.WaitGroup
	for i := range submitters {
		wg.Go(func() {
			for j := range each {
				if err := e.Submit(t.Context(), newEvent(fmt.Sprintf("%d-%d", i, j))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	drain(t, e)
	checkReport(t, e, engine.Report{Events: submitters * each, Deliveries: 2 * submitters * each, Delivered: 2 * submitters * each})
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 2*submitters*each {
		t.Errorf("%d deliveries arrived, want %d", len(seen), 2*submitters*each)
	}
	for id, times := range seen {
		if times != 1 {
			t.Errorf("%s arrived %d times", id, times)
		}
	}
}

// A configuration that was read without its variables would send to another address, or unsigned.
func TestOpenRefusesAConfigurationWithoutItsVariables(t *testing.T) {
	const yaml = "webhooks:\n- {name: off, enabled: false, url: 'https://${HOST}'}\n" +
		"- {name: one, url: 'https://one.test/${TOKEN}', secret: '${SECRET}', headers: {A: '${TOKEN}'}}\n"
	cfg, err := config.Parse("awf-hook.yaml", []byte(yaml), config.NoEnv)
	if err != nil {
		t.Fatal(err)
	}
	want := "awf-hook.yaml:3:3: webhook one: SECRET, TOKEN not looked up: the configuration was read without an environment, to check it"
	if _, err := engine.Open(cfg, engine.Options{}); err == nil || err.Error() != want {
		t.Errorf("Open: %v, want %q", err, want)
	}
	e := open(t, roundTripper(hang), oneHook())
	if err := e.Reload(cfg); err == nil || err.Error() != want {
		t.Errorf("Reload: %v, want %q", err, want)
	}
}

func TestOpenReportsMistakesOfFilters(t *testing.T) {
	cfg, err := config.Parse("awf-hook.yaml", []byte(oneHook("filter: nothing ==")), nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = engine.Open(cfg, engine.Options{})
	var mistakes config.Errors
	if !errors.As(err, &mistakes) || len(mistakes) != 1 || mistakes[0].Line != 4 {
		t.Errorf("Open: %v, want one mistake in line 4", err)
	}
}
