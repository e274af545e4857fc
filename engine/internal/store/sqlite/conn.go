package sqlite

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"syscall"
	"time"

	"modernc.org/libc"
	lib "modernc.org/sqlite/lib"
)

// conn is a connection to the database, for one goroutine at a time. It calls SQLite's own functions, since database/sql
// and its driver cost about as much as the statements. It prepares a statement on first use and keeps it.
type conn struct {
	tls      *libc.TLS
	db       uintptr
	prepared map[string]*statement
	buffer   uintptr // C memory for the arguments of the current statement
	size     int
	row      row // of the statement that runs
}

type statement struct {
	handle uintptr
	params int
}

// maxPrepared is how many statements a connection keeps: more than a run has. Each combination of filters makes another one.
const maxPrepared = 200

// busyPatience is how long SQLite waits for a lock outside the turnstile, in milliseconds.
const busyPatience = 10_000

// connect opens a connection to an existing file.
func connect(path string) (*conn, error) { return open(path, lib.SQLITE_OPEN_READWRITE) }

func open(path string, flags int32) (*conn, error) {
	c := &conn{tls: libc.NewTLS(), prepared: map[string]*statement{}}
	c.reserve(256)
	name, err := libc.CString(path)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, name)
	code := lib.Xsqlite3_open_v2(c.tls, name, c.buffer, flags|lib.SQLITE_OPEN_NOMUTEX, 0)
	if c.db = c.pointer(); code != lib.SQLITE_OK {
		return nil, errors.Join(c.err(code), c.close())
	}
	lib.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	lib.Xsqlite3_busy_timeout(c.tls, c.db, busyPatience)
	// The last connection to close leaves the log as it is: moving it into the file takes two syncs, and the next one to
	// open reads it.
	code = lib.Xsqlite3_db_config(c.tls, c.db, lib.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, libc.VaList(c.buffer, int32(1), uintptr(0)))
	if code != lib.SQLITE_OK {
		return nil, errors.Join(c.err(code), c.close())
	}
	if err := c.addMentions(); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

// close first ends the statements: SQLite does not close a database that has some.
func (c *conn) close() error {
	c.forgetStatements()
	code := lib.Xsqlite3_close_v2(c.tls, c.db)
	err := c.err(code)
	lib.Xsqlite3_free(c.tls, c.buffer)
	c.tls.Close()
	return err
}

// forgetStatements ends all statements. None may be running.
func (c *conn) forgetStatements() {
	for _, s := range c.prepared {
		lib.Xsqlite3_finalize(c.tls, s.handle)
	}
	clear(c.prepared)
}

// longLog is the longest log that may be left behind, in bytes. The next process to open the file reads all of it: some 5
// ms for SQLite's own limit of 4 MiB.
const longLog = 512 << 10

// emptyLog moves a long log into the file, unless somebody else uses the database: then it does not wait, and the next
// process may try. It writes to the open files, whatever is at their paths by now.
func (c *conn) emptyLog(length int64) {
	if length > longLog {
		lib.Xsqlite3_busy_timeout(c.tls, c.db, 0)
		_ = c.script(`PRAGMA wal_checkpoint(TRUNCATE)`)
	}
}

// reserve makes room for n bytes in the buffer.
func (c *conn) reserve(n int) {
	if n > c.size {
		lib.Xsqlite3_free(c.tls, c.buffer)
		c.buffer, c.size = lib.Xsqlite3_malloc(c.tls, int32(n)), n
	}
}

// pointer returns the pointer that SQLite put into the buffer.
func (c *conn) pointer() uintptr {
	return uintptr(binary.NativeEndian.Uint64(libc.GoBytes(c.buffer, 8)))
}

// script runs several statements.
func (c *conn) script(text string) error {
	z, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, z)
	return c.err(lib.Xsqlite3_exec(c.tls, c.db, z, 0, 0, 0))
}

