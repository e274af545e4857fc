package expression

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// dateLayouts are those that date() tries where it is given none.
var dateLayouts = []string{"2006-01-02", "15:04:05", "2006-01-02 15:04:05", time.RFC3339, time.RFC822, time.RFC850, time.RFC1123}

// toDate reads a time: a zone may stand first, and a layout last.
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
	if len(texts) > 1 {
		return nil, errors.New("the time does not fit its layout")
	}
	return nil, errors.New(`want a time like "2026-11-24" or "2026-11-24T01:24:00Z"`)
}

// toDuration reads a duration like "1d12h".
func toDuration(_ *budget, args []any) (any, error) {
	text := args[0].(string)
	var total time.Duration
	if days, rest, ok := strings.Cut(text, "d"); ok {
		n, err := strconv.ParseFloat(days, 64)
		if err != nil || !(n >= 0 && n < 100_000) {
			return nil, errDuration
		}
		if total, text = time.Duration(n*float64(24*time.Hour)), rest; rest == "" {
			return total, nil
		}
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return nil, errDuration
	}
	return total + d, nil
}

var errDuration = errors.New(`want a duration like "90s", "1h30m" or "2d"`)
