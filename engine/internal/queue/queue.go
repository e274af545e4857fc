// Package queue keeps deliveries from the moment that their event is accepted until their outcome is final, and after.
//
// It is one SQLite database, in a file that any number of processes share or in memory.
// While the file cannot be written, deliveries are kept in memory; see [Queue].
package queue

import (
	"cmp"
	"errors"
	"log/slog"
	"sync"
	"time"
)

var (
	// ErrFull says that there is no room, neither in the file nor in memory.
	ErrFull   = errors.New("queue full")
	ErrClosed = errors.New("queue closed")
	// ErrUnknown says that there is no such delivery.
	ErrUnknown = errors.New("no such delivery")
)

// Bounds of the queue. They stand in docs/config.md.
const (
	MemorySize = 32 << 20 // bytes that are kept in memory while the file cannot be written

	DefaultMaxSize  = 1 << 30
	DefaultKeep     = 7 * 24 * time.Hour
	DefaultKeepDead = 90 * 24 * time.Hour
	keepIDs         = 30 * 24 * time.Hour // beyond a delivery's pruning

	MaxLease = time.Hour      // of a claim
	MaxWait  = 24 * time.Hour // between two attempts, and of a lane's rest
	maxSet   = time.Hour      // by which a clock may be set back before what waits counts as stored by a wrong one

	BreakerFailures = 5               // attempts in a row that open a lane's breaker
	minBreakerWait  = 5 * time.Second // between its probes, doubled from there
	maxBreakerWait  = 5 * time.Minute
)

// Options say where a queue is and how much it keeps. Zero sizes and times are the defaults.
type Options struct {
	Path    string // of the file; "memory:" keeps nothing beyond Close
	MaxSize int64  // bytes of the file
	Keep    Keep
	Log     *slog.Logger
}

// Queue holds the deliveries of all webhooks. Its methods may be called by several goroutines at once.
//
// While its file cannot be written, what is accepted is kept in memory, [MemorySize] bytes at most, and what is in flight
// is settled in memory; [Queue.Heal] brings both into the file when it can be written again.
type Queue struct {
	opts    Options
	healing sync.Mutex // held while what is in memory goes into the file

	mu        sync.Mutex
	file      *store    // nil for memory:, and while it cannot be opened
	memory    *store    // nil until it is needed
	broken    error     // why the file is not used; nil if it is
	full      bool      // the file has no room for what is new
	tryAgain  time.Time // when it is tried again, if it is full
	unsettled []Settlement
	closed    bool
}

// Memory is the path of a queue that ends with its process.
const Memory = memoryFile

// Open opens a queue. A file that cannot be used is said, and tried again by Heal; see [Queue.Broken].
func Open(opts Options) *Queue {
	opts.MaxSize = cmp.Or(opts.MaxSize, DefaultMaxSize)
	opts.Keep.Done = cmp.Or(opts.Keep.Done, DefaultKeep)
	opts.Keep.Dead = cmp.Or(opts.Keep.Dead, DefaultKeepDead)
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	q := &Queue{opts: opts}
	if opts.Path != Memory {
		q.openFile(time.Now())
	}
	return q
}

// openFile opens the file, or notes why it cannot be used. Under mu, or before there is a second caller.
func (q *Queue) openFile(now time.Time) {
	s, err := openStore(q.opts.Path, q.opts.MaxSize)
	if err == nil {
		if err = s.recover(now); err != nil {
			err = errors.Join(err, s.close())
		}
	}
	if err != nil {
		q.breaks(err)
		return
	}
	q.file = s
}

// breaks notes that the file cannot be used. Under mu.
func (q *Queue) breaks(err error) {
	if q.broken == nil {
		q.opts.Log.Error("the queue's file cannot be used, deliveries are kept in memory", "file", q.opts.Path, "err", err)
	}
	q.broken = err
}

// Broken says why the queue's file is not in use; nil if it is.
func (q *Queue) Broken() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.broken
}

// stores returns the databases in use: the file unless it is broken, and the memory if there is one.
func (q *Queue) stores() (file, memory *store, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return nil, nil, ErrClosed
	}
	if q.broken == nil {
		file = q.file
	}
	if q.opts.Path == Memory && q.memory == nil {
		err = q.openMemory()
	}
	return file, q.memory, err
}

// overflow returns the database in memory, which is made when it is first needed.
func (q *Queue) overflow() (*store, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	var err error
	if q.memory == nil {
		err = q.openMemory()
	}
	return q.memory, err
}

// openMemory makes the database in memory. Under mu.
func (q *Queue) openMemory() (err error) {
	q.memory, err = openStore(memoryFile, MemorySize)
	return err
}

// fails notes that the file failed.
func (q *Queue) fails(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if errors.Is(err, ErrFull) {
		q.tryAgain = time.Now().Add(fullPeriod)
		if !q.full {
			q.full = true
			q.opts.Log.Error("the queue has reached its max_size, deliveries are kept in memory", "file", q.opts.Path)
		}
		return
	}
	q.breaks(err)
}

// fullPeriod is how long a file that had no room is left alone.
const fullPeriod = 100 * time.Millisecond

// mayHaveRoom says whether the file is worth trying.
func (q *Queue) mayHaveRoom(now time.Time) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.full || now.After(q.tryAgain)
}

