// Package delivery holds the types that the queue, the sender and the engine share: the delivery, its attempts and their
// outcomes.
package delivery

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
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

	Trace    trace.Context // of the current attempt; zero for none. Stores do not keep it, since the event has its own
	Attempts int           // made so far
	Spent    int           // those that count against max_attempts, since acceptance or the last replay
	Since    time.Time     // of acceptance or the last replay: max_age counts from here
	Due      time.Time
}

// Content is the content of a delivery's requests, which the webhook's transforms make. It is made once, stored with the
// first outcome, and sent byte for byte on every later attempt.
type Content struct {
	Body        []byte
	ContentType string      // "" is application/json
	Header      [][2]string // made from the event, in addition to the webhook's static ones
	Secret      [][2]int    // the secret parts of Body, from and to, in order
	URLSuffix   string      // appended to the webhook's URL: "/sendMessage", "?wait=true"
}

// ID makes a delivery's id: "msg_" and 26 characters of base32. It depends only on the event's id and the webhook's
// identity, so that a receiver recognizes a repeated delivery.
func ID(eventID, webhook string) string {
	name := strconv.AppendInt(make([]byte, 0, 256), int64(len(eventID)), 10)
	name = append(append(append(name, ':'), eventID...), webhook...)
	sum := sha256.Sum256(name)
	id := lowerBase32.AppendEncode(append(make([]byte, 0, 64), "msg_"...), sum[:])
	return string(id[:4+26])
}

var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Outcome is the result of an attempt.
type Outcome int

const (
	Delivered Outcome = iota // the receiver accepted it
	Retry                    // the receiver may accept it later
	Dead                     // the receiver never will, or the attempts are used up
	Dropped                  // a transform decided to send nothing
)

var outcomeNames = []string{Delivered: "delivered", Retry: "retry", Dead: "dead", Dropped: "dropped"}

func (o Outcome) String() string { return outcomeNames[o] }

// MarshalText returns String, for JSON.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (o *Outcome) UnmarshalText(text []byte) error {
	known := slices.Index(outcomeNames, string(text))
	if known < 0 {
		return fmt.Errorf("unknown outcome %q", text)
	}
	*o = Outcome(known)
	return nil
}

// State is the state of a delivery.
type State string

const (
	Due         State = "due" // its time has come, or will come
	InFlight    State = "in_flight"
	IsDelivered State = "delivered"
	IsDead      State = "dead"
	IsDropped   State = "dropped"
)

// States lists all states.
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
	RetryAfter time.Duration `json:"retry_after,omitzero"` // the pause that the receiver asked for, for the whole lane; 0 for none
	Free       bool          `json:"not_counted,omitzero"` // a fault on our side: it does not count against max_attempts
	Gone       bool          `json:"gone,omitzero"`        // the receiver never wants anything again: the lane closes
	Replay     bool          `json:"replay,omitzero"`      // made after a replay; the store sets it
	Skew       time.Duration `json:"clock_skew,omitzero"`  // the receiver's clock minus ours, in whole seconds; not stored
	Phases     Phases        `json:"phases,omitzero"`      // parts of Took
	Blame      Blame         `json:"-"`                    // whose fault it is; BlameSender sets Free
}

// Phases says where an attempt's time went. A reused connection spends no time on name, connection and TLS.
type Phases struct {
	Name      time.Duration `json:"name,omitzero"`       // until the host's name was resolved
	Connect   time.Duration `json:"connect,omitzero"`    // until the connection was open
	TLS       time.Duration `json:"tls,omitzero"`        // until the handshake ended
	FirstByte time.Duration `json:"first_byte,omitzero"` // from the end of the request to the first byte of the answer
}
