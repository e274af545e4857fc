package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/signature"
	"github.com/google/go-cmp/cmp"
)

// scripted is a receiver that answers with the statuses, repeats the last one, and records when requests came. Status 0
// breaks the connection.
type scripted struct {
	statuses []int

	mu       sync.Mutex
	requests []arrived
}

// commits is the longest time that a test takes more because outcomes wait for a common commit.
const commits = 10 * time.Millisecond

type arrived struct {
	at     time.Time
	header http.Header
	body   string
}

func (s *scripted) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.statuses[min(len(s.requests), len(s.statuses)-1)]
	s.requests = append(s.requests, arrived{time.Now(), r.Header.Clone(), string(body)})
	if status == 0 {
		return nil, errors.New("connection broken")
	}
	return answer(status)
}

// times returns when the requests came, relative to the first one.
func (s *scripted) times() []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []time.Duration
	for _, r := range s.requests {
		list = append(list, r.at.Sub(s.requests[0].at))
	}
	return list
}

func TestRetryIsTheSameDeliveryWithAFreshSignature(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		receiver := &scripted{statuses: []int{503, 0, 200}}
		e := open(t, receiver, oneHook("secret: ${SECRET}"))
		run(t, e)
		begun := time.Now()
		ev := newEvent("a")
		submit(t, e, ev)
		drain(t, e)
		if diff := cmp.Diff([]time.Duration{0, 5 * time.Second, 5*time.Minute + 5*time.Second}, receiver.times()); diff != "" {
			t.Fatalf("times of the attempts (-want +got):\n%s", diff)
		}
		first := receiver.requests[0]
		if !first.at.Equal(begun) {
			t.Errorf("first attempt after %v, want at once", first.at.Sub(begun))
		}
		for i, r := range receiver.requests {
			if id := r.header.Get("webhook-id"); id == "" || id != first.header.Get("webhook-id") || id != r.header.Get("X-AWF-Delivery") {
				t.Errorf("attempt %d: id %q, want %q", i+1, id, first.header.Get("webhook-id"))
			}
			if got, want := r.header.Get("X-AWF-Attempt"), strconv.Itoa(i+1); got != want {
				t.Errorf("X-AWF-Attempt = %s, want %s", got, want)
			}
			if got, want := r.header.Get("webhook-timestamp"), strconv.FormatInt(r.at.Unix(), 10); got != want {
				t.Errorf("attempt %d: timestamp %s, want %s", i+1, got, want)
			}
			for _, scheme := range []signature.Scheme{signature.AWF, signature.Standard} {
				if err := signature.Verify(r.header, []byte(r.body), scheme, r.at, testSecret); err != nil {
					t.Errorf("attempt %d: %s: %v", i+1, scheme, err)
				}
			}
			if want := string(ev.Body()); r.body != want {
				t.Errorf("attempt %d: body %s, want %s", i+1, r.body, want)
			}
		}
		checkReport(t, e, engine.Report{Events: 1, Deliveries: 1, Delivered: 1})
	})
}

func TestDeadDeliveries(t *testing.T) {
	tests := []struct {
		name     string
		statuses []int
		retry    string
		want     []time.Duration // times of the attempts
	}{
		{"permanent", []int{400}, "retry: {}", []time.Duration{0}},
		{"redirect", []int{302}, "retry: {}", []time.Duration{0}},
		{"permanent at last", []int{503, 410}, "retry: {delay: 1m}", []time.Duration{0, time.Minute}},
		{"attempts used up", []int{503}, "retry: {max_attempts: 3, delay: 1m}", []time.Duration{0, time.Minute, 3 * time.Minute}},
		{"connections used up", []int{0}, "retry: {max_attempts: 2}", []time.Duration{0, 5 * time.Second}},
		{"one attempt only", []int{503}, "retry: {max_attempts: 1}", []time.Duration{0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				receiver := &scripted{statuses: tt.statuses}
				e := open(t, receiver, oneHook(tt.retry))
				run(t, e)
				submit(t, e, newEvent("a"))
				drain(t, e)
				time.Sleep(48 * time.Hour)
				if diff := cmp.Diff(tt.want, receiver.times()); diff != "" {
					t.Errorf("times of the attempts (-want +got):\n%s", diff)
				}
				checkReport(t, e, engine.Report{Events: 1, Deliveries: 1, Dead: 1})
			})
		})
	}
}

