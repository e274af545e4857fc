package memory

import (
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Owns reports whether the store made a claim.
func (s *Store) Owns(c *delivery.Claim) bool {
	l, ok := c.Lease.(*lease)
	return ok && l.store == s
}

// IsEmpty reports whether the store holds nothing and knows no ids.
func (s *Store) IsEmpty() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows) == 0 && len(s.known) == 0
}

// Holds reports whether the store holds deliveries.
func (s *Store) Holds() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.rows) > 0
}

// HasRoom reports whether Accept would take something, and makes room for it.
func (s *Store) HasRoom() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.makeRoom(s.opts.Now())
}

// Entries returns the deliveries of settlements, with their outcomes.
func (s *Store) Entries(settlements []delivery.Settlement) (entries []*delivery.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	for i := range settlements {
		if r := s.rows[settlements[i].Claim.Delivery.ID]; r != nil {
			entries = append(entries, r.addTo(nil, now)...)
		}
	}
	return entries
}

// Uses reports whether deliveries of a webhook wait in the store.
func (s *Store) Uses(webhook string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lanes[webhook]
	return l != nil && l.Waiting > 0
}

// Has reports whether the store knows a delivery, or has waiting deliveries with its order key.
func (s *Store) Has(eventID string, want *delivery.Want) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.knows(want.DeliveryID(eventID)) {
		return true
	}
	l := s.lanes[want.Webhook]
	if l == nil || want.OrderKey == "" {
		return false
	}
	k := l.keys[want.OrderKey]
	return k != nil && len(k.rows) > 0
}

// Allow returns how many claims from another store the lane's state allows, as [store.Lane.Allow] does.
func (s *Store) Allow(lane delivery.Lane, n int) (int, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.laneOf(lane.Webhook).Allow(s.opts.Now(), lane, n)
}

// Took notes claims that another store made after Allow.
func (s *Store) Took(lane delivery.Lane, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.laneOf(lane.Webhook).Took(s.opts.Now(), lane, n)
}

// Note notes what settlements of another store's claims mean for their lanes. isStored says that the other store has them.
func (s *Store) Note(settlements []delivery.Settlement, isStored bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range settlements {
		st := &settlements[i]
		l := s.laneOf(st.Claim.Delivery.Webhook)
		until := time.Time{}
		if st.Claim.Probe {
			until = l.ProbeUntil
		}
		if l.settle(s.opts.Now(), st, until) {
			s.changed(l, isStored)
		}
	}
}

// Hold notes that another store has a claim in flight. Until Release, or until the lease ends, deliveries with its order
// key are not claimed here. Hold returns false if one of them is in flight here.
func (s *Store) Hold(c *delivery.Claim) bool {
	if c.OrderKey == "" {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.laneOf(c.Delivery.Webhook).key(c.OrderKey)
	if k.inFlight(s.opts.Now(), nil) {
		return false
	}
	k.outside = c.Until
	return true
}

// Release ends a claim's Hold, unless another claim holds the key by now.
func (s *Store) Release(c *delivery.Claim) {
	if c.OrderKey == "" {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.laneOf(c.Delivery.Webhook)
	if k := l.keys[c.OrderKey]; k != nil && !k.outside.After(c.Until) {
		k.outside = time.Time{}
		if len(k.rows) == 0 {
			delete(l.keys, c.OrderKey)
		}
	}
}

// Pack takes everything that can move to another store out of the lanes, and returns it in order. Deliveries in flight
// and those behind them cannot move.
func (s *Store) Pack() (entries []*delivery.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	pack := func(r *row) {
		r.moving = true
		r.token++ // a claim whose lease ended is lost
		r.unqueue()
		entries = r.addTo(entries, now)
	}
	for _, r := range s.selected(delivery.Filter{}, now) {
		k := r.lane.keys[r.orderKey]
		switch {
		case r.moving || r.inFlight(now):
		case r.state != delivery.Due || k == nil:
			pack(r)
		case !k.inFlight(now, nil):
			for _, r := range k.rows { // in the key's order, which a replay may have changed
				pack(r)
			}
		}
	}
	return entries
}

// Rest returns waiting deliveries and dead letters in order, claimed or not, once nobody delivers any more.
func (s *Store) Rest() (entries []*delivery.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	for _, r := range s.selected(delivery.Filter{}, now) {
		if r.state == delivery.Due || r.state == delivery.IsDead {
			entries = r.addTo(entries, now)
		}
	}
	return entries
}

// addTo adds a row to the last entry if both have the same event, else as a new entry.
func (r *row) addTo(entries []*delivery.Entry, now time.Time) []*delivery.Entry {
	if n := len(entries); n == 0 || entries[n-1].Event != r.event {
		entries = append(entries, &delivery.Entry{Event: r.event})
	}
	last := entries[len(entries)-1]
	last.Wants = append(last.Wants, delivery.Want{Webhook: r.d.Webhook, OrderKey: r.orderKey, Past: r.past(now)})
	return entries
}

func (r *row) past(now time.Time) *delivery.Past {
	p := &delivery.Past{
		ID: r.d.ID, State: r.state, Since: r.d.Since, Accepted: r.accepted, Done: r.done, Spent: r.d.Spent, Attempts: slices.Clone(r.attempts),
		Reason: r.reason, Unrouted: r.unrouted, Foreign: r.foreign, Content: r.content(),
	}
	if r.state == delivery.Due {
		p.After = max(0, r.d.Due.Sub(now))
	}
	return p
}

// Forget removes deliveries that another store has accepted.
func (s *Store) Forget(entries []*delivery.Entry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, entry := range entries {
		for _, want := range entry.Wants {
			r := s.rows[want.DeliveryID(entry.Event.ID)]
			if r == nil {
				continue
			}
			switch r.state { // the other store counts it now
			case delivery.IsDelivered:
				r.lane.Delivered--
			case delivery.IsDropped:
				r.lane.Dropped--
			}
			s.remove(r)
		}
	}
}

// Unpack puts back packed deliveries that were not forgotten.
func (s *Store) Unpack() {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.opts.Now()
	for _, r := range s.rows {
		if !r.moving {
			continue
		}
		if r.moving = false; r.state == delivery.Due && !r.behind {
			r.promote(r.d.Due)
		}
	}
	for _, l := range s.lanes { // heads of keys may have gone
		for _, k := range l.keys {
			if !slices.ContainsFunc(k.rows, func(r *row) bool { return !r.behind }) && len(k.rows) > 0 {
				k.rows[0].promote(now)
			}
		}
	}
}
