package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"modernc.org/sqlite"
)

// conn is a connection to the database, for one goroutine at a time. It uses the driver directly, since database/sql would cost more
// than most statements do. Statements are prepared when they first run, and kept.
type conn struct {
	driver   driver.Conn
	prepared map[string]*statement
	args     []driver.NamedValue // reused by each statement: the driver copies them
}

type statement struct {
	driver.Stmt
	values []driver.Value // of a row
}

// connect opens a connection to a file that exists.
func connect(path, options string) (*conn, error) {
	var d sqlite.Driver
	dc, err := d.Open("file:" + (&url.URL{Path: path}).EscapedPath() + "?mode=rw&_pragma=busy_timeout(10000)" + options)
	if err != nil {
		return nil, err
	}
	return &conn{driver: dc, prepared: map[string]*statement{}}, nil
}

// close ends the statements first: SQLite does not close a database that has some.
func (c *conn) close() error {
	var errs []error
	for _, s := range c.prepared {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.driver.Close())...)
}

// script runs several statements.
func (c *conn) script(text string) error {
	_, err := c.driver.(driver.ExecerContext).ExecContext(context.Background(), text, nil)
	return err
}

// prepare returns the statement of a query. The names of states in it are replaced by their numbers: see [stateNumbers].
func (c *conn) prepare(query string) (*statement, error) {
	if s := c.prepared[query]; s != nil {
		return s, nil
	}
	s, err := c.driver.Prepare(stateNumbers.Replace(query))
	if err != nil {
		return nil, err
	}
	c.prepared[query] = &statement{Stmt: s}
	return c.prepared[query], nil
}

// run runs a statement and returns how many rows it changed.
func (c *conn) run(query string, args ...any) (changed int64, err error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	res, err := s.Stmt.(driver.StmtExecContext).ExecContext(context.Background(), c.values(args))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// each calls f with each row of a query.
func (c *conn) each(query string, f func(*row) error, args ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	rows, err := s.Stmt.(driver.StmtQueryContext).QueryContext(context.Background(), c.values(args))
	if err != nil {
		return err
	}
	if s.values == nil {
		s.values = make([]driver.Value, len(rows.Columns()))
	}
	for {
		switch err := rows.Next(s.values); {
		case errors.Is(err, io.EOF):
			return rows.Close()
		case err != nil:
			return errors.Join(err, rows.Close())
		}
		if err := f(&row{values: s.values}); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
}

// first returns the first row of a query, or nil if there is none. The row holds until the query runs again.
func (c *conn) first(query string, args ...any) (first *row, err error) {
	err = c.each(query, func(r *row) error {
		first = r
		return nil
	}, args...)
	return first, err
}

// number returns the number that a query selects; 0 if it selects none.
func (c *conn) number(query string, args ...any) (int64, error) {
	r, err := c.first(query, args...)
	if err != nil || r == nil {
		return 0, err
	}
	return r.int(), nil
}

// numbers returns a column of numbers.
func (c *conn) numbers(query string, args ...any) (list []int64, err error) {
	err = c.each(query, func(r *row) error {
		list = append(list, r.int())
		return nil
	}, args...)
	return list, err
}

// values gives arguments the types that the driver takes.
func (c *conn) values(args []any) []driver.NamedValue {
	c.args = c.args[:0]
	for i, arg := range args {
		switch a := arg.(type) {
		case int:
			arg = int64(a)
		case time.Time:
			arg = milli(a)
		}
		c.args = append(c.args, driver.NamedValue{Ordinal: i + 1, Value: arg})
	}
	return c.args
}

// row is a row of a query. Each method takes the next column; NULL is the zero value.
type row struct {
	values []driver.Value
	next   int
}

func (r *row) value() driver.Value {
	r.next++
	return r.values[r.next-1]
}

func (r *row) int() int64 {
	n, _ := r.value().(int64)
	return n
}

func (r *row) bool() bool { return r.int() != 0 }

func (r *row) float() float64 {
	f, _ := r.value().(float64)
	return f
}

func (r *row) text() string {
	s, _ := r.value().(string)
	return s
}

func (r *row) bytes() []byte {
	b, _ := r.value().([]byte)
	return b
}

func (r *row) time() time.Time { return fromMilli(r.int()) }

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

// ceilMilli is a duration in milliseconds, rounded up.
func ceilMilli(d time.Duration) int64 { return (d + time.Millisecond - 1).Milliseconds() }

// isBusy reports whether somebody else has the database locked.
func isBusy(err error) bool {
	const busy, locked, primary = 5, 6, 0xff
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&primary == busy || e.Code()&primary == locked)
}

// minSQLite is the first version without a race that loses data: between a commit and a reset of the write-ahead log
// by another process.
var minSQLite = [3]int{3, 51, 3}

func checkVersion(text string) error {
	var v [3]int
	if _, err := fmt.Sscanf(text, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		return fmt.Errorf("version of SQLite %q: %w", text, err)
	}
	for i := range v {
		if v[i] < minSQLite[i] {
			return fmt.Errorf("SQLite %s can lose data: want 3.51.3 or newer", text)
		}
		if v[i] > minSQLite[i] {
			break
		}
	}
	return nil
}

// stateNumbers replaces the names of states in statements by their numbers. An index that has a condition is used
// only where a statement repeats its condition word for word.
var stateNumbers = strings.NewReplacer("DELIVERED", "1", "DROPPED", "3", "PRUNED", "4", "BEHIND", "5", "DEAD", "2", "DUE", "0")
