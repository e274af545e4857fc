package api

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// parameter is a parameter of a filter, with a pointer to its field.
type parameter struct {
	name  string
	field any
}

// parameters lists all parameters of a filter.
func parameters(f *engine.Filter) []parameter {
	return []parameter{
		{"id", &f.ID}, {"state", &f.State}, {"webhook", &f.Webhook}, {"workflow", &f.Workflow}, {"event", &f.Event}, {"run", &f.Run},
		{"source", &f.Source}, {"text", &f.Text}, {"reason", &f.Reason}, {"since", &f.Since}, {"until", &f.Until},
		{"before", &f.Before}, {"after", &f.After}, {"limit", &f.Limit},
	}
}

// encode returns the parameter's value, or "" if it is not set.
func (p parameter) encode() (text string) {
	switch v := p.field.(type) {
	case *string:
		text = *v
	case *delivery.State:
		text = string(*v)
	case *time.Time:
		if !v.IsZero() {
			text = v.UTC().Format(time.RFC3339Nano)
		}
	case *int64:
		text = strings.TrimPrefix(strconv.FormatInt(*v, 10), "0") // 0 is not set
	case *int:
		text = strings.TrimPrefix(strconv.Itoa(*v), "0")
	}
	return text
}

// StateNames lists the states of deliveries.
func StateNames() (names []string) {
	for _, s := range delivery.States {
		names = append(names, string(s))
	}
	return names
}

// maxSkew is how far a client's clock may be ahead.
const maxSkew = time.Minute

// decode sets the parameter to a value.
func (p parameter) decode(s string) (err error) {
	switch v := p.field.(type) {
	case *string:
		*v = s
	case *delivery.State:
		if *v = delivery.State(s); !slices.Contains(delivery.States, *v) {
			return fmt.Errorf("want one of %s", strings.Join(StateNames(), ", "))
		}
	case *time.Time:
		if *v, err = time.Parse(time.RFC3339, s); err != nil {
			return fmt.Errorf("want a time like 2030-01-31T12:00:00Z, got %.40q", s)
		}
		if p.name == "since" && v.After(time.Now().Add(maxSkew)) {
			return fmt.Errorf("want a time in the past, got %.40q", s)
		}
	case *int64:
		*v, err = parseNumber(s)
	case *int:
		n, err := parseNumber(s)
		*v = int(n)
		return err
	}
	return err
}

// ParseTime parses a time, or how long ago it was; "" means no time.
func ParseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := config.ParseDuration(text); err == nil && age >= 0 {
		return time.Now().Add(-age), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("want a time like 2026-11-24T00:00:00Z, a date, or a duration like 1h or 7d, got %q", text)
}

// parseNumber parses a number that cannot be negative.
func parseNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("want 0 or more, got %.40q", s)
	}
	return n, nil
}

// Number decodes a parameter that is a number and not part of a filter. "" is 0, and a negative number is an error.
func Number(name, s string) (int64, error) {
	if s = strings.TrimSpace(s); s == "" {
		return 0, nil
	}
	n, err := parseNumber(s)
	if err != nil {
		return 0, Bad(fmt.Errorf("%s: want a number from 0, got %.40q", name, s))
	}
	return n, nil
}

// Query encodes a filter as a query.
func Query(f engine.Filter) url.Values {
	q := url.Values{}
	for _, p := range parameters(&f) {
		if value := p.encode(); value != "" {
			q.Set(p.name, value)
		}
	}
	return q
}

// Values decodes a query. A parameter that comes twice is an error.
func Values(query string) (url.Values, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, Bad(errors.New("the query of the address is malformed"))
	}
	for name, list := range values {
		if len(list) != 1 {
			return nil, Bad(fmt.Errorf("%.40s: want it once", name))
		}
	}
	return values, nil
}

// ParseCall decodes a filter from a program's query. Unlike in a page's form, an empty value is an error: it does not mean all.
func ParseCall(query url.Values) (engine.Filter, error) {
	f, err := ParseQuery(query)
	if err == nil {
		err = refuseEmpty(query)
	}
	if err != nil {
		err = Bad(err)
	}
	return f, err
}

// refuseEmpty returns an error that names the first parameter without a value.
func refuseEmpty(q url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(q)) {
		if strings.TrimSpace(q.Get(name)) == "" {
			return fmt.Errorf("%s: empty: leave it out", name)
		}
	}
	return nil
}

// ParseQuery decodes a filter from a query. An unknown parameter is an error, since a misread filter selects too much.
func ParseQuery(q url.Values) (f engine.Filter, err error) {
	all := parameters(&f)
	for name := range q {
		i := slices.IndexFunc(all, func(p parameter) bool { return p.name == name })
		if i < 0 {
			return f, fmt.Errorf("%.40s: there is no such parameter", name)
		}
		if value := strings.TrimSpace(q.Get(name)); value != "" {
			if err := all[i].decode(value); err != nil {
				return f, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return f, nil
}
