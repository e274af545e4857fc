package postgres

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// lowPeriod is how often claims search for due deliveries from the beginning of the index. Claimed rows stay there, dead,
// as long as any transaction on the server may see them. In between, claims start where they last found the first due
// delivery.
const lowPeriod = 5 * time.Second

// low is where a lane's claims start.
type low struct {
	due    time.Time // of the first delivery that was found
	looked time.Time // when they last started at the beginning
}

// lowOf returns where claims from a lane start at a time of the store; zero is the beginning.
func (s *Store) lowOf(lane int, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lows[lane]
	if time.Since(l.looked) < lowPeriod && l.due.Before(now) {
		return l.due
	}
	s.lows[lane] = low{looked: time.Now()}
	return time.Time{}
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
