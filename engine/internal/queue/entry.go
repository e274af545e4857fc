package queue

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// Entry is an event to accept, with what it makes.
type Entry struct {
	Event *event.Event
	Wants []Want

	Known  int      // set by Accept: how many of the deliveries were there before
	Claims []*Claim // set by Accept: the new deliveries that were asked for, in flight
}

// Want is one delivery that an event makes.
type Want struct {
	Webhook  string        // the webhook's identity
	OrderKey string        // "" for none
	Take     time.Duration // claims it in the same breath, for so long; 0 leaves it due
	Dead     string        // it is a dead letter from the beginning, for this reason: its filter failed
}

// Claim is a delivery in flight: nobody else gets it until it is settled or its lease ends.
type Claim struct {
	Delivery delivery.Delivery
	Event    *event.Event
	Until    time.Time // the lease's end
	Unrouted bool      // its filter failed when its event was accepted, and has to be asked again
	Probe    bool      // the lane's breaker is open: the outcome says whether others may follow

	store    *store
	seq      int64
	orderKey string
	token    int64 // of the lease; another one in the database means that it was lost
}

// Ordered says whether others may wait for the outcome: those of the same order key.
func (c *Claim) Ordered() bool { return c.orderKey != "" }

// Settlement says what became of a claim.
type Settlement struct {
	Claim        *Claim
	Outcome      delivery.Outcome
	Attempt      *delivery.Attempt // that was made; nil for none
	Due          time.Time         // when it is due again; only for the outcome Retry
	Reason       string            // why it is dead or dropped
	OrderMaxWait time.Duration     // after which those behind it pass it; 0 for a delivery without an order key
	Content      *delivery.Content // that transforms made, to be kept; nil if it is the event's own body or kept already
}

// Left is what the queue holds for some webhooks that has no final outcome.
type Left struct {
	Waiting int       // in flight ones of all processes included
	Next    time.Time // when the first of them may be claimed; zero if none may
	Lost    int       // of Waiting: those in memory, which end with the process
}
