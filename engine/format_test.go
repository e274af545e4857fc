package engine_test

import (
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/google/go-cmp/cmp"
)

// spoken is an answer of a receiver.
type spoken struct {
	status int
	body   string
	header string // "Name: value"
}

// speaking is a receiver that gives its answers in turn, repeats the last one, and records when requests came.
type speaking struct {
	answers []spoken
	hold    time.Duration // how long an answer takes

	mu    sync.Mutex
	times []time.Time
}

func (s *speaking) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	a := s.answers[min(len(s.times), len(s.answers)-1)]
	s.times = append(s.times, time.Now())
	s.mu.Unlock()
	time.Sleep(s.hold)
	header := http.Header{}
	if name, value, ok := strings.Cut(a.header, ": "); ok {
		header.Set(name, value)
	}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

// The engine understands the answers of each format's receiver, and does what they ask for.
func TestReceiversAreUnderstood(t *testing.T) {
	const (
		slack    = "transform: {format: slack}"
		pager    = "transform: {format: pagerduty, with: {routing_key: 0123456789abcdef0123456789abcdef, action: trigger}}"
		discord  = "transform: {format: discord}"
		teams    = "transform: {format: teams}"
		chat     = "transform: {format: googlechat}"
		telegram = "transform: {format: telegram, with: {chat_id: '-100123'}}"
		ntfy     = "transform: {format: ntfy, with: {topic: deploys}}"
		cloud    = "transform: {format: cloudevents}"
	)
	for _, tt := range []struct {
		name, transform string
		answers         []spoken
		times           []time.Duration // of the attempts for two events, limited by the lane's rate
		report          string
	}{
		{"slack takes it", slack, []spoken{{200, "ok", ""}}, []time.Duration{0, 0}, "2 delivered, 0 to retry, 0 dead"},
		{"a portal answers for slack", slack, []spoken{{200, "<html>", ""}, {200, "ok", ""}}, []time.Duration{0, 0, 5 * time.Second},
			"2 delivered, 0 to retry, 0 dead"},
		{"slack's webhook is gone", slack, []spoken{{404, "no_service", ""}}, []time.Duration{0},
			"0 delivered, 1 waiting (when their webhook is enabled), 0 to retry, 1 dead"},
		{"slack wants a rest", slack, []spoken{{429, `{"ok":false,"error":"rate_limited"}`, "Retry-After: 30"}, {200, "ok", ""}},
			[]time.Duration{0, 30 * time.Second, 30 * time.Second}, "2 delivered, 0 to retry, 0 dead"},
		{"slack refuses a message", slack, []spoken{{400, "invalid_blocks", ""}, {200, "ok", ""}}, []time.Duration{0, 0},
			"1 delivered, 0 to retry, 1 dead"},
		{"pagerduty wants a rest", pager, []spoken{{429, `{"message":"too quickly"}`, ""}, {202, "{}", ""}},
			[]time.Duration{0, 30 * time.Second, 30 * time.Second}, "2 delivered, 0 to retry, 0 dead"},
		{"discord's last one for now", discord, []spoken{{204, "", "X-RateLimit-Remaining: 0"}}, []time.Duration{0, 0},
			"2 delivered, 0 to retry, 0 dead"},
		{"discord wants a rest", discord, []spoken{{429, `{"message":"slow down","retry_after":0.65}`, ""}, {204, "", ""}},
			[]time.Duration{0, 650 * time.Millisecond, 650 * time.Millisecond}, "2 delivered, 0 to retry, 0 dead"},
		{"discord's webhook is gone", discord, []spoken{{404, `{"message":"Unknown Webhook","code":10015}`, ""}}, []time.Duration{0},
			"0 delivered, 1 waiting (when their webhook is enabled), 0 to retry, 1 dead"},
		{"teams could not deliver", teams, []spoken{{200,
			"Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with ContextId x", ""}, {200, "1", ""}},
			[]time.Duration{0, 0, 5 * time.Second}, "2 delivered, 0 to retry, 0 dead"},
		{"google chat's space is gone", chat, []spoken{{404, `{"error":{"status":"NOT_FOUND"}}`, ""}}, []time.Duration{0},
			"0 delivered, 1 waiting (when their webhook is enabled), 0 to retry, 1 dead"},
		{"telegram's bot is shut out", telegram, []spoken{{403, `{"ok":false,"error_code":403,"description":"Forbidden: bot was kicked"}`, ""}},
			[]time.Duration{0}, "0 delivered, 1 waiting (when their webhook is enabled), 0 to retry, 1 dead"},
		{"telegram wants a rest", telegram, []spoken{{429, `{"ok":false,"error_code":429,"parameters":{"retry_after":35}}`, ""},
			{200, `{"ok":true}`, ""}},
			[]time.Duration{0, 35 * time.Second, 35 * time.Second}, "2 delivered, 0 to retry, 0 dead"},
		{"telegram says no with 200", telegram, []spoken{{200, `{"ok":false,"error_code":400,"description":"chat not found"}`, ""}},
			[]time.Duration{0, 0}, "0 delivered, 0 to retry, 2 dead"},
		{"ntfy's day is used up", ntfy, []spoken{{429, `{"error":"limit reached: daily message quota reached"}`, ""}, {200, "{}", ""}},
			[]time.Duration{0, time.Hour, time.Hour}, "2 delivered, 0 to retry, 0 dead"},
		{"cloudevents has no words of its own", cloud, []spoken{{410, "", ""}}, []time.Duration{0},
			"0 delivered, 1 waiting (when their webhook is enabled), 0 to retry, 1 dead"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				receiver := &speaking{answers: tt.answers}
				e := open(t, receiver, oneHook(tt.transform, "rate: 1000/s", "max_in_flight: 1"))
				run(t, e)
				submit(t, e, newEvent("a"), newEvent("b"))
				_ = e.Drain(t.Context()) // the report shows what is left
				var times []time.Duration
				for _, at := range receiver.times {
					times = append(times, at.Sub(receiver.times[0]))
				}
				if !nearly(times, tt.times) {
					t.Errorf("attempts after %v, want %v", times, tt.times)
				}
				if got, want := e.Report().String(), "2 events, 2 deliveries: "+tt.report; !strings.HasPrefix(got, want) {
					t.Errorf("report %q, want %q", got, want)
				}
			})
		})
	}
}

