package sqlite_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/sqlite"
	"github.com/awf-project/awf-hook/engine/internal/store/storetest"
)

func TestStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, now func() time.Time) store.Queue {
		return open(t, store.Options{Path: filepath.Join(t.TempDir(), "state", "queue.db"), Now: now})
	})
}

func TestClaimsOfLargeEventsAreFew(t *testing.T) {
	storetest.Large(t, open(t, store.Options{Path: filepath.Join(t.TempDir(), "queue.db")}))
}

func open(tb testing.TB, opts store.Options) *sqlite.Store {
	tb.Helper()
	s, err := sqlite.Open(context.Background(), opts)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = s.Close() })
	return s
}

// execSQL runs a script on a database, as another program would.
func execSQL(tb testing.TB, path, script string) {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		tb.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(script); err != nil {
		tb.Fatal(err)
	}
}
