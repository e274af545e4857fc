package delivery

import (
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/legible"
)

// Filter selects deliveries. Its zero value selects all.
type Filter struct {
	ID       string // a delivery's id, or its beginning
	State    State
	Webhook  string // the webhook's identity, or the name after its "#"
	Workflow string // the workflow's name
	Event    string // the event's type
	Run      string // the workflow_id of its event
	Source   string // the source of its event
	Text     string // occurs in the reason, or in the id of the delivery, its event or its run; ASCII case is ignored
	Reason   string // the complete reason
	Since    time.Time
	Until    time.Time // only deliveries that had their outcome by then, so that a change affects only what somebody saw
	Before   int64     // an [Item]'s Seq: only deliveries accepted before it
	After    int64     // an [Item]'s Seq: only deliveries accepted after it
	Limit    int       // 0 for no limit
}

// Item is a delivery in a list.
type Item struct {
	Seq      int64
	Delivery Delivery    // without its content
	Event    event.Event // without its payload
	State    State
	Accepted time.Time
	Done     time.Time // when it got its outcome; zero without one
	Reason   string    // the last attempt's, or why it is dead
	Held     string    // why it is not sent even if it is due: "closed: 410 Gone"; "" if nothing holds it
}

// Tally counts the deliveries that a filter selects.
type Tally struct {
	Count  int       `json:"count"`
	Tried  int       `json:"tried"`           // those of Count that were sent at least once: their receivers may have them
	Oldest time.Time `json:"oldest,omitzero"` // when the first of them was accepted
	Last   time.Time `json:"last,omitzero"`   // when the last of them got its outcome; zero without one
}

// Group counts the selected deliveries that share a webhook and a reason.
type Group struct {
	Webhook string `json:"identity"`
	Reason  string `json:"reason"`
	Tally
}

// Detail is everything that a store knows about a delivery.
type Detail struct {
	Item
	Content  *Content // what was sent or will be; nil if transforms have not made it yet, or if it is the event's own body
	Event    *event.Event
	Attempts []Attempt
}

// Change says what a replay does besides making deliveries due.
type Change struct {
	Retransform bool // discard what transforms made, and run them again
}

// Operation is a change that somebody made to the queue, for the record.
type Operation struct {
	Seq    int64     `json:"seq"` // increases with each operation
	At     time.Time `json:"at"`
	Who    string    `json:"who"`              // the name of a token, or of a user of the command
	What   string    `json:"what"`             // "replay", "discard", "disable", …
	Target string    `json:"target"`           // a delivery's id, a webhook, or a filter in words
	Count  int       `json:"count"`            // deliveries or lanes that it changed
	Note   string    `json:"reason,omitempty"` // the reason that its maker gave
}

// MaxOperationText is the longest text of an operation, in bytes. The rest is cut.
const MaxOperationText = 1000

// Cut returns the operation with its texts cut to MaxOperationText.
func (o Operation) Cut() Operation {
	for _, text := range []*string{&o.Who, &o.What, &o.Target, &o.Note} {
		if len(*text) > MaxOperationText {
			*text = legible.Cut(*text, MaxOperationText)
		}
	}
	return o
}

// Carried counts deliveries that moved from one queue to another.
type Carried struct {
	Moved    int // accepted by the other queue
	Known    int // the other queue had them already, from a move that was killed
	Gone     int // stayed, and are not sent: the other queue had them before and has removed them, for reasons that it does not remember
	Resumed  int // of Moved and Known: an earlier move had begun to move them
	InFlight int // stayed, since somebody is sending them
}
