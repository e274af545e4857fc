package sender_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/sender"
	"github.com/google/go-cmp/cmp"
)

var answered = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// dated is a header with a Date that is so far from our clock, and further fields.
func dated(skew time.Duration, fields ...string) http.Header {
	h := http.Header{"Date": {answered.Add(skew).Format(http.TimeFormat)}}
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return h
}

// says is a kind of receiver that always says the same.
func says(v sender.Verdict) sender.Receiver {
	return func(*sender.Answer) (sender.Verdict, bool) { return v, true }
}

func TestJudgeKnowsEveryStatus(t *testing.T) {
	for code := 1; code <= 999; code++ {
		want := sender.Verdict{Outcome: delivery.Dead}
		switch {
		case code >= 200 && code < 300:
			want.Outcome = delivery.Delivered
		case code == 408, code == 425, code == 429, code >= 500, code < 200:
			want.Outcome, want.RetryAfter = delivery.Retry, 7*time.Second
		case code == 410:
			want.Gone = true
		}
		want.Reason = strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
		if code >= 300 && code < 400 {
			want.Reason += " (redirects are not followed)"
		}
		got := sender.Judge(sender.Answer{Status: code, Header: dated(0, "Retry-After", "7"), At: answered, Stamped: true})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%d (-want +got):\n%s", code, diff)
		}
	}
}

