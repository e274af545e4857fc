package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
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

// databases are those of the server. Making one, and its tables, takes longer than most tests.
var databases struct {
	sync.Mutex
	made    int
	free    []string // URLs of those that no test uses now
	changed sync.Map // URLs of those in which a test changed more than rows
}

// database gives a test a database for itself: an empty one, or one with empty tables.
func database(tb testing.TB) (url string) {
	tb.Helper()
	if server == nil {
		tb.Skip(pgtest.ErrMissing)
	}
	databases.Lock()
	defer databases.Unlock()
	if last := len(databases.free) - 1; last >= 0 {
		url, databases.free = databases.free[last], databases.free[:last]
		empty(tb, url)
	} else {
		databases.made++
		var err error
		if url, err = server.Create(fmt.Sprint("test", databases.made)); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() {
		databases.Lock()
		defer databases.Unlock()
		if _, is := databases.changed.Load(url); !is {
			databases.free = append(databases.free, url)
		}
	})
	return url
}

// empty empties the tables of a database, if it has some. No trigger prevents that.
func empty(tb testing.TB, url string) {
	tb.Helper()
	execSQL(tb, url, `SET session_replication_role = replica;
DO $$ DECLARE o regclass; BEGIN
  FOR o IN SELECT oid FROM pg_class WHERE relnamespace = to_regnamespace('awf_hook') AND relkind IN ('r', 'p') AND NOT relispartition LOOP
    IF o::text = 'awf_hook.meta' THEN
      UPDATE awf_hook.meta SET kept_since = DEFAULT, pruned_at = DEFAULT;
    ELSE
      EXECUTE format('DELETE FROM %s', o);
    END IF;
  END LOOP;
  PERFORM setval(oid, 1, false) FROM pg_class WHERE relnamespace = to_regnamespace('awf_hook') AND relkind = 'S';
END $$`)
}

// changes matches scripts after which a database is not one like the others.
var changes = regexp.MustCompile(`\b(CREATE|ALTER|DROP|version)\b`)

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
	t.Parallel()
	url := database(t)
	alter(t, url, `SET default_transaction_isolation = 'serializable'`)
	open(t, store.Options{Path: url})
	endSome(t, url)
	storetest.Run(t, func(t *testing.T, now func() time.Time) store.Queue {
		empty(t, url)
		return open(t, store.Options{Path: url, Now: now})
	})
}

func TestClaimsOfLargeEventsAreFew(t *testing.T) {
	storetest.Large(t, open(t, store.Options{Path: database(t)}))
}

// execSQL runs a script on a database, as another program would.
func execSQL(tb testing.TB, url, script string) {
	tb.Helper()
	_ = connect(tb, url, script).Close(context.WithoutCancel(tb.Context()))
}

// begin begins a transaction on a connection of its own, as another program would, and leaves it open.
func begin(t *testing.T, url, script string) *pgx.Conn {
	t.Helper()
	conn := connect(t, url, script)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func connect(tb testing.TB, url, script string) *pgx.Conn {
	tb.Helper()
	if changes.MatchString(script) {
		base, _, _ := strings.Cut(url, "&")
		databases.changed.Store(base, true)
	}
	conn, err := pgx.Connect(tb.Context(), url)
	if err == nil {
		_, err = conn.Exec(tb.Context(), script)
	}
	if err != nil {
		tb.Fatal(err)
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
