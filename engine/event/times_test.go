package event_test

import (
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// A timestamp may have any form of RFC 3339. A body has it as it was written, also after the queue.
func TestTimes(t *testing.T) {
	for text, want := range map[string]string{ // in UTC; "" for none
		"2026-11-24T01:24:00Z":               "2026-11-24T01:24:00Z",
		"2026-11-24T01:24:00.123456789Z":     "2026-11-24T01:24:00.123456789Z",
		"2026-11-24t01:24:00z":               "2026-11-24T01:24:00Z",
		"2026-11-24t01:24:00.5z":             "2026-11-24T01:24:00.5Z",
		"2026-11-24t01:24:00-08:00":          "2026-11-24T09:24:00Z",
		"2026-11-24T01:24:00.1234567890123Z": "2026-11-24T01:24:00.123456789Z",
		"2016-12-31T23:59:60Z":               "2017-01-01T00:00:00Z",
		"2016-12-31T15:59:60.25-08:00":       "2017-01-01T00:00:00.25Z",
		"2016-12-31t23:59:60z":               "2017-01-01T00:00:00Z",

		"2016-12-31T22:59:60Z":     "",
		"2016-12-31T23:58:60Z":     "",
		"2026-11-24T01:24:61Z":     "",
		"2026-11-24T01:24:00,5Z":   "",
		"2026-11-24T1:24:00Z":      "",
		"2026-11-24 01:24:00Z":     "",
		"2026-11-24T01:24:00":      "",
		"2026-11-24T01:24Z":        "",
		"2026-11-24T25:24:00Z":     "",
		"2026-02-30T01:24:00Z":     "",
		"2026-11-24T01:24:00+24:0": "",
		"":                         "", "T": "", "60": "",
	} {
		line := strings.Replace(envelope(`{}`), "2026-11-24T01:24:00.500+01:00", text, 1)
		rec, err := event.ParseLine([]byte(line), time.Time{})
		if want == "" {
			if err == nil {
				t.Errorf("ParseLine accepts the timestamp %q", text)
			}
			if _, err := event.Restore(event.Event{}, text); err == nil {
				t.Errorf("Restore accepts the timestamp %q", text)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := rec.Timestamp.UTC().Format(time.RFC3339Nano); got != want || rec.Stamp() != text {
			t.Errorf("%q is read as %s, and written as %s; want %s, and written as it was", text, got, rec.Stamp(), want)
		}
		if e, err := event.Restore(event.Event{}, text); err != nil || !e.Timestamp.Equal(rec.Timestamp) || e.Stamp() != text {
			t.Errorf("Restore(%q) = %v, %v, want the same time and text", text, e, err)
		}
	}
}
