package sqlite

import (
	"context"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// tx is one transaction: the changes of all that wait for it.
type tx struct {
	*conn
	store *Store
	begun time.Time       // by this process's clock
	now   time.Time       // the same, as precise as the database
	lanes map[int64]*lane // those that were looked at; changed ones are saved at the end
	ids   map[string]int64
}

// write is a change that waits to be committed.
type write struct {
	change func(*tx) error
	done   chan struct{} // closed when err is set
	err    error
}

// write makes a change and returns when it is committed. Changes that wait at the same time are committed together. A
// change that fails leaves no trace and does not harm the others; it may run twice.
func (s *Store) write(ctx context.Context, change func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w := &write{change: change, done: make(chan struct{})}
	s.mu.Lock()
	s.waiting = append(s.waiting, w)
	s.mu.Unlock()
	select {
	case s.turn <- struct{}{}:
		s.commitWaiting(ctx, w)
		<-s.turn
	case <-w.done:
		return w.err
	case <-ctx.Done():
	}
	if s.withdraw(w) {
		return ctx.Err()
	}
	<-w.done
	return w.err
}

// withdraw withdraws a change. It returns false if the change is being committed, or was.
func (s *Store) withdraw(w *write) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.waiting, w)
	if i < 0 {
		return false
	}
	s.waiting = slices.Delete(s.waiting, i, i+1)
	return true
}

// commitWaiting commits all waiting changes, unless somebody did already or ctx ends before this process has its turn.
// The caller holds turn.
func (s *Store) commitWaiting(ctx context.Context, w *write) {
	select {
	case <-w.done:
		return
	default:
	}
	var err error
	if s.conn == nil {
		err = store.ErrClosed
	} else if err = s.folder.enter(ctx); err == nil {
		defer s.folder.leave()
		err = s.checkPlace()
	} else if ctx.Err() != nil {
		return // the others go on waiting by themselves
	}
	s.mu.Lock()
	batch := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	inside := err == nil
	if inside {
		err = s.transaction(batch...)
	}
	for _, w := range batch {
		w.err = err
		if inside && err != nil && len(batch) > 1 { // one of them may be to blame
			w.err = s.transaction(w)
		}
		close(w.done)
	}
}

// transaction makes changes, all of them or none. It runs inside the turnstile.
func (s *Store) transaction(batch ...*write) error {
	if _, err := s.conn.run(`BEGIN IMMEDIATE`); err != nil {
		return err
	}
	begun := s.opts.Now()
	tx := &tx{conn: s.conn, store: s, begun: begun, now: stored(begun), lanes: map[int64]*lane{}, ids: map[string]int64{}}
	err := tx.change(batch)
	if err == nil {
		_, err = s.conn.run(`COMMIT`)
	}
	if err != nil {
		_, _ = s.conn.run(`ROLLBACK`)
	}
	return err
}

func (tx *tx) change(batch []*write) error {
	for _, w := range batch {
		if err := w.change(tx); err != nil {
			return err
		}
	}
	return tx.saveLanes()
}
