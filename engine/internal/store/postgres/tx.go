package postgres

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	maxTries   = 10                     // how often a transaction is tried if other transactions or lost connections end it
	firstPause = 20 * time.Millisecond  // the longest pause before the second try; each further one is twice as long
	maxPause   = 320 * time.Millisecond // the longest of all
)

// tx is one transaction. Statements are queued and sent together, so that a transaction costs three or four network round
// trips. Once one has failed, the others do nothing and read nothing, and the transaction ends with that error.
type tx struct {
	ctx   context.Context
	err   error
	conn  *pgxpool.Conn
	store *Store
	batch *pgx.Batch
	begun time.Time                   // by this process's clock
	now   time.Time                   // by the store's clock: see clock; what only reads knows it once it has sent something
	again bool                        // an earlier try may have been committed although its answer was lost
	count map[int]delivery.LaneCounts // changes to what the lanes hold
	told  map[string]struct{}         // webhooks with lanes that other nodes should look at
}

// refusal is an error that comes again whenever the transaction is repeated.
type refusal struct{ error }

// refuse ends the transaction if there is an error, unless it has failed already.
func (tx *tx) refuse(err error) {
	if err != nil && tx.err == nil {
		tx.err = refusal{err}
	}
}

// write makes a change and returns when it is committed. It repeats the change if another transaction or a lost
// connection ended it.
func (s *Store) write(ctx context.Context, change func(*tx)) error {
	return s.repeat(ctx, writing, change)
}

// errGone means that the database lacks what the store remembers of it.
var errGone = errors.New("a lane or a day's table is missing, perhaps lost in a failover: try again")

// writeAfter is write for a change that relies on what the store remembers: lanes and the tables of days. prepare makes what it does not
// remember. It is called again if something is gone.
func (s *Store) writeAfter(ctx context.Context, prepare func() error, change func(*tx)) error {
	for again := false; ; again = true {
		if err := prepare(); err != nil {
			return err
		}
		if err := s.write(ctx, change); again || !errors.Is(err, errGone) {
			return err
		}
	}
}

// forget forgets what the store remembers of the database: a failover lost commits, another node dropped a day, or this machine's clock was
// set.
func (s *Store) forget(ctx context.Context) error {
	s.mu.Lock()
	clear(s.lanes)
	clear(s.lows)
	s.mu.Unlock()
	s.partitions.Clear()
	_, err := s.compareClocks(ctx)
	return err
}

// mode is how a transaction runs, whatever the server's defaults are.
type mode struct {
	begin, settings string
	limit           time.Duration // 0 is none
	reads           bool
}

// Locks decide about a change, and each of its statements sees what the ones before waited for. What is read is one snapshot.
var (
	writing   = mode{`BEGIN ISOLATION LEVEL READ COMMITTED`, patience + lookups, callTimeout, false}
	lookingUp = mode{`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`, patience + lookups, callTimeout, true}
	reading   = mode{`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`, patience, readTimeout, true}
	checking  = mode{`BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY`, patience, 0, true} // all tables, as long as the caller allows
	migrating = mode{`BEGIN ISOLATION LEVEL READ COMMITTED`, patience, migrateTimeout, false}
)

// The server keeps the plan of a statement, which it may have made while a table was empty, and its counts of rows are as old as the
// last ANALYZE: no plan may read a table or an index whole that may have grown since. Statements name the rows by ANY or look them up by
// LATERAL with OFFSET 0, which keeps them lookups. Compiling a plan takes longer than running it. The server ends the transaction of a node
// that hangs or has lost its machine before those that wait for its locks give up.
const (
	patience = `SELECT set_config('lock_timeout', '10s', true), set_config('idle_in_transaction_session_timeout', '5s', true),
  set_config('jit', 'off', true)`
	lookups = `, set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true)`
	// How values are written, for a mode of pgx in which they are texts: a role or a database may have other settings.
	texts = `, set_config('datestyle', 'ISO', true), set_config('intervalstyle', 'postgres', true), set_config('bytea_output', 'hex', true),
  set_config('array_nulls', 'on', true), set_config('extra_float_digits', '1', true)`
)

// once is write for a change that finds less to do when it is made again. After a lost answer it asks the server whether the
// change was committed, and leaves what the change has told as it is. The change sends a statement.
func (s *Store) once(ctx context.Context, change func(*tx)) error {
	id := ""
	return s.write(ctx, func(tx *tx) {
		if tx.again && id != "" {
			fate := ""
			if !tx.query(`SELECT coalesce(pg_xact_status($1::text::xid8), '')`, id).Scan(&fate) || fate == "committed" {
				return
			}
			if fate == "in progress" {
				tx.err = errUnknown
				return
			}
		}
		tx.queue(`SELECT pg_current_xact_id()::text`).QueryRow(func(row pgx.Row) error { return row.Scan(&id) })
		change(tx)
	})
}

// errUnknown is repeated until the server has noticed that the connection is lost.
var errUnknown = errors.New("the server has not ended a transaction whose connection was lost: it may still commit it")

// read reads, and repeats that if the connection was lost.
func (s *Store) read(ctx context.Context, look func(*tx)) error {
	return s.repeat(ctx, reading, look)
}

