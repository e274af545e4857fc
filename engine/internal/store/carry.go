package store

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

const (
	carryMany     = 500                    // deliveries that move at a time
	carryPatience = 30 * time.Second       // how long Carry waits for deliveries in flight
	carryPoll     = 200 * time.Millisecond // between looks at them
)

// carrying is the state of one Carry.
type carrying struct {
	from, to Durable
	rename   func(webhook string) string
	carried  delivery.Carried
	gone     map[string]bool // ids of those that stay, since the other queue has removed them
}

// Carry moves all deliveries of a queue to another one and keeps their ids, states and attempts. Processes may use both
// queues meanwhile: deliveries in flight move when they are settled. Carry first finishes what a killed Carry began.
// rename maps a webhook's identity to its identity in the other queue.
func Carry(ctx context.Context, from, to Durable, rename func(webhook string) string) (delivery.Carried, error) {
	c := &carrying{from: from, to: to, rename: rename, gone: map[string]bool{}}
	if err := c.resume(ctx); err != nil {
		return c.carried, err
	}
	c.carried.Resumed = c.carried.Moved + c.carried.Known
	if err := c.closures(ctx); err != nil {
		return c.carried, err
	}
	for begun := time.Now(); ; {
		err := handOverRest(ctx, c.from, func(some []*delivery.Entry) error { return c.hand(ctx, some) })
		if err != nil {
			return c.carried, err
		}
		if c.carried.InFlight, err = c.waiting(ctx); err != nil {
			return c.carried, err
		}
		if c.carried.InFlight == 0 || time.Since(begun) > carryPatience {
			err := c.resume(ctx) // a commit whose answer was lost left deliveries that Leave did not return
			return c.carried, err
		}
		select {
		case <-time.After(carryPoll):
		case <-ctx.Done():
			return c.carried, ctx.Err()
		}
	}
}

// resume moves deliveries that left the queue before and were not handed over.
func (c *carrying) resume(ctx context.Context) error {
	left, err := c.from.Leaving(ctx)
	if err != nil {
		return err
	}
	return inSlices(left, func(some []*delivery.Entry) error { return c.hand(ctx, some) })
}

// Departing chooses what leaves a queue of deliveries with the given numbers, for [Durable]. with lists what leaves with the i-th of them:
// all that wait with its order key, in order, or none. It returns the numbers, and after which one Leave continues.
func Departing(found []int64, after int64, with func(i int) []int64) (seqs []int64, last int64) {
	last = after
	gone := map[int64]bool{}
	for i, seq := range found {
		if gone[seq] {
			last = seq
			continue
		}
		some := with(i)
		for _, of := range some {
			gone[of] = true
		}
		seqs = append(seqs, some...)
		if len(some) == MaxKeyed { // the rest of the key follows, possibly with this one
			return seqs, seq - 1
		}
		last = seq
	}
	return seqs, last
}

// HandOver passes what a queue holds to hand, in order and some at a time: first what left before and was not forgotten, then what may
// leave now. hand must forget it in the queue.
func HandOver(ctx context.Context, from Durable, hand func([]*delivery.Entry) error) error {
	left, err := from.Leaving(ctx)
	if err == nil {
		err = inSlices(left, hand)
	}
	if err == nil {
		err = handOverRest(ctx, from, hand)
	}
	return err
}

// handOverRest passes what may leave a queue now to hand.
func handOverRest(ctx context.Context, from Durable, hand func([]*delivery.Entry) error) error {
	for cursor := (Cursor{}); ; {
		entries, next, err := from.Leave(ctx, cursor, carryMany)
		if err != nil || len(entries) == 0 && next == cursor {
			return err
		}
		if err := inSlices(entries, hand); err != nil {
			return err
		}
		cursor = next
	}
}

func inSlices(entries []*delivery.Entry, hand func([]*delivery.Entry) error) error {
	for some := range slices.Chunk(entries, carryMany) {
		if err := hand(some); err != nil {
			return err
		}
	}
	return nil
}

// hand makes the other queue accept deliveries before this one forgets them. Those that the other queue has removed stay: it may have sent
// them, or passed them on, or somebody deleted them there.
func (c *carrying) hand(ctx context.Context, entries []*delivery.Entry) error {
	for _, entry := range entries {
		for i := range entry.Wants {
			want := &entry.Wants[i]
			want.Webhook = c.rename(want.Webhook)
			want.Past.Foreign, want.Past.Carried = true, true
		}
	}
	if err := c.to.Accept(ctx, entries); err != nil {
		return err
	}
	var ids []string
	for _, entry := range entries {
		for i := range entry.Wants {
			id := entry.Wants[i].DeliveryID(entry.Event.ID)
			switch entry.Wants[i].Fate {
			case delivery.Gone:
				c.gone[id] = true
				continue
			case delivery.Known:
				c.carried.Known++
			default:
				c.carried.Moved++
			}
			ids = append(ids, id)
		}
	}
	c.carried.Gone = len(c.gone)
	return c.from.Forget(ctx, ids)
}

// closures closes the lanes in the other queue that are closed in this one.
func (c *carrying) closures(ctx context.Context) error {
	lanes, err := c.from.Lanes(ctx)
	var errs []error
	for i := range lanes {
		if lanes[i].Closed != "" {
			_, err := c.to.ChangeLanes(ctx, c.rename(lanes[i].Webhook), Disable(lanes[i].Closed))
			errs = append(errs, err)
		}
	}
	return errors.Join(append(errs, err)...)
}

// waiting returns how many deliveries still wait in the queue.
func (c *carrying) waiting(ctx context.Context) (n int, err error) {
	lanes, err := c.from.Lanes(ctx)
	for i := range lanes {
		n += lanes[i].Waiting
	}
	return n, err
}