// prepare returns the statement of a query. It replaces names of states with their numbers: see [stateNumbers].
func (c *conn) prepare(query string) (*statement, error) {
	if s := c.prepared[query]; s != nil {
		return s, nil
	}
	if len(c.prepared) == maxPrepared {
		c.forgetStatements()
	}
	z, err := libc.CString(stateNumbers.Replace(query))
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, z)
	if code := lib.Xsqlite3_prepare_v3(c.tls, c.db, z, -1, lib.SQLITE_PREPARE_PERSISTENT, c.buffer, 0); code != lib.SQLITE_OK {
		return nil, c.err(code)
	}
	s := &statement{handle: c.pointer()}
	s.params = int(lib.Xsqlite3_bind_parameter_count(c.tls, s.handle))
	c.prepared[query] = s
	return s, nil
}

// bind binds a statement's arguments. They stay in the buffer until the next statement runs.
func (c *conn) bind(s *statement, args []any) error {
	if len(args) != s.params {
		return fmt.Errorf("%d arguments for %d parameters", len(args), s.params)
	}
	need := 1
	for _, arg := range args {
		switch a := arg.(type) {
		case string:
			need += len(a)
		case []byte:
			need += len(a)
		}
	}
	c.reserve(need)
	buffer, used := libc.GoBytes(c.buffer, c.size), 0
	for i, arg := range args {
		at, code := int32(i+1), int32(lib.SQLITE_OK)
		switch a := arg.(type) {
		case int64:
			code = lib.Xsqlite3_bind_int64(c.tls, s.handle, at, a)
		case int:
			code = lib.Xsqlite3_bind_int64(c.tls, s.handle, at, int64(a))
		case time.Time:
			code = lib.Xsqlite3_bind_int64(c.tls, s.handle, at, milli(a))
		case bool:
			n := int64(0)
			if a {
				n = 1
			}
			code = lib.Xsqlite3_bind_int64(c.tls, s.handle, at, n)
		case float64:
			code = lib.Xsqlite3_bind_double(c.tls, s.handle, at, a)
		case string:
			code = lib.Xsqlite3_bind_text(c.tls, s.handle, at, c.buffer+uintptr(used), int32(len(a)), 0)
			used += copy(buffer[used:], a)
		case []byte:
			if a == nil {
				code = lib.Xsqlite3_bind_null(c.tls, s.handle, at)
				break
			}
			code = lib.Xsqlite3_bind_blob(c.tls, s.handle, at, c.buffer+uintptr(used), int32(len(a)), 0)
			used += copy(buffer[used:], a)
		case nil:
			code = lib.Xsqlite3_bind_null(c.tls, s.handle, at)
		default:
			return fmt.Errorf("argument %d is a %v", i, reflect.TypeOf(arg)) // %T would move all arguments to the heap
		}
		if code != lib.SQLITE_OK {
			return c.err(code)
		}
	}
	return nil
}

// run runs a statement and returns how many rows it changed.
func (c *conn) run(query string, args ...any) (changed int, err error) {
	if err := c.each(query, func(*row) {}, args...); err != nil {
		return 0, err
	}
	return int(lib.Xsqlite3_changes(c.tls, c.db)), nil
}

// errEnough is the error of a row after which a query need not go on.
var errEnough = errors.New("enough")

// each calls f with each row of a query, until f fails one or has enough. f must not use the connection.
func (c *conn) each(query string, f func(*row), args ...any) error {
	s, err := c.prepare(query)
	if err != nil {
		return err
	}
	defer lib.Xsqlite3_reset(c.tls, s.handle)
	if err := c.bind(s, args); err != nil {
		return err
	}
	r := &c.row
	for *r = (row{conn: c, handle: s.handle}); ; {
		switch code := lib.Xsqlite3_step(c.tls, s.handle); code {
		case lib.SQLITE_DONE:
			return nil
		case lib.SQLITE_ROW:
			r.next = 0
			switch f(r); r.err {
			case nil:
			case errEnough:
				return nil
			default:
				return r.err
			}
		default:
			return c.err(code)
		}
	}
}

