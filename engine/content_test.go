package engine_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/google/go-cmp/cmp"
)

// The engine sends the body that a map makes, and sends the same bytes at a retry. A dropped delivery is counted and not sent. A delivery
// whose map fails is dead.
func TestTransformsMakeTheContent(t *testing.T) {
	for _, tt := range []struct {
		name, transform string
		bodies          []string // as they arrive; the receiver's first answer is 503
		report          string
	}{
		{"body", "transform: {map: {type: =event, ok: =payload.ok}}",
			[]string{`{"type":"workflow_end","ok":true}`, `{"type":"workflow_end","ok":true}`},
			"1 event, 1 delivery: 1 delivered, 0 to retry, 0 dead"},
		{"drop", "transform: {map: payload.missing}", nil, "1 event, 1 delivery: 0 delivered, 0 to retry, 0 dead, 1 dropped"},
		{"failure", "transform: {map: payload.ok + 1}", nil, "1 event, 1 delivery: 0 delivered, 0 to retry, 1 dead"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var bodies []string
				e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
					body, _ := io.ReadAll(r.Body)
					if bodies = append(bodies, string(body)); len(bodies) == 1 {
						return answer(http.StatusServiceUnavailable)
					}
					return answer(http.StatusOK)
				}), oneHook(tt.transform))
				run(t, e)
				submit(t, e, newEvent("a"))
				drain(t, e)
				if diff := cmp.Diff(tt.bodies, bodies); diff != "" {
					t.Errorf("bodies (-want +got):\n%s", diff)
				}
				if got := e.Report().String(); got != tt.report {
					t.Errorf("report %q, want %q", got, tt.report)
				}
			})
		})
	}
}

// A body is made once. Later attempts send the same bytes, even if the webhook has another map by then.
func TestBodyIsMadeOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bodies []string
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			body, _ := io.ReadAll(r.Body)
			if bodies = append(bodies, string(body)); len(bodies) == 1 {
				return answer(http.StatusServiceUnavailable)
			}
			return answer(http.StatusOK)
		}), oneHook(`transform: {map: {made: "by the first"}}`))
		run(t, e)
		submit(t, e, newEvent("a"))
		time.Sleep(time.Second)
		changed, err := config.Parse("awf-hook.yaml", []byte(oneHook(`transform: {map: {made: "by the second"}}`)), config.NoEnv)
		if err == nil {
			err = e.Reload(changed)
		}
		if err != nil {
			t.Fatal(err)
		}
		submit(t, e, newEvent("b"))
		drain(t, e)
		want := []string{`{"made":"by the first"}`, `{"made":"by the second"}`, `{"made":"by the first"}`}
		if diff := cmp.Diff(want, bodies); diff != "" {
			t.Errorf("bodies (-want +got):\n%s", diff)
		}
	})
}
