// Package spill joins a store in a file or database with one in memory, which takes what the other cannot.
//
// Use [Open]. While the file cannot be written or is full, events are accepted into memory and delivered from there, and
// outcomes of the file's deliveries in flight wait in memory. When the file works again, both move into it.
package spill

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/memory"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
)

// Memory is the path of a queue that ends with its process.
const Memory = "memory:"

// closePatience is how long Close waits for the file to take outcomes.
const closePatience = 5 * time.Second

// fullPeriod is how long a full file is left alone.
const fullPeriod = 100 * time.Millisecond

// Store is a queue in a file and in memory. It implements [store.Store] and [store.Browser].
type Store struct {
	opts     store.Options
	openFile func(context.Context) (store.Queue, error) // nil if the queue is in memory alone
	memory   *memory.Store
	journal  *journal   // of what memory holds; nil for a queue in a file, since a journal would be on the same disk
	healing  sync.Mutex // held while what is in memory moves into the file

	mu        sync.Mutex
	file      store.Queue // nil while it cannot be opened
	broken    error       // why the file is not used; nil if it is used
	full      bool        // the file has no room for new events
	tryAgain  time.Time   // when to try a full file again
	unsettled []delivery.Settlement
	closed    bool

	lastTakeUp time.Time // guarded by healing, once New has returned
}

// Open opens a queue: a SQLite file, a PostgreSQL URL, or memory alone if the path is [Memory]. It logs why a queue
// cannot be used, and Keep tries again: see [Store.Broken]. It waits for others that lock the queue until ctx ends.
func Open(ctx context.Context, opts store.Options) *Store {
	if postgres.IsURL(opts.Path) {
		return New(ctx, opts, func(ctx context.Context) (store.Queue, error) { return postgres.Open(ctx, opts) })
	}
	opts.SpillFolder = "" // a spill file would be on the same disk as the file
	if opts.Path == Memory {
		return New(ctx, opts, nil)
	}
	return New(ctx, opts, func(ctx context.Context) (store.Queue, error) { return sqlite.Open(ctx, opts) })
}

// New joins a store in memory with the one that openFile opens. With a spill folder, what is in memory survives the
// process.
func New(ctx context.Context, opts store.Options, openFile func(context.Context) (store.Queue, error)) *Store {
	opts = opts.WithDefaults()
	s := &Store{opts: opts, openFile: openFile, journal: newJournal(opts)}
	own := store.Options{Keep: opts.Keep, KeepDead: opts.KeepDead, Now: opts.Now}
	switch {
	case s.journal != nil:
		own.MaxSize = JournalSize
	case openFile == nil:
		own.MaxSize = min(opts.MaxSize, memory.DefaultSize)
	}
	s.memory = memory.Open(own)
	s.reopen(ctx)
	s.takeUp(context.WithoutCancel(ctx))
	return s
}

// reopen opens the file if it is not open. One goroutine calls it at a time; others use the memory meanwhile.
func (s *Store) reopen(ctx context.Context) {
	s.mu.Lock()
	open := s.openFile == nil || s.file != nil || s.closed
	s.mu.Unlock()
	if open {
		return
	}
	file, err := s.openFile(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.breaks(err)
		return
	}
	s.file = file
}

// breaks notes that the file cannot be used. A timeout does not replace another reason that is known. The caller holds mu.
func (s *Store) breaks(err error) {
	if s.broken != nil && errors.Is(err, context.DeadlineExceeded) {
		return
	}
	if s.broken == nil && !s.opts.ForPeople {
		s.opts.Log.Error("the queue cannot be used, deliveries are kept in memory", "queue", s.opts.Name, "err", err)
	}
	s.broken = err
}

// fails notes that the file failed.
func (s *Store) fails(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !errors.Is(err, store.ErrFull) {
		s.breaks(err)
		return
	}
	s.broken = nil // a full file is still usable
	s.tryAgain = s.opts.Now().Add(fullPeriod)
	if !s.full {
		s.full = true
		s.opts.Log.Error("the queue has reached its max_size, deliveries are kept in memory", "queue", s.opts.Name)
	}
}

