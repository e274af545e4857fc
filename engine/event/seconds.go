package event

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// appendSeconds writes a duration, which must not be negative, as exact decimal seconds: 0.00202955.
func appendSeconds(dst []byte, d time.Duration) []byte {
	dst = strconv.AppendInt(dst, int64(d/time.Second), 10)
	if frac := d % time.Second; frac != 0 {
		digits := fmt.Sprintf("%09d", frac)
		dst = append(append(dst, '.'), strings.TrimRight(digits, "0")...)
	}
	return dst
}

// parseTime parses an RFC 3339 time. Unlike time.Parse, it refuses an hour of one digit and a comma before the fraction, which must not be
// sent, and accepts lower-case t and z and the leap second, which becomes the following second.
func parseTime(text string) (t time.Time, valid bool) {
	const dateTime = len("2006-01-02T15:04:05")
	if len(text) <= dateTime || text[len("2006-01-02T15")] != ':' || text[dateTime] == ',' {
		return t, false
	}
	upper := []byte(strings.ToUpper(text))
	leap := string(upper[dateTime-2:dateTime]) == "60"
	if leap {
		copy(upper[dateTime-2:], "59")
	}
	if t.UnmarshalText(upper) != nil {
		return t, false
	}
	if !leap {
		return t, true
	}
	utc := t.UTC()
	return t.Add(time.Second), utc.Hour() == 23 && utc.Minute() == 59
}