func (s *Store) repeat(ctx context.Context, how mode, change func(*tx)) error {
	if err := ctx.Err(); err != nil {
		return inWords(err)
	}
	again := false
	for try := 1; ; try++ {
		err := s.transaction(ctx, how, again, change)
		refused, is := errors.AsType[refusal](err)
		switch {
		case s.closed.Load() && err != nil:
			return store.ErrClosed
		case isGone(err):
			return cmp.Or(s.forget(ctx), errGone)
		case is:
			return refused.error
		case err == nil || ctx.Err() != nil || try == maxTries || !mayRepeat(err):
			return inWords(err)
		}
		again = again || isLost(err)
		if !sleep(ctx, rand.N(min(firstPause<<(try-1), maxPause))) {
			return inWords(ctx.Err())
		}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// transaction makes a change once.
func (s *Store) transaction(ctx context.Context, how mode, again bool, change func(*tx)) error {
	if how.limit > 0 {
		limited, cancel := context.WithTimeout(ctx, how.limit)
		defer cancel()
		ctx = limited
	}
	begun := s.opts.Now()
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	tx := &tx{
		ctx: ctx, conn: conn, store: s, batch: &pgx.Batch{}, begun: begun, again: again,
		count: map[int]delivery.LaneCounts{}, told: map[string]struct{}{},
	}
	tx.queue(how.begin)
	tx.queue(how.settings + s.texts)
	if how.reads {
		tx.clock()
	}
	change(tx)
	tx.saveCounts()
	tx.queue(`COMMIT`)
	if !tx.send() {
		rollback, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = conn.Exec(rollback, `ROLLBACK`) // a connection that fails here is not used again
		return tx.err
	}
	s.tell(tx.told)
	return nil
}

// send sends the queued statements and reads the rows of the queries. It returns false once the transaction has failed.
func (tx *tx) send() bool {
	if tx.err == nil && tx.batch.Len() > 0 {
		tx.err = tx.conn.SendBatch(tx.ctx, tx.batch).Close()
	}
	tx.batch = &pgx.Batch{}
	return tx.err == nil
}

// script sends the queued statements, and then several in one text.
func (tx *tx) script(text string) {
	if tx.send() {
		_, tx.err = tx.conn.Exec(tx.ctx, text)
	}
}

// queue queues a statement.
func (tx *tx) queue(query string, args ...any) *pgx.QueuedQuery {
	return tx.batch.Queue(query, args...)
}

// each queues a query. When it is sent, f is called with each row.
func (tx *tx) each(f func(*row), query string, args ...any) {
	tx.rows(func(r *row) error { f(r); return nil }, query, args...)
}

// into returns a function for rows that appends what scan makes of each one to a list.
func into[T any](list *[]T, scan func(*row) (T, error)) func(*row) error {
	return func(r *row) error {
		value, err := scan(r)
		*list = append(*list, value)
		return err
	}
}

// rows is each for a function that may fail.
func (tx *tx) rows(f func(*row) error, query string, args ...any) {
	tx.queue(query, args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				return err
			}
			r := &row{values: values}
			if err := cmp.Or(f(r), r.err); err != nil {
				return refusal{err}
			}
		}
		return rows.Err()
	})
}

// column queues a query of one column, and appends its values to a list.
func column[T any](tx *tx, list *[]T, query string, args ...any) {
	tx.queue(query, args...).Query(func(rows pgx.Rows) error {
		values, err := pgx.CollectRows(rows, pgx.RowTo[T])
		*list = append(*list, values...)
		return err
	})
}

// all reads what scan makes of each row of a query.
func all[T any](ctx context.Context, s *Store, scan func(*row) T, query string, args ...any) (list []T, err error) {
	err = s.read(ctx, func(tx *tx) {
		list = nil
		tx.each(func(r *row) { list = append(list, scan(r)) }, query, args...)
	})
	return list, err
}

// single is the only row of a query. Scan reads it.
type single struct {
	tx    *tx
	query string
	args  []any
}

func (tx *tx) query(query string, args ...any) single { return single{tx, query, args} }

// Scan sends the queued statements and the query, and reads its row. Without a row it leaves the targets unchanged. It returns
// false once the transaction has failed.
func (s single) Scan(targets ...any) bool {
	s.tx.queue(s.query, s.args...).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := rows.Scan(targets...); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return s.tx.send()
}

// clock queues asking for the store's time. It comes after the locks, which may take time.
func (tx *tx) clock() {
	if tx.store.clock != nil {
		tx.now = tx.store.clock()
		return
	}
	tx.queue(`SELECT clock_timestamp()`).QueryRow(func(row pgx.Row) error { return row.Scan(&tx.now) })
}

// time asks for the store's time.
func (tx *tx) time() {
	tx.clock()
	tx.send()
}

// clean returns a text that PostgreSQL's type text accepts.
func clean(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// orNull returns a time for a column: NULL if it is zero.
func orNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// microseconds truncates a duration to a column's precision.
func microseconds(d time.Duration) time.Duration { return d.Truncate(time.Microsecond) }