func TestJudge(t *testing.T) {
	here, _ := url.Parse("https://receiver.example/hidden?hidden=1")
	behind := "403 Forbidden: this machine's clock is 4m1s behind the receiver's"
	tests := []struct {
		name   string
		answer sender.Answer
		want   sender.Verdict
	}{
		{"clock behind", sender.Answer{Status: 403, Header: dated(4*time.Minute + time.Second), Stamped: true},
			sender.Verdict{Outcome: delivery.Retry, Reason: behind, Free: true}},
		{"clock ahead", sender.Answer{Status: 401, Header: dated(-time.Hour), Stamped: true},
			sender.Verdict{Outcome: delivery.Retry, Reason: "401 Unauthorized: this machine's clock is 1h0m0s ahead of the receiver's", Free: true}},
		{"clock, 400", sender.Answer{Status: 400, Header: dated(-5 * time.Minute), Stamped: true},
			sender.Verdict{Outcome: delivery.Retry, Reason: "400 Bad Request: this machine's clock is 5m0s ahead of the receiver's", Free: true}},
		{"clock, in tolerance", sender.Answer{Status: 403, Header: dated(4 * time.Minute), Stamped: true}, sender.Verdict{Outcome: delivery.Dead, Reason: "403 Forbidden"}},
		{"clock, but no timestamp was sent", sender.Answer{Status: 403, Header: dated(time.Hour)}, sender.Verdict{Outcome: delivery.Dead, Reason: "403 Forbidden"}},
		{"clock, but another fault", sender.Answer{Status: 404, Header: dated(time.Hour), Stamped: true}, sender.Verdict{Outcome: delivery.Dead, Reason: "404 Not Found"}},
		{"no date", sender.Answer{Status: 403, Header: http.Header{}, Stamped: true}, sender.Verdict{Outcome: delivery.Dead, Reason: "403 Forbidden"}},
		{"no date that can be read", sender.Answer{Status: 403, Header: http.Header{"Date": {"yesterday"}}, Stamped: true}, sender.Verdict{Outcome: delivery.Dead, Reason: "403 Forbidden"}},

		{"the proxy wants a password", sender.Answer{Status: 407, Proxied: true}, sender.Verdict{Outcome: delivery.Retry, Reason: "407 Proxy Authentication Required by the proxy", Free: true}},
		{"407 without a proxy", sender.Answer{Status: 407}, sender.Verdict{Outcome: delivery.Dead, Reason: "407 Proxy Authentication Required"}},

		{"redirect", sender.Answer{Status: 302, URL: here, Header: http.Header{"Location": {"https://u:p@other.example:8443/hidden?hidden"}}},
			sender.Verdict{Outcome: delivery.Dead, Reason: "302 Found, to other.example:8443 (redirects are not followed)"}},
		{"redirect to a relative path", sender.Answer{Status: 301, URL: here, Header: http.Header{"Location": {"/hidden"}}},
			sender.Verdict{Outcome: delivery.Dead, Reason: "301 Moved Permanently, to receiver.example (redirects are not followed)"}},
		{"redirect to what steers a terminal", sender.Answer{Status: 302, URL: here, Header: http.Header{"Location": {"https://a\u009b31m/"}}},
			sender.Verdict{Outcome: delivery.Dead, Reason: "302 Found (redirects are not followed)"}},

		{"the receiver's last one for now", sender.Answer{Status: 204, Header: dated(0, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset-After", "1.25")},
			sender.Verdict{Outcome: delivery.Delivered, Reason: "204 No Content", RetryAfter: 1250 * time.Millisecond}},
		{"not its last one", sender.Answer{Status: 204, Header: dated(0, "X-RateLimit-Remaining", "3", "X-RateLimit-Reset-After", "1.25")},
			sender.Verdict{Outcome: delivery.Delivered, Reason: "204 No Content"}},
		{"Retry-After of a delivery means nothing", sender.Answer{Status: 202, Header: dated(0, "Retry-After", "60")},
			sender.Verdict{Outcome: delivery.Delivered, Reason: "202 Accepted"}},

		{"its kind of receiver refuses", sender.Answer{Status: 200, Receiver: says(sender.Verdict{Outcome: delivery.Dead, Reason: "no_text"})},
			sender.Verdict{Outcome: delivery.Dead, Reason: "200 OK: no_text"}},
		{"its kind wants nothing more", sender.Answer{Status: 404, Receiver: says(sender.Verdict{Outcome: delivery.Dead, Reason: "no_service", Gone: true})},
			sender.Verdict{Outcome: delivery.Dead, Reason: "404 Not Found: no_service", Gone: true}},
		{"its kind wants it again", sender.Answer{Status: 200, Receiver: says(sender.Verdict{Outcome: delivery.Retry, Reason: "ok is false", RetryAfter: 3 * time.Second})},
			sender.Verdict{Outcome: delivery.Retry, Reason: "200 OK: ok is false", RetryAfter: 3 * time.Second}},
		{"a header goes before its kind's rest", sender.Answer{Status: 429, Header: dated(0, "Retry-After", "7"), Receiver: says(sender.Verdict{Outcome: delivery.Retry, RetryAfter: 30 * time.Second})},
			sender.Verdict{Outcome: delivery.Retry, Reason: "429 Too Many Requests", RetryAfter: 7 * time.Second}},
		{"its kind takes it, for the last time now", sender.Answer{Status: 200, Header: dated(0, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset-After", "2"), Receiver: says(sender.Verdict{Outcome: delivery.Delivered})},
			sender.Verdict{Outcome: delivery.Delivered, Reason: "200 OK", RetryAfter: 2 * time.Second}},
		{"its kind knows the reason of a refused time", sender.Answer{Status: 403, Header: dated(time.Hour), Stamped: true, Receiver: says(sender.Verdict{Outcome: delivery.Dead, Reason: "invalid_token", Gone: true})},
			sender.Verdict{Outcome: delivery.Dead, Reason: "403 Forbidden: invalid_token", Gone: true}},
		{"its kind has nothing to say", sender.Answer{Status: 503, Receiver: func(*sender.Answer) (sender.Verdict, bool) { return sender.Verdict{}, false }},
			sender.Verdict{Outcome: delivery.Retry, Reason: "503 Service Unavailable"}},

		{"no answer", sender.Answer{Err: &sender.Fault{Reason: "connection refused"}}, sender.Verdict{Outcome: delivery.Retry, Reason: "connection refused"}},
		{"a fault of ours", sender.Answer{Err: &sender.Fault{Reason: "no route", Ours: true}}, sender.Verdict{Outcome: delivery.Retry, Reason: "no route", Free: true}},
		{"a fault for ever", sender.Answer{Err: &sender.Fault{Reason: "bad header", Final: true}}, sender.Verdict{Outcome: delivery.Dead, Reason: "bad header"}},
		{"a fault that nobody knows", sender.Answer{Err: errors.New("hidden")}, sender.Verdict{Outcome: delivery.Retry, Reason: "no answer"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.answer.At = answered
			if diff := cmp.Diff(tt.want, sender.Judge(tt.answer)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// rests are answers that ask for a rest.
var rests = []struct {
	name   string
	header http.Header
	body   string
	want   time.Duration
}{
	{"none", dated(0), "", 0},
	{"seconds", dated(0, "Retry-After", "120"), "", 2 * time.Minute},
	{"zero", dated(0, "Retry-After", "0"), "", 0},
	{"spaces", dated(0, "Retry-After", " 5 "), "", 5 * time.Second},
	{"decimals", dated(0, "Retry-After", "1.337"), "", 1337 * time.Millisecond},
	{"the least", dated(0, "Retry-After", "0.000000001"), "", 1},
	{"a day", dated(0, "Retry-After", "86400"), "", 24 * time.Hour},
	{"more than a day", dated(0, "Retry-After", "86401"), "", 24 * time.Hour},
	{"for ever", dated(0, "Retry-After", strings.Repeat("9", 400)), "", 24 * time.Hour},
	{"negative", dated(0, "Retry-After", "-5"), "", 0},
	{"no number", dated(0, "Retry-After", "soon"), "", 0},
	{"not a plain number", dated(0, "Retry-After", "0x10"), "", 0},
	{"infinite", dated(0, "Retry-After", "Inf"), "", 0},
	{"not a number", dated(0, "Retry-After", "NaN"), "", 0},
	{"two points", dated(0, "Retry-After", "1.2.3"), "", 0},
	{"empty", dated(0, "Retry-After", ""), "", 0},
	{"date", dated(0, "Retry-After", answered.Add(90*time.Second).Format(http.TimeFormat)), "", 90 * time.Second},
	{"date by the receiver's clock", dated(-time.Hour, "Retry-After", answered.Add(-time.Hour+time.Minute).Format(http.TimeFormat)), "", time.Minute},
	{"date without Date", http.Header{"Retry-After": {answered.Add(time.Minute).Format(http.TimeFormat)}}, "", time.Minute},
	{"date with a Date that is none", http.Header{"Date": {"now"}, "Retry-After": {answered.Add(time.Minute).Format(http.TimeFormat)}}, "", time.Minute},
	{"date of RFC 850", dated(0, "Retry-After", answered.Add(time.Minute).Format("Monday, 02-Jan-06 15:04:05 GMT")), "", time.Minute},
	{"date of asctime", dated(0, "Retry-After", answered.Add(time.Minute).Format(time.ANSIC)), "", time.Minute},
	{"date that is over", dated(0, "Retry-After", answered.Add(-time.Minute).Format(http.TimeFormat)), "", 0},
	{"date in a year", dated(0, "Retry-After", answered.AddDate(1, 0, 0).Format(http.TimeFormat)), "", 24 * time.Hour},
	{"two, the first cannot be read", dated(0, "Retry-After", "soon", "Retry-After", "3"), "", 3 * time.Second},
	{"Slack", dated(0), `{"retry_after":1,"ok":false,"error":"rate_limited"}`, time.Second},
	{"Discord", dated(0), `{"message":"You are being rate limited.","retry_after":64.57,"global":false}`, 64570 * time.Millisecond},
	{"Discord's header and body", dated(0, "Retry-After", "65", "X-RateLimit-Reset-After", "64.57"), `{"retry_after":64.57}`, 65 * time.Second},
	{"Telegram", dated(0), `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}`, 35 * time.Second},
	{"a text in JSON", dated(0), `{"retry_after":"2.5"}`, 2500 * time.Millisecond},
	{"parameters of another type", dated(0), `{"retry_after":4,"parameters":[]}`, 4 * time.Second},
	{"null in JSON", dated(0), `{"retry_after":null}`, 0},
	{"negative in JSON", dated(0), `{"retry_after":-1}`, 0},
	{"too much in JSON", dated(0), `{"retry_after":1e300}`, 24 * time.Hour},
	{"true in JSON", dated(0), `{"retry_after":true}`, 0},
	{"JSON that is cut off", dated(0), `{"retry_after":5,`, 0},
	{"a list", dated(0), `[{"retry_after":5}]`, 0},
	{"only X-RateLimit-Reset-After", dated(0, "X-RateLimit-Reset-After", "0.75"), "", 750 * time.Millisecond},
	{"X-RateLimit-Reset-After of no number", dated(0, "X-RateLimit-Reset-After", "x"), "", 0},
}

func TestRetryAfterInAllItsShapes(t *testing.T) {
	for _, tt := range rests {
		t.Run(tt.name, func(t *testing.T) {
			a := sender.Answer{Status: 429, Header: tt.header, Body: []byte(tt.body), At: answered}
			if got := sender.RetryAfter(a); got != tt.want {
				t.Errorf("RetryAfter = %v, want %v", got, tt.want)
			}
		})
	}
	a := sender.Answer{Status: 503, Header: dated(0, "X-RateLimit-Reset-After", "9"), At: answered}
	if got := sender.RetryAfter(a); got != 0 {
		t.Errorf("a failure's X-RateLimit-Reset-After: %v, want 0: it says how long the window lasts", got)
	}
}

// FuzzRetryAfter: whatever a receiver writes, the rest is 0 to 24 h, and a plain number of seconds is obeyed exactly.
func FuzzRetryAfter(f *testing.F) {
	for _, tt := range rests {
		f.Add(429, tt.header.Get("Retry-After"), tt.header.Get("Date"), tt.header.Get("X-RateLimit-Reset-After"), []byte(tt.body))
	}
	f.Fuzz(func(t *testing.T, status int, after, date, reset string, body []byte) {
		a := sender.Answer{Status: status, Body: body, At: answered, Stamped: true, Header: http.Header{
			"Retry-After": {after}, "Date": {date}, "X-Ratelimit-Reset-After": {reset}, "X-Ratelimit-Remaining": {reset}, "Location": {after},
		}}
		rest := sender.RetryAfter(a)
		if rest < 0 || rest > 24*time.Hour {
			t.Errorf("%q: %v", a.Header, rest)
		}
		var n int
		if _, err := fmt.Sscanf(after, "%d", &n); err == nil && fmt.Sprint(n) == after && n >= 0 {
			if want := min(time.Duration(min(n, 1e6))*time.Second, 24*time.Hour); rest != want {
				t.Errorf("%q: %v, want %v", after, rest, want)
			}
		}
		if v := sender.Judge(a); v.Reason == "" || v.RetryAfter < 0 || v.RetryAfter > 24*time.Hour || v.Gone != (status == 410) {
			t.Errorf("%+v", v)
		}
	})
}

func TestAttemptInWords(t *testing.T) {
	for want, a := range map[string]delivery.Attempt{
		"attempt 3: 503 Service Unavailable after 1.2s": {Number: 3, Reason: "503 Service Unavailable", Took: 1234 * time.Millisecond},
		"attempt 1: 200 OK after 12ms":                  {Number: 1, Reason: "200 OK", Took: 12345 * time.Microsecond},
	} {
		if got := a.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
