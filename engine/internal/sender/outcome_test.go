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

// dated returns a header with a Date that differs from our clock, and further fields.
func dated(skew time.Duration, fields ...string) http.Header {
	h := http.Header{"Date": {answered.Add(skew).Format(http.TimeFormat)}}
	for i := 0; i < len(fields); i += 2 {
		h.Add(fields[i], fields[i+1])
	}
	return h
}

// says returns a receiver that always returns the same verdict.
func says(v delivery.Verdict) sender.Receiver {
	v.Known = true
	return func(delivery.Answer) delivery.Verdict { return v }
}

func TestJudgeKnowsEveryStatus(t *testing.T) {
	for code := 1; code <= 999; code++ {
		want := delivery.Verdict{Known: true, Outcome: delivery.Dead, Blame: delivery.BlameEvent}
		switch {
		case code >= 300 && code < 400, code >= 401 && code <= 407, code == 421, code == 426, code == 451:
			want.Blame = delivery.BlameWebhook
		case code >= 200 && code < 300:
			want.Outcome, want.Blame = delivery.Delivered, delivery.BlameNone
		case code == 408, code == 425, code == 429, code >= 500, code < 200:
			want.Outcome, want.RetryAfter, want.Blame = delivery.Retry, 7*time.Second, delivery.BlameReceiver
		case code == 410:
			want.Gone, want.Blame = true, delivery.BlameWebhook
		}
		want.Reason = strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
		if code >= 300 && code < 400 {
			want.Reason += " (redirects are not followed)"
		}
		got := sender.Judge(sender.Exchange{Answer: delivery.Answer{Status: code, Header: dated(0, "Retry-After", "7")}, At: answered,
			Stamped: true})
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
		answer sender.Exchange
		want   delivery.Verdict
	}{
		{"clock behind", sender.Exchange{Answer: delivery.Answer{Status: 403, Header: dated(4*time.Minute + time.Second)}, Stamped: true},
			delivery.Verdict{Outcome: delivery.Retry, Reason: behind, Blame: delivery.BlameSender}},
		{"clock ahead", sender.Exchange{Answer: delivery.Answer{Status: 401, Header: dated(-time.Hour)}, Stamped: true},
			delivery.Verdict{Outcome: delivery.Retry, Reason: "401 Unauthorized: this machine's clock is 1h0m0s ahead of the receiver's",
				Blame: delivery.BlameSender}},
		{"clock, 400", sender.Exchange{Answer: delivery.Answer{Status: 400, Header: dated(-5 * time.Minute)}, Stamped: true},
			delivery.Verdict{Outcome: delivery.Retry, Reason: "400 Bad Request: this machine's clock is 5m0s ahead of the receiver's",
				Blame: delivery.BlameSender}},
		{"clock, in tolerance", sender.Exchange{Answer: delivery.Answer{Status: 403, Header: dated(4 * time.Minute)}, Stamped: true},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "403 Forbidden", Blame: delivery.BlameWebhook}},
		{"clock, but no timestamp was sent", sender.Exchange{Answer: delivery.Answer{Status: 403, Header: dated(time.Hour)}},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "403 Forbidden", Blame: delivery.BlameWebhook}},
		{"clock, but another fault", sender.Exchange{Answer: delivery.Answer{Status: 404, Header: dated(time.Hour)}, Stamped: true},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "404 Not Found", Blame: delivery.BlameWebhook}},
		{"no date", sender.Exchange{Answer: delivery.Answer{Status: 403, Header: http.Header{}}, Stamped: true},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "403 Forbidden", Blame: delivery.BlameWebhook}},
		{"no date that can be read", sender.Exchange{Answer: delivery.Answer{Status: 403, Header: http.Header{"Date": {"yesterday"}}},
			Stamped: true}, delivery.Verdict{Outcome: delivery.Dead, Reason: "403 Forbidden", Blame: delivery.BlameWebhook}},

		{"the proxy wants a password", sender.Exchange{Answer: delivery.Answer{Status: 407}, Proxied: true},
			delivery.Verdict{Outcome: delivery.Retry, Reason: "407 Proxy Authentication Required by the proxy", Blame: delivery.BlameSender}},
		{"407 without a proxy", sender.Exchange{Answer: delivery.Answer{Status: 407}},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "407 Proxy Authentication Required", Blame: delivery.BlameWebhook}},

		{"redirect", sender.Exchange{Answer: delivery.Answer{Status: 302,
			Header: http.Header{"Location": {"https://u:p@other.example:8443/hidden?hidden"}}}, URL: here},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "302 Found, to other.example:8443 (redirects are not followed)",
				Blame: delivery.BlameWebhook}},
		{"redirect to a relative path", sender.Exchange{Answer: delivery.Answer{Status: 301, Header: http.Header{"Location": {"/hidden"}}},
			URL: here},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "301 Moved Permanently, to receiver.example (redirects are not followed)",
				Blame: delivery.BlameWebhook}},
		{"redirect to what steers a terminal", sender.Exchange{Answer: delivery.Answer{Status: 302,
			Header: http.Header{"Location": {"https://a\u009b31m/"}}}, URL: here},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "302 Found (redirects are not followed)", Blame: delivery.BlameWebhook}},

		{"the receiver's last one for now", sender.Exchange{Answer: delivery.Answer{Status: 204,
			Header: dated(0, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset-After", "1.25")}},
			delivery.Verdict{Outcome: delivery.Delivered, Reason: "204 No Content", RetryAfter: 1250 * time.Millisecond}},
		{"the last one until a time", sender.Exchange{Answer: delivery.Answer{Status: 200,
			Header: dated(0, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", fmt.Sprint(answered.Unix()+60))}},
			delivery.Verdict{Outcome: delivery.Delivered, Reason: "200 OK", RetryAfter: time.Minute}},
		{"a limit that the receiver's words tell of", sender.Exchange{Answer: delivery.Answer{Status: 403,
			Header: dated(0, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset", fmt.Sprint(answered.Unix()+90))},
			Receiver: says(delivery.Verdict{Outcome: delivery.Retry, RetryAfter: time.Minute})},
			delivery.Verdict{Outcome: delivery.Retry, Reason: "403 Forbidden", RetryAfter: 90 * time.Second, Blame: delivery.BlameReceiver}},
		{"not its last one", sender.Exchange{Answer: delivery.Answer{Status: 204,
			Header: dated(0, "X-RateLimit-Remaining", "3", "X-RateLimit-Reset-After", "1.25")}},
			delivery.Verdict{Outcome: delivery.Delivered, Reason: "204 No Content"}},
		{"Retry-After of a delivery means nothing", sender.Exchange{Answer: delivery.Answer{Status: 202, Header: dated(0, "Retry-After", "60")}},
			delivery.Verdict{Outcome: delivery.Delivered, Reason: "202 Accepted"}},

		{"its kind of receiver refuses", sender.Exchange{Answer: delivery.Answer{Status: 200},
			Receiver: says(delivery.Verdict{Outcome: delivery.Dead, Reason: "no_text"})},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "200 OK: no_text", Blame: delivery.BlameEvent}},
		{"its kind wants nothing more", sender.Exchange{Answer: delivery.Answer{Status: 404},
			Receiver: says(delivery.Verdict{Outcome: delivery.Dead, Reason: "no_service", Gone: true})},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "404 Not Found: no_service", Gone: true, Blame: delivery.BlameWebhook}},
		{"its kind wants it again", sender.Exchange{Answer: delivery.Answer{Status: 200},
			Receiver: says(delivery.Verdict{Outcome: delivery.Retry, Reason: "ok is false", RetryAfter: 3 * time.Second})},
			delivery.Verdict{Outcome: delivery.Retry, Reason: "200 OK: ok is false", RetryAfter: 3 * time.Second, Blame: delivery.BlameReceiver}},
		{"a header goes before its kind's rest",
			sender.Exchange{Answer: delivery.Answer{Status: 429, Header: dated(0, "Retry-After", "7")},
				Receiver: says(delivery.Verdict{Outcome: delivery.Retry, RetryAfter: 30 * time.Second})},
			delivery.Verdict{Outcome: delivery.Retry, Reason: "429 Too Many Requests", RetryAfter: 7 * time.Second, Blame: delivery.BlameReceiver}},
		{"its kind takes it, for the last time now",
			sender.Exchange{Answer: delivery.Answer{Status: 200, Header: dated(0, "X-RateLimit-Remaining", "0", "X-RateLimit-Reset-After", "2")},
				Receiver: says(delivery.Verdict{Outcome: delivery.Delivered})},
			delivery.Verdict{Outcome: delivery.Delivered, Reason: "200 OK", RetryAfter: 2 * time.Second}},
		{"its kind knows the reason of a refused time",
			sender.Exchange{Answer: delivery.Answer{Status: 403, Header: dated(time.Hour)}, Stamped: true,
				Receiver: says(delivery.Verdict{Outcome: delivery.Dead, Reason: "invalid_token", Gone: true})},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "403 Forbidden: invalid_token", Gone: true, Blame: delivery.BlameWebhook}},
		{"its kind has nothing to say", sender.Exchange{Answer: delivery.Answer{Status: 503},
			Receiver: func(delivery.Answer) delivery.Verdict { return delivery.Verdict{} }},
			delivery.Verdict{Outcome: delivery.Retry, Reason: "503 Service Unavailable", Blame: delivery.BlameReceiver}},

		{"no answer", sender.Exchange{Err: &sender.Fault{Reason: "connection refused"}},
			delivery.Verdict{Outcome: delivery.Retry, Reason: "connection refused", Blame: delivery.BlameReceiver}},
		{"a fault of ours", sender.Exchange{Err: &sender.Fault{Reason: "no route", Ours: true}},
			delivery.Verdict{Outcome: delivery.Retry, Reason: "no route", Blame: delivery.BlameSender}},
		{"a fault for ever", sender.Exchange{Err: &sender.Fault{Reason: "bad header", Final: true}},
			delivery.Verdict{Outcome: delivery.Dead, Reason: "bad header", Blame: delivery.BlameEvent}},
		{"a fault that nobody knows", sender.Exchange{Err: errors.New("hidden")},
			delivery.Verdict{Outcome: delivery.Retry, Reason: "no answer", Blame: delivery.BlameReceiver}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.answer.At, tt.want.Known = answered, true
			if diff := cmp.Diff(tt.want, sender.Judge(tt.answer)); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}

// rests are answers that ask for a pause.
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
	{"date by the receiver's clock", dated(-time.Hour, "Retry-After", answered.Add(-time.Hour+time.Minute).Format(http.TimeFormat)), "",
		time.Minute},
	{"date without Date", http.Header{"Retry-After": {answered.Add(time.Minute).Format(http.TimeFormat)}}, "", time.Minute},
	{"date with a Date that is none", http.Header{"Date": {"now"}, "Retry-After": {answered.Add(time.Minute).Format(http.TimeFormat)}}, "",
		time.Minute},
	{"date of RFC 850", dated(0, "Retry-After", answered.Add(time.Minute).Format("Monday, 02-Jan-06 15:04:05 GMT")), "", time.Minute},
	{"date of asctime", dated(0, "Retry-After", answered.Add(time.Minute).Format(time.ANSIC)), "", time.Minute},
	{"date that is over", dated(0, "Retry-After", answered.Add(-time.Minute).Format(http.TimeFormat)), "", 0},
	{"date in a year", dated(0, "Retry-After", answered.AddDate(1, 0, 0).Format(http.TimeFormat)), "", 24 * time.Hour},
	{"two, the first cannot be read", dated(0, "Retry-After", "soon", "Retry-After", "3"), "", 3 * time.Second},
	{"Slack", dated(0), `{"retry_after":1,"ok":false,"error":"rate_limited"}`, time.Second},
	{"Discord", dated(0), `{"message":"You are being rate limited.","retry_after":64.57,"global":false}`, 64570 * time.Millisecond},
	{"Discord's header and body", dated(0, "Retry-After", "65", "X-RateLimit-Reset-After", "64.57"), `{"retry_after":64.57}`,
		65 * time.Second},
	{"Telegram", dated(0), `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}`,
		35 * time.Second},
	{"a text in JSON", dated(0), `{"retry_after":"2.5"}`, 2500 * time.Millisecond},
	{"parameters of another type", dated(0), `{"retry_after":4,"parameters":[]}`, 4 * time.Second},
	{"null in JSON", dated(0), `{"retry_after":null}`, 0},
	{"negative in JSON", dated(0), `{"retry_after":-1}`, 0},
	{"too much in JSON", dated(0), `{"retry_after":1e300}`, 24 * time.Hour},
	{"true in JSON", dated(0), `{"retry_after":true}`, 0},
	{"JSON that is cut off", dated(0), `{"retry_after":5,`, 0},
	{"a list", dated(0), `[{"retry_after":5}]`, 0},
	{"only X-RateLimit-Reset-After", dated(0, "X-RateLimit-Reset-After", "0.75"), "", 750 * time.Millisecond},
	{"Datadog's X-RateLimit-Reset", dated(0, "X-RateLimit-Reset", "17"), "", 17 * time.Second},
	{"GitHub's by the receiver's clock", dated(-time.Hour, "X-RateLimit-Reset", fmt.Sprint(answered.Unix()-3600+90)), "", 90 * time.Second},
	{"X-RateLimit-Reset that is over", dated(0, "X-RateLimit-Reset", fmt.Sprint(answered.Unix()-90)), "", 0},
	{"X-RateLimit-Reset in milliseconds", dated(0, "X-RateLimit-Reset", fmt.Sprint(answered.UnixMilli()+90)), "", 0},
	{"X-RateLimit-Reset after X-RateLimit-Reset-After", dated(0, "X-RateLimit-Reset", "17", "X-RateLimit-Reset-After", "2.5"), "",
		2500 * time.Millisecond},
	{"X-RateLimit-Reset-After of no number", dated(0, "X-RateLimit-Reset-After", "x"), "", 0},
}

func TestRetryAfterInAllItsShapes(t *testing.T) {
	for _, tt := range rests {
		t.Run(tt.name, func(t *testing.T) {
			a := delivery.Answer{Status: 429, Header: tt.header, Body: []byte(tt.body)}
			if got := sender.RetryAfter(a, answered); got != tt.want {
				t.Errorf("RetryAfter = %v, want %v", got, tt.want)
			}
		})
	}
	a := delivery.Answer{Status: 503, Header: dated(0, "X-RateLimit-Reset-After", "9")}
	if got := sender.RetryAfter(a, answered); got != 0 {
		t.Errorf("a failure's X-RateLimit-Reset-After: %v, want 0: it says how long the window lasts", got)
	}
}

// FuzzRetryAfter: whatever a receiver writes, the pause is 0 to 24 h, and a plain number of seconds is obeyed exactly.
func FuzzRetryAfter(f *testing.F) {
	for _, tt := range rests {
		f.Add(429, tt.header.Get("Retry-After"), tt.header.Get("Date"), tt.header.Get("X-RateLimit-Reset-After"), []byte(tt.body))
	}
	f.Fuzz(func(t *testing.T, status int, after, date, reset string, body []byte) {
		a := delivery.Answer{Status: status, Body: body, Header: http.Header{
			"Retry-After": {after}, "Date": {date}, "X-Ratelimit-Reset-After": {reset}, "X-Ratelimit-Remaining": {reset}, "Location": {after},
			"X-Ratelimit-Reset": {after},
		}}
		rest := sender.RetryAfter(a, answered)
		if rest < 0 || rest > 24*time.Hour {
			t.Errorf("%q: %v", a.Header, rest)
		}
		var n int
		if _, err := fmt.Sscanf(after, "%d", &n); err == nil && fmt.Sprint(n) == after && n >= 0 {
			if want := min(time.Duration(min(n, 1e6))*time.Second, 24*time.Hour); rest != want {
				t.Errorf("%q: %v, want %v", after, rest, want)
			}
		}
		if v := sender.Judge(sender.Exchange{Answer: a, At: answered,
			Stamped: true}); v.Reason == "" || v.RetryAfter < 0 || v.RetryAfter > 24*time.Hour || v.Gone != (status == 410) {
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
