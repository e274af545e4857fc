// Package memory is the store of one process, and ends with it.
//
// Use [Open]. Besides [store.Queue], a Store has the methods that package spill needs to join it with a file.
package memory

import (
	"cmp"
	"context"
	"crypto/sha256"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// DefaultSize is how many bytes a store holds at most.
const DefaultSize = 32 << 20

const (
	rowSize = 900 // approximate size of a delivery with one attempt, without its event's texts, in bytes
	idSize  = 64  // approximate size of a known id
)

// maxDone is how many delivered or dropped deliveries are kept whole. Older ones keep only their id.
const maxDone = 1024

// Store is a queue in memory. It implements [store.Store] and [store.Browser].
type Store struct {
	opts store.Options

	mu     sync.Mutex
	closed bool
	seq    int64
	size   int64 // of everything held, approximately
	lanes  map[string]*lane
	rows   map[string]*row // by id
	final  map[delivery.State]*finals
	known  map[knownID]bool // ids of deliveries that were pruned
	pruned []prunedID       // the same, the oldest first
	latest time.Time        // the latest time that the clock showed

	version int64 // see [Store.Version]

	operations []delivery.Operation // the oldest comes first
}

// knownID is the beginning of an id's hash. Unlike a string, it costs the garbage collector nothing.
type knownID [16]byte

func knownAs(id string) knownID {
	sum := sha256.Sum256([]byte(id))
	return knownID(sum[:])
}

type prunedID struct {
	id knownID
	at int64 // in nanoseconds since 1970
}

// Open makes a store of [DefaultSize] bytes, unless the options say otherwise.
func Open(opts store.Options) *Store {
	opts.MaxSize = cmp.Or(opts.MaxSize, DefaultSize)
	return &Store{
		opts: opts.WithDefaults(), lanes: map[string]*lane{}, rows: map[string]*row{}, known: map[knownID]bool{},
		final: map[delivery.State]*finals{delivery.IsDelivered: {}, delivery.IsDropped: {}, delivery.IsDead: {}},
	}
}

// do locks the store and calls f with the time, unless ctx has ended or the store is closed.
func (s *Store) do(ctx context.Context, f func(now time.Time)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	now := s.opts.Now()
	if now.After(s.latest) {
		s.latest = now
	}
	f(now)
	return nil
}

// laneOf returns the lane of a webhook. It makes a missing one.
func (s *Store) laneOf(webhook string) *lane {
	l := s.lanes[webhook]
	if l == nil {
		l = &lane{webhook: webhook, keys: map[string]*key{}}
		s.lanes[webhook] = l
	}
	return l
}

// Accept implements [store.Store]. If the store exceeds its size, it first removes the oldest delivered deliveries, then
// the oldest dead letters.
func (s *Store) Accept(ctx context.Context, entries []*delivery.Entry) error {
	room := false
	err := s.do(ctx, func(now time.Time) {
		if room = s.makeRoom(now); !room {
			return
		}
		for _, entry := range entries {
			entry.Claims = nil
			for i := range entry.Wants {
				s.accept(now, entry, &entry.Wants[i])
			}
		}
	})
	if err == nil && !room {
		err = store.ErrFull
	}
	return err
}

func (s *Store) knows(id string) bool { return s.rows[id] != nil || s.known[knownAs(id)] }

func (s *Store) accept(now time.Time, entry *delivery.Entry, want *delivery.Want) {
	id := want.DeliveryID(entry.Event.ID)
	want.Fate = delivery.Known
	if s.knows(id) {
		return
	}
	s.seq++
	r := &row{seq: s.seq, event: entry.Event, lane: s.laneOf(want.Webhook), orderKey: want.OrderKey, accepted: now, index: -1}
	r.d = delivery.Delivery{ID: id, Webhook: want.Webhook, EventID: entry.Event.ID, Event: entry.Event.Type, Due: now, Since: now}
	s.rows[id] = r
	s.grow(r, int64(entry.Event.Size()+rowSize))
	want.Fate = delivery.Accepted
	switch past := want.Past; {
	case past != nil:
		s.restore(now, r, past)
	case want.Dead != "":
		want.Fate = delivery.BornDead
		r.unrouted, r.reason = true, want.Dead
		r.lane.LastError, r.lane.LastErrorAt = want.Dead, now
		s.finish(r, delivery.IsDead, now)
	default:
		r.wait(now)
		if want.Take > 0 && !r.behind && !r.lane.busy(now, r) && r.lane.MaySend(now) {
			entry.Claims = append(entry.Claims, s.take(now, r, want.Take))
		}
	}
}

// restore sets a delivery's past.
func (s *Store) restore(now time.Time, r *row, past *delivery.Past) {
	r.d.Since, r.d.Attempts, r.d.Spent, r.attempts = past.Since, past.Tried(), past.Spent, slices.Clip(past.Attempts)
	r.accepted, r.reason, r.unrouted, r.foreign = past.Accepted, past.Reason, past.Unrouted, past.Foreign
	s.setContent(r, past.Content)
	if past.State == delivery.Due {
		r.wait(now.Add(past.After))
		return
	}
	done := past.Done
	if done.IsZero() {
		done = now
	}
	s.finish(r, past.State, done)
}

// grow notes that a row's size changed by n bytes.
func (s *Store) grow(r *row, n int64) {
	s.size += n
	r.size += n
	r.lane.Bytes += n
}

func (s *Store) setContent(r *row, c *delivery.Content) {
	if c == nil {
		return
	}
	r.d.Content, r.made = *c, true
	if r.d.Body == nil {
		r.d.Body = []byte{}
	}
	s.grow(r, int64(len(c.Body)))
}

// finish gives a row its final outcome.
func (s *Store) finish(r *row, state delivery.State, done time.Time) {
	r.leave()
	r.state, r.done = state, done
	finals := s.final[state]
	finals.add(r)
	store.Count(&r.lane.LaneCounts, store.NumberOf[int](state), 1, 0)
	if state == delivery.IsDead {
		return
	}
	for oldest := finals.oldest(state); len(finals.list) > maxDone; oldest = finals.oldest(state) {
		s.strip(done, oldest)
	}
}

// Claim implements [store.Store].
func (s *Store) Claim(ctx context.Context, lane delivery.Lane, n int) (claims []*delivery.Claim, next time.Duration, err error) {
	next = store.Never
	err = s.do(ctx, func(now time.Time) {
		if l := s.lanes[lane.Webhook]; l != nil {
			claims, next = s.claim(now, l, lane, n)
		}
	})
	return claims, next, err
}

func (s *Store) claim(now time.Time, l *lane, lane delivery.Lane, n int) (claims []*delivery.Claim, next time.Duration) {
	allowed, wait := l.Allow(now, lane, n)
	if allowed > 0 && lane.Total > 0 {
		allowed, wait = store.Within(lane, allowed, l.inFlight(now))
	}
	if allowed == 0 {
		return nil, wait
	}
	l.land(now)
	for len(claims) < allowed && len(l.due) > 0 && !l.due[0].d.Due.After(now) {
		r := l.due[0]
		if l.busy(now, r) {
			r.setDue(now.Add(store.KeyPatience), false)
			continue
		}
		c := s.take(now, r, lane.Lease)
		c.Probe = l.BreakerOpen()
		claims = append(claims, c)
	}
	wait = l.Took(now, lane, len(claims))
	if len(claims) == allowed {
		return claims, wait
	}
	at, known := l.next()
	if !known {
		return claims, store.Never
	}
	return claims, at.Sub(now)
}

// lease is the right to settle a delivery.
type lease struct {
	store *Store
	row   *row
	token int64
	until time.Time
}

// take leases a row.
func (s *Store) take(now time.Time, r *row, length time.Duration) *delivery.Claim {
	both := &struct { // one allocation
		claim delivery.Claim
		lease lease
	}{}
	c := &both.claim
	*c = delivery.Claim{Delivery: r.d, Event: r.event, OrderKey: r.orderKey, Until: now.Add(length), Unrouted: r.unrouted, Own: !r.foreign}
	r.token++
	r.setDue(c.Until, true)
	both.lease = lease{store: s, row: r, token: r.token, until: c.Until}
	c.Lease = &both.lease
	return c
}

// held returns the lease of a claim; nil if it was lost.
func (s *Store) held(c *delivery.Claim) *lease {
	l, ok := c.Lease.(*lease)
	if !ok || l.store != s || l.row.token != l.token || l.row.state != delivery.Due {
		return nil
	}
	return l
}

// Renew implements [store.Store].
func (s *Store) Renew(ctx context.Context, c *delivery.Claim, length time.Duration) (held bool, err error) {
	err = s.do(ctx, func(now time.Time) {
		l := s.held(c)
		if held = l != nil && l.row.taken; held {
			c.Until = now.Add(length)
			l.row.setDue(c.Until, true)
		}
	})
	return held, err
}

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, settlements []delivery.Settlement) (lost []*delivery.Claim, err error) {
	err = s.do(ctx, func(now time.Time) {
		for i := range settlements {
			st := &settlements[i]
			l := s.held(st.Claim)
			if l == nil {
				lost = append(lost, st.Claim)
				continue
			}
			s.settle(now, l.row, st)
			// A delivery that moved meanwhile was sent by its old lane.
			if lane := s.laneOf(st.Claim.Delivery.Webhook); lane.settle(now, st, l.until) {
				s.changed(lane, false)
			}
		}
	})
	return lost, err
}

