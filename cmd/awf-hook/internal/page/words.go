package page

import (
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine/expression"
)

// functions are the functions for templates.
var functions = template.FuncMap{
	"ago": ago, "in": in, "stamp": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
	"rfc": func(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }, "short": short, "number": number,
	"spark": newSpark, "share": newShare, "note": partNote, "stateClass": stateClass, "stateWord": stateWord,
	"query": query, "indent": indentClass, "join": strings.Join, "permille": func(f float64) int { return int(f * 1000) },
	"failed": func(err error) bool { return err != nil }, "views": func() []named { return navigation },
	"texts": func() []string { return []string{"event", "events", "filter", "transform"} },
	"named": func(name, otherwise string) string {
		if strings.TrimSpace(name) == "" {
			return otherwise // a link needs a text
		}
		return name
	},
	"plural": func(n int, one, many string) string {
		if n == 1 {
			return number(n) + " " + one
		}
		return number(n) + " " + many
	},
}

// named is a view in the navigation.
type named struct{ Name, Path, Word string }

var navigation = []named{
	{"overview", "./", "Overview"}, {"deliveries", "deliveries", "Deliveries"}, {"tail", "tail", "Events"},
	{"playground", "playground", "Playground"}, {"config", "config", "Configuration"}, {"changes", "changes", "Changes"},
}

// ago returns how long ago a time was: "3m"; "" for the zero time.
func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return short(time.Since(t))
}

// in returns how long it is until a time: "in 3m", "now".
func in(t time.Time) string {
	if wait := time.Until(t); wait > 500*time.Millisecond {
		return "in " + short(wait)
	}
	return "now"
}

// short formats a duration for people, in at most two units: "850ms", "3m 20s", "2d 4h".
func short(d time.Duration) string {
	switch d = max(0, d); {
	case d == 0: // an attempt's time is stored in milliseconds
		return "under 1ms"
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + "µs"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + "s"
	case d < time.Minute:
		return strconv.Itoa(int(d.Seconds())) + "s"
	case d < time.Hour:
		return two(int(d/time.Minute), "m", int(d%time.Minute/time.Second), "s")
	case d < 24*time.Hour:
		return two(int(d/time.Hour), "h", int(d%time.Hour/time.Minute), "m")
	}
	return two(int(d/(24*time.Hour)), "d", int(d%(24*time.Hour)/time.Hour), "h")
}

func two(a int, of string, b int, rest string) string {
	if b == 0 {
		return strconv.Itoa(a) + of
	}
	return strconv.Itoa(a) + of + " " + strconv.Itoa(b) + rest
}

// number formats a number with thousands separators.
func number(n any) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0 && text[i-1] != '-'; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}

// query returns a query with keys set to values, in pairs; "" removes a key.
func query(v url.Values, pairs ...any) template.URL {
	changed := url.Values{}
	for key, values := range v {
		changed[key] = values
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := fmt.Sprint(pairs[i+1]); value != "" {
			changed.Set(fmt.Sprint(pairs[i]), value)
		} else {
			changed.Del(fmt.Sprint(pairs[i]))
		}
	}
	return template.URL("?" + changed.Encode())
}

// stateClass returns the CSS class of a state of a lane or a delivery, or of an outcome.
func stateClass(state any) string {
	switch fmt.Sprint(state) {
	case "open", "delivered", "sent", "success", "accepted":
		return "good"
	case "failing", "retry", "resting", "in_flight", "running":
		return "busy"
	case "closed", "dead", "gone", "filter_failed", "transform_failed", "not_signed", "failure":
		return "bad"
	}
	return "calm"
}

// stateWord returns a state in words.
func stateWord(state any) string {
	if state == view.Gone {
		return "not configured"
	}
	return strings.ReplaceAll(fmt.Sprint(state), "_", " ")
}

// maxValue is how much of a value is shown, in bytes.
const maxValue = 300

func partNote(p expression.Part, failed bool) string { return view.PartNote(&p, failed, maxValue) }

// indentClass returns the CSS class of a part's depth.
func indentClass(depth int) string { return "d" + strconv.Itoa(min(depth, 12)) }

// spark holds the outcomes of the last hour as paths in a box of 60 by 16.
type spark struct{ Good, Busy, Bad string }

func newSpark(bars []view.Outcomes) spark {
	const height = 16
	highest := 1
	for _, b := range bars {
		highest = max(highest, b.Sum())
	}
	var paths [3]strings.Builder
	for x, b := range bars {
		y := float64(height)
		for i, n := range []int{b.Delivered + b.Dropped, b.Retried, b.Dead} {
			if n == 0 {
				continue
			}
			rise := max(0.7, float64(n)*height/float64(highest))
			fmt.Fprintf(&paths[i], "M%d %.1fv-%.1fh.8v%.1fz", x, y, rise, rise)
			y -= rise
		}
	}
	return spark{paths[0].String(), paths[1].String(), paths[2].String()}
}

// share says how outcomes share a bar of 100.
type share struct {
	view.Outcomes
	Good, Busy, Bad int // widths
	BusyAt, BadAt   int
}

func newShare(o view.Outcomes) share {
	s := share{Outcomes: o}
	if all := o.Sum(); all > 0 {
		part := func(n int) int {
			if n == 0 {
				return 0
			}
			return max(3, n*100/all)
		}
		s.Bad, s.Busy = part(o.Dead), part(o.Retried)
		s.Good = max(0, 100-s.Bad-s.Busy)
		s.BusyAt, s.BadAt = s.Good, s.Good+s.Busy
	}
	return s
}

// notices are texts for the results of changes, by the key "did" of an address.
var notices = map[string]string{
	"replay": "%s due again", "delete": "%s discarded", "send": "%s made due now", "pause": "The webhook is paused",
	"enable": "The webhook is open", "disable": "The webhook is closed", "cancel": "Cancelled", "begin": "Started: it runs in the background",
}

// notice returns the text for the change that led here. The address holds only a word and a number, so that a link cannot
// make us say anything else.
func notice(r *http.Request) string {
	text := notices[r.URL.Query().Get("did")]
	if !strings.Contains(text, "%s") {
		return text
	}
	n, err := strconv.Atoi(r.URL.Query().Get("n"))
	switch {
	case err != nil:
		return ""
	case n == 0:
		return "Nothing changed: its state does not allow that"
	}
	return fmt.Sprintf(text, number(n))
}

// did returns the address of a view that reports a change.
func did(to, what string, n int) string {
	join := "?"
	if strings.Contains(to, "?") {
		join = "&"
	}
	return to + join + "did=" + what + "&n=" + strconv.Itoa(n)
}
