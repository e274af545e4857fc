package lane

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// shared is the state that the lanes of a set and their settler share: the store, and counts of claims.
type shared struct {
	store   store.Store
	trouble *Trouble
	busy    atomic.Int64 // claims without a committed outcome, of all lanes
	held    atomic.Int64 // bytes of the claims that lanes have ready, or are asking for; see maxReady

	change  sync.Mutex    // guards changed
	changed chan struct{} // closed by the next change; nil if nobody waits for one
}

// giveBack settles claims that no lane takes.
func (s *shared) giveBack(claims []*delivery.Claim) {
	if len(claims) == 0 {
		return
	}
	back := make([]delivery.Settlement, len(claims))
	for i, claim := range claims {
		s.held.Add(-weight(claim))
		back[i] = delivery.Settlement{Claim: claim, Outcome: delivery.Retry, GivenBack: true}
	}
	_, err := s.store.Settle(context.Background(), back)
	s.trouble.Say("deliveries that this process does not send wait for the end of their leases", err)
	s.opens(-int64(len(claims)))
}

// Busy reports whether a claim is in flight or being made.
func (s *shared) Busy() bool { return s.busy.Load() > 0 }

// Changed returns a channel that is closed by the next outcome, or by the next claim that found nothing.
func (s *shared) Changed() <-chan struct{} {
	s.change.Lock()
	defer s.change.Unlock()
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// opens counts claims without a committed outcome.
func (s *shared) opens(n int64) {
	s.busy.Add(n)
	if n > 0 {
		return
	}
	s.change.Lock()
	defer s.change.Unlock()
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// hold counts claims that become ready.
func (s *shared) hold(claims []*delivery.Claim) {
	s.busy.Add(int64(len(claims)))
	for _, c := range claims {
		s.held.Add(weight(c))
	}
}

// claimSize is the approximate size of a claim without its event's texts, in bytes.
const claimSize = 800

func weight(c *delivery.Claim) int64 { return int64(c.Event.Size() + claimSize) }

// reserve returns how many of n claims a lane may ask for: as many as fit in a quarter of the room, which leaves some to
// other lanes, but at least the given number. The room is the lane's until it calls unreserve.
func (s *shared) reserve(n, least int) (granted int) {
	for {
		held := s.held.Load()
		granted = min(n, max(least, int((maxReady-held)/(4*claimSize))))
		if s.held.CompareAndSwap(held, held+int64(granted)*claimSize) {
			return granted
		}
	}
}

func (s *shared) unreserve(granted int) { s.held.Add(-int64(granted) * claimSize) }

// crowded leaves a quarter of the room to lanes that have little ready.
func (s *shared) crowded() crowded { return s.held.Load() >= maxReady/4*3 }
