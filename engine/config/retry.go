package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Backoffs say how the waits between attempts grow.
const (
	Exponential = "exponential" // each wait is twice the one before
	Constant    = "constant"
	Fibonacci   = "fibonacci" // each wait is the sum of the two before
)

// Backoffs lists the values of backoff.
var Backoffs = []string{Exponential, Constant, Fibonacci}

// Retry says how often and when a delivery is retried.
type Retry struct {
	MaxAttempts int
	Backoff     string
	Delay       time.Duration   // before the second attempt; 0 for the schedule of Standard Webhooks
	MaxDelay    time.Duration   // the longest wait
	MaxAge      time.Duration   // the age beyond which a delivery is dead; 0 for no bound
	Jitter      float64         // the maximum part by which a wait is lengthened or shortened
	Schedule    []time.Duration // the waits, of which the last repeats; nil to use Delay
	Statuses    []int           // statuses that are retried in addition to the usual ones
}

var retryKeys = []Key{
	{Path: "max_attempts", Kind: KindNumber, Min: 1, Max: 50, Default: "10", Is: "the maximum number of attempts of a delivery"},
	{Path: "delay", Kind: KindDuration, Min: 10 * millisecond, Max: day, Without: "5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 24h",
		Is: "the wait before the second attempt; it grows as `backoff` says. The default is the schedule of Standard Webhooks"},
	{Path: "backoff", Kind: KindText, Choices: Backoffs, Default: Exponential,
		Is: "how the waits grow from `delay`: `exponential` doubles the last, `fibonacci` adds the last two, `constant` repeats it"},
	{Path: "max_delay", Kind: KindDuration, Min: 10 * millisecond, Max: day, Default: "24h", Is: "the longest wait"},
	{Path: "schedule", Kind: KindDurations, Min: 1, Max: 50, Without: "computed from `delay`", read: each((*decoder).wait),
		Is: "the waits, of which the last repeats"},
	{Path: "jitter", Kind: KindPercent, Max: 100, Default: "20%", read: byText((*decoder).jitter),
		show: as(func(r *Retry) string { return fmt.Sprintf("%.0f%%", 100*r.Jitter) }),
		Is:   "the maximum part by which each wait is lengthened or shortened at random"},
	{Path: "max_age", Kind: KindDuration, Min: int64(time.Second), Max: year, Without: "none",
		Is: "the age at which a delivery is dead, counted from the acceptance of its event or from its last replay"},
	{Path: "statuses", Kind: KindNumbers, Max: 50, Without: "[]", read: each((*decoder).status),
		Is: "statuses after which a delivery is retried, in addition to 408, 425, 429 and 5xx"},
}

// judgeRetry checks the keys against each other.
func (d *decoder) judgeRetry(n node, _ *Retry) {
	if n.has("schedule") {
		for _, other := range []string{"delay", "backoff"} {
			if n.has(other) {
				d.fail(n.get(other), "key.useless", "does nothing beside schedule")
			}
		}
	} else if n.has("backoff") && !n.has("delay") {
		d.fail(n.get("backoff"), "key.missing", "needs a delay")
	}
}

func (d *decoder) jitter(n node, text string, r *Retry) {
	number, isPercent := strings.CutSuffix(text, "%")
	percent, err := strconv.Atoi(number)
	if err != nil || !isPercent || percent < int(n.key.Min) || percent > int(n.key.Max) {
		d.fail(n, "value.form", "want a percentage from %d to %d with its sign, got %s", n.key.Min, n.key.Max, quote(n))
		return
	}
	r.Jitter = float64(percent) / 100
}

// waitKey describes an entry of a schedule.
var waitKey = Key{Kind: KindDuration, Min: 10 * millisecond, Max: day}

func (d *decoder) wait(n node) (wait time.Duration, ok bool) {
	n.key = &waitKey
	d.field(n, &wait)
	return wait, true
}

func (d *decoder) status(n node) (status int, ok bool) {
	text, ok := d.value(n)
	if !ok {
		return 0, false
	}
	status, err := strconv.Atoi(text)
	if err != nil || status < 300 || status > 599 {
		d.fail(n, "value.range", "want a status from 300 to 599, got %s", quote(n))
		return 0, false
	}
	return status, true
}

// Rate is a number of attempts per time.
type Rate struct {
	Attempts int
	Per      time.Duration // a second, a minute or an hour
}

// PerSecond returns the rate in attempts per second, 0 for no bound.
func (r Rate) PerSecond() float64 {
	if r.Per == 0 {
		return 0
	}
	return float64(r.Attempts) / r.Per.Seconds()
}

func (r Rate) String() string {
	if r.Per == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%s", r.Attempts, rateUnits[r.Per])
}

var rateUnits = map[time.Duration]string{time.Second: "s", time.Minute: "min", time.Hour: "h"}

func (d *decoder) rate(n node, text string, to *Rate) {
	number, unit, _ := strings.Cut(text, "/")
	attempts, err := strconv.Atoi(strings.TrimSpace(number))
	for per, name := range rateUnits {
		if strings.TrimSpace(unit) == name && err == nil && attempts >= 1 && attempts <= int(n.key.Max) {
			*to = Rate{attempts, per}
			return
		}
	}
	d.fail(n, "value.form", "want 1 to %d attempts in a time, like 5/s, 60/min or 1000/h, got %s", n.key.Max, quote(n))
}
