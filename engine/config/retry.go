package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Defaults of retry and of a lane's order.
const (
	DefaultJitter       = 0.2
	DefaultMaxDelay     = 24 * time.Hour
	DefaultOrderMaxWait = 15 * time.Minute
)

// The backoffs: how the waits between attempts grow.
const (
	Exponential = "exponential" // each is twice the one before
	Constant    = "constant"
	Fibonacci   = "fibonacci" // each is the sum of the two before
)

// Backoffs lists them.
var Backoffs = []string{Exponential, Constant, Fibonacci}

// Retry says how often and when a delivery is tried again.
type Retry struct {
	MaxAttempts int
	Backoff     string
	Delay       time.Duration   // before the second attempt; 0 is Standard Webhooks' schedule
	MaxDelay    time.Duration   // of any wait
	MaxAge      time.Duration   // of a delivery, beyond which it is dead; 0 for no bound
	Jitter      float64         // by which part of itself a wait is longer or shorter at most
	Schedule    []time.Duration // the waits themselves, the last one repeated; nil for Delay's
	Statuses    []int           // that are tried again beside the usual ones
}

// Rate is a number of attempts in a time.
type Rate struct {
	Attempts int
	Per      time.Duration // a second, a minute or an hour
}

// PerSecond is the rate in attempts a second, 0 for no bound.
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

var retryKeys = keys[*Retry]{
	"max_attempts": func(d *decoder, n *yaml.Node, path string, r *Retry) { d.integer(n, path, &r.MaxAttempts) },
	"backoff":      (*decoder).backoff,
	"delay":        func(d *decoder, n *yaml.Node, path string, r *Retry) { d.duration(n, path, &r.Delay) },
	"max_delay":    func(d *decoder, n *yaml.Node, path string, r *Retry) { d.duration(n, path, &r.MaxDelay) },
	"max_age":      func(d *decoder, n *yaml.Node, path string, r *Retry) { d.duration(n, path, &r.MaxAge) },
	"jitter":       (*decoder).jitter,
	"schedule":     (*decoder).schedule,
	"statuses":     (*decoder).statuses,
}

// retry reads the mapping and judges what its keys say together.
func (d *decoder) retry(n *yaml.Node, path string, w *Webhook) {
	if !mapping(d, n, path, retryKeys, &w.Retry) {
		return
	}
	if schedule := valueOf(n, "schedule"); schedule != nil {
		for _, other := range []string{"delay", "backoff"} {
			if value := valueOf(n, other); value != nil {
				d.fail(value, join(path, other), "does nothing beside schedule")
			}
		}
	} else if backoff := valueOf(n, "backoff"); backoff != nil && valueOf(n, "delay") == nil {
		d.fail(backoff, join(path, "backoff"), "needs a delay")
	}
}

func (d *decoder) backoff(n *yaml.Node, path string, r *Retry) {
	text, ok := d.value(n, path)
	if !ok {
		return
	}
	for _, known := range Backoffs {
		if text == known {
			r.Backoff = text
			return
		}
	}
	d.fail(n, path, "want one of %s, got %s", strings.Join(Backoffs, ", "), quote(n))
}

func (d *decoder) jitter(n *yaml.Node, path string, r *Retry) {
	text, ok := d.value(n, path)
	if !ok {
		return
	}
	low, high := int(keyOf(path).Min), int(keyOf(path).Max)
	number, isPercent := strings.CutSuffix(text, "%")
	percent, err := strconv.Atoi(number)
	if err != nil || !isPercent || percent < low || percent > high {
		d.fail(n, path, "want a percentage from %d to %d with its sign, got %s", low, high, quote(n))
		return
	}
	r.Jitter = float64(percent) / 100
}

func (d *decoder) schedule(n *yaml.Node, path string, r *Retry) {
	for i, entry := range d.entries(n, path) {
		var wait time.Duration
		d.durationWithin(entry, fmt.Sprintf("%s[%d]", path, i), bounds{10 * time.Millisecond, 24 * time.Hour}, &wait)
		r.Schedule = append(r.Schedule, wait)
	}
}

func (d *decoder) statuses(n *yaml.Node, path string, r *Retry) {
	for i, entry := range d.entries(n, path) {
		at := fmt.Sprintf("%s[%d]", path, i)
		text, ok := d.value(entry, at)
		if !ok {
			continue
		}
		status, err := strconv.Atoi(text)
		if err != nil || status < 300 || status > 599 {
			d.fail(entry, at, "want a status from 300 to 599, got %s", quote(entry))
			continue
		}
		r.Statuses = append(r.Statuses, status)
	}
}

// entries returns the entries of a list that is as long as its key allows.
func (d *decoder) entries(n *yaml.Node, path string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		d.fail(n, path, "want a list, got %s", describe(n))
		return nil
	}
	low, high := int(keyOf(path).Min), int(keyOf(path).Max)
	if len(n.Content) < low || len(n.Content) > high {
		d.fail(n, path, "want %d to %d entries, got %d", low, high, len(n.Content))
		return nil
	}
	entries := make([]*yaml.Node, len(n.Content))
	for i, entry := range n.Content {
		entries[i] = resolve(entry)
	}
	return entries
}

func (d *decoder) rate(n *yaml.Node, path string, w *Webhook) {
	text, ok := d.value(n, path)
	if !ok {
		return
	}
	number, unit, _ := strings.Cut(text, "/")
	attempts, err := strconv.Atoi(strings.TrimSpace(number))
	for per, name := range rateUnits {
		if strings.TrimSpace(unit) == name && err == nil && attempts >= 1 && attempts <= int(keyOf(path).Max) {
			w.Rate = Rate{attempts, per}
			return
		}
	}
	d.fail(n, path, "want 1 to %d attempts in a time, like 5/s, 60/min or 1000/h, got %s", keyOf(path).Max, quote(n))
}

// orderBy is taken as it is, like a filter.
func (d *decoder) orderBy(n *yaml.Node, path string, w *Webhook) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "" {
		d.fail(n, path, "want an expression, got %s", describe(n))
		return
	}
	w.OrderBy = d.text(n, path, n.Value)
}