// Broken returns why the queue's file is not in use; nil if it is.
func (s *Store) Broken() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.broken
}

// IsOpen reports whether the queue's file, if it has one, was opened. If not, nobody knows what it holds.
func (s *Store) IsOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.openFile == nil || s.file != nil
}

// errInMemory means that the queue has no file.
var errInMemory = errors.New("the queue is in memory")

// inUse returns the file, or why it is not in use: the queue is closed, in memory alone, or broken.
func (s *Store) inUse() (store.Queue, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, store.ErrClosed
	case s.openFile == nil:
		return nil, errInMemory
	case s.broken != nil:
		return nil, s.broken
	}
	return s.file, nil
}

// usable returns the file; nil if it is not in use. The error is [store.ErrClosed].
func (s *Store) usable() (store.Queue, error) {
	file, err := s.inUse()
	if errors.Is(err, store.ErrClosed) {
		return nil, err
	}
	return file, nil
}

// Accept implements [store.Store].
func (s *Store) Accept(ctx context.Context, entries []*delivery.Entry) error {
	return s.accept(ctx, entries, false)
}

// accept accepts entries. If lasts is set they must be in the file or in the journal, and accept does not wait for room.
func (s *Store) accept(ctx context.Context, entries []*delivery.Entry, lasts bool) error {
	file, err := s.usable()
	if err != nil {
		return err
	}
	switch room := s.mayHaveRoom(); {
	case file == nil || !room && !lasts:
		return s.acceptHere(ctx, entries, lasts)
	case !room && s.journal == nil:
		return store.ErrFull // a smaller batch may fit later
	}
	toFile, toMemory := s.split(entries)
	if err := s.acceptHere(ctx, toMemory.list(), lasts); err != nil {
		return err
	}
	err = file.Accept(ctx, toFile.list())
	switch {
	case err == nil:
	case ctx.Err() != nil || errors.Is(err, store.ErrClosed) || lasts && errors.Is(err, store.ErrFull):
		s.forgetHere(ctx, toMemory.accepted())
		return err
	default:
		s.fails(err)
		if err := s.acceptHere(ctx, toFile.list(), lasts); err != nil {
			s.forgetHere(ctx, toMemory.accepted())
			return err
		}
	}
	toFile.merge()
	toMemory.merge()
	for _, entry := range entries {
		for _, c := range entry.Claims {
			if !s.memory.Owns(c) {
				s.memory.Hold(c)
			}
		}
	}
	return nil
}

// ErrUnstored means that the file does not take new events, so that only memory could hold them.
var ErrUnstored = errors.New("the queue cannot store events")

// AcceptStored is Accept for entries that must not be in memory alone. If that is impossible, the error wraps ErrUnstored
// or [store.ErrFull], and nothing is accepted.
func (s *Store) AcceptStored(ctx context.Context, entries []*delivery.Entry) error {
	return s.accept(ctx, entries, true)
}

// mayHaveRoom reports whether the file is worth trying.
func (s *Store) mayHaveRoom() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.full || s.opts.Now().After(s.tryAgain)
}

// Claim implements [store.Store]. While deliveries of the lane wait in memory, the lane's rate and breaker there also
// limit claims from the file.
func (s *Store) Claim(ctx context.Context, lane delivery.Lane, n int) ([]*delivery.Claim, time.Duration, error) {
	file, err := s.usable()
	if err != nil {
		return nil, 0, err
	}
	inUse := s.memory.Uses(lane.Webhook)
	claims, next, err := s.claimHere(ctx, lane, n)
	if file == nil || err != nil || len(claims) == n {
		return claims, next, err
	}
	allowed, wait := s.memory.Allow(lane, n-len(claims))
	switch {
	case !inUse: // the file's own state of the lane applies
		allowed = n - len(claims)
	case allowed == 0:
		return claims, wait, nil
	}
	more, later, err := file.Claim(ctx, lane, allowed)
	if err != nil {
		if ctx.Err() == nil {
			s.fails(err)
		}
		return claims, next, nil
	}
	more = s.hold(ctx, file, more)
	s.memory.Took(lane, len(more))
	return append(claims, more...), sooner(next, later), nil
}

