package server

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// source is a queue whose answers a test chooses.
type source struct {
	lanesErr, standingErr, readyErr error
	standingTakes                   time.Duration
	dead, due, standings            int
	keeps                           bool
	others                          []delivery.LaneState // of lanes whose webhooks have the same name
	log                             bytes.Buffer
}

// series watches the source and returns a function that scrapes the values of series whose names begin with one of the prefixes.
func (s *source) series(t *testing.T) func(prefixes ...string) map[string]string {
	t.Helper()
	m := NewMetrics("test")
	m.Loaded([]Webhook{{Name: "hook"}}, nil, nil)
	m.Watch(Queue{
		Engine: "postgres", Name: func(string) string { return "hook" }, Log: slog.New(slog.NewTextHandler(&s.log, nil)),
		Keeps: func() bool { return s.keeps },
		Ready: func(context.Context) error { return s.readyErr },
		Lanes: func(context.Context) ([]engine.LaneStatus, error) {
			lanes := []engine.LaneStatus{{Webhook: "default#hook", LaneCounts: delivery.LaneCounts{Dead: s.dead}}}
			for _, state := range s.others {
				lanes = append(lanes, engine.LaneStatus{Webhook: "other#hook", LaneState: state})
			}
			return lanes, s.lanesErr
		},
		Standing: func(ctx context.Context) (map[string]engine.Standing, error) {
			s.standings++
			select {
			case <-time.After(s.standingTakes):
				return map[string]engine.Standing{"default#hook": {Due: s.due}}, s.standingErr
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
	})
	return func(prefixes ...string) map[string]string {
		t.Helper()
		w := httptest.NewRecorder()
		m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		if w.Code != 200 {
			t.Fatalf("/metrics: %d %s", w.Code, w.Body)
		}
		found := map[string]string{}
		for line := range strings.Lines(w.Body.String()) {
			for _, prefix := range prefixes {
				if name, value, _ := strings.Cut(strings.TrimSpace(line), "} "); strings.HasPrefix(name, "awf_hook_"+prefix) {
					found[strings.TrimPrefix(name, "awf_hook_")+"}"] = value
				}
			}
		}
		return found
	}
}

const (
	deadSeries = `dead_letters{webhook="hook"}`
	dueSeries  = `deliveries_waiting{state="due",webhook="hook"}`
	ageSeries  = `oldest_due_age_seconds{webhook="hook"}`
)

// want checks the values of some series; "" is none.
func want(t *testing.T, when string, got, wanted map[string]string) {
	t.Helper()
	for series, value := range wanted {
		if got[series] != value {
			t.Errorf("%s: %s is %q, want %q; all: %v", when, series, got[series], value, got)
		}
	}
}

// A count that failed is unknown, so its gauges are gone instead of 0 or old, and one line of the log says why. The other count holds.
func TestUnknownCountsAreNotExported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("canceling statement")
		s := &source{keeps: true, dead: 3, due: 7, lanesErr: broken, standingErr: broken}
		scrape := s.series(t)
		both := func() map[string]string {
			return scrape("dead_letters", "deliveries_waiting", "oldest_due", "lane_state", "transform_fuel")
		}
		logged := func(when string, lines int) {
			t.Helper()
			if n := strings.Count(s.log.String(), "\n"); n != lines {
				t.Errorf("%s: %d lines of log, want %d:\n%s", when, n, lines, &s.log)
			}
		}
		if got := both(); len(got) != 0 {
			t.Errorf("before the first count: %v, want nothing", got)
		}
		logged("two counts that fail", 2)
		for range 5 {
			time.Sleep(lanesPeriod)
			both()
		}
		logged("the same trouble", 2)

		s.lanesErr = nil
		time.Sleep(lanesPeriod)
		want(t, "lanes alone", both(), map[string]string{deadSeries: "3", ageSeries: "0", dueSeries: ""})
		s.standingErr = nil
		time.Sleep(lanesPeriod)
		want(t, "both", both(), map[string]string{deadSeries: "3", dueSeries: "7"})
		s.standingErr = broken
		time.Sleep(lanesPeriod)
		want(t, "lanes alone again", both(), map[string]string{deadSeries: "3", dueSeries: ""})
		s.lanesErr, s.standingErr = broken, nil
		time.Sleep(lanesPeriod)
		want(t, "standings alone", both(), map[string]string{deadSeries: "", ageSeries: "", dueSeries: "7"})
		for _, part := range []string{"canceling statement", "deliveries_waiting", "dead_letters"} {
			if !strings.Contains(s.log.String(), part) {
				t.Errorf("the log does not say %q:\n%s", part, &s.log)
			}
		}
	})
}

// A webhook whose lane is closed is not hidden by another one of its name.
func TestLanesOfOneNameShowAllTheirStates(t *testing.T) {
	s := &source{keeps: true, others: []delivery.LaneState{{PausedUntil: time.Now()}, {Closed: "410"}}}
	want(t, "three lanes", s.series(t)("lane_state"), map[string]string{
		`lane_state{state="open",webhook="hook"}`: "1", `lane_state{state="resting",webhook="hook"}`: "1",
		`lane_state{state="closed",webhook="hook"}`: "1", `lane_state{state="breaker",webhook="hook"}`: "0",
	})
}

// A slow count is made seldom and has a time of its own. Meanwhile store_up and keeper are as fresh as ever.
func TestSlowCountLeavesOtherGaugesFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{keeps: true, dead: 3, due: 7, standingTakes: readyTimeout + time.Second}
		scrape := s.series(t)
		all := func() map[string]string { return scrape("store_up", "keeper", "dead_letters", "deliveries_waiting") }
		const up, keeper = `store_up{engine="postgres"}`, `keeper{engine="postgres"}`
		want(t, "at first", all(), map[string]string{up: "1", keeper: "1", deadSeries: "3", dueSeries: "7"})

		s.readyErr, s.dead, s.due = errors.New("full"), 4, 8
		time.Sleep(lanesPeriod)
		want(t, "after 2s", all(), map[string]string{up: "0", keeper: "1", deadSeries: "4", dueSeries: "7"})
		s.keeps = false
		time.Sleep(lanesPeriod)
		want(t, "after 4s", all(), map[string]string{up: "0", keeper: "0", deadSeries: "", dueSeries: ""})
		s.readyErr, s.keeps = nil, true
		time.Sleep(lanesPeriod)
		want(t, "after 6s", all(), map[string]string{up: "1", keeper: "1", deadSeries: "4", dueSeries: "7"})
		if s.standings != 1 {
			t.Errorf("counted %d times within 6s of a count that took 6s", s.standings)
		}
		time.Sleep(lanesShare * s.standingTakes)
		want(t, "after the rest", all(), map[string]string{dueSeries: "8"})

		s.standingTakes = time.Hour
		time.Sleep(lanesShare * (readyTimeout + time.Second))
		began := time.Now()
		want(t, "a count that hangs", all(), map[string]string{up: "1", deadSeries: "4", dueSeries: ""})
		if took := time.Since(began); took > answerTimeout/2 {
			t.Errorf("a scrape took %v", took)
		}
	})
}