func TestMaxInFlightIsUsedAndNotExceeded(t *testing.T) {
	for _, limit := range []int{1, 3, 64} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const events, took = 100, time.Second
				var now, most atomic.Int64
				e := open(t, roundTripper(func(*http.Request) (*http.Response, error) {
					n := now.Add(1)
					defer now.Add(-1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
					time.Sleep(took)
					return answer(200)
				}), oneHook(fmt.Sprint("max_in_flight: ", limit)))
				run(t, e)
				begun := time.Now()
				for i := range events {
					submit(t, e, newEvent(fmt.Sprint(i)))
				}
				drain(t, e)
				if got := most.Load(); got != int64(limit) {
					t.Errorf("%d attempts at once, want %d", got, limit)
				}
				if got, want := time.Since(begun), (events+time.Duration(limit)-1)/time.Duration(limit)*took; got < want || got > want+commits {
					t.Errorf("took %v, want %v, and %v at most for the commits", got, want, commits)
				}
			})
		})
	}
}

const twoHooks = `
webhooks:
  - {name: dead, url: "https://dead.test/", timeout: 1m}
  - {name: alive, url: "https://alive.test/"}
`

func TestHangingWebhookDoesNotSlowAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var alive atomic.Int64
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "dead.test" {
				return hang(r)
			}
			alive.Add(1)
			return answer(200)
		}), twoHooks)
		run(t, e)
		begun := time.Now()
		for i := range 200 {
			submit(t, e, newEvent(fmt.Sprint(i)))
		}
		synctest.Wait()
		if got := alive.Load(); got != 200 || time.Since(begun) != 0 {
			t.Errorf("%d delivered after %v, want 200 at once", got, time.Since(begun))
		}
	})
}

func TestDeliveriesOfOneWorkerKeepTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		receiver := &scripted{statuses: []int{200}}
		e := open(t, receiver, oneHook("max_in_flight: 1"))
		var want []string
		for i := range 50 {
			ev := newEvent(fmt.Sprint(i))
			want = append(want, string(ev.Body()))
			submit(t, e, ev)
		}
		run(t, e)
		drain(t, e)
		var got []string
		for _, r := range receiver.requests {
			got = append(got, r.body)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("bodies (-want +got):\n%s", diff)
		}
	})
}

// The delivery that has been due for the longest time goes first, so that a backlog of new events cannot starve a retry.
func TestRetryGetsItsTurnBesideNewEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests []string
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			requests = append(requests, r.Header.Get("X-AWF-Attempt"))
			time.Sleep(time.Second)
			if len(requests) == 1 {
				return answer(503)
			}
			return answer(200)
		}), oneHook("max_in_flight: 1", "retry: {delay: 2s}"))
		run(t, e)
		for i := range 20 {
			submit(t, e, newEvent(fmt.Sprint(i)))
			time.Sleep(time.Second / 2) // twice as fast as the receiver
		}
		drain(t, e)
		retried := 0
		for i, attempt := range requests {
			if attempt == "2" {
				retried = i
			}
		}
		// It was due after 3 s, when there were 6 events.
		if retried < 3 || retried > 7 {
			t.Errorf("the retry was request %d of %d, want it among the first", retried+1, len(requests))
		}
	})
}

func TestCloseBreaksOffAttemptsAndDoesNotCountThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := 0
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			began++
			return hang(r)
		}), oneHook("max_in_flight: 1", "retry: {max_attempts: 1}", "timeout: 5m"))
		run(t, e)
		submit(t, e, newEvent("a"), newEvent("b"))
		time.Sleep(time.Minute)
		begun := time.Now()
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(begun); waited > commits {
			t.Errorf("Close took %v, want only the time of a commit", waited)
		}
		// If the attempt counted, it would have been the last one.
		checkReport(t, e, engine.Report{Events: 2, Deliveries: 2, Waiting: 2})
		if began != 1 {
			t.Errorf("%d attempts, want 1", began)
		}
	})
}

func TestAnswerThatComesWhileClosingCounts(t *testing.T) {
	for status, want := range map[int]engine.Report{
		200: {Events: 1, Deliveries: 1, Delivered: 1},
		503: {Events: 1, Deliveries: 1, Dead: 1},
	} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
					_, _ = hang(r)
					return answer(status)
				}), oneHook("retry: {max_attempts: 1}"))
				run(t, e)
				submit(t, e, newEvent("a"))
				synctest.Wait()
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
				checkReport(t, e, want)
			})
		})
	}
}

func TestRunTakesUpWhatAnotherRunBrokeOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var attempts []string
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			attempts = append(attempts, r.Header.Get("X-AWF-Attempt"))
			if len(attempts) == 1 {
				return hang(r)
			}
			return answer(200)
		}), oneHook())
		submit(t, e, newEvent("a"))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := e.Run(ctx); err != nil {
			t.Fatal(err)
		}
		checkReport(t, e, engine.Report{Events: 1, Deliveries: 1, Waiting: 1})
		run(t, e)
		drain(t, e)
		if diff := cmp.Diff([]string{"1", "1"}, attempts); diff != "" {
			t.Errorf("attempts (-want +got):\n%s", diff)
		}
	})
}

