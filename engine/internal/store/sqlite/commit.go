package sqlite

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// tx is one transaction: the changes of all that wait for it. Once a statement has failed, the others do nothing and read nothing, and
// the transaction ends with that error.
type tx struct {
	conn  *conn
	err   error
	store *Store
	begun time.Time       // by this process's clock
	now   time.Time       // the same, as precise as the database
	lanes map[int64]*lane // those that were looked at; changed ones are saved at the end
	ids   map[string]int64
}

// write is a change that waits to be committed.
type write struct {
	change func(*tx)
	done   chan struct{} // closed when err is set
	err    error
}

// write makes a change and returns when it is committed. Changes that wait at the same time are committed together. A
// change that fails leaves no trace and does not harm the others; it may run twice.
func (s *Store) write(ctx context.Context, change func(*tx)) error {
	if err := cmp.Or(s.unwritable, ctx.Err()); err != nil {
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
	for _, w := range batch {
		w.change(tx)
	}
	tx.saveLanes()
	tx.run(`COMMIT`)
	if tx.err != nil {
		_, _ = s.conn.run(`ROLLBACK`)
	}
	return tx.err
}

// fail ends the transaction with an error, unless it has failed already.
func (tx *tx) fail(err error) { tx.err = cmp.Or(tx.err, err) }

// run runs a statement and returns how many rows it changed.
func (tx *tx) run(query string, args ...any) (changed int) {
	if tx.err == nil {
		changed, tx.err = tx.conn.run(query, args...)
	}
	return changed
}

// each calls f with each row of a query. f must not run statements.
func (tx *tx) each(query string, f func(*row), args ...any) {
	if tx.err == nil {
		tx.err = tx.conn.each(query, f, args...)
	}
}

// number returns the number that a query selects; 0 if it selects none.
func (tx *tx) number(query string, args ...any) (n int64) {
	tx.each(query, func(r *row) { n = r.Int64() }, args...)
	return n
}

// numbers returns a column of numbers.
func (tx *tx) numbers(query string, args ...any) (list []int64) {
	tx.each(query, func(r *row) { list = append(list, r.Int64()) }, args...)
	return list
}

// script runs several statements.
func (tx *tx) script(text string) {
	if tx.err == nil {
		tx.err = tx.conn.script(text)
	}
}
