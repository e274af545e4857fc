package spill

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// moveSlice is how many entries go into the file in one transaction.
const moveSlice = 100

// Keep implements [store.Store]. It also tries an unusable file again.
func (s *Store) Keep(ctx context.Context) error {
	if err := s.Heal(ctx); err != nil {
		return err
	}
	if file, err := s.inUse(); err == nil {
		if err := file.Keep(ctx); err != nil && ctx.Err() == nil {
			s.fails(err)
		}
	}
	return nil
}

// Heal is the part of Keep that every process does for itself.
func (s *Store) Heal(ctx context.Context) error {
	if err := s.heal(ctx); errors.Is(err, store.ErrClosed) {
		return err
	}
	return s.memory.Keep(ctx)
}

// Flush tries once more to move what is in memory into the file. The error says why some of it stayed.
func (s *Store) Flush(ctx context.Context) error {
	err := s.heal(ctx)
	if s.openFile == nil && !errors.Is(err, store.ErrClosed) {
		return errors.New("the queue was in memory")
	}
	return err
}

// Unsettled returns the outcomes that could not be written yet. If they are lost, the file's deliveries are sent again.
func (s *Store) Unsettled() []delivery.Settlement {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unsettled)
}

// Rest returns the waiting deliveries and dead letters in memory, so that they can be written elsewhere before Close.
func (s *Store) Rest() []*delivery.Entry { return s.memory.Rest() }

// heal moves what is in memory into the file. The error says why some of it stayed.
func (s *Store) heal(ctx context.Context) error {
	s.healing.Lock()
	defer s.healing.Unlock()
	s.reopen(ctx)
	s.mu.Lock()
	file, closed, broken := s.file, s.closed, s.broken
	ill := broken != nil || s.full || len(s.unsettled) > 0
	s.mu.Unlock()
	switch {
	case closed:
		return store.ErrClosed
	case file == nil:
		return broken
	case !ill && (s.memory.IsEmpty() || s.journal == nil && !s.memory.Holds()): // ids alone stay in memory
		s.takeUp(ctx)
		return nil
	}
	if err := s.bring(ctx, file); err != nil {
		if ctx.Err() == nil {
			s.fails(err)
		}
		return err
	}
	if ill {
		s.mu.Lock()
		s.broken, s.full = nil, false
		s.mu.Unlock()
		s.opts.Log.Warn("the queue is in use again", "queue", s.opts.Name)
	}
	s.takeUp(ctx)
	return nil
}

// bring moves outcomes and deliveries from memory into the file.
func (s *Store) bring(ctx context.Context, file store.Queue) error {
	if err := file.Ready(ctx); err != nil && !errors.Is(err, store.ErrFull) { // Accept may make room
		return err
	}
	if err := s.settleLate(ctx, file); err != nil {
		return err
	}
	s.shareLanes(ctx, file) // before their deliveries can be claimed there
	defer s.memory.Unpack()
	for {
		entries := s.memory.Pack()
		if len(entries) == 0 {
			return s.sweep(ctx, file)
		}
		for len(entries) > 0 {
			some := entries[:min(moveSlice, len(entries))]
			if err := file.Accept(ctx, some); err != nil {
				return err
			}
			s.shareLanes(ctx, file) // the file may not have had these lanes
			s.memory.Forget(some)
			s.journal.erase(ctx, some)
			entries = entries[len(some):]
		}
	}
}

func (s *Store) settleFile(ctx context.Context, settlements []delivery.Settlement) (lost []*delivery.Claim, err error) {
	file, err := s.inUse()
	if err != nil {
		return nil, err
	}
	lost, err = file.Settle(ctx, settlements)
	if err != nil && ctx.Err() == nil {
		s.fails(err)
	}
	return lost, err
}

// keepOutcomes keeps outcomes until the file takes them. There are no more of them than deliveries in flight, since a
// broken file gives no claims.
func (s *Store) keepOutcomes(settlements []delivery.Settlement) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unsettled = append(s.unsettled, settlements...)
}

// settleLate writes outcomes that could not be written when they came.
func (s *Store) settleLate(ctx context.Context, file store.Queue) error {
	s.mu.Lock()
	late := s.unsettled
	s.unsettled = nil
	s.mu.Unlock()
	if len(late) == 0 {
		return nil
	}
	_, err := file.Settle(ctx, late)
	if err != nil {
		s.keepOutcomes(late)
	}
	return err
}

// Lanes implements [store.Store]. Deliveries in the file count even while it cannot be written, except those with an
// outcome that waits to be written.
func (s *Store) Lanes(ctx context.Context) ([]delivery.LaneStatus, error) {
	s.mu.Lock()
	file, broken, closed := s.file, s.broken, s.closed
	settled := map[string]int{}
	for _, st := range s.unsettled {
		settled[st.Claim.Delivery.Webhook]++
	}
	s.mu.Unlock()
	if closed {
		return nil, store.ErrClosed
	}
	inMemory, err := s.memory.Lanes(ctx)
	if s.holds() {
		for i := range inMemory {
			inMemory[i].Due = time.Time{}
		}
	}
	if file == nil || err != nil {
		return inMemory, err
	}
	lanes, err := s.lanesOf(ctx, file)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i := range lanes {
		l := &lanes[i]
		at[l.Webhook] = i
		l.Waiting = max(0, l.Waiting-settled[l.Webhook])
		if broken != nil { // a broken file gives no claims
			l.Due = time.Time{}
		}
	}
	for _, l := range inMemory {
		if i, ok := at[l.Webhook]; ok {
			join(&lanes[i], l)
		} else if l.Bytes > 0 {
			lanes = append(lanes, l)
		}
	}
	return lanes, nil
}

// join adds a lane in memory to the same lane in the file. While deliveries wait in memory, the state there applies.
func join(l *delivery.LaneStatus, m delivery.LaneStatus) {
	l.Dead, l.Delivered, l.Dropped = l.Dead+m.Dead, l.Delivered+m.Delivered, l.Dropped+m.Dropped
	l.Discarded, l.Bytes = l.Discarded+m.Discarded, l.Bytes+m.Bytes
	if m.Waiting == 0 {
		return
	}
	l.Waiting, l.Unstored = l.Waiting+m.Waiting, m.Unstored
	l.Tokens, l.TokensAt = m.Tokens, m.TokensAt
	l.Failures, l.TransformFailures = max(l.Failures, m.Failures), max(l.TransformFailures, m.TransformFailures)
	l.Closed, l.FuelPercent = cmp.Or(l.Closed, m.Closed), max(l.FuelPercent, m.FuelPercent)
	if l.Due.IsZero() || !m.Due.IsZero() && m.Due.Before(l.Due) {
		l.Due = m.Due
	}
	if m.PausedUntil.After(l.PausedUntil) {
		l.PausedUntil = m.PausedUntil
	}
	if m.LastErrorAt.After(l.LastErrorAt) {
		l.LastError, l.LastErrorAt = m.LastError, m.LastErrorAt
	}
}

// Unstored returns how many waiting deliveries are in memory alone, and in no spill file. It does not read the queue's
// file.
func (s *Store) Unstored() (n int) {
	if s.journal.keepsAll() {
		return 0
	}
	lanes, _ := s.memory.Lanes(context.Background()) // fails only when closed: nothing waits in it then
	for i := range lanes {
		n += lanes[i].Unstored
	}
	return n
}