// sooner returns the shorter of two waits.
func sooner(a, b time.Duration) time.Duration {
	if a == store.Never || b != store.Never && b < a {
		return b
	}
	return a
}

// hold gives back claims of the file whose order key has a delivery in flight in memory. It returns the others.
func (s *Store) hold(ctx context.Context, file store.Queue, claims []*delivery.Claim) (held []*delivery.Claim) {
	var back []delivery.Settlement
	for _, c := range claims {
		if s.memory.Hold(c) {
			held = append(held, c)
		} else {
			back = append(back, delivery.Settlement{Claim: c, Outcome: delivery.Retry, After: store.KeyPatience})
		}
	}
	if len(back) > 0 {
		if _, err := file.Settle(ctx, back); err != nil {
			s.keepOutcomes(back)
		}
	}
	return held
}

// Renew implements [store.Store].
func (s *Store) Renew(ctx context.Context, c *delivery.Claim, lease time.Duration) (bool, error) {
	if s.memory.Owns(c) {
		return s.memory.Renew(ctx, c, lease)
	}
	file, err := s.inUse()
	if err != nil {
		return false, err
	}
	held, err := file.Renew(ctx, c, lease)
	switch {
	case held:
		s.memory.Hold(c)
	case err == nil:
		s.memory.Release(c)
	}
	return held, err
}

// Settle implements [store.Store]. It keeps outcomes that the file does not take.
func (s *Store) Settle(ctx context.Context, settlements []delivery.Settlement) (lost []*delivery.Claim, err error) {
	if _, err := s.usable(); err != nil {
		return nil, err
	}
	inFile, inMemory := s.divide(settlements)
	if len(inFile) > 0 {
		if lost, err = s.settleFile(ctx, inFile); err != nil {
			s.keepOutcomes(inFile)
		}
		s.memory.Note(inFile, err == nil)
		for _, st := range inFile {
			s.memory.Release(st.Claim)
		}
	}
	if len(inMemory) == 0 {
		return lost, nil
	}
	ctx = context.WithoutCancel(ctx)
	more, err := s.memory.Settle(ctx, inMemory)
	if s.journal != nil && err == nil {
		s.journal.amend(ctx, s.memory.Entries(inMemory))
	}
	if file, broken := s.inUse(); broken == nil {
		s.shareLanes(ctx, file)
	}
	return append(lost, more...), err
}

// Watch implements [store.Store].
func (s *Store) Watch(ctx context.Context) <-chan []string {
	if file, err := s.inUse(); err == nil {
		return file.Watch(ctx)
	}
	return nil
}

// Close writes the kept outcomes and closes the queue. What waits in memory is lost, unless a journal has it.
func (s *Store) Close() error {
	s.healing.Lock()
	defer s.healing.Unlock()
	s.mu.Lock()
	closed, file := s.closed, s.file
	s.closed = true
	s.mu.Unlock()
	if closed {
		return nil
	}
	err := s.memory.Close()
	if file != nil {
		ctx, cancel := context.WithTimeout(context.Background(), closePatience)
		defer cancel()
		if lateErr := s.settleLate(ctx, file); lateErr != nil {
			const text = "%d outcomes could not be stored, their deliveries are sent again: %w"
			err = errors.Join(err, fmt.Errorf(text, len(s.Unsettled()), lateErr))
		}
		err = errors.Join(err, file.Close())
	}
	return errors.Join(err, s.journal.close())
}
