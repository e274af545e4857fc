package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// store is one database: of a file, or in memory.
type store struct {
	folder  *folder // nil in memory
	maxSize int64   // bytes of its pages; what is accepted beyond is refused
	db      *sql.DB
	conn    *sql.Conn // writes; one at a time, see write
	reads   *sql.DB   // nil in memory, where conn reads too
	st      statements
	owner   int64
	lanes   map[string]int64 // the ids of the webhooks' lanes; under turn

	mu      sync.Mutex
	waiting []*write
	turn    sync.Mutex // who holds it commits, for all that wait
}

// memoryOwner is the one process that has a database in memory.
const memoryOwner = 1

// memoryFile is the name of a database in memory.
const memoryFile = "memory:"

// openStore opens or makes a database.
func openStore(path string, maxSize int64) (*store, error) {
	s := &store{maxSize: maxSize, owner: memoryOwner, lanes: map[string]int64{}}
	if path == memoryFile {
		return s, s.open("file::memory:?mode=memory")
	}
	f, err := openFolder(path)
	if err != nil {
		return nil, err
	}
	s.folder = f
	if err := f.enter(); err != nil {
		return nil, errors.Join(err, f.close(true))
	}
	defer f.leave()
	err = createFile(path)
	if err == nil {
		err = s.open(dsn(path, "rw"))
	}
	if err == nil {
		err = f.register()
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.owner = f.owner
	if s.reads, err = sql.Open("sqlite", dsn(path, "rw")+"&_pragma=busy_timeout(10000)&_pragma=query_only(1)"); err == nil {
		s.reads.SetMaxOpenConns(2)
	}
	return s, err
}

// openPatience is how long opening waits for those who have the file open outside the turnstile.
const openPatience = 10 * time.Second

// open prepares the connection that writes. Inside the turnstile.
func (s *store) open(dsn string) error {
	for begun := time.Now(); ; {
		err := s.tryOpen(dsn)
		// Taking up a log that a killed process left, and the first switch to the log, do not wait by themselves.
		if !isBusy(err) || time.Since(begun) > openPatience {
			return err
		}
		_ = errors.Join(s.st.close(), s.conn.Close(), s.db.Close())
		s.st = statements{}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *store) tryOpen(dsn string) error {
	var err error
	if s.db, err = sql.Open("sqlite", dsn); err != nil {
		return err
	}
	s.db.SetMaxOpenConns(1)
	if s.conn, err = s.db.Conn(context.Background()); err != nil {
		return err
	}
	pragmas := `
PRAGMA auto_vacuum = incremental;
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA fullfsync = 1;
PRAGMA checkpoint_fullfsync = 1;`
	if err := exec(s.conn, `PRAGMA busy_timeout = 10000`); err != nil {
		return err
	}
	if err := checkSchema(s.conn); err != nil { // before anything is changed
		return err
	}
	if err := exec(s.conn, pragmas); err != nil {
		return err
	}
	if err := migrate(s.conn); err != nil {
		return err
	}
	return s.st.prepare(s.conn)
}

func (s *store) close() error {
	var errs []error
	if s.reads != nil {
		errs = append(errs, s.reads.Close())
	}
	s.turn.Lock()
	defer s.turn.Unlock()
	inside := s.folder != nil && s.folder.enter() == nil // the last one to close moves the log into the file
	var leases error
	if s.conn != nil {
		if s.folder != nil && s.owner == s.folder.owner { // what is still in flight need not wait for its lease's end
			now := time.Now()
			leases = s.st.release.run(milli(now), milli(now.Add(MaxLease)), s.owner)
		}
		errs = append(errs, s.st.close(), s.conn.Close())
		s.conn = nil
	}
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	if inside {
		s.folder.leave()
	}
	if s.folder != nil {
		errs = append(errs, s.folder.close(leases == nil))
	}
	return errors.Join(errs...)
}

// write is a change that waits to be committed.
type write struct {
	change func() error
	done   bool  // under turn
	err    error // under turn
}

// write makes a change and returns when it is committed. Changes that wait meanwhile are committed together.
// A change that fails leaves no trace, and the others unharmed.
func (s *store) write(change func() error) error {
	w := &write{change: change}
	s.mu.Lock()
	s.waiting = append(s.waiting, w)
	s.mu.Unlock()
	s.turn.Lock()
	defer s.turn.Unlock()
	if w.done { // somebody took it along
		return w.err
	}
	s.mu.Lock()
	batch := s.waiting
	s.waiting = nil
	s.mu.Unlock()
	s.commit(batch)
	return w.err
}

// commit makes the changes in one transaction, or each in one of its own if one of them fails.
func (s *store) commit(batch []*write) {
	err := s.transaction(batch)
	for _, w := range batch {
		w.done, w.err = true, err
		if err != nil && len(batch) > 1 {
			w.err = s.transaction([]*write{w})
		}
	}
}

func (s *store) transaction(batch []*write) error {
	if s.conn == nil {
		return ErrClosed
	}
	if s.folder != nil {
		if err := s.folder.enter(); err != nil {
			return fmt.Errorf("lock: %w", err)
		}
		defer s.folder.leave()
	}
	if err := s.st.begin.run(); err != nil {
		return err
	}
	for _, w := range batch {
		if err := w.change(); err != nil {
			_ = s.st.rollback.run()
			clear(s.lanes) // some may have been new
			return err
		}
	}
	if err := s.st.commit.run(); err != nil {
		_ = s.st.rollback.run()
		clear(s.lanes)
		return err
	}
	return nil
}

// read runs a query that changes nothing, beside those that write. more is given each row.
func (s *store) read(query string, args []any, more func(*sql.Rows) error) error {
	if s.reads == nil {
		s.turn.Lock()
		defer s.turn.Unlock()
		if s.conn == nil {
			return ErrClosed
		}
		rows, err := s.conn.QueryContext(context.Background(), query, args...)
		return each(rows, err, more)
	}
	rows, err := s.reads.QueryContext(context.Background(), query, args...)
	return each(rows, err, more)
}

func each(rows *sql.Rows, err error, more func(*sql.Rows) error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := more(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// laneID returns the lane of a webhook, which is made if it is new. In a change.
func (s *store) laneID(webhook string) (int64, error) {
	if id, known := s.lanes[webhook]; known {
		return id, nil
	}
	if err := s.st.addLane.run(webhook); err != nil {
		return 0, err
	}
	var id int64
	if err := s.st.findLane.row(webhook).Scan(&id); err != nil {
		return 0, err
	}
	s.lanes[webhook] = id
	return id, nil
}

// dsn names a file for the driver.
func dsn(path, mode string) string {
	return "file:" + escape(path) + "?mode=" + mode
}

// milli is a time as the database has it; the zero time is 0.
func milli(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func fromMilli(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