// nearly compares times. It tolerates the time that commits, the rate of 1000/s and a breaker take.
func nearly(got, want []time.Duration) bool {
	if len(got) != len(want) {
		return false
	}
	for i := range got {
		if got[i] < want[i] || got[i] > want[i]+5*commits {
			return false
		}
	}
	return true
}

// A receiver can accept a message and say that it takes no other one for some time. The engine waits for that time.
func TestLastOneForNowLetsTheLaneRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		receiver := &speaking{answers: []spoken{{200, "ok", "X-RateLimit-Remaining: 0"}, {200, "ok", ""}}}
		e := open(t, roundTripper(func(r *http.Request) (*http.Response, error) {
			res, err := receiver.RoundTrip(r)
			res.Header.Set("X-RateLimit-Reset-After", "7.5")
			return res, err
		}), oneHook("max_in_flight: 1"))
		run(t, e)
		submit(t, e, newEvent("a"), newEvent("b"))
		drain(t, e)
		if rest := receiver.times[1].Sub(receiver.times[0]); rest < 7500*time.Millisecond || rest > 7500*time.Millisecond+commits {
			t.Errorf("the next attempt came after %v, want 7.5s", rest)
		}
	})
}

// PagerDuty gets deliveries about the same alert one after the other, and those about other alerts at the same time. order_by overrides
// this.
func TestFormatsOrderHolds(t *testing.T) {
	const transform = "transform: {format: pagerduty, with: {routing_key: 0123456789abcdef0123456789abcdef, action: trigger}}"
	for _, tt := range []struct {
		name  string
		keys  []string
		times []time.Duration // of four events of two workflows, if an answer takes a second
	}{
		{"by the alert", []string{transform}, []time.Duration{0, 0, time.Second, time.Second}},
		{"by order_by", []string{transform, "order_by: '\"all\"'"}, []time.Duration{0, time.Second, 2 * time.Second, 3 * time.Second}},
		{"without the format", nil, []time.Duration{0, 0, 0, 0}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				receiver := &speaking{answers: []spoken{{202, "{}", ""}}, hold: time.Second}
				e := open(t, receiver, oneHook(append(tt.keys, "rate: 1000/s")...))
				run(t, e)
				for _, name := range []string{"deploy", "backup", "deploy", "backup"} {
					ev := newEvent("")
					ev.WorkflowName = name
					submit(t, e, ev)
				}
				drain(t, e)
				var times []time.Duration
				for _, at := range receiver.times {
					times = append(times, at.Sub(receiver.times[0]))
				}
				if !nearly(times, tt.times) {
					t.Errorf("attempts after %v, want %v", times, tt.times)
				}
			})
		})
	}
}

