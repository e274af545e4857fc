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
	"github.com/awf-project/awf-hook/engine/delivery"
)

// parameter is a parameter of a filter in a query.
type parameter struct {
	name string
	get  func(*engine.Filter) string // "" if it is not set
	set  func(*engine.Filter, string) error
}

// stateNames lists the states, for an error.
func stateNames() string {
	names := make([]string, len(delivery.States))
	for i, s := range delivery.States {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}

// parameters lists all parameters of a filter.
var parameters = []parameter{
	text("id", func(f *engine.Filter) *string { return &f.ID }),
	{"state", func(f *engine.Filter) string { return string(f.State) }, func(f *engine.Filter, s string) error {
		if f.State = delivery.State(s); !slices.Contains(delivery.States, f.State) {
			return fmt.Errorf("want one of %s", stateNames())
		}
		return nil
	}},
	text("webhook", func(f *engine.Filter) *string { return &f.Webhook }),
	text("workflow", func(f *engine.Filter) *string { return &f.Workflow }),
	text("event", func(f *engine.Filter) *string { return &f.Event }),
	text("run", func(f *engine.Filter) *string { return &f.Run }),
	text("source", func(f *engine.Filter) *string { return &f.Source }),
	text("text", func(f *engine.Filter) *string { return &f.Text }),
	text("reason", func(f *engine.Filter) *string { return &f.Reason }),
	moment("since", func(f *engine.Filter) *time.Time { return &f.Since }),
	moment("until", func(f *engine.Filter) *time.Time { return &f.Until }),
	{"before", func(f *engine.Filter) string { return number(f.Before) }, func(f *engine.Filter, s string) (err error) {
		f.Before, err = parseNumber(s)
		return err
	}},
	{"after", func(f *engine.Filter) string { return number(f.After) }, func(f *engine.Filter, s string) (err error) {
		f.After, err = parseNumber(s)
		return err
	}},
	{"limit", func(f *engine.Filter) string { return number(int64(f.Limit)) }, func(f *engine.Filter, s string) error {
		n, err := parseNumber(s)
		f.Limit = int(n)
		return err
	}},
}

// Parameters lists the names of a filter's parameters.
func Parameters() (names []string) {
	for _, p := range parameters {
		names = append(names, p.name)
	}
	return names
}

func text(name string, of func(*engine.Filter) *string) parameter {
	return parameter{name, func(f *engine.Filter) string { return *of(f) }, func(f *engine.Filter, s string) error {
		*of(f) = s
		return nil
	}}
}

// maxSkew is how far a client's clock may be ahead.
const maxSkew = time.Minute

func moment(name string, of func(*engine.Filter) *time.Time) parameter {
	get := func(f *engine.Filter) string {
		if of(f).IsZero() {
			return ""
		}
		return of(f).UTC().Format(time.RFC3339Nano)
	}
	return parameter{name, get, func(f *engine.Filter, s string) (err error) {
		if *of(f), err = time.Parse(time.RFC3339, s); err != nil {
			return fmt.Errorf("want a time like 2030-01-31T12:00:00Z, got %.40q", s)
		}
		if name == "since" && of(f).After(time.Now().Add(maxSkew)) {
			return fmt.Errorf("want a time in the past, got %.40q", s)
		}
		return nil
	}}
}

// parseNumber parses a number that cannot be negative.
func parseNumber(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("want 0 or more, got %.40q", s)
	}
	return n, nil
}

// Number decodes a number beside a filter, which cannot be negative; "" is 0.
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

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// Query encodes a filter as a query.
func Query(f engine.Filter) url.Values {
	q := url.Values{}
	for _, p := range parameters {
		if value := p.get(&f); value != "" {
			q.Set(p.name, value)
		}
	}
	return q
}

// Values decodes a program's query. A parameter that comes twice is an error.
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
	for name := range q {
		i := slices.IndexFunc(parameters, func(p parameter) bool { return p.name == name })
		if i < 0 {
			return f, fmt.Errorf("%.40s: there is no such parameter", name)
		}
		if value := strings.TrimSpace(q.Get(name)); value != "" {
			if err := parameters[i].set(&f, value); err != nil {
				return f, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return f, nil
}
