package store

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Place sets the State and Held of an item of the lane. state is the database's number. taken says that a process has it in flight until
// it is due.
func (l *Lane) Place(it *delivery.Item, state int, taken bool, now time.Time) {
	switch it.State = StateOf(state); {
	case state >= Leaving:
		it.Held = OnItsWay
	case it.State == delivery.Due && taken && it.Delivery.Due.After(now):
		it.State = delivery.InFlight
	case it.State == delivery.Due:
		it.Held = l.Held(it, now, state == StateBehind)
	}
}

// Held says why a waiting delivery of the lane is not sent; "" if it only waits for its time. behind says that it waits for another one
// of its key.
func (l *Lane) Held(it *delivery.Item, now time.Time, behind bool) string {
	switch pause, wait := l.PausedUntil.Sub(now), it.Delivery.Due.Sub(now); {
	case l.Closed != "":
		return "closed: " + l.Closed
	case pause > 0:
		return "rests for " + pause.Round(time.Second).String()
	case behind:
		return "behind its key"
	case wait > 0 && it.Accepted.After(now.Add(time.Minute)):
		return fmt.Sprintf("due in %v, stored while the clock was at %s", wait.Round(time.Second), it.Accepted.UTC().Format(time.RFC3339))
	}
	return ""
}

// LeftCount counts what waits in lanes, by webhook, for [Store.Left].
type LeftCount map[string]*delivery.Left

// Lane reads a lane with waiting deliveries: its webhook, how many wait, and how many of them were tried.
func (c LeftCount) Lane(r Row) {
	webhook, waiting, tried := r.Text(), r.Int(), r.Int()
	c[webhook] = &delivery.Left{Webhook: webhook, Earlier: delivery.Counts{Waiting: waiting - tried, Retrying: tried}}
}

// Own reads how many of a lane's deliveries this process accepted: the webhook, whether they were tried, and their number.
func (c LeftCount) Own(r Row) {
	left, tried, n := c[r.Text()], r.Bool(), r.Int()
	if left != nil {
		left.Own.Add(tried, n)
		left.Earlier.Add(tried, -n)
	}
}

// Elsewhere reads how many of a lane's deliveries other processes have in flight: the webhook, whether this process accepted them, whether
// they were tried, and their number.
func (c LeftCount) Elsewhere(r Row) {
	left, own, tried, n := c[r.Text()], r.Bool(), r.Bool(), r.Int()
	if left == nil {
		return
	}
	of := &left.Earlier
	if own {
		of = &left.Own
	}
	of.Add(tried, -n)
	of.InFlight += n
}

// List lists the lanes by identity. The counts are not from one moment, and may disagree.
func (c LeftCount) List() (list []delivery.Left) {
	byWebhook := func(a, b *delivery.Left) int { return cmp.Compare(a.Webhook, b.Webhook) }
	for _, left := range slices.SortedFunc(maps.Values(c), byWebhook) {
		left.Earlier.Waiting, left.Earlier.Retrying = max(0, left.Earlier.Waiting), max(0, left.Earlier.Retrying)
		list = append(list, *left)
	}
	return list
}
