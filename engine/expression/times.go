package expression

import (
	"cmp"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
)

// dateLayouts are the layouts that date() tries if it is given none.
var dateLayouts = []string{"2006-01-02", "15:04:05", "2006-01-02 15:04:05", time.RFC3339, time.RFC822, time.RFC850, time.RFC1123}

// toDate parses a time. A zone may come before the text, and a layout after it.
func toDate(_ *budget, args []any) (any, error) {
	zone := time.UTC
	if z, ok := args[0].(*time.Location); ok {
		zone, args = z, args[1:]
	}
	if len(args) == 0 {
		return nil, errors.New("want the time as a string")
	}
	texts := make([]string, len(args))
	for i, arg := range args {
		s, ok := arg.(string)
		if !ok {
			return nil, errors.New("want the time as a string, got " + kindOf(arg))
		}
		texts[i] = s
	}
	layouts := dateLayouts
	if len(texts) > 1 {
		layouts = texts[1:2]
	}
	for _, layout := range layouts {
		if t, err := time.ParseInLocation(layout, texts[0], zone); err == nil {
			return t, nil
		}
	}
	if len(texts) > 1 && !hasTime(texts[1]) {
		return nil, errLayout
	}
	if len(texts) > 1 {
		return nil, errors.New("the time does not fit its layout")
	}
	return nil, errors.New(`want a time like "2026-11-24" or "2026-11-24T01:24:00Z"`)
}

var errLayout = errors.New(`the layout has no part of a time: want one like "2006-01-02 15:04:05", which shows how that time is written`)

// hasTime reports whether a layout has a part that depends on the time.
func hasTime(layout string) bool {
	one, other := time.Date(2001, 2, 3, 4, 5, 6, 1e8, time.UTC), time.Date(2012, 11, 23, 19, 48, 57, 2e8, time.FixedZone("CET", 3600))
	return one.Format(layout) != other.Format(layout)
}

// isLayoutWithoutTime reports whether a part is a constant layout by which all times look the same.
func (p part) isLayoutWithoutTime() bool {
	layout, isText := p.value.(string)
	return isText && !hasTime(layout)
}

func toDuration(_ *budget, args []any) (any, error) { return ParseDuration(args[0].(string)) }

// ParseDuration parses a duration like "90s", "1h30m" or "1d12h". Unlike time.ParseDuration, it knows days.
func ParseDuration(text string) (time.Duration, error) {
	var total time.Duration
	days, rest, hasDays := strings.Cut(text, "d")
	if hasDays {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || strings.Trim(days, "0123456789.") != "" || n >= 100_000 {
			return 0, errDuration
		}
		if total = time.Duration(n * float64(24*time.Hour)); rest == "" {
			return total, nil
		}
		text = rest
	}
	d, err := time.ParseDuration(text)
	if err != nil || hasDays && (strings.ContainsAny(text, "+-") || total+d < total) {
		return 0, errDuration
	}
	return total + d, nil
}

var errDuration = errors.New(`want a duration like "90s", "1h30m" or "2d"`)

// zone loads a time zone. Its name must be in the source, so that runs do not read files.
func (w *writer) zone(name ast.Node) part {
	text, ok := name.(*ast.StringNode)
	if !ok {
		w.fail(name, "expr.argument", "want the time zone's name as a text in quotes, so that it is loaded once")
		return constant(nil)
	}
	location, err := time.LoadLocation(text.Value)
	if err != nil || text.Value == "" || text.Value == "Local" { // the zone of this machine
		w.fail(name, "expr.argument", "unknown time zone %s", cmp.Or(text.Value, `""`))
	}
	return constant(location)
}
