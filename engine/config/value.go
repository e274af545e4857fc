package config

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// leadingZero finds numbers that YAML 1.1 and 1.2 read differently.
var leadingZero = regexp.MustCompile(`^[-+]?0[0-9]+$`)

// value returns a scalar's text with its variables expanded, false if it has a mistake or cannot be judged without them.
func (d *decoder) value(n *yaml.Node, path string) (string, bool) {
	text, ok := d.scalar(n, path)
	return text, ok && !d.unresolved(n)
}

func (d *decoder) integer(n *yaml.Node, path string, to *int) {
	text, ok := d.value(n, path)
	if !ok {
		return
	}
	low, high := int(keyOf(path).Min), int(keyOf(path).Max)
	i, err := strconv.Atoi(text)
	switch {
	case leadingZero.MatchString(text):
		d.fail(n, path, "a number with a leading zero is octal for some and not for others, got %s: leave the zero out", quote(n))
	case err != nil:
		d.fail(n, path, "want a number from %d to %d, got %s", low, high, quote(n))
	case i < low || i > high:
		d.fail(n, path, "want %d to %d, got %s", low, high, unquoted(n))
	default:
		*to = i
	}
}

func (d *decoder) duration(n *yaml.Node, path string, to *time.Duration) {
	d.durationWithin(n, path, bounds{time.Duration(keyOf(path).Min), time.Duration(keyOf(path).Max)}, to)
}

type bounds struct{ low, high time.Duration }

func (d *decoder) durationWithin(n *yaml.Node, path string, b bounds, to *time.Duration) {
	text, ok := d.value(n, path)
	if !ok {
		return
	}
	v, err := ParseDuration(text)
	switch {
	case err != nil:
		d.fail(n, path, "want a duration like 10s or 5m, got %s", quote(n))
	case v < b.low || v > b.high:
		d.fail(n, path, "want %s to %s, got %s", shortDuration(b.low), shortDuration(b.high), unquoted(n))
	default:
		*to = v
	}
}

// ParseDuration knows days beside what Go does: 7d.
func ParseDuration(text string) (time.Duration, error) {
	if days, isDays := strings.CutSuffix(text, "d"); isDays {
		number, err := strconv.ParseFloat(days, 64)
		return time.Duration(number * float64(24*time.Hour)), err
	}
	return time.ParseDuration(text)
}

// shortDuration writes a duration as a person would: 24h, not 24h0m0s.
func shortDuration(d time.Duration) string {
	if day := 24 * time.Hour; d > day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (d *decoder) boolean(n *yaml.Node, path string, to *bool) {
	switch text, ok := d.value(n, path); {
	case !ok:
	case text == "true" || text == "false":
		*to = text == "true"
	default:
		d.fail(n, path, "want true or false, got %s", quote(n))
	}
}

func (d *decoder) time(n *yaml.Node, path string, to *time.Time) {
	text, ok := d.value(n, path)
	if !ok {
		return
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			*to = t
			return
		}
	}
	d.fail(n, path, "want a time like 2026-11-24T00:00:00Z or a date, got %s", quote(n))
}
