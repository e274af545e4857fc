package postgres

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Claims begin where they found the first of what was due: what they claimed before stays in the index, dead, for as long as any
// transaction on the server may see it. At intervals they look from the beginning.
const (
	lowPeriod  = 5 * time.Second        // the interval, at least
	maxPeriod  = time.Minute            // and at most
	lowShare   = 200                    // looking from the beginning takes one part of so many of it
	lateCommit = 200 * time.Millisecond // how much earlier they begin: a delivery may be committed so long after the time at which it is due
)

// low is where a lane's claims begin.
type low struct {
	due    time.Time // of the first delivery that was found
	looked time.Time // when they began at the beginning
	period time.Duration
}

// lowOf returns where claims from a lane begin at a time of the store's; the zero time is the beginning.
func (s *Store) lowOf(lane int, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lows[lane]
	if time.Since(l.looked) < l.period && l.due.Before(now) {
		return l.due.Add(-lateCommit)
	}
	s.lows[lane] = low{looked: time.Now(), period: lowPeriod}
	return time.Time{}
}

// looked notes how long it took to look from the beginning.
func (s *Store) looked(lane int, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lows[lane]
	l.period = min(max(lowPeriod, lowShare*took), maxPeriod)
	s.lows[lane] = l
}

// found notes what claims found first.
func (s *Store) found(lane int, claims []*delivery.Claim) {
	if len(claims) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lows[lane]
	l.due = claims[0].Delivery.Due
	s.lows[lane] = l
}

// comesBefore notes that a delivery of a lane is due at a time, which may be before what claims found first.
func (s *Store) comesBefore(lane int, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lows[lane]; due.Before(l.due) {
		delete(s.lows, lane)
	}
}

// fromTheBeginning has all lanes' next claims begin at the beginning.
func (s *Store) fromTheBeginning() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.lows)
}
