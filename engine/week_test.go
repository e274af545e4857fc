package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// The size of the simulated week.
const (
	weekEvents = 7 * 48 // one every half hour
	weekKeys   = 5
	weekDelay  = 5 * time.Minute
	weekMax    = 45 * time.Minute // the longest wait is shorter than the hour in which the receiver is up
	weekJitter = 0.2
)

// daily is a receiver that is up from noon to one o'clock. In the other hours connections break, or it asks for a pause.
type daily struct {
	t    *testing.T
	most int // attempts of a delivery, at most

	mu        sync.Mutex
	begun     time.Time
	arrived   map[string][]int     // by key, the numbers of the events that it took
	attempts  map[string]int       // by delivery id
	due       map[string]time.Time // by delivery id, the time of its next attempt at the earliest
	restFrom  time.Time            // the pause that it asked for begins here,
	restUntil time.Time            // and ends here: nothing may come meanwhile
	requests  int
}

func (d *daily) RoundTrip(r *http.Request) (*http.Response, error) {
	var body struct {
		Key     string `json:"workflow_id"`
		Payload struct{ N int }
	}
	if err := errors.Join(json.NewDecoder(r.Body).Decode(&body), r.Body.Close()); err != nil {
		d.t.Error(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	id, now := r.Header.Get("X-AWF-Delivery"), time.Now()
	d.requests++
	d.attempts[id]++
	n := d.attempts[id]
	if n > d.most || r.Header.Get("X-AWF-Attempt") != strconv.Itoa(n) {
		d.t.Errorf("event %d: attempt %s, want number %d of %d at most", body.Payload.N, r.Header.Get("X-AWF-Attempt"), n, d.most)
	}
	if now.Before(d.due[id]) {
		d.t.Errorf("event %d: attempt %d came %v too early", body.Payload.N, n, d.due[id].Sub(now))
	}
	if now.After(d.restFrom) && now.Before(d.restUntil) {
		d.t.Errorf("event %d came %v before the end of a pause that the receiver asked for", body.Payload.N, d.restUntil.Sub(now))
	}
	if hour := int(now.Sub(d.begun).Hours()) % 24; hour == 12 {
		d.arrived[body.Key] = append(d.arrived[body.Key], body.Payload.N)
		return answer(200)
	}
	wait := min(weekDelay<<min(n-1, 10), weekMax)
	d.due[id] = now.Add(time.Duration(float64(wait) * (1 - weekJitter)))
	if d.requests%4 != 0 {
		return nil, errors.New("connection broken")
	}
	wait = time.Duration(1+d.requests%40) * time.Minute
	d.due[id], d.restFrom, d.restUntil = now.Add(wait), now, now.Add(wait)
	refused, err := answer(503)
	refused.Header.Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
	return refused, err
}

// week submits an event every half hour for a week, and then drains the queue.
func week(t *testing.T, attempts int) (*daily, engine.Report) {
	t.Helper()
	d := &daily{t: t, most: attempts, begun: time.Now(), arrived: map[string][]int{}, attempts: map[string]int{}, due: map[string]time.Time{}}
	cfg, err := config.Parse("awf-hook.yaml", []byte(oneHook("order_by: workflow_id", "order_max_wait: 30d",
		fmt.Sprintf("retry: {delay: %v, max_delay: %v, jitter: %v%%, max_attempts: %d}", weekDelay, weekMax, 100*weekJitter, attempts))), nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(cfg, engine.Options{Transport: d})
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = e.Run(context.Background()) })
	defer running.Wait()
	for n := range weekEvents {
		ev := newEvent(fmt.Sprint(n))
		ev.WorkflowID = fmt.Sprint("key ", n%weekKeys)
		ev.Payload = fmt.Appendf(nil, `{"n":%d}`, n)
		submit(t, e, ev)
		time.Sleep(30 * time.Minute)
	}
	drain(t, e)
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	return d, e.Report()
}

// A receiver that is up for an hour a day gets all events, those with the same key in order, and none before it is due.
func TestWeekWithAnHourADay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, report := week(t, 50)
		t.Logf("%d requests in %v", d.requests, time.Since(d.begun))
		if report.Delivered != weekEvents || report.Dead != 0 {
			t.Errorf("%v: want all %d delivered", report, weekEvents)
		}
		for key, numbers := range d.arrived {
			for i, n := range numbers {
				if fmt.Sprint("key ", n%weekKeys) != key || n/weekKeys != i {
					t.Fatalf("%s: events %v, want each one once and in order", key, numbers)
				}
			}
		}
		if after := time.Since(d.begun); after > 7*24*time.Hour+13*time.Hour {
			t.Errorf("took %v, want the week and the next hour in which the receiver is up", after)
		}
	})
}

// If a delivery may have fewer attempts than a day takes, some deliveries are dead, each after all its attempts.
func TestWeekWithTooFewAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const attempts = 4
		d, report := week(t, attempts)
		if report.Dead == 0 || report.Delivered == 0 || report.Dead+report.Delivered != weekEvents {
			t.Errorf("%v: want some dead and the others delivered", report)
		}
		used := 0
		for _, n := range d.attempts {
			if n == attempts {
				used++
			}
		}
		if int64(used) < report.Dead {
			t.Errorf("%d deliveries had all their attempts, but %d are dead", used, report.Dead)
		}
	})
}