// number returns the number that a query selects; 0 if it selects none.
func (c *conn) number(query string, args ...any) (n int64, err error) {
	err = c.each(query, func(r *row) { n = r.Int64() }, args...)
	return n, err
}

// row is a row of a query: see [store.Row].
type row struct {
	*conn
	handle uintptr
	next   int32
	err    error // ends the query
}

func (r *row) column() int32 {
	r.next++
	return r.next - 1
}

func (r *row) Int64() int64 { return lib.Xsqlite3_column_int64(r.tls, r.handle, r.column()) }

func (r *row) Int() int { return int(r.Int64()) }

func (r *row) Bool() bool { return r.Int64() != 0 }

func (r *row) Time() time.Time { return fromMilli(r.Int64()) }

func (r *row) Float() float64 { return lib.Xsqlite3_column_double(r.tls, r.handle, r.column()) }

func (r *row) Text() string {
	at := r.column()
	text := lib.Xsqlite3_column_text(r.tls, r.handle, at) // must come before its length
	return string(libc.GoBytes(text, int(lib.Xsqlite3_column_bytes(r.tls, r.handle, at))))
}

func (r *row) Bytes() []byte {
	at := r.column()
	blob := lib.Xsqlite3_column_blob(r.tls, r.handle, at) // must come before its length
	return bytes.Clone(libc.GoBytes(blob, int(lib.Xsqlite3_column_bytes(r.tls, r.handle, at))))
}

func (r *row) IsNull() bool {
	return lib.Xsqlite3_column_type(r.tls, r.handle, r.next) == lib.SQLITE_NULL
}

// milli returns a time as the database stores it; 0 for the zero time.
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

// ceilMilli returns a duration in milliseconds, rounded up.
func ceilMilli(d time.Duration) int64 { return (d + time.Millisecond - 1).Milliseconds() }

// Error is an error of SQLite.
type Error struct {
	code   int32
	text   string
	system error // the system's reason, if there is one
}

func (e *Error) Error() string { return e.text }

func (e *Error) Unwrap() error { return e.system }

// primary masks the extended part of a result code.
const primary = 0xff

// replaceIt says what to do with a file that is damaged, or no database.
const replaceIt = "; put a backup in its place and move its -wal away, or move both away and awf-hook makes a new one"

// err returns the error of a result code; nil for success. It ends with the system's reason or with what the user can do.
func (c *conn) err(code int32) error {
	if code == lib.SQLITE_OK {
		return nil
	}
	kind, detail := libc.GoString(lib.Xsqlite3_errstr(c.tls, code)), libc.GoString(lib.Xsqlite3_errmsg(c.tls, c.db))
	if detail != kind {
		kind += ": " + detail
	}
	text := fmt.Sprintf("%s (%d)", kind, code)
	switch code & primary {
	case lib.SQLITE_CORRUPT, lib.SQLITE_NOTADB:
		text += replaceIt
	case lib.SQLITE_CANTOPEN, lib.SQLITE_IOERR:
		if errno := syscall.Errno(lib.Xsqlite3_system_errno(c.tls, c.db)); errno != 0 {
			return &Error{code, text + ": " + errno.Error(), errno}
		}
	}
	return &Error{code, text, nil}
}

// isBusy reports whether somebody else has locked the database.
func isBusy(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.code&primary == lib.SQLITE_BUSY || e.code&primary == lib.SQLITE_LOCKED)
}

// Versions of SQLite before 3.51.3 can lose data in a race between a commit and another process's reset of the write-ahead log. With one of
// them this does not compile.
const _ = uint(lib.SQLITE_VERSION_NUMBER - 3_051_003)

// stateNumbers replaces names of states in statements with their numbers. SQLite uses a partial index only if a statement
// repeats its condition word for word.
var stateNumbers = strings.NewReplacer("DELIVERED", "1", "DROPPED", "3", "PRUNED", "4", "BEHIND", "5", "DEAD", "2", "DUE", "0",
	"LEAVING", "8")
