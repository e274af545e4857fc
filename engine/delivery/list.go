package delivery

import (
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// Filter selects deliveries. Its zero value selects all.
type Filter struct {
	ID       string // a delivery's, or how it begins
	State    State
	Webhook  string // the webhook's identity, or the name behind its "#"
	Workflow string // the workflow's name
	Event    string // the event's type
	Run      string // the workflow_id of its event
	Source   string // of its event: see [event.Event]
	Text     string // is in the id of the delivery, of its event or of its run, or in its reason; ASCII letters of either case are the same
	Reason   string // the whole of it
	Since    time.Time
	Until    time.Time // only what got its outcome by then: what comes later is not of the set that somebody saw
	Before   int64     // an [Item]'s Seq: only what was accepted before it
	After    int64     // the same: only what was accepted after it
	Limit    int       // 0 for no bound
}

// Item is a delivery in a list.
type Item struct {
	Seq      int64
	Delivery Delivery    // without its content
	Event    event.Event // without its payload
	State    State
	Accepted time.Time
	Done     time.Time // when it got its outcome; zero if it has none
	Reason   string    // the last attempt's, or why it is dead
	Held     string    // why it is not sent though it may be due: "closed: 410 Gone"; "" if nothing holds it
}

// Tally counts deliveries that a filter selects.
type Tally struct {
	Count  int       `json:"count"`
	Tried  int       `json:"tried"`           // of Count, those that were sent at least once: their receivers may have them
	Oldest time.Time `json:"oldest,omitzero"` // when the first of them was accepted
	Last   time.Time `json:"last,omitzero"`   // when the last of them got its outcome; zero if none has one
}

// Group is what a filter selects of one webhook and one reason.
type Group struct {
	Webhook string `json:"identity"`
	Reason  string `json:"reason"`
	Tally
}

// Detail is all that is known of a delivery.
type Detail struct {
	Item
	Content  *Content // what was sent or will be; nil while transforms have not made it, or if it is the event's own body
	Event    *event.Event
	Attempts []Attempt
}

// Change is what a replay does beside making deliveries due.
type Change struct {
	Retransform bool // forget what transforms made, and make it again
}

// Operation is a change that somebody made to the queue, for the record.
type Operation struct {
	Seq    int64     `json:"seq"` // a later one's is higher
	At     time.Time `json:"at"`
	Who    string    `json:"who"`              // the name of a token, or of a user of the command
	What   string    `json:"what"`             // "replay", "discard", "disable", …
	Target string    `json:"target"`           // a delivery's id, a webhook, or a filter in words
	Count  int       `json:"count"`            // deliveries or lanes that it changed
	Note   string    `json:"reason,omitempty"` // what its maker says of it
}

// MaxOperationText is the most bytes of a text of an operation. The rest is cut.
const MaxOperationText = 1000

// Cut returns the operation with its texts within their bound.
func (o Operation) Cut() Operation {
	for _, text := range []*string{&o.Who, &o.What, &o.Target, &o.Note} {
		if len(*text) > MaxOperationText {
			*text = strings.ToValidUTF8((*text)[:MaxOperationText], "")
		}
	}
	return o
}
