// Package sqlite is the store in one SQLite file, which any number of processes on one machine share.
//
// Use [Open]. When Accept or Settle returns, the change is in the file and synced: it survives kill -9 and a power
// failure. Every transaction passes a turnstile, which is a lock on a file beside the database, and commits all changes
// that wait in its process.
package sqlite

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"modernc.org/sqlite"
)

// Store is a queue in a file. It implements [store.Store] and [store.Browser].
type Store struct {
	opts   store.Options
	folder *folder
	files  []os.FileInfo // the database's when it was opened: see ends
	conn   *conn         // for writing; nil if the store is closed; guarded by turn
	pruned time.Time     // when Keep last pruned
	turn   chan struct{} // whoever fills it commits, for all that wait
	leases atomic.Int64  // claims that were given and not settled
	first  atomic.Int64  // the first delivery that this store accepted, or an earlier one; 0 if it accepted none

	unwritable error // why the file is only read; nil if it is written, too
	noLog      bool  // the file had no log beside it when it was opened

	mu      sync.Mutex
	waiting []*write
	readers []*conn // idle ones
	closed  bool
}

// closePatience is how long Close waits for its turn. Leases that it cannot release are released by the next process,
// which finds this one dead.
const closePatience = time.Second

// openPatience is how long Open waits for processes that lock the database outside the turnstile.
const openPatience = 10 * time.Second

