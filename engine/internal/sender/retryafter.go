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

// maxRetryAfter is the longest rest that a receiver can ask for.
const maxRetryAfter = 24 * time.Hour

// RetryAfter is the rest that an answer asks for, 0 for none: the header Retry-After in seconds or as a date, which counts from
// the answer's own Date; else a JSON body's retry_after (Slack, Discord) or parameters.retry_after (Telegram);
// else X-RateLimit-Reset-After, where the answer says that the limit is reached.
func RetryAfter(a delivery.Answer, at time.Time) time.Duration {
	for _, value := range a.Header.Values("Retry-After") {
		if rest, ok := seconds(value); ok {
			return rest
		}
		if until, err := http.ParseTime(strings.TrimSpace(value)); err == nil {
			from := at
			if sent, ok := date(a.Header); ok {
				from = sent
			}
			return clamp(until.Sub(from))
		}
	}
	if rest, ok := inBody(a.Body); ok {
		return rest
	}
	if a.Status == http.StatusTooManyRequests {
		return resetAfter(a.Header)
	}
	return 0
}

func resetAfter(h http.Header) time.Duration {
	rest, _ := seconds(h.Get("X-RateLimit-Reset-After"))
	return rest
}

// exhausted is the rest that a delivered request's answer asks for: it was the last one for now.
func exhausted(h http.Header) time.Duration {
	if strings.TrimSpace(h.Get("X-RateLimit-Remaining")) != "0" {
		return 0
	}
	return resetAfter(h)
}

// inBody finds the rest in a JSON object.
func inBody(body []byte) (time.Duration, bool) {
	var answer struct {
		RetryAfter any `json:"retry_after"`
		Parameters struct {
			RetryAfter any `json:"retry_after"`
		} `json:"parameters"`
	}
	if json.Unmarshal(body, &answer) != nil && answer.RetryAfter == nil && answer.Parameters.RetryAfter == nil {
		return 0, false
	}
	for _, value := range []any{answer.RetryAfter, answer.Parameters.RetryAfter} {
		switch value := value.(type) {
		case float64:
			return ofSeconds(value), true
		case string:
			if rest, ok := seconds(value); ok {
				return rest, true
			}
		}
	}
	return 0, false
}

// seconds reads a number of seconds, perhaps with decimals. One that is negative is none to wait for.
func seconds(text string) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if strings.Trim(text, "-0123456789.") != "" {
		return 0, false // a date, or what else ParseFloat would take
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(n, 0) {
		return 0, false
	}
	return ofSeconds(n), true
}

// ofSeconds is exact to the nanosecond as far as the number is, and never short of it.
func ofSeconds(n float64) time.Duration {
	switch {
	case !(n > 0): // not a number either
		return 0
	case n >= maxRetryAfter.Seconds():
		return maxRetryAfter
	}
	return time.Duration(math.Ceil(n * float64(time.Second)))
}

func clamp(d time.Duration) time.Duration { return max(0, min(d, maxRetryAfter)) }
