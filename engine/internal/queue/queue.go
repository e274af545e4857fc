// Package queue keeps deliveries from the moment that their event is accepted until their outcome is final.
package queue

import (
	"context"
	"errors"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

var (
	ErrFull   = errors.New("queue full")
	ErrClosed = errors.New("queue closed")
)

// Claim is a delivery in flight: nobody else gets it until it is settled.
type Claim struct {
	Delivery delivery.Delivery
	Event    *event.Event
}

// Settlement says what became of a claimed delivery.
type Settlement struct {
	Delivery delivery.Delivery // with its attempts counted, its body, and when it is due again
	Outcome  delivery.Outcome
}

// Left is what a queue holds that has no final outcome.
type Left struct {
	Waiting  int
	InFlight int
	Next     time.Time // when the first of those that wait is due
}

// Queue holds the deliveries of all webhooks. Its methods may be called by several goroutines at once.
type Queue interface {
	// Accept takes an event with its deliveries, or none of them, and says which it has already.
	// While the queue is full it waits; when ctx ends first the error wraps ErrFull.
	Accept(ctx context.Context, ev event.Event, deliveries []delivery.Delivery) (known int, err error)

	// Claim takes up to n deliveries of the webhook that are due, those first that are due longest.
	Claim(ctx context.Context, webhook string, now time.Time, n int) ([]Claim, error)

	// Settle ends claims: a delivery with the outcome Retry waits again, others leave the queue.
	Settle(ctx context.Context, settlements ...Settlement) error

	// NextDue says when the webhook's next waiting delivery is due; false if none waits.
	NextDue(ctx context.Context, webhook string) (time.Time, bool, error)

	// Left counts what has no final outcome yet.
	Left(ctx context.Context) (Left, error)

	Close() error
}
