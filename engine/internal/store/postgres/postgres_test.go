package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
	"github.com/awf-project/awf-hook/engine/internal/store/storetest"
	"github.com/awf-project/awf-hook/testdata/pgtest"
	"github.com/jackc/pgx/v5"
)

// server is the server of all tests; nil if none is installed.
var server *pgtest.Server

func TestMain(m *testing.M) {
	var err error
	server, err = pgtest.Start("fsync=off") // no test kills this server
	if err != nil && !errors.Is(err, pgtest.ErrMissing) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	printFigures()
	if server != nil {
		_ = server.Close()
	}
	os.Exit(code)
}

var databases atomic.Int32

// database makes an empty database for a test.
func database(tb testing.TB) string {
	tb.Helper()
	if server == nil {
		tb.Skip(pgtest.ErrMissing)
	}
	url, err := server.Create(fmt.Sprintf("test%d", databases.Add(1)))
	if err != nil {
		tb.Fatal(err)
	}
	return url
}

func open(tb testing.TB, opts store.Options) *postgres.Store {
	tb.Helper()
	s, err := postgres.Open(tb.Context(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// The promises hold on a server that isolates transactions strictly by default and ends some of them.
func TestStore(t *testing.T) {
	url := database(t)
	alter(t, url, `SET default_transaction_isolation = 'serializable'`)
	storetest.Run(t, func(t *testing.T, now func() time.Time) store.Queue {
		execSQL(t, url, `DROP SCHEMA IF EXISTS awf_hook CASCADE`) // faster than a new database for each test
		s := open(t, store.Options{Path: url, Now: now})
		endSome(t, url)
		return s
	})
}

func TestClaimsOfLargeEventsAreFew(t *testing.T) {
	storetest.Large(t, open(t, store.Options{Path: database(t)}))
}

// execSQL runs a script on a database, as another program would.
func execSQL(tb testing.TB, url, script string) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(tb.Context()))
	if _, err := conn.Exec(tb.Context(), script); err != nil {
		tb.Fatal(err)
	}
}

// begin begins a transaction on a connection of its own, as another program would, and leaves it open.
func begin(t *testing.T, url, script string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	if _, err := conn.Exec(t.Context(), script); err != nil {
		t.Fatal(err)
	}
	return conn
}

// commit commits what begin began.
func commit(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
}
