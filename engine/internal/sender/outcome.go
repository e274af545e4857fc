package sender

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Answer is what came back of an attempt, or why nothing did.
type Answer struct {
	Status   int // 0 if there was no answer
	Header   http.Header
	Body     []byte // its first 16 KiB, decompressed
	At       time.Time
	Err      error // why there was no answer; a *Fault where more is known
	URL      *url.URL
	Stamped  bool // the request carried its time, which the receiver may have judged
	Proxied  bool
	Receiver Receiver
}

// Receiver says what an answer means in the receiver's own shapes, false where it has nothing of its own to say.
// Of the verdict's words the status comes before. Its rest is of the body alone: that of the headers goes before it.
type Receiver func(*Answer) (Verdict, bool)

// Fault is why there was no answer, in words that are free of secrets.
type Fault struct {
	Reason string
	Ours   bool // the receiver has no part in it
	Final  bool // no further attempt can mend it
}

func (f *Fault) Error() string { return f.Reason }

// Verdict is what an answer means for its delivery and its lane. The fields are those of [delivery.Attempt].
type Verdict struct {
	Outcome    delivery.Outcome
	Reason     string
	RetryAfter time.Duration
	Free, Gone bool
}

// maxSkew is how far the receiver's clock may be from ours before a refused signature is blamed on it.
const maxSkew = 4 * time.Minute

// Judge says what an answer means.
func Judge(a Answer) Verdict {
	code := a.Status
	v := Verdict{Outcome: delivery.Dead, Reason: statusText(code)}
	switch {
	case code == 0:
		return judgeFault(a.Err)
	case code >= 200 && code < 300:
		v.Outcome, v.RetryAfter = delivery.Delivered, exhausted(a.Header)
	case code >= 300 && code < 400:
		if host := a.redirectHost(); host != "" {
			v.Reason += ", to " + host
		}
		v.Reason += " (redirects are not followed)"
	case code == http.StatusGone:
		v.Gone = true
	case code == http.StatusProxyAuthRequired && a.Proxied:
		v.Outcome, v.Free = delivery.Retry, true
		v.Reason += " by the proxy"
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500, code < 200:
		v.Outcome = delivery.Retry // a status that HTTP does not know is as good as 5xx
	case code == http.StatusBadRequest, code == http.StatusUnauthorized, code == http.StatusForbidden:
		if skew, far := a.skew(); far {
			v.Outcome, v.Free = delivery.Retry, true
			v.Reason += ": " + skew
		}
	}
	own := a.ask(&v)
	if v.Outcome == delivery.Retry {
		v.RetryAfter = cmp.Or(RetryAfter(a), own.RetryAfter)
	}
	return v
}

// ask asks the receiver's kind what the answer means, which goes before what HTTP says, and returns what that is.
func (a *Answer) ask(v *Verdict) (own Verdict) {
	if a.Receiver == nil {
		return own
	}
	own, known := a.Receiver(a)
	if known {
		v.Outcome, v.Gone, v.Free = own.Outcome, own.Gone, false
		if own.Reason != "" {
			v.Reason = statusText(a.Status) + ": " + own.Reason
		}
	}
	return own
}

// statusText is the status in our words: the receiver's own may repeat what it was sent.
func statusText(code int) string {
	text := strconv.Itoa(code)
	if words := http.StatusText(code); words != "" {
		text += " " + words
	}
	return text
}

func judgeFault(err error) Verdict {
	v := Verdict{Outcome: delivery.Retry, Reason: "no answer"}
	var fault *Fault
	if errors.As(err, &fault) {
		v.Reason, v.Free = fault.Reason, fault.Ours
		if fault.Final {
			v.Outcome = delivery.Dead
		}
	}
	return v
}

// redirectHost is the host of the Location; "" if there is none that can be shown.
func (a Answer) redirectHost() string {
	location := a.Header.Get("Location")
	if location == "" || a.URL == nil {
		return ""
	}
	to, err := a.URL.Parse(location)
	if err != nil || len(to.Host) > 255 || strings.ContainsFunc(to.Host, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return ""
	}
	return to.Host
}

// date is when the receiver says that it answered.
func (a Answer) date() (time.Time, bool) {
	date, err := http.ParseTime(a.Header.Get("Date"))
	return date, err == nil
}

// skew says whether the clocks are so far apart that the receiver had to refuse the request's timestamp.
func (a Answer) skew() (string, bool) {
	date, ok := a.date()
	if !ok || !a.Stamped {
		return "", false
	}
	ahead, word := a.At.Sub(date), "ahead of"
	if ahead < 0 {
		ahead, word = -ahead, "behind"
	}
	if ahead <= maxSkew {
		return "", false
	}
	return "this machine's clock is " + ahead.Round(time.Second).String() + " " + word + " the receiver's", true
}
