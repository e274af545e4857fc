package sender

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// maxRetryAfter is the longest pause that a receiver can ask for.
const maxRetryAfter = 24 * time.Hour

// RetryAfter returns the pause that an answer asks for, or 0. It tries in order: the Retry-After header, in seconds or as
// a date; retry_after (Slack, Discord) or parameters.retry_after (Telegram) in a JSON body; the end of the rate limit, if it is
// reached.
func RetryAfter(a delivery.Answer, at time.Time) time.Duration {
	for _, value := range a.Header.Values("Retry-After") {
		if pause, ok := seconds(value); ok {
			return pause
		}
		if until, err := http.ParseTime(strings.TrimSpace(value)); err == nil {
			return max(0, min(until.Sub(now(a.Header, at)), maxRetryAfter))
		}
	}
	if pause, ok := inBody(a.Body); ok {
		return pause
	}
	if a.Status == http.StatusTooManyRequests {
		return resetAfter(a.Header, at)
	}
	return exhausted(a.Header, at)
}

// now returns the time of an answer by the receiver's own clock, or by ours if its header has no Date.
func now(h http.Header, at time.Time) time.Time {
	if sent, err := http.ParseTime(h.Get("Date")); err == nil {
		return sent
	}
	return at
}

// resetAfter returns the time until a rate limit ends, or 0. X-RateLimit-Reset has the seconds until then (Datadog, Mattermost) or those
// since 1970 (GitHub). What is neither within a day does not count.
func resetAfter(h http.Header, at time.Time) time.Duration {
	if pause, ok := seconds(h.Get("X-Ratelimit-Reset-After")); ok { // spelled as a header's map has it, which saves an allocation
		return pause
	}
	const since1970 = 1_000_000_000 // and more
	n, err := strconv.ParseInt(strings.TrimSpace(h.Get("X-Ratelimit-Reset")), 10, 64)
	if n > since1970 {
		n -= now(h, at).Unix()
	}
	if err != nil || n > int64(maxRetryAfter/time.Second) {
		return 0
	}
	return ofSeconds(float64(n))
}

// exhausted returns the pause that an answer asks for, if its request was the last one allowed for now.
func exhausted(h http.Header, at time.Time) time.Duration {
	if strings.TrimSpace(h.Get("X-Ratelimit-Remaining")) != "0" {
		return 0
	}
	return resetAfter(h, at)
}

// inBody finds the pause in a JSON object.
func inBody(body []byte) (time.Duration, bool) {
	var answer struct {
		RetryAfter any `json:"retry_after"`
		Parameters struct {
			RetryAfter any `json:"retry_after"`
		} `json:"parameters"`
	}
	_ = json.Unmarshal(body, &answer) // parameters of another type do not matter
	for _, value := range []any{answer.RetryAfter, answer.Parameters.RetryAfter} {
		switch value := value.(type) {
		case float64:
			return ofSeconds(value), true
		case string:
			if pause, ok := seconds(value); ok {
				return pause, true
			}
		}
	}
	return 0, false
}

// seconds parses a number of seconds, which may have decimals. A negative number is 0.
func seconds(text string) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if strings.Trim(text, "-0123456789.") != "" {
		return 0, false // a date, or something else that ParseFloat accepts
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(n, 0) {
		return 0, false
	}
	return ofSeconds(n), true
}

// ofSeconds rounds up to the nanosecond.
func ofSeconds(n float64) time.Duration {
	switch {
	case !(n > 0): // NaN too
		return 0
	case n >= maxRetryAfter.Seconds():
		return maxRetryAfter
	}
	return time.Duration(math.Ceil(n * float64(time.Second)))
}