// A format's receiver gets no more than its rate, unless the webhook says otherwise.
func TestFormatsRateHolds(t *testing.T) {
	for _, tt := range []struct {
		keys []string
		took time.Duration // at least this long for ten messages
	}{
		{[]string{"transform: {format: telegram, with: {chat_id: '-100123'}}"}, 15 * time.Second}, // 20/min, 5 at once
		{[]string{"transform: {format: telegram, with: {chat_id: '-100123'}}", "rate: 10/s"}, 900 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			receiver := &speaking{answers: []spoken{{200, `{"ok":true}`, ""}}}
			e := open(t, receiver, oneHook(tt.keys...))
			run(t, e)
			for range 10 {
				submit(t, e, newEvent(""))
			}
			drain(t, e)
			if took := receiver.times[9].Sub(receiver.times[0]); took < tt.took || took > tt.took+20*commits {
				t.Errorf("with %v ten messages took %v, want %v", tt.keys, took, tt.took)
			}
		})
	}
}

// A URL of another receiver than the format's gives a warning, which does not quote the URL.
func TestCheckWarnsOfAnotherReceiversURL(t *testing.T) {
	const key = "0123456789abcdef0123456789abcdef"
	const text = `
webhooks:
  - {name: wrong, url: "https://events.pagerduty.com/v1/secret", transform: {format: pagerduty, with: {routing_key: ` + key + `}}}
  - {name: metadata, url: "http://169.254.169.254/"}
  - {name: old, url: "https://a.example/", secret: [{value: x, not_after: 2020-01-01}]}
  - {name: bare, url: "https://hooks.slack.com/services/secret"}
  - {name: other, url: "https://discord.com/api/webhooks/1/secret", transform: {format: slack}}
  - {name: map, url: "https://hooks.slack.com/services/secret", transform: {map: {text: hello}}}
  - {name: slackish, url: "https://chat.example/hooks/secret", transform: {format: slack}}
  - {name: right, url: "https://events.pagerduty.com/v2/enqueue", transform: {format: pagerduty, with: {routing_key: ` + key + `}}}
`
	cfg, err := config.Parse("awf-hook.yaml", []byte(text), config.NoEnv)
	if err != nil {
		t.Fatal(err)
	}
	mistakes, warnings := engine.Check(cfg, engine.Options{})
	want := "awf-hook.yaml:3:24: warning: webhooks[0].url: PagerDuty's path is /v2/enqueue\n" +
		"awf-hook.yaml:4:27: warning: webhooks[1].url: 169.254.169.254 is refused: a link-local address " +
		"(network.allow in your own settings can permit it)\n" +
		"awf-hook.yaml:5:22: warning: webhooks[2].url: the time of all its secrets is over: no request can be signed\n" +
		"awf-hook.yaml:6:23: warning: webhooks[3].url: this receiver takes only messages of its own: " +
		"want transform: [{format: slack}], or a map that makes one\n" +
		"awf-hook.yaml:7:24: warning: webhooks[4].url: this is the host of the format discord, not of slack"
	if diff := cmp.Diff(want, warnings.Error()); diff != "" || len(mistakes) > 0 {
		t.Errorf("mistakes %v, warnings (-want +got):\n%s", mistakes, diff)
	}
}