// Accept takes events with their deliveries, in order, all of them or none. An error that wraps ErrFull says that there is no room.
func (q *Queue) Accept(now time.Time, entries []*Entry) error {
	file, _, err := q.stores()
	if err != nil {
		return err
	}
	if file != nil && q.mayHaveRoom(now) {
		err := file.acceptWithRoom(now, entries)
		if err == nil || errors.Is(err, ErrClosed) {
			return err
		}
		q.fails(err)
	}
	memory, err := q.overflow()
	if err != nil {
		return err
	}
	return memory.acceptWithRoom(now, entries)
}

// Claim takes up to n deliveries of the lane that are due, those first that are due longest.
// next is when it is worth asking again; zero if that is not known.
func (q *Queue) Claim(now time.Time, lane Lane, n int) (claims []*Claim, next time.Time, err error) {
	file, memory, err := q.stores()
	if err != nil {
		return nil, next, err
	}
	if memory != nil {
		if claims, next, err = memory.claim(lane, now, n); err != nil {
			return nil, next, err
		}
	}
	if file == nil || len(claims) == n {
		return claims, next, nil
	}
	more, later, err := file.claim(lane, now, n-len(claims))
	if err != nil {
		q.fails(err)
		return claims, next, nil
	}
	if next.IsZero() || !later.IsZero() && later.Before(next) {
		next = later
	}
	return append(claims, more...), next, nil
}

// Renew makes a claim hold until then. It is false if the claim was lost to somebody else.
func (q *Queue) Renew(c *Claim, until time.Time) (bool, error) {
	if _, _, err := q.stores(); err != nil {
		return false, err
	}
	return c.store.renew(c, until)
}

// Settle ends claims. A claim that was lost is passed over, and returned.
func (q *Queue) Settle(now time.Time, settlements []Settlement) (lost []*Claim, err error) {
	file, memory, err := q.stores()
	if err != nil {
		return nil, err
	}
	var inFile, inMemory []Settlement
	for _, s := range settlements {
		if memory != nil && s.Claim.store == memory {
			inMemory = append(inMemory, s)
		} else {
			inFile = append(inFile, s)
		}
	}
	if len(inMemory) > 0 {
		if lost, err = memory.settle(now, inMemory); err != nil {
			return lost, err
		}
	}
	if len(inFile) == 0 {
		return lost, nil
	}
	if file != nil {
		more, err := file.settle(now, inFile)
		if err == nil {
			return append(lost, more...), nil
		}
		q.fails(err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.unsettled = append(q.unsettled, inFile...) // no more than was in flight: a broken file gives no claims
	return lost, nil
}

// NextDue says for each webhook with deliveries that wait when the first of them is due.
func (q *Queue) NextDue() (map[string]time.Time, error) {
	file, memory, err := q.stores()
	if err != nil {
		return nil, err
	}
	due := map[string]time.Time{}
	for _, s := range []*store{file, memory} {
		if s == nil {
			continue
		}
		more, err := s.nextDue()
		if err != nil {
			return nil, err
		}
		for webhook, at := range more {
			if first, there := due[webhook]; !there || at.Before(first) {
				due[webhook] = at
			}
		}
	}
	return due, nil
}

// Left counts what waits for the webhooks, in a file that cannot be written too.
func (q *Queue) Left(webhooks []string) (Left, error) {
	_, memory, err := q.stores()
	if err != nil {
		return Left{}, err
	}
	q.mu.Lock()
	file, unsettled := q.file, len(q.unsettled)
	q.mu.Unlock()
	var left Left
	if file != nil {
		if left, err = file.left(webhooks); err != nil {
			return left, err
		}
		left.Waiting = max(0, left.Waiting-unsettled)
	}
	if memory != nil {
		more, err := memory.left(webhooks)
		if err != nil {
			return left, err
		}
		left.Waiting += more.Waiting
		left.Lost = more.Waiting
	}
	due, err := q.NextDue()
	for _, webhook := range webhooks {
		if at, waits := due[webhook]; waits && (left.Next.IsZero() || at.Before(left.Next)) {
			left.Next = at
		}
	}
	return left, err
}

// primary is the database that is looked at and changed by hand.
func (q *Queue) primary() (*store, error) {
	file, memory, err := q.stores()
	switch {
	case err != nil:
		return nil, err
	case file != nil:
		return file, nil
	case q.opts.Path == Memory:
		return memory, nil
	}
	return nil, q.Broken()
}

// List lists deliveries, those that were accepted last first.
func (q *Queue) List(now time.Time, f Filter) ([]Item, error) {
	s, err := q.primary()
	if err != nil {
		return nil, err
	}
	return s.list(now, f)
}

// Show returns a delivery whole; ErrUnknown if there is none.
func (q *Queue) Show(now time.Time, id string) (*Detail, error) {
	s, err := q.primary()
	if err != nil {
		return nil, err
	}
	return s.show(now, id)
}

// Replay makes the dead letters of a filter due again, and says how many.
func (q *Queue) Replay(now time.Time, f Filter, c Change) (int, error) {
	s, err := q.primary()
	if err != nil {
		return 0, err
	}
	return s.replay(now, f, c)
}

// Delete forgets the deliveries of a filter that are not in flight, and says how many. Their ids stay known.
func (q *Queue) Delete(now time.Time, f Filter) (int, error) {
	s, err := q.primary()
	if err != nil {
		return 0, err
	}
	return s.delete(now, f)
}
