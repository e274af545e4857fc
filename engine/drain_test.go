package engine_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// A drain does not wait for what the rate allows only after its deadline, and the report says when it does.
func TestDrainKnowsTheRate(t *testing.T) {
	for _, queue := range []string{engine.Memory, filepath.Join(t.TempDir(), "queue.db")} {
		cfg, err := config.Parse("awf-hook.yaml", []byte(`webhooks: [{name: one, url: "https://one.test/", rate: 1/h}]`), nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := engine.Open(cfg, engine.Options{Queue: queue, Transport: &scripted{statuses: []int{200}}})
		if err != nil {
			t.Fatal(err)
		}
		run(t, e)
		submit(t, e, newEvent("a"), newEvent("b"))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		began := time.Now()
		if err := e.Drain(ctx); err == nil || err.Error() != "1 delivery left" {
			t.Errorf("Drain = %v, want 1 delivery left", err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("it took %v, want no wait", took)
		}
		if next := time.Until(e.Report().Next); next < 50*time.Minute || next > time.Hour {
			t.Errorf("the next attempt is in %v, want about an hour", next)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDrainWaitsForWhatItsDeadlineAllows(t *testing.T) {
	const never = time.Duration(0)
	slow := func(status int, took time.Duration) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(took):
				return answer(status)
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
		})
	}
	tests := []struct {
		name     string
		receiver http.RoundTripper
		deadline time.Duration // never means that there is none
		want     time.Duration // how long Drain takes
		err      string        // "" if nothing is left
	}{
		{"delivered at once", &scripted{statuses: []int{200}}, time.Second, 0, ""},
		{"dead at once", &scripted{statuses: []int{404}}, time.Second, 0, ""},
		{"due behind the deadline", &scripted{statuses: []int{503}}, 4 * time.Second, 0, "1 delivery left"},
		{"due before the deadline", &scripted{statuses: []int{503, 200}}, 6 * time.Second, 5 * time.Second, ""},
		{"due again behind the deadline", &scripted{statuses: []int{503}}, time.Minute, 5 * time.Second, "1 delivery left"},
		{"due later without a deadline", &scripted{statuses: []int{503, 503, 200}}, never, 5*time.Minute + 5*time.Second, ""},
		{"in flight before the deadline", slow(200, 3*time.Second), 4 * time.Second, 3 * time.Second, ""},
		{"in flight and then due later", slow(503, 3*time.Second), 4 * time.Second, 3 * time.Second, "1 delivery left"},
		{"in flight at the deadline", slow(200, 3*time.Second), 2 * time.Second, 2 * time.Second,
			"1 delivery left: context deadline exceeded"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := open(t, tt.receiver, oneHook())
				run(t, e)
				submit(t, e, newEvent("a"))
				ctx := t.Context()
				if tt.deadline != never {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				begun := time.Now()
				err := e.Drain(ctx)
				if took := time.Since(begun); took != tt.want {
					t.Errorf("took %v, want %v", took, tt.want)
				}
				if tt.err == "" && err != nil || tt.err != "" && (err == nil || err.Error() != tt.err) {
					t.Errorf("Drain: %v, want %q", err, tt.err)
				}
			})
		})
	}
}

func TestDrainOfNothingReturnsAtOnce(t *testing.T) {
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := open(t, roundTripper(hang), oneHook()).Drain(ended); err != nil {
		t.Errorf("Drain: %v, want nil", err)
	}
}

// Without Run nothing is delivered. Drain says so instead of waiting, however late the next delivery is due.
func TestDrainWithoutRunSaysSo(t *testing.T) {
	for _, status := range []int{200, 503} {
		synctest.Test(t, func(t *testing.T) {
			e := open(t, &scripted{statuses: []int{status}}, oneHook("retry: {delay: 1h}"))
			drain := func(when, want string) {
				t.Helper()
				begun := time.Now()
				switch err := e.Drain(context.Background()); {
				case want == "" && err != nil, want != "" && (!errors.Is(err, engine.ErrNotRun) || !strings.HasPrefix(err.Error(), want)):
					t.Errorf("%d: %s: Drain: %v, want %q", status, when, err, want)
				}
				if took := time.Since(begun); took > 3*time.Second {
					t.Errorf("%d: %s: Drain took %v, want 3s at most", status, when, took)
				}
			}
			drain("nothing accepted", "")
			submit(t, e, newEvent("a"))
			drain("before Run", "1 delivery left: ")
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			running.Go(func() { _ = e.Run(ctx) })
			synctest.Wait()
			cancel()
			running.Wait()
			drain("after Run", map[int]string{503: "1 delivery left: "}[status])
		})
	}
}

func TestDrainEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, roundTripper(hang), oneHook())
		submit(t, e, newEvent("a"))
		cause := errors.New("second signal")
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(cause) })
		if err := e.Drain(ctx); !errors.Is(err, cause) {
			t.Errorf("Drain: %v, want the context's cause", err)
		}
	})
}

func TestSeveralDrainsAllReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, &scripted{statuses: []int{503, 200}}, oneHook())
		run(t, e)
		submit(t, e, newEvent("a"))
		begun := time.Now()
		var drains sync.WaitGroup
		for range 5 {
			drains.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := e.Drain(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		drains.Wait()
		if took := time.Since(begun); took != 5*time.Second {
			t.Errorf("took %v, want 5s", took)
		}
	})
}

// Drain delivers an event that was just accepted, although the deliveries of another webhook are due much later.
func TestDrainDoesNotMistakeNewDeliveriesForLateOnes(t *testing.T) {
	// Repeat it, since the engine looks at webhooks in random order.
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				if r.URL.Host == "dead.test" {
					return answer(503)
				}
				return answer(200)
			}), twoHooks)
			run(t, e)
			submit(t, e, newEvent("a"))
			synctest.Wait()
			for i := range 5 {
				submit(t, e, newEvent(fmt.Sprint(i)))
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			if err := e.Drain(ctx); err == nil || err.Error() != "6 deliveries left" {
				t.Errorf("Drain: %v, want the 6 deliveries of the dead webhook left", err)
			}
			tried := e.Report().Retrying // the lane's pause held back the others
			checkReport(t, e, engine.Report{Events: 6, Deliveries: 12, Delivered: 6, Retrying: tried, Waiting: 6 - tried})
		})
	}
}

func TestReportIsWholeAfterDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "dead.test" {
				return answer(404)
			}
			return answer(200)
		}), twoHooks)
		run(t, e)
		for i := range int64(500) {
			submit(t, e, newEvent(fmt.Sprint(i)))
			drain(t, e)
			if got := e.Report(); got.Delivered != i+1 || got.Dead != i+1 || got.Retrying != 0 {
				t.Fatalf("after %d events: %v", i+1, got)
			}
		}
	})
}

// Drain does not wait for the lease of a delivery that a lane claims while Drain looks at the queue.
func TestDrainSeesWhatIsBeingClaimed(t *testing.T) {
	const rounds = 150
	cfg, err := config.Parse("awf-hook.yaml", []byte(oneHook("rate: 1000/s")), config.NoEnv) // a lane with a rate claims nothing at acceptance
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "queue.db")
	for range rounds {
		e, err := engine.Open(cfg, engine.Options{Queue: file,
			Transport: roundTripper(func(*http.Request) (*http.Response, error) { return answer(http.StatusOK) })})
		if err != nil {
			t.Fatal(err)
		}
		submit(t, e, newEvent(""))
		run(t, e)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		if err := e.Drain(ctx); err != nil {
			t.Fatal(err)
		}
		cancel()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
