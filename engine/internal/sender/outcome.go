package sender

import (
	"cmp"
	"errors"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Exchange is an attempt's answer, or the reason why there is none, with what is needed to judge it.
type Exchange struct {
	delivery.Answer
	Err      error // why there is no answer; a *Fault if more is known
	At       time.Time
	URL      *url.URL // that the request went to
	Stamped  bool     // the request carried a timestamp that the receiver may have checked
	Proxied  bool
	Receiver Receiver
}

// Receiver interprets an answer according to the receiver's format. Its RetryAfter comes from the body alone: the
// header's comes first.
type Receiver func(delivery.Answer) delivery.Verdict

// maxSkew is how far the receiver's clock must differ from ours before a refused signature is blamed on the clock.
const maxSkew = 4 * time.Minute

// statuses says what each status means. The first range that contains a status applies.
var statuses = []struct {
	from, to int
	outcome  delivery.Outcome
	blame    delivery.Blame
}{
	{200, 299, delivery.Delivered, delivery.BlameNone},
	{300, 399, delivery.Dead, delivery.BlameWebhook}, // moved
	{401, 407, delivery.Dead, delivery.BlameWebhook}, // its credentials, URL or method
	{408, 408, delivery.Retry, delivery.BlameReceiver},
	{410, 410, delivery.Dead, delivery.BlameWebhook},
	{421, 421, delivery.Dead, delivery.BlameWebhook}, // misdirected: another host's
	{425, 425, delivery.Retry, delivery.BlameReceiver},
	{426, 426, delivery.Dead, delivery.BlameWebhook}, // wants another protocol
	{429, 429, delivery.Retry, delivery.BlameReceiver},
	{451, 451, delivery.Dead, delivery.BlameWebhook},
	{400, 499, delivery.Dead, delivery.BlameEvent},
	{0, math.MaxInt, delivery.Retry, delivery.BlameReceiver}, // 5xx, and statuses that HTTP does not define
}

// Judge says what an answer means.
func Judge(x Exchange) delivery.Verdict {
	if x.Status == 0 {
		return judgeFault(x.Err)
	}
	v, own := judgeStatus(x.Status), delivery.Verdict{}
	if x.Receiver != nil {
		own = x.Receiver(x.Answer)
	}
	if own.Known {
		v = combine(own, v)
	} else {
		x.explain(&v)
	}
	switch {
	case v.Outcome == delivery.Retry:
		v.RetryAfter = cmp.Or(RetryAfter(x.Answer, x.At), own.RetryAfter)
	case x.Status >= 200 && x.Status < 300:
		v.RetryAfter = exhausted(x.Header, x.At)
	}
	return v
}

// judgeStatus says what a status means by itself.
func judgeStatus(code int) delivery.Verdict {
	v := delivery.Verdict{Known: true, Reason: statusText(code), Gone: code == http.StatusGone}
	for _, s := range statuses {
		if s.from <= code && code <= s.to {
			v.Outcome, v.Blame = s.outcome, s.blame
			break
		}
	}
	return v
}

// explain completes the verdict by the rest of the answer.
func (x *Exchange) explain(v *delivery.Verdict) {
	switch {
	case x.Status >= 300 && x.Status < 400:
		if host := x.redirectHost(); host != "" {
			v.Reason += ", to " + host
		}
		v.Reason += " (redirects are not followed)"
	case x.Status == http.StatusProxyAuthRequired && x.Proxied:
		v.Outcome, v.Blame = delivery.Retry, delivery.BlameSender
		v.Reason += " by the proxy"
	case x.Status == http.StatusBadRequest, x.Status == http.StatusUnauthorized, x.Status == http.StatusForbidden:
		if skew, far := x.skew(); far {
			v.Outcome, v.Blame = delivery.Retry, delivery.BlameSender
			v.Reason += ": " + skew
		}
	}
}

// combine merges the verdict of the receiver's format with that of the status. The format's comes first.
func combine(own, status delivery.Verdict) delivery.Verdict {
	if own.Reason == "" {
		own.Reason = status.Reason
	} else {
		own.Reason = status.Reason + ": " + own.Reason
	}
	own.RetryAfter = 0
	switch {
	case own.Blame != delivery.BlameNone, own.Outcome == delivery.Delivered:
	case own.Outcome == delivery.Retry:
		own.Blame = delivery.BlameReceiver
	case own.Gone:
		own.Blame = delivery.BlameWebhook
	case status.Outcome == delivery.Dead:
		own.Blame = status.Blame
	default:
		own.Blame = delivery.BlameEvent
	}
	return own
}

// statusText names the status in our own words: the receiver's text may repeat what it was sent.
func statusText(code int) string {
	if code == http.StatusOK { // nearly always
		return "200 OK"
	}
	text := strconv.Itoa(code)
	if words := http.StatusText(code); words != "" {
		text += " " + words
	}
	return text
}

func judgeFault(err error) delivery.Verdict {
	v := delivery.Verdict{Known: true, Outcome: delivery.Retry, Reason: "no answer", Blame: delivery.BlameReceiver}
	fault, known := errors.AsType[*Fault](err)
	if !known {
		return v
	}
	v.Reason = fault.Reason
	if fault.Ours {
		v.Blame = delivery.BlameSender
	}
	if fault.Final { // only the event is to blame for what cannot be mended
		v.Outcome, v.Blame = delivery.Dead, delivery.BlameEvent
	}
	return v
}

// redirectHost returns the host of the Location header; "" if there is none that is safe to show.
func (x *Exchange) redirectHost() string {
	location := x.Header.Get("Location")
	if location == "" || x.URL == nil {
		return ""
	}
	to, err := x.URL.Parse(location)
	if err != nil || !isPlain(to.Host) {
		return ""
	}
	return to.Host
}

// isPlain reports whether a text from the receiver looks like a host: it is short and has no terminal control characters.
func isPlain(host string) bool {
	return len(host) <= 255 && !strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// skew reports whether the clocks differ so much that the receiver had to refuse the request's timestamp, and says by how
// much.
func (x *Exchange) skew() (string, bool) {
	sent, err := http.ParseTime(x.Header.Get("Date"))
	ahead, word := x.At.Sub(sent), "ahead of"
	if ahead < 0 {
		ahead, word = -ahead, "behind"
	}
	if err != nil || !x.Stamped || ahead <= maxSkew {
		return "", false
	}
	return "this machine's clock is " + ahead.Round(time.Second).String() + " " + word + " the receiver's", true
}
