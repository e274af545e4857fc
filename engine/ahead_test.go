package engine_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
)

// The engine reads a file while it delivers the file's events. At most this many events may wait in between.
const (
	fileEvents = 8000
	mostAhead  = 1024 + 2048 + 512 // those ready in a lane, those of the next batch, and those not settled yet
)

func always() bool { return true }

// hooks returns a configuration of webhooks with these names, and further keys behind a colon.
func hooks(names ...string) string {
	yaml := "webhooks:\n"
	for _, name := range names {
		name, keys, _ := strings.Cut(name, ":")
		yaml += fmt.Sprintf("  - {name: %s, url: 'https://%s.test/', max_in_flight: 4, %s}\n", name, name, keys)
	}
	return yaml
}

// paces has the time that each receiver takes for an answer, by host. Other receivers never answer.
type paces map[string]time.Duration

func (p paces) RoundTrip(r *http.Request) (*http.Response, error) {
	took, answers := p[strings.TrimSuffix(r.URL.Host, ".test")]
	switch {
	case !answers:
		return hang(r)
	case took < 0:
		return answer(http.StatusServiceUnavailable)
	}
	time.Sleep(took)
	return answer(http.StatusOK)
}

// lines returns a file of n events.
func lines(n int) *strings.Reader {
	var in strings.Builder
	for i := range n {
		in.WriteString(line(i, 0))
	}
	return strings.NewReader(in.String())
}

// A file's events wait in the file, not in the queue, while a receiver takes them quickly.
func TestFileIsReadAtThePaceOfItsDeliveries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var answered atomic.Int64
		receiver := paces{"one": time.Millisecond}
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			defer answered.Add(1)
			return receiver.RoundTrip(r)
		}), hooks("one"))
		run(t, e)
		most := int64(0)
		read := make(chan error)
		go func() { read <- e.Read(t.Context(), engine.Stream{In: lines(fileEvents), Waits: always}) }()
		for done := false; !done; {
			select {
			case err := <-read:
				if done = true; err != nil {
					t.Error(err)
				}
			case <-time.After(time.Millisecond):
			}
			most = max(most, e.Report().Events-answered.Load())
		}
		if most > mostAhead {
			t.Errorf("%d events wait at once, want %d at most", most, mostAhead)
		}
		drain(t, e)
		checkReport(t, e, engine.Report{Events: fileEvents, Deliveries: fileEvents, Delivered: fileEvents})
	})
}

// A webhook that does not deliver quickly, for whatever reason, does not hold up a file, and no event is refused.
func TestFileWaitsForNobodyWhoIsSlow(t *testing.T) {
	for _, tt := range []struct {
		name   string
		hook   string
		events int
		within time.Duration
	}{
		{"a small file", "quick", 1000, 0},
		{"a receiver that does not answer", "hung", fileEvents, time.Second},
		{"a slow receiver", "slow", fileEvents, time.Second},
		{"a receiver that fails", "down", fileEvents, time.Second},
		{"a rate", "quick:rate: 10/s", fileEvents, time.Second},
		{"an order", "quick:order_by: workflow_name", fileEvents, time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := open(t, paces{"quick": time.Millisecond, "slow": 100 * time.Millisecond, "down": -1}, hooks(tt.hook))
				run(t, e)
				begun := time.Now()
				if err := e.Read(t.Context(), engine.Stream{In: lines(tt.events), Waits: always}); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(begun); took > tt.within {
					t.Errorf("took %v, want %v at most", took, tt.within)
				}
				if r := e.Report(); r.Events != int64(tt.events) || r.Refused > 0 {
					t.Errorf("%+v, want all %d events accepted", r, tt.events)
				}
			})
		})
	}
}

// Two webhooks get the events of one file. A slow one does not slow down a quick one, even if it makes some progress.
func TestFileHoldsUpNoWebhookForAnother(t *testing.T) {
	quick := func(receivers paces, names ...string) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			var answered atomic.Int64
			begun := time.Now()
			e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
				resp, err := receivers.RoundTrip(r)
				if r.URL.Host == "quick.test" && answered.Add(1) == fileEvents {
					took = time.Since(begun)
				}
				return resp, err
			}), hooks(names...))
			run(t, e)
			if err := e.Read(t.Context(), engine.Stream{In: lines(fileEvents), Waits: always}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Second)
		})
		return took
	}
	alone := quick(paces{"quick": time.Millisecond}, "quick")
	for _, pace := range []time.Duration{2 * time.Millisecond, 3500 * time.Microsecond, 10 * time.Millisecond, time.Second, time.Hour} {
		took := quick(paces{"quick": time.Millisecond, "slow": pace}, "quick", "slow")
		if took == 0 || took > alone*5/4 {
			t.Errorf("beside a receiver that takes %v the quick one took %v, want %v as without it", pace, took, alone)
		}
	}
}

// Once Waits returns false, the engine reads a file to its end at once.
func TestFileIsReadAtOnceWhenItMayNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := open(t, paces{"one": 2 * time.Millisecond}, hooks("one"))
		run(t, e)
		begun := time.Now()
		early := func() bool { return time.Since(begun) < 500*time.Millisecond }
		if err := e.Read(t.Context(), engine.Stream{In: lines(fileEvents), Waits: early}); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took < 500*time.Millisecond || took > 600*time.Millisecond {
			t.Errorf("took %v, want the half second that it may wait", took)
		}
		if r := e.Report(); r.Events != fileEvents || r.Refused > 0 {
			t.Errorf("%+v, want all %d events accepted", r, fileEvents)
		}
	})
}

// A file whose reading begins before the engine is open waits for the engine, however long that takes.
func TestFileWaitsForItsEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reading := engine.Stream{In: lines(fileEvents), Waits: always}.Begin(t.Context())
		time.Sleep(time.Minute)
		e := open(t, roundTripper(hang), hooks("one"))
		if err := reading.To(e); err != nil {
			t.Fatal(err)
		}
		if r := e.Report(); r.Events != fileEvents || r.Refused > 0 {
			t.Errorf("%+v, want all %d events accepted", r, fileEvents)
		}
	})
}
