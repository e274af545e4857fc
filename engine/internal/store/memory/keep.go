package memory

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// inOrder lists the final states in the order in which they make room.
var inOrder = []delivery.State{delivery.IsDelivered, delivery.IsDropped, delivery.IsDead}

// Keep implements [store.Store].
func (s *Store) Keep(ctx context.Context) error {
	return s.do(ctx, func(now time.Time) {
		if now.Before(s.latest) {
			s.jumped(now)
		}
		for _, state := range inOrder {
			keep := s.opts.Keep
			if state == delivery.IsDead {
				keep = s.opts.KeepDead
			}
			for r := s.final[state].oldest(state); r != nil && r.done.Before(now.Add(-keep)); r = s.final[state].oldest(state) {
				s.strip(now, r)
			}
		}
		for len(s.pruned) > 0 && s.pruned[0].at < now.Add(-store.KeepIDs).UnixNano() {
			s.forgetOldest()
		}
	})
}

// jumped makes due what waits longer than possible: the clock was wrong when that was stored.
func (s *Store) jumped(now time.Time) {
	s.latest = now
	longest, _ := store.LongestWaits(now)
	for _, r := range s.rows {
		if (r.index >= 0 || r.flies) && r.d.Due.After(longest) {
			r.setDue(now, false)
		}
	}
	for _, l := range s.lanes {
		l.Jumped(now)
	}
}

// strip removes everything from a row but its id, so that the id stays known.
func (s *Store) strip(now time.Time, r *row) {
	s.remove(r)
	id := knownAs(r.d.ID)
	s.known[id] = true
	s.pruned = append(s.pruned, prunedID{id, now.UnixNano()})
	s.size += idSize
}

// remove removes a row from the store. It keeps the totals of its lane, except for the number of dead letters.
func (s *Store) remove(r *row) {
	r.leave()
	if r.state == delivery.IsDead {
		r.lane.Dead--
	}
	r.state = ""
	s.grow(r, -r.size)
	delete(s.rows, r.d.ID)
}

func (s *Store) forgetOldest() {
	delete(s.known, s.pruned[0].id)
	s.pruned = s.pruned[1:]
	s.size -= idSize
}

// makeRoom brings the store down to its size. It returns false if it cannot remove enough.
func (s *Store) makeRoom(now time.Time) bool {
	fits := func() bool { return s.size <= s.opts.MaxSize }
	for _, state := range inOrder {
		for r := s.final[state].oldest(state); r != nil && !fits(); r = s.final[state].oldest(state) {
			if state == delivery.IsDead {
				r.lane.Discarded++
			}
			s.strip(now, r)
		}
	}
	for len(s.pruned) > 0 && !fits() {
		s.forgetOldest()
	}
	return fits()
}
