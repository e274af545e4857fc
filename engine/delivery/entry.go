package delivery

import (
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/trace"
)

// Entry is an event to accept, with its deliveries.
type Entry struct {
	Event *event.Event
	Wants []Want

	Span *trace.Span // of its acceptance; nil if nobody records spans

	Claims []*Claim // set by Accept: the new deliveries that Want.Take asked for
}

// Want is a delivery that a webhook wants of an event.
type Want struct {
	Webhook  string        // the webhook's identity
	OrderKey string        // "" for none
	Take     time.Duration // claims the delivery at once, for this long; 0 does not claim it
	Dead     string        // why the delivery is a dead letter from the start: its filter failed
	Past     *Past         // the delivery's history in another store; nil for a new one

	Fate Fate // set by Accept
}

// DeliveryID returns the id of the event's delivery: the id from another store if it moved, else a new one.
func (w *Want) DeliveryID(event string) string {
	if w.Past != nil && w.Past.ID != "" {
		return w.Past.ID
	}
	return ID(event, w.Webhook)
}

// Past is the history of a delivery that moves from one store to another.
type Past struct {
	ID       string // "" derives it from the event and the webhook
	State    State  // Due, IsDead, IsDelivered or IsDropped
	After    time.Duration
	Since    time.Time
	Accepted time.Time
	Done     time.Time // when it got its final outcome; zero without one
	Spent    int
	Attempts []Attempt
	Content  *Content // nil if no transform made any
	Reason   string
	Unrouted bool
	Token    int  // counts its leases and moves in all queues: the newer of two copies has the higher one; 0 if the other store keeps none
	Foreign  bool // another process accepted it, so this one does not report it as its own
	Carried  bool // it moves from queue to queue, perhaps back to one that remembers an older copy, which does not make it known there
}

// Tried returns the number of the last attempt; 0 if there was none.
func (p *Past) Tried() int {
	if len(p.Attempts) == 0 {
		return 0
	}
	return p.Attempts[len(p.Attempts)-1].Number
}

// Fate says what Accept did with a [Want].
type Fate string

const (
	Accepted Fate = "accepted" // the store holds a new delivery
	Known    Fate = "known"    // the store had the delivery already, or remembers its id
	BornDead Fate = "dead"     // the store holds a new dead letter
	Gone     Fate = "gone"     // of a carried delivery: the store had it before, and has removed it
)

// Claim is a delivery in flight. Nobody else gets it until it is settled or its lease ends.
type Claim struct {
	Delivery Delivery
	Event    *event.Event
	OrderKey string    // "" for none
	Until    time.Time // when the lease ends, by this process's clock
	Unrouted bool      // the filter failed when the event was accepted: run it again
	Probe    bool      // the lane's breaker is open: the outcome decides whether others may follow
	Own      bool      // the claiming process accepted it

	Lease any // belongs to the store that made the claim
}

// Settlement ends a claim with an outcome.
type Settlement struct {
	Claim        *Claim
	Outcome      Outcome
	Attempt      *Attempt      // nil if none was made
	After        time.Duration // until the delivery is due again; only with the outcome Retry
	GivenBack    bool          // the attempt was not begun: the delivery is due since the same time as before, whatever After says
	Reason       string        // why it is dead or dropped
	OrderMaxWait time.Duration // how long deliveries with the same order key wait for this one; 0 without an order key
	FuelPercent  int           // the most fuel that a module of the webhook has used; 0 if none ran
	Content      *Content      // what transforms made, to be stored; nil if it is the event's own body, or stored already
}
