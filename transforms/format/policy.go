package format

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/lazy"
)

// Policy says how to treat a receiver unless the webhook says otherwise.
type Policy struct {
	Rate    Rate
	Success string // its answer to an accepted message, in words
	Retry   string // how it asks for a retry
	Gone    string // how it says that it wants no more messages; "" if it does not

	Method string // of the requests; "" is POST

	anyAnswer bool // anyone may build such a receiver, and it may answer with anything

	address address                                 // what a webhook's URL must be
	answers answers                                 // the meaning of its statuses
	judge   func(*Format, *answer) delivery.Verdict // judges what the table cannot express, before the table; nil for none
}

// answers says what is special about a receiver's answers, beyond what their statuses mean for all receivers.
type answers struct {
	gone    []int         // statuses with which it wants no more messages
	unless  member        // in the body of such an answer: the message alone is refused
	refusal member        // in the body of a 2xx: the message is refused
	reason  []string      // paths of texts: "error.message"
	after   string        // path of the seconds until the next attempt; of milliseconds if it ends with _ms
	pause   time.Duration // the pause that its documentation wants after a 429; 0 for none
	limit   limit         // that only the reason tells of
}

// limit is a limit that has been reached if the reason has certain words, and the pause that it wants.
type limit struct {
	words string // in small letters; "" for none
	pause time.Duration
}

// reached reports whether an answer tells of the limit.
func (l limit) reached(status int, reason string) bool {
	return l.words != "" && (status == 403 || status == 429) && strings.Contains(strings.ToLower(reason), l.words)
}

// Rate is a token bucket: N messages per Per, and up to Burst at once. N is 0 for no limit.
type Rate struct {
	N     int
	Per   time.Duration
	Burst int
}

// Judge returns the meaning of an answer to this format's message. It reads only status and body. The general rules read the headers:
// a Retry-After takes precedence over RetryAfter.
func (f *Format) Judge(from delivery.Answer) delivery.Verdict {
	a := &answer{Answer: from}
	_ = json.Unmarshal(from.Body, &a.json) // a body that is not an object is ignored
	p := &f.Receiver.Policy
	var v delivery.Verdict
	switch {
	case !p.anyAnswer && a.is2xx() && a.isPage():
		v = again("a web page instead of "+f.Receiver.Name+"'s answer", 0)
	case p.judge != nil:
		v = p.judge(f, a)
	}
	if !v.Known {
		v = p.answers.verdict(a)
	}
	v.Reason = reasonText(v.Reason)
	return v
}

// verdict judges an answer that its status and the receiver's words explain.
func (t *answers) verdict(a *answer) delivery.Verdict {
	var words []string
	for _, path := range t.reason {
		if s := a.text(path); s != "" {
			words = append(words, s)
		}
	}
	reason := strings.Join(words, " ")
	general := []int{407, 408, 410, 425} // their meaning is the same for all receivers
	switch {
	case a.is2xx() && a.has(t.refusal):
		return dead(reason)
	case t.limit.reached(a.Status, reason):
		return again(reason, t.limit.pause)
	case slices.Contains(t.gone, a.Status) && !a.has(t.unless):
		return gone(reason)
	case a.Status == 429:
		return again(reason, cmp.Or(a.seconds(t.after), t.pause))
	case reason != "" && a.Status >= 400 && a.Status < 500 && !slices.Contains(general, a.Status):
		return dead(reason)
	}
	return delivery.Verdict{}
}

// answer is an answer and the JSON object in its body, nil if it is none.
type answer struct {
	delivery.Answer
	json map[string]any
}

// isPage reports whether the body is an HTML page, such as a proxy's sign-in page. A receiver that took a message never answers with one,
// but perhaps with XML of its own.
func (a *answer) isPage() bool { return page().Match(a.Body) }

// page matches the beginning of an HTML page: its head may stand there without the tags around it.
var page = lazy.Regexp(`(?is)^[\s\x{feff}]*(?:<\?xml.*?\?>\s*|<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body|title|meta|script)\b`)

// at returns the value at a path of members in the body, or nil.
func (a *answer) at(path string) any {
	var v any = a.json
	for name := range strings.SplitSeq(path, ".") {
		o, _ := v.(map[string]any)
		v = o[name]
	}
	return v
}

// has reports whether the body has a member with this value. A member without a name is in no body.
func (a *answer) has(m member) bool { return m.name != "" && a.at(m.name) == m.value }

// text returns the text at a path, or the texts of a list, joined.
func (a *answer) text(path string) string {
	switch v := a.at(path).(type) {
	case string:
		return v
	case []any:
		var all []string
		for _, element := range v {
			if s, isText := element.(string); isText {
				all = append(all, s)
			}
		}
		return strings.Join(all, ", ")
	}
	return ""
}

// seconds returns the seconds at a path, or the milliseconds if its last name ends with _ms: at most a day, 0 if there are none or if path
// is "".
func (a *answer) seconds(path string) time.Duration {
	const longest = 24 * 60 * 60
	n, _ := a.at(path).(float64)
	if path == "" || !(n > 0) {
		return 0
	}
	if strings.HasSuffix(path, "_ms") {
		n /= 1000
	}
	return time.Duration(math.Ceil(min(n, longest)*1000)) * time.Millisecond
}

func (a *answer) is2xx() bool { return a.Status >= 200 && a.Status < 300 }

// An address is what a receiver's URL must be.
type address struct {
	host      string            // the end of the hosts that are the receiver's own; others are not checked
	path      func(string) bool // accepts a path; nil for any
	objection string            // to another path
}

// CheckURL returns an objection to a webhook's URL for this receiver, or "". It quotes no part of the URL.
func (p *Policy) CheckURL(u *url.URL) string {
	a := &p.address
	if a.path == nil || a.path(u.Path) || !strings.HasSuffix(strings.ToLower(u.Hostname()), a.host) {
		return ""
	}
	return a.objection
}

// pathEnds wants a path that ends as the receiver's paths do.
func pathEnds(who, end string) address {
	return address{"", func(path string) bool { return strings.HasSuffix(path, end) }, who + "'s path ends with " + end}
}

// pathAt wants a path that begins as the receiver's paths do, if the host is the receiver's own.
func pathAt(who, host, begin string) address {
	return address{host, func(path string) bool { return strings.HasPrefix(path, begin) }, who + "'s path begins with " + begin}
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

// codeWord matches the name of an error, which cannot echo a message.
var codeWord = matches(`^[a-z][a-z_]{1,60}$`)

// reasonText bounds a receiver's words.
func reasonText(s string) string {
	const limit = 200 // bytes
	return cut(line(s), limit, bytesOf)
}

// Rows returns the policy in words: headings and texts.
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
