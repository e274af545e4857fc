package format

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Policy is how a receiver is to be treated, where the webhook does not say otherwise.
type Policy struct {
	Rate    Rate
	Success string // what it answers when it took the message, in words
	Retry   string // how it says when to come again
	Gone    string // by what it says that it wants nothing more, ever; "" for nothing

	address func(*url.URL) string                   // what is wrong with a webhook's URL; nil for nothing to check
	judge   func(*Format, *answer) delivery.Verdict // what the receiver's own answers mean; nil for nothing of its own
}

// Rate is a token bucket: N messages per Per, and up to Burst at once. N is 0 for no limit.
type Rate struct {
	N     int
	Per   time.Duration
	Burst int
}

// answer is a receiver's answer, with what its judges ask of it.
type answer struct{ delivery.Answer }

// Judge says what an answer to this format's message means.
// Headers such as Retry-After stay with the general rules, and come before RetryAfter, which is of the body alone.
func (f *Format) Judge(a delivery.Answer) delivery.Verdict {
	if f.Receiver.Policy.judge == nil {
		return delivery.Verdict{}
	}
	v := f.Receiver.Policy.judge(f, &answer{a})
	v.Reason = reasonText(v.Reason)
	return v
}

// CheckURL says what is wrong with a webhook's URL for this receiver, "" for nothing. It quotes nothing of the URL.
func (p *Policy) CheckURL(u *url.URL) string {
	if p.address == nil {
		return ""
	}
	return p.address(u)
}

func delivered() delivery.Verdict { return delivery.Verdict{Known: true, Outcome: delivery.Delivered} }

func dead(reason string) delivery.Verdict {
	return delivery.Verdict{Known: true, Outcome: delivery.Dead, Reason: reason}
}

func gone(reason string) delivery.Verdict {
	return delivery.Verdict{Known: true, Outcome: delivery.Dead, Reason: reason, Gone: true}
}

func again(reason string, after time.Duration) delivery.Verdict {
	return delivery.Verdict{Known: true, Outcome: delivery.Retry, Reason: reason, RetryAfter: after}
}

// decode reads the answer's body as JSON, as far as it is.
func (a *answer) decode(to any) bool { return json.Unmarshal(a.Body, to) == nil }

func (a *answer) is2xx() bool { return a.Status >= 200 && a.Status < 300 }

// seconds is a receiver's number of seconds, at most a day of them.
func seconds(n float64) time.Duration {
	const longest = 24 * 60 * 60
	if !(n > 0) {
		return 0
	}
	return time.Duration(math.Ceil(min(n, longest)*1000)) * time.Millisecond
}

// codeWord is what receivers answer as an error's name: it echoes nothing.
var codeWord = regexp.MustCompile(`^[a-z][a-z_]{1,60}$`)

// reasonText tames a receiver's words.
func reasonText(s string) string {
	const limit = 200 // bytes
	return shrink(line(s), limit, func(s string) int { return len(s) })
}

// Rows are the policy in words: what it is about, and what it says.
func (p *Policy) Rows() [][2]string {
	rows := [][2]string{{"delivered", p.Success}, {"tried again", p.Retry}}
	if p.Gone != "" {
		rows = append(rows, [2]string{"never again", p.Gone})
	}
	if p.Rate.N > 0 {
		per := map[time.Duration]string{time.Second: "second", time.Minute: "minute"}[p.Rate.Per]
		if per == "" {
			per = p.Rate.Per.String()
		}
		rows = append(rows, [2]string{"rate", fmt.Sprintf("%d per %s, %d at once", p.Rate.N, per, p.Rate.Burst)})
	}
	return rows
}
