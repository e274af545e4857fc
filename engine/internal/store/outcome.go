package store

import (
	"cmp"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Outcome is what a settlement changes about its delivery.
type Outcome struct {
	State    delivery.State // a final one, or Due for another attempt
	Due      time.Time      // of the next attempt
	Attempts int            // made so far
	Spent    int            // of max_attempts
	Reason   string
}

// OutcomeOf returns the outcome of a settlement. after is the settlement's After in the store's precision.
func OutcomeOf(st *delivery.Settlement, now time.Time, after time.Duration) Outcome {
	d := &st.Claim.Delivery
	o := Outcome{State: delivery.Due, Due: now.Add(after), Attempts: d.Attempts, Spent: d.Spent, Reason: st.Reason}
	if st.GivenBack {
		o.Due = d.Due
	}
	switch st.Outcome {
	case delivery.Delivered:
		o.State = delivery.IsDelivered
	case delivery.Dead:
		o.State = delivery.IsDead
	case delivery.Dropped:
		o.State = delivery.IsDropped
	}
	if a := st.Attempt; a != nil {
		o.Attempts, o.Reason = a.Number, cmp.Or(st.Reason, a.Reason)
		if !a.Free {
			o.Spent++
		}
	}
	return o
}

// PassedAt returns when the next delivery of the order key may pass the settled one: at once after a final outcome, else when the settled
// one has waited for OrderMaxWait. It returns false if the settled one has no key, or is due before that.
func (o *Outcome) PassedAt(st *delivery.Settlement, now time.Time) (at time.Time, passed bool) {
	switch {
	case st.Claim.OrderKey == "":
		return at, false
	case o.State != delivery.Due:
		return now, true
	}
	at = st.Claim.Delivery.Since.Add(st.OrderMaxWait)
	if st.OrderMaxWait == 0 || !o.Due.After(at) {
		return at, false
	}
	if at.Before(now) {
		at = now
	}
	return at, true
}
