package delivery

import (
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/trace"
)

// Entry is an event to accept, with the deliveries that it makes.
type Entry struct {
	Event *event.Event
	Wants []Want

	Span *trace.Span // of its acceptance; nil if nobody records it

	Claims []*Claim // set by Accept: the new deliveries that Want.Take asked for
}

// Want is one delivery that an event makes.
type Want struct {
	Webhook  string        // the webhook's identity
	OrderKey string        // "" for none
	Take     time.Duration // claims the delivery at once, for this long; 0 leaves it due
	Dead     string        // why the delivery is a dead letter from the start: its filter failed
	Past     *Past         // what happened to the delivery in another store; nil for a new one

	Fate Fate // set by Accept
}

// DeliveryID is the id of the delivery of an event: the one that it had in another store, if it comes from there.
func (w *Want) DeliveryID(event string) string {
	if w.Past != nil && w.Past.ID != "" {
		return w.Past.ID
	}
	return ID(event, w.Webhook)
}

// Past is the history of a delivery that moves from one store to another.
type Past struct {
	ID       string // "" follows from the event and the webhook
	State    State  // Due, IsDead, IsDelivered or IsDropped
	After    time.Duration
	Since    time.Time
	Accepted time.Time
	Done     time.Time // when it got its final outcome; zero if it has none
	Spent    int
	Attempts []Attempt
	Content  *Content // nil if no transform made any
	Reason   string
	Unrouted bool
	Foreign  bool // another process accepted it: this one does not report it as its own
}

// Fate says what Accept made of a [Want].
type Fate string

const (
	Accepted Fate = "accepted" // the store holds a new delivery
	Known    Fate = "known"    // the store had the delivery before, or remembers its id
	BornDead Fate = "dead"     // the store holds a new dead letter
)

// Claim is a delivery in flight. Nobody else gets it until it is settled or its lease ends.
type Claim struct {
	Delivery Delivery
	Event    *event.Event
	OrderKey string    // "" for none
	Until    time.Time // when the lease ends, by this process's clock
	Unrouted bool      // the filter failed when the event was accepted: ask it again
	Probe    bool      // the lane's breaker is open: the outcome decides whether others may follow
	Own      bool      // the process that claims it accepted it

	Lease any // belongs to the store that made the claim
}

// Settlement says what became of a claim.
type Settlement struct {
	Claim        *Claim
	Outcome      Outcome
	Attempt      *Attempt      // nil if none was made
	After        time.Duration // until the delivery is due again; only with the outcome Retry
	GivenBack    bool          // it was not begun: it is due since the same time as before the claim, whatever After says
	Reason       string        // why it is dead or dropped
	OrderMaxWait time.Duration // how long deliveries with the same order key wait for this one; 0 without an order key
	FuelPercent  int           // the most that a module of the webhook has used of its fuel; 0 if none ran
	Content      *Content      // what transforms made, to be kept; nil if it is the event's own body or kept already
}
