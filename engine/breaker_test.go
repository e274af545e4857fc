package engine_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/trace"
	"github.com/google/go-cmp/cmp"
)

// submitTexts submits n events with a text in their payload. The transform of these tests fails if the text is not a number.
func submitTexts(t *testing.T, e *engine.Engine, n int, text string) {
	t.Helper()
	for range n {
		ev := newEvent("")
		ev.Payload = fmt.Appendf(nil, `{"text":%q}`, text)
		submit(t, e, ev)
	}
}

const wantsNumber = `transform: {map: {n: "=int(payload.text)"}}`

// After five failures of a transform in a row, the webhook's other deliveries wait. One delivery at a time is a probe, after longer and
// longer pauses, and becomes a dead letter if it fails too. When a probe succeeds, all others follow.
func TestTransformFailuresOpenTheBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const broken, good = 20, 100
		receiver := &scripted{statuses: []int{200}}
		e := open(t, receiver, oneHook("max_in_flight: 1", wantsNumber))
		run(t, e)
		begun := time.Now()
		submitTexts(t, e, broken, "seven")
		submitTexts(t, e, good, "7")
		synctest.Wait()
		at := func(seconds int) int64 {
			time.Sleep(time.Duration(seconds)*time.Second - time.Since(begun))
			synctest.Wait()
			return e.Report().Dead
		}
		first := at(4) // a sixth may have been under way when the fifth failed
		if first < 5 || first > 5+1 {
			t.Fatalf("%d dead letters at once, want 5 or 6", first)
		}
		var dead []int64
		for _, seconds := range []int{6, 14, 16, 34, 36, 74, 76} {
			dead = append(dead, at(seconds)-first)
		}
		if diff := cmp.Diff([]int64{1, 1, 2, 2, 3, 3, 4}, dead); diff != "" {
			t.Errorf("further dead letters after 6, 14, 16, 34, 36, 74 and 76 s (-want +got):\n%s", diff)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		checkReport(t, e, engine.Report{Events: broken + good, Deliveries: broken + good, Delivered: good, Dead: broken})
		if times := receiver.times(); times[good-1] > time.Second {
			t.Errorf("the last delivery arrived %v after the first one, want all at once", times[good-1])
		}
	})
}

// Failures that are not in a row do not open a breaker. A transform that makes a body or drops an event in between works.
func TestTransformFailuresBetweenGoodOnesHoldNothingUp(t *testing.T) {
	for name, between := range map[string]string{"delivered": "7", "dropped": ""} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := open(t, &scripted{statuses: []int{200}},
					oneHook("max_in_flight: 1", `transform: {map: '=payload.text == "" ? nil : {"n": int(payload.text)}'}`))
				run(t, e)
				for range 10 {
					submitTexts(t, e, 4, "seven")
					submitTexts(t, e, 1, between)
				}
				time.Sleep(time.Second)
				got := e.Report()
				if got.Dead != 40 || got.Retrying != 0 || got.Delivered+got.Dropped != 10 {
					t.Errorf("%v, want 40 dead and none waiting", got)
				}
			})
		})
	}
}

// Once a receiver asks for a pause, the engine sends it nothing more, even before it has committed the pause.
func TestRestBeginsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		receiver := &scripted{statuses: []int{200}}
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			accepted, err := receiver.RoundTrip(r)
			switch len(receiver.times()) {
			case 1: // is under way while the others are settled, so its outcome waits
				time.Sleep(time.Second)
			case 3:
				accepted.StatusCode = 429
				accepted.Header.Set("Retry-After", "60")
			}
			return accepted, err
		}), oneHook("max_in_flight: 3"))
		run(t, e)
		for i := range 20 {
			submit(t, e, newEvent(fmt.Sprint(i)))
			synctest.Wait()
			if i > 2 {
				time.Sleep(time.Millisecond)
			}
		}
		drain(t, e)
		times := receiver.times()
		if len(times) != 21 || times[2] > time.Second || times[3] < time.Minute || times[20] > time.Minute+commits {
			t.Errorf("%d requests at %v, want 21: three at once and the others after a minute", len(times), times)
		}
	})
}

// The span of an attempt says what becomes of the delivery, also if retry.statuses decides.
func TestSpanOfAConfiguredRetry(t *testing.T) {
	var outcomes []any
	span := func(s *trace.Span) {
		for _, a := range s.Attributes {
			if a.Key == "awf_hook.outcome" {
				outcomes = append(outcomes, a.Value)
			}
		}
	}
	cfg, err := config.Parse("awf-hook.yaml", []byte(oneHook("retry: {max_attempts: 2, delay: 10ms, statuses: [409]}")), config.NoEnv)
	if err != nil {
		t.Fatal(err)
	}
	e, err := engine.Open(cfg, engine.Options{Transport: &scripted{statuses: []int{409}}, Observer: engine.Observer{Span: span}})
	if err != nil {
		t.Fatal(err)
	}
	run(t, e)
	submit(t, e, newEvent("a"))
	drain(t, e)
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(outcomes); got != "[retry retry]" {
		t.Errorf("spans say %s, want [retry retry]", got)
	}
}
