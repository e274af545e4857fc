// Package delivery has what the queue, the sender and the engine share: the delivery, its attempts and their outcomes.
package delivery

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strconv"
	"time"

	"github.com/awf-project/awf-hook/engine/trace"
)

// Delivery is one event for one webhook.
type Delivery struct {
	ID      string // the same through retries, crashes and replays; see [ID]
	Webhook string // the webhook's identity: its defining file and name
	EventID string
	Event   string // the event's type

	Content // no Body until the first attempt made it

	Trace    trace.Context // of the attempt that is made; zero for none. No store keeps it: an event's is with the event
	Attempts int           // made so far
	Spent    int           // of them, those that count against max_attempts: since acceptance or the last replay
	Since    time.Time     // of acceptance or the last replay: from when max_age counts
	Due      time.Time
}

// Content is what is sent: what the webhook's transforms made of the event.
// It is made once, kept with the first outcome, and sent byte for byte on every later attempt.
type Content struct {
	Body        []byte
	ContentType string      // "" is application/json
	Header      [][2]string // made of the event, beside the webhook's static ones
	Secret      [][2]int    // the parts of Body that are secret: from and to, in order
	URLSuffix   string      // is added to the webhook's URL: "/sendMessage", "?wait=true"
}

// ID makes a delivery's id: "msg_" and 26 characters of base32.
// It follows from the event's id and the webhook's identity alone, so that a receiver knows a repeated delivery.
func ID(eventID, webhook string) string {
	name := strconv.AppendInt(make([]byte, 0, 256), int64(len(eventID)), 10)
	name = append(append(append(name, ':'), eventID...), webhook...)
	sum := sha256.Sum256(name)
	return "msg_" + lowerBase32.EncodeToString(sum[:])[:26]
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Outcome is what an attempt came to.
type Outcome int

const (
	Delivered Outcome = iota // the receiver took it
	Retry                    // it may take it later
	Dead                     // it never will, or the attempts are used up
	Dropped                  // a transform decided that there is nothing to send
)

// MarshalText is String, for JSON.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (o *Outcome) UnmarshalText(text []byte) error {
	for _, known := range []Outcome{Delivered, Retry, Dead, Dropped} {
		if known.String() == string(text) {
			*o = known
			return nil
		}
	}
	return fmt.Errorf("%q is no outcome", text)
}

func (o Outcome) String() string {
	switch o {
	case Delivered:
		return "delivered"
	case Retry:
		return "retry"
	case Dropped:
		return "dropped"
	}
	return "dead"
}

// State is where a delivery stands.
type State string

const (
	Due         State = "due" // its time has come, or will
	InFlight    State = "in_flight"
	IsDelivered State = "delivered"
	IsDead      State = "dead"
	IsDropped   State = "dropped"
)

// States lists them all.
var States = []State{Due, InFlight, IsDelivered, IsDead, IsDropped}

// Attempt is one HTTP request of a delivery.
type Attempt struct {
	Number  int           `json:"attempt"` // from 1
	At      time.Time     `json:"at"`
	Took    time.Duration `json:"took"`
	Status  int           `json:"status,omitzero"` // 0 if there was no answer
	Outcome Outcome       `json:"outcome"`
	Reason  string        `json:"reason"` // in words, free of secrets: "503 Service Unavailable"

	Response   string        `json:"response,omitempty"`   // the first 1 KiB of the answer's body as valid UTF-8, free of secrets
	RetryAfter time.Duration `json:"retry_after,omitzero"` // the rest that the receiver asked for, for its whole lane; 0 for none
	Free       bool          `json:"not_counted,omitzero"` // failed by a fault on our side: it is not counted against max_attempts
	Gone       bool          `json:"gone,omitzero"`        // the receiver wants nothing more, ever: its lane closes
	Replay     bool          `json:"replay,omitzero"`      // made after a replay; the store notes it
	Skew       time.Duration `json:"clock_skew,omitzero"`  // the receiver's clock less ours, to a second; no store keeps it
	Phases     Phases        `json:"phases,omitzero"`      // of Took
	Blame      Blame         `json:"-"`                    // whose fault it is; BlameSender is Free
}

// Phases is where an attempt's time went. A connection that was kept from another attempt takes no time for name, connection and TLS.
type Phases struct {
	Name      time.Duration `json:"name,omitzero"`       // until the host's name was resolved
	Connect   time.Duration `json:"connect,omitzero"`    // until the connection was open
	TLS       time.Duration `json:"tls,omitzero"`        // until the handshake ended
	FirstByte time.Duration `json:"first_byte,omitzero"` // from the end of the request to the first byte of the answer
}