// Open opens the queue of a file, and makes a missing file. It ends the leases of dead processes. It waits for other
// processes until ctx ends, for ten seconds at most.
func Open(ctx context.Context, opts store.Options) (*Store, error) {
	s := &Store{opts: opts.WithDefaults(), turn: make(chan struct{}, 1)}
	err := s.open(ctx)
	if err != nil && opts.ForPeople && isUnwritable(err) {
		s = &Store{opts: s.opts, turn: make(chan struct{}, 1)}
		err = s.openToRead(err)
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	_, err := sqlite.Fdatasync(true) // as SQLite does by itself if C compiles it
	if err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return err
	}
	if s.folder, err = openFolder(s.opts.Path); err != nil {
		return err
	}
	if err = s.folder.enter(ctx); err != nil {
		return errors.Join(err, s.folder.close(true))
	}
	if err = s.checkLog(); err == nil {
		err = s.folder.makeOwners()
	}
	if err == nil {
		err = createFile(s.opts.Path)
	}
	if err == nil {
		err = s.connect()
	}
	if err == nil {
		err = s.remember(ends...)
	}
	if err == nil {
		err = s.folder.register()
	}
	var dead []int64
	if err == nil {
		dead, err = s.folder.dead()
	}
	s.folder.leave()
	wrong := false
	if err == nil {
		wrong, err = s.hasWrongWaits(ctx)
	}
	if err == nil && (wrong || len(dead) > 0) { // usually there is nothing to recover, and no transaction is needed
		err = s.recover(ctx)
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// connect opens the connection for writing. It runs inside the turnstile.
func (s *Store) connect() error {
	for begun := time.Now(); ; {
		c, err := connect(s.opts.Path)
		if err != nil {
			return err
		}
		if err = c.open(s.opts.Path); err == nil {
			s.conn = c
			return nil
		}
		err = errors.Join(err, c.close())
		// SQLite does not wait by itself when it reads the log of a killed process, or first switches to a log.
		if !isBusy(err) || time.Since(begun) > openPatience {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// ends are the ends of the names of the database's files: the database, its log, and the index of the log.
var ends = []string{"", "-wal", "-shm"}

// remember notes which files are open.
func (s *Store) remember(ends ...string) error {
	for _, end := range ends {
		info, err := os.Stat(s.opts.Path + end)
		if err != nil {
			return err
		}
		s.files = append(s.files, info)
	}
	return nil
}

var errMoved = errors.New("the file or its log was moved, deleted or replaced while it was in use: " +
	"put it back, or restart awf-hook to use what is there now")

// checkPlace returns an error if the open files are no longer the ones at their paths: nobody would find what goes into them.
func (s *Store) checkPlace() error {
	for i, file := range s.files {
		if now, err := os.Stat(s.opts.Path + ends[i]); err != nil || !os.SameFile(now, file) {
			return errMoved
		}
	}
	return nil
}

// now returns the store's time.
func (s *Store) now() time.Time { return stored(s.opts.Now()) }

// stored rounds a time to the database's precision.
func stored(t time.Time) time.Time { return fromMilli(milli(t)) }

// Close makes due what this process has in flight, and closes the file.
func (s *Store) Close() error {
	s.turn <- struct{}{}
	defer func() { <-s.turn }()
	s.mu.Lock()
	closed, readers := s.closed, s.readers
	s.closed, s.readers = true, nil
	s.mu.Unlock()
	if closed {
		return nil
	}
	var errs []error
	for _, r := range readers {
		errs = append(errs, r.close())
	}
	if s.unwritable != nil {
		return errors.Join(errs...)
	}
	released := true
	if s.leases.Load() > 0 { // deliveries in flight need not wait for the end of their leases
		released = s.release() == nil
	}
	if s.conn != nil {
		if log, err := os.Stat(s.opts.Path + "-wal"); err == nil {
			s.conn.emptyLog(log.Size())
		}
		errs = append(errs, s.conn.close())
		s.conn = nil
	}
	return errors.Join(append(errs, s.folder.close(released))...)
}

// release makes due what this process has in flight. The caller holds turn.
func (s *Store) release() error {
	ctx, cancel := context.WithTimeout(context.Background(), closePatience)
	defer cancel()
	if err := s.folder.enter(ctx); err != nil {
		return err
	}
	defer s.folder.leave()
	now := s.now()
	_, err := s.conn.run(releaseLeases, now, now.Add(store.MaxLease), s.folder.owner)
	return err
}

// read runs a query on a connection of its own, beside the writing one.
func (s *Store) read(ctx context.Context, query string, f func(*row), args ...any) error {
	c, err := s.reader()
	if err != nil {
		return err
	}
	defer s.giveBack(c)
	return c.each(query, func(r *row) {
		if r.err = ctx.Err(); r.err == nil {
			f(r)
		}
	}, args...)
}

// number returns the number that a query selects, as [Store.read] runs it.
func (s *Store) number(ctx context.Context, query string, args ...any) (n int64, err error) {
	err = s.read(ctx, query, func(r *row) { n = r.Int64() }, args...)
	return n, err
}

// readSoon runs a short query. It uses the writing connection if that is idle, so that a short run opens no other one.
func (s *Store) readSoon(ctx context.Context, query string, f func(*row), args ...any) error {
	if s.unwritable != nil {
		return s.read(ctx, query, f, args...)
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
		if s.conn == nil {
			return store.ErrClosed
		}
		return s.conn.each(query, f, args...)
	default:
		return s.read(ctx, query, f, args...)
	}
}

// reader returns an idle reader, or else a new one. The caller gives it back.
func (s *Store) reader() (*conn, error) {
	s.mu.Lock()
	var idle *conn
	last, closed := len(s.readers)-1, s.closed
	if last >= 0 {
		idle, s.readers = s.readers[last], s.readers[:last]
	}
	s.mu.Unlock()
	switch {
	case closed:
		return nil, store.ErrClosed
	case idle != nil:
		return idle, nil
	case s.unwritable != nil:
		return connectToRead(s.opts.Path)
	}
	c, err := connect(s.opts.Path)
	if err == nil {
		if err = c.script(`PRAGMA query_only = 1`); err != nil {
			err = errors.Join(err, c.close())
		}
	}
	return c, err
}

// giveBack keeps a reader for reuse, two at most.
func (s *Store) giveBack(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.readers) == 2 {
		_ = c.close()
		return
	}
	s.readers = append(s.readers, c)
}

// Watch returns nil: the file must be polled.
func (s *Store) Watch(context.Context) <-chan []string { return nil }

// Ready tries a write that changes nothing.
func (s *Store) Ready(ctx context.Context) error {
	return s.write(ctx, func(tx *tx) {
		tx.checkRoom()
		tx.run(`UPDATE lanes SET bytes = bytes WHERE id = (SELECT min(id) FROM lanes)`)
	})
}
