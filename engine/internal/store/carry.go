package store

import (
	"context"
	"errors"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

const (
	carryMany     = 500                    // deliveries that move at a time
	carryPatience = 30 * time.Second       // how long Carry waits for what is in flight
	carryPoll     = 200 * time.Millisecond // between looks at it
)

// Carried is what became of a queue's deliveries that were carried to another one.
type Carried struct {
	Moved    int // that the other queue has taken
	Known    int // that it had before: of a Carry that was killed
	Resumed  int // of both, those that a Carry before had begun to move
	InFlight int // that stay, since somebody is sending them
}

// carrying is one Carry.
type carrying struct {
	from, to Durable
	rename   func(webhook string) string
	carried  Carried
}

// Carry moves all deliveries of a queue to another one, with their ids, states and attempts. Processes may go on to use both: what is in
// flight moves when it is settled. It begins with what a Carry that was killed left. rename gives a webhook's identity in the other queue.
func Carry(ctx context.Context, from, to Durable, rename func(webhook string) string) (Carried, error) {
	c := &carrying{from: from, to: to, rename: rename}
	left, err := from.Leaving(ctx)
	if err != nil {
		return c.carried, err
	}
	c.carried.Resumed = len(left)
	for len(left) > 0 {
		n := min(carryMany, len(left))
		if err := c.hand(ctx, left[:n]); err != nil {
			return c.carried, err
		}
		left = left[n:]
	}
	if err := c.closures(ctx); err != nil {
		return c.carried, err
	}
	for begun := time.Now(); ; {
		if err := c.pass(ctx); err != nil {
			return c.carried, err
		}
		if c.carried.InFlight, err = c.waiting(ctx); err != nil || c.carried.InFlight == 0 || time.Since(begun) > carryPatience {
			return c.carried, err
		}
		select {
		case <-time.After(carryPoll):
		case <-ctx.Done():
			return c.carried, ctx.Err()
		}
	}
}

// pass moves what may leave now.
func (c *carrying) pass(ctx context.Context) error {
	for cursor := (Cursor{}); ; {
		entries, next, err := c.from.Leave(ctx, cursor, carryMany)
		if err != nil {
			return err
		}
		if len(entries) == 0 && next == cursor {
			return nil
		}
		if err := c.hand(ctx, entries); err != nil {
			return err
		}
		cursor = next
	}
}

// hand has the other queue accept deliveries that left, before this one forgets them.
func (c *carrying) hand(ctx context.Context, entries []*delivery.Entry) error {
	if len(entries) == 0 {
		return nil
	}
	ids := IDs(entries)
	for _, entry := range entries {
		for i := range entry.Wants {
			entry.Wants[i].Webhook, entry.Wants[i].Past.Foreign = c.rename(entry.Wants[i].Webhook), true
		}
	}
	if err := c.to.Accept(ctx, entries); err != nil {
		return err
	}
	for _, entry := range entries {
		for i := range entry.Wants {
			if entry.Wants[i].Fate == delivery.Known {
				c.carried.Known++
			} else {
				c.carried.Moved++
			}
		}
	}
	return c.from.Forget(ctx, ids)
}

// closures closes the lanes of the other queue that are closed in this one.
func (c *carrying) closures(ctx context.Context) error {
	lanes, err := c.from.Lanes(ctx)
	var errs []error
	for i := range lanes {
		if lanes[i].Closed != "" {
			_, err := c.to.Disable(ctx, c.rename(lanes[i].Webhook), lanes[i].Closed)
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, err)...)
}

// waiting is how many deliveries wait in the queue yet.
func (c *carrying) waiting(ctx context.Context) (n int, err error) {
	lanes, err := c.from.Lanes(ctx)
	for i := range lanes {
		n += lanes[i].Waiting
	}
	return n, err
}
