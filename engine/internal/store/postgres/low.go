package postgres

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Claimed rows stay in the index, dead, as long as any transaction on the server may see them. So claims start where they
// last found the first due delivery, and search from the beginning of the index at intervals.
const (
	lowPeriod  = 5 * time.Second        // the shortest interval
	maxPeriod  = time.Minute            // the longest
	lowShare   = 200                    // the interval is as many times as long as the search took
	lateCommit = 200 * time.Millisecond // how much earlier claims start: deliveries become visible after they are due
)

// low is where a lane's claims start.
type low struct {
	due    time.Time // of the first delivery that was found
	looked time.Time // when they began at the beginning
	period time.Duration
}

// lowOf returns where claims from a lane start at a time of the store; zero is the beginning.
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

// looked notes how long a search from the beginning took.
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

// comesBefore notes that a delivery of a lane becomes due, possibly before the first that claims found.
func (s *Store) comesBefore(lane int, due time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.lows[lane]; due.Before(l.due) {
		delete(s.lows, lane)
	}
}

// fromTheBeginning makes the next claims of all lanes start at the beginning.
func (s *Store) fromTheBeginning() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.lows)
}
