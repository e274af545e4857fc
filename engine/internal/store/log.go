package store

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// loggedAttempt is an attempt in the form that stores keep.
type loggedAttempt struct {
	Number     int              `json:"n"`
	At         int64            `json:"at"`   // ms
	Took       int64            `json:"took"` // ms
	Status     int              `json:"status,omitempty"`
	Outcome    delivery.Outcome `json:"outcome"`
	Reason     string           `json:"reason"`
	Response   string           `json:"response,omitempty"`
	RetryAfter int64            `json:"retry_after,omitempty"` // ms
	Free       bool             `json:"free,omitempty"`
	Replay     bool             `json:"replay,omitempty"`

	Phases [4]int64 `json:"phases,omitzero"` // µs: name, connection, TLS, first byte
}

// LogLine returns the record of an attempt in the form that stores keep: a JSON object on a line. replay marks it as made
// after a replay.
func LogLine(a *delivery.Attempt, replay bool) string {
	text, _ := json.Marshal(loggedAttempt{ // texts and numbers always encode
		Number: a.Number, At: a.At.UnixMilli(), Took: a.Took.Milliseconds(), Status: a.Status, Outcome: a.Outcome, Reason: a.Reason,
		Response: a.Response, RetryAfter: a.RetryAfter.Milliseconds(), Free: a.Free, Replay: replay,
		Phases: [4]int64{a.Phases.Name.Microseconds(), a.Phases.Connect.Microseconds(), a.Phases.TLS.Microseconds(),
			a.Phases.FirstByte.Microseconds()},
	})
	return string(text) + "\n"
}

// ParseLog parses the records of a delivery's attempts. It leaves out what is not a record.
func ParseLog(log string) (attempts []delivery.Attempt) {
	for line := range strings.Lines(log) {
		var l loggedAttempt
		if json.Unmarshal([]byte(line), &l) != nil {
			continue
		}
		attempts = append(attempts, delivery.Attempt{
			Number: l.Number, At: time.UnixMilli(l.At), Took: time.Duration(l.Took) * time.Millisecond, Status: l.Status, Outcome: l.Outcome,
			Reason: l.Reason, Response: l.Response, RetryAfter: time.Duration(l.RetryAfter) * time.Millisecond, Free: l.Free, Replay: l.Replay,
			Phases: delivery.Phases{Name: us(l.Phases[0]), Connect: us(l.Phases[1]), TLS: us(l.Phases[2]), FirstByte: us(l.Phases[3])},
		})
	}
	return attempts
}

func us(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
