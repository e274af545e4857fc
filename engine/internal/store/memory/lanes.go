package memory

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Version counts the changes of lanes, for [Store.Follow].
func (s *Store) Version() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.version
}

// Follow gives lanes the state that they have in another store, whose lanes were read after Version returned version. Lanes that changed
// here since, and those with changes that the other store lacks, stay as they are. Lanes whose deliveries wait here keep their counts.
func (s *Store) Follow(lanes []delivery.LaneStatus, version int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range lanes {
		from := &lanes[i]
		l := s.lanes[from.Webhook]
		if l == nil {
			if from.LaneState == (delivery.LaneState{}) {
				continue
			}
			l = s.laneOf(from.Webhook)
		}
		switch {
		case l.unshared || l.version > version:
		case l.Waiting == 0:
			l.LaneState = from.LaneState
		default:
			l.Closed, l.PausedUntil = from.Closed, from.PausedUntil
		}
	}
}

// Unshared returns the lanes that were closed or paused here, and not in the other store.
func (s *Store) Unshared() (lanes []delivery.LaneStatus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for webhook, l := range s.lanes {
		if l.unshared {
			lanes = append(lanes, l.Status(s.opts.Now(), webhook))
		}
	}
	return lanes
}

// Shared notes that the other store has a lane's changes.
func (s *Store) Shared(webhook string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.laneOf(webhook)
	l.unshared = false
	s.changed(l, true)
}

// changed notes that a lane was closed, opened or paused. isShared says that the other store has that, too. The caller holds mu.
func (s *Store) changed(l *lane, isShared bool) {
	s.version++
	l.version, l.unshared = s.version, l.unshared || !isShared
}

// settle notes what a settlement means for the lane, and reports whether it closed or paused the lane.
func (l *lane) settle(now time.Time, st *delivery.Settlement, until time.Time) (changed bool) {
	closed, paused := l.Closed, l.PausedUntil
	l.Settle(now, st, until)
	return l.Closed != closed || !l.PausedUntil.Equal(paused)
}
