package spill

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// takeUpPeriod is how often a process looks for what dead ones left.
const takeUpPeriod = 30 * time.Second

// holds reports whether deliveries in memory must wait for the database.
func (s *Store) holds() bool { return s.journal != nil && s.opts.HoldSpilled }

// acceptHere keeps entries in memory. With a journal it writes them there first. If lasts is set, they must be in the journal.
func (s *Store) acceptHere(ctx context.Context, entries []*delivery.Entry, lasts bool) error {
	if lasts && s.journal == nil && len(entries) > 0 {
		return fmt.Errorf("%w: %w", ErrUnstored, s.why())
	}
	if len(entries) > 0 && !s.memory.Holds() {
		s.followLanes(ctx)
	}
	if s.journal == nil || len(entries) == 0 {
		return s.memory.Accept(ctx, entries)
	}
	if s.holds() {
		for _, entry := range entries {
			for i := range entry.Wants {
				entry.Wants[i].Take = 0
			}
		}
	}
	if lasts && isOrdered(entries) {
		return fmt.Errorf("%w: %w; events that other nodes accept could overtake a delivery with an order key", ErrUnstored, s.why())
	}
	if !s.memory.HasRoom() {
		return store.ErrFull
	}
	s.journal.accepting.RLock()
	defer s.journal.accepting.RUnlock()
	if err := s.journal.accept(ctx, entries); err != nil && (lasts || ctx.Err() != nil) {
		return fmt.Errorf("%w: %w; %w", ErrUnstored, s.why(), err)
	}
	return s.memory.Accept(ctx, entries)
}

// isOrdered reports whether one of the deliveries is new and has an order key.
func isOrdered(entries []*delivery.Entry) bool {
	for _, entry := range entries {
		for i := range entry.Wants {
			if entry.Wants[i].OrderKey != "" && entry.Wants[i].Past == nil {
				return true
			}
		}
	}
	return false
}

// why returns the reason why the database is not used.
func (s *Store) why() error {
	if _, err := s.inUse(); err != nil {
		return err
	}
	return errors.New("deliveries are on their way into it")
}

// forgetHere undoes acceptHere.
func (s *Store) forgetHere(ctx context.Context, entries []*delivery.Entry) {
	s.memory.Forget(entries)
	s.journal.erase(context.WithoutCancel(ctx), entries)
}

// claimHere claims from memory, unless deliveries there must wait for the database.
func (s *Store) claimHere(ctx context.Context, lane delivery.Lane, n int) ([]*delivery.Claim, time.Duration, error) {
	if s.holds() {
		return nil, store.Never, ctx.Err()
	}
	return s.memory.Claim(ctx, lane, n)
}

// sweep moves into the database what the journal holds and memory does not: ids for which memory had no room.
func (s *Store) sweep(ctx context.Context, file store.Queue) error {
	if s.journal == nil {
		return nil
	}
	s.journal.accepting.Lock()
	defer s.journal.accepting.Unlock()
	if s.memory.Holds() {
		return nil
	}
	s.journal.mu.Lock()
	own := s.journal.file
	s.journal.mu.Unlock()
	if own != nil {
		err := store.HandOver(ctx, own, func(entries []*delivery.Entry) error {
			if err := file.Accept(ctx, entries); err != nil {
				return err
			}
			return own.Erase(ctx, store.IDs(entries))
		})
		if err != nil {
			return err
		}
	}
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	s.journal.ill = nil // memory and the file agree: both are empty
	return nil
}

// takeUp moves what dead processes left in their files into the database. While the database is away it moves them into
// memory, if memory delivers.
func (s *Store) takeUp(ctx context.Context) {
	if s.journal == nil || !s.lastTakeUp.IsZero() && time.Since(s.lastTakeUp) < takeUpPeriod {
		return
	}
	file, err := s.usable()
	if err != nil || file == nil && s.opts.HoldSpilled {
		return
	}
	s.lastTakeUp = time.Now()
	accept := func(entries []*delivery.Entry) error { return s.acceptHere(ctx, entries, true) }
	if file != nil {
		accept = func(entries []*delivery.Entry) error { return file.Accept(ctx, entries) }
	}
	for _, path := range s.journal.left() {
		switch n, err := s.journal.takeUp(ctx, path, accept); {
		case err != nil && ctx.Err() == nil:
			s.opts.Log.Error("a spill file of another process cannot be taken up", "file", path, "err", err)
		case n > 0:
			s.opts.Log.Warn("took up events that another process had kept while the queue was away", "file", path, "deliveries", n)
		}
	}
}

// Journal returns the path of the file that holds everything in memory; "" if there is none.
func (s *Store) Journal() string { return s.journal.name() }