func TestCloseAndRunMayMeet(t *testing.T) {
	for range 200 {
		e := open(t, roundTripper(hang), oneHook())
		submit(t, e, newEvent("a"))
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { _ = e.Run(context.Background()) })
			wg.Go(func() { _ = e.Close() })
		}
		wg.Wait()
	}
}

// A Run owns its lanes until its last attempt has ended. Until then another Run is refused.
func TestRunIsRefusedUntilTheOneBeforeHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, roundTripper(func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Second) // it ignores its context
			return answer(200)
		}), oneHook())
		submit(t, e, newEvent("a"))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- e.Run(ctx) }()
		time.Sleep(time.Second / 2)
		cancel()
		synctest.Wait()
		second, end := context.WithTimeout(t.Context(), time.Second)
		defer end()
		if err := e.Run(second); err == nil {
			t.Error("a second Run began while the first one was ending")
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		run(t, e)
	})
}

// A webhook that is disabled or paused begins no more attempts, although its lane has deliveries ready, and sends each of
// them once later.
func TestDisabledWebhookSendsNoMore(t *testing.T) {
	t.Parallel()
	const events, inFlight = 1000, 2
	for name, change := range map[string]func(*engine.Deliveries) (int, error){
		"disabled": func(q *engine.Deliveries) (int, error) { return q.Disable(t.Context(), "one", "wrong") },
		"paused":   func(q *engine.Deliveries) (int, error) { return q.Pause(t.Context(), "one", time.Hour) },
	} {
		for _, elsewhere := range []bool{false, true} {
			t.Run(fmt.Sprint(name, " in another process: ", elsewhere), func(t *testing.T) {
				t.Parallel()
				var mu sync.Mutex
				sent := map[string]int{}
				var hurry atomic.Bool
				transport := roundTripper(func(r *http.Request) (*http.Response, error) {
					if !hurry.Load() {
						time.Sleep(50 * time.Millisecond) // the events last for 25 s at least
					}
					mu.Lock()
					defer mu.Unlock()
					sent[r.Header.Get("X-Awf-Delivery")]++
					return answer(http.StatusOK)
				})
				count := func() int {
					mu.Lock()
					defer mu.Unlock()
					return len(sent)
				}
				queue := filepath.Join(t.TempDir(), "queue.db")
				e, err := engine.Open(parse(t, oneHook("max_in_flight: 2")), engine.Options{Queue: queue, Transport: transport})
				if err != nil {
					t.Fatal(err)
				}
				for i := range events {
					submit(t, e, newEvent(strconv.Itoa(i)))
				}
				run(t, e)
				eventually(t, "sent a few", func() bool { return count() > 10 })
				deliveries := e.Queue()
				if elsewhere {
					deliveries = openDeliveries(t, queue)
				}
				if _, err := change(deliveries); err != nil {
					t.Fatal(err)
				}
				before := count()
				if elsewhere {
					eventually(t, "stopped", func() bool {
						before = count()
						time.Sleep(500 * time.Millisecond)
						return count() == before
					})
				}
				time.Sleep(500 * time.Millisecond)
				if after := count(); after > before+inFlight+1 || after == events {
					t.Errorf("%d sent when the webhook was off, %d a moment later", before, after)
				}
				hurry.Store(true)
				if _, err := deliveries.Enable(t.Context(), "one"); err != nil {
					t.Fatal(err)
				}
				drain(t, e)
				for id, n := range sent {
					if n != 1 {
						t.Errorf("%s was sent %d times", id, n)
					}
				}
				if count() != events {
					t.Errorf("%d sent in the end, want %d", count(), events)
				}
			})
		}
	}
}

// Deliveries that move to another webhook are sent at once, also from a queue in memory, which nobody else changes.
func TestMovedDeliveriesAreSentAtOnce(t *testing.T) {
	t.Parallel()
	receiver := &scripted{statuses: []int{http.StatusOK}}
	e := open(t, receiver, "webhooks: [{name: one, url: 'https://one.test/'}, {name: two, url: 'https://two.test/', filter: 'false'}]")
	run(t, e)
	submit(t, e, newEvent("a"))
	drain(t, e)
	if n, err := e.Queue().Disable(t.Context(), "one", "by hand"); n != 1 || err != nil {
		t.Fatalf("disabled %d, %v", n, err)
	}
	submit(t, e, newEvent("b"))
	items, err := e.Queue().List(t.Context(), engine.Filter{})
	if err != nil || len(items) != 2 {
		t.Fatalf("%v, %v", items, err)
	}
	from := items[0].Delivery.Webhook
	if n, err := e.Queue().Move(t.Context(), from, strings.TrimSuffix(from, "one")+"two"); n == 0 || err != nil {
		t.Fatalf("moved %d, %v", n, err)
	}
	eventually(t, "sent", func() bool { return len(receiver.times()) == 2 })
}
