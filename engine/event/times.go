package event

import (
	"strconv"
	"strings"
	"time"
)

// seconds returns a duration as decimal seconds, 0.00202955. They are exact up to 52 days.
func seconds(d time.Duration) []byte {
	return strconv.AppendFloat(nil, float64(d)/float64(time.Second), 'f', -1, 64)
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