func (s *Store) settle(now time.Time, r *row, st *delivery.Settlement) {
	o := store.OutcomeOf(st, now, st.After)
	r.d.Attempts, r.d.Spent, r.reason = o.Attempts, o.Spent, o.Reason
	if st.Attempt != nil {
		r.attempts = append(r.attempts, *st.Attempt)
		r.attempts[len(r.attempts)-1].Replay = r.d.Since.After(r.accepted)
	}
	s.setContent(r, st.Content)
	at, passed := o.PassedAt(st, now)
	var next *row
	if passed {
		next = r.nextOfKey(at.Add(-st.OrderMaxWait))
	}
	if o.State == delivery.Due {
		r.setDue(o.Due, false)
	} else {
		s.finish(r, o.State, now)
	}
	next.promote(at)
}

// Lanes implements [store.Store].
func (s *Store) Lanes(ctx context.Context) (list []delivery.LaneStatus, err error) {
	err = s.do(ctx, func(now time.Time) {
		for _, webhook := range slices.Sorted(maps.Keys(s.lanes)) {
			l := s.lanes[webhook]
			st := l.Status(now, webhook)
			st.LaneCounts = l.LaneCounts
			st.Unstored = l.Waiting
			switch at, known := l.next(); {
			case known:
				st.Due = l.NextClaim(now, at)
			case l.Waiting > 0: // packed, or behind a delivery that another store has in flight: about to be due
				st.Due = l.NextClaim(now, now)
			}
			list = append(list, st)
		}
	})
	return list, err
}

// Watch returns nil: nobody else changes the store.
func (s *Store) Watch(context.Context) <-chan []string { return nil }

// Ready implements [store.Store].
func (s *Store) Ready(ctx context.Context) error {
	return s.do(ctx, func(time.Time) {})
}

// Close implements [store.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}
