package delivery

import (
	"net/http"
	"time"
)

// Answer is a receiver's response to an attempt.
type Answer struct {
	Status int // 0 for no response
	Header http.Header
	Body   []byte // its first 16 KiB, decompressed
}

// Verdict is the meaning of an answer for its delivery and its lane.
type Verdict struct {
	Known      bool // false: the format has nothing to say, and the general rules apply
	Outcome    Outcome
	Reason     string        // in one line; it may echo the request, so mask it
	RetryAfter time.Duration // how long the receiver asks the whole lane to pause; 0 for no pause
	Gone       bool          // the receiver never wants anything again: the lane closes
	Blame      Blame
}

// Blame says whose fault a failed attempt is.
type Blame int

const (
	BlameNone     Blame = iota // nothing failed
	BlameEvent                 // the receiver refused this body; it may accept the next one
	BlameWebhook               // the configuration is wrong (credentials, URL): the receiver will refuse every body
	BlameReceiver              // the receiver is down, slow or overloaded
	BlameSender                // this machine, its network or its proxy: the attempt does not count
)

func (b Blame) String() string {
	return [...]string{"none", "event", "webhook", "receiver", "sender"}[b]
}
