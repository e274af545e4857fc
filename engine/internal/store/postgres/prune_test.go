package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/postgres"
)

// A day of history on which much was delivered is dropped, and all of its ids stay known.
func TestLargeDaysAreDropped(t *testing.T) {
	url := database(t)
	s := open(t, store.Options{Path: url, Keep: 24 * time.Hour})
	const events = 50_000
	day := time.Now().Add(-10*24*time.Hour).Unix() / (24 * 3600)
	execSQL(t, url, fmt.Sprintf(`
CREATE TABLE awf_hook.history_%[1]d PARTITION OF awf_hook.history
  FOR VALUES FROM (to_timestamp(%[1]d * 86400.0)) TO (to_timestamp(%[2]d * 86400.0));
INSERT INTO awf_hook.history
  SELECT n, 'msg_h' || n, 1, 1, 1, now(), now(), to_timestamp(%[1]d * 86400.0), NULL, 1, 1, 300, '', 'x', 'workflow_end',
  'run', 'flow', '2026-01-01T00:00:00Z', '{}', '' FROM generate_series(1, %[3]d) n;`, day, day+1, events))
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := ask[int](t, url, `SELECT count(DISTINCT id) FROM awf_hook.ids`); n != events {
		t.Errorf("%d ids are known, want %d", n, events)
	}
	if n := ask[int](t, url, `SELECT count(*) FROM awf_hook.history`); n != 0 {
		t.Errorf("%d deliveries are left in history", n)
	}
}

// readTables begins a transaction that holds on to the tables whose parts come and go, as pg_dump does for as long as it runs.
const readTables = `BEGIN; SELECT count(*) FROM awf_hook.history; SELECT count(*) FROM awf_hook.ids`

// While another transaction has read the tables, as pg_dump does for as long as it runs, a new day begins at once, and nothing waits for an
// old one to go.
func TestLongReaders(t *testing.T) {
	url := database(t)
	now := time.Now()
	s := open(t, store.Options{Path: url, Now: func() time.Time { return now }, Keep: time.Hour})
	deliver := func(id string) {
		t.Helper()
		accept(t, s, entry(id, ""))
		settlement := attempted(claim(t, s, 1)[0], delivery.Delivered)
		if lost, err := s.Settle(t.Context(), []delivery.Settlement{settlement}); len(lost) > 0 || err != nil {
			t.Fatal(lost, err)
		}
	}
	deliver("a")
	dump := begin(t, url, readTables)
	begun := time.Now()
	for _, id := range []string{"b", "c", "d"} {
		now = now.Add(24 * time.Hour)
		if err := s.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		deliver(id)
	}
	if took := time.Since(begun); took > 8*time.Second {
		t.Errorf("three days took %v beside a reader", took)
	}
	commit(t, dump)
	now = now.Add(2 * store.PrunePeriod)
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	kept := ask[int](t, url, `SELECT count(*) FROM awf_hook.ids`)
	if different := ask[int](t, url, `SELECT count(DISTINCT id) FROM awf_hook.ids`); kept < 2 || kept != different {
		t.Errorf("%d ids are kept, %d different ones, want those of the two or three days that are gone, each once", kept, different)
	}
	again := entry("a", "")
	if accept(t, s, again); again.Wants[0].Fate != delivery.Known {
		t.Errorf("an event of a day that is gone is %s, want known", again.Wants[0].Fate)
	}
}

// While another transaction has read the tables, old days and tables of ids stay, however many there are, and go after it.
func TestOldTablesBesideALongReader(t *testing.T) {
	url := database(t)
	now := time.Now()
	s := open(t, store.Options{Path: url, Now: func() time.Time { return now }, Keep: time.Hour})
	const old = `SELECT count(*) FROM pg_tables WHERE schemaname = 'awf_hook' AND tablename ~ '^(ids|history)_[1-3]$'`
	for n := 1; n <= 3; n++ {
		for parent, days := range map[string]int{"ids": 10, "history": 1} {
			execSQL(t, url, fmt.Sprintf(`CREATE TABLE awf_hook.%[1]s_%[2]d PARTITION OF awf_hook.%[1]s
  FOR VALUES FROM (to_timestamp(%[3]d * 86400.0)) TO (to_timestamp(%[4]d * 86400.0))`, parent, n, n*days, n*days+days))
		}
	}
	dump := begin(t, url, readTables)
	begun := time.Now()
	if err := s.Keep(t.Context()); err != nil {
		t.Errorf("Keep beside a reader: %v", err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("Keep took %v beside a reader", took)
	}
	if n := ask[int](t, url, old); n != 6 {
		t.Errorf("%d old tables beside a reader, want 6", n)
	}
	commit(t, dump)
	now = now.Add(2 * store.PrunePeriod)
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := ask[int](t, url, old); n != 0 {
		t.Errorf("%d old tables after the reader, want none", n)
	}
}

// A newer node that finds a transaction which has read the tables does not keep the others waiting, and changes the schema when it ends.
func TestUpgradeBesideALongReader(t *testing.T) {
	url := database(t)
	old := open(t, store.Options{Path: url})
	accept(t, old, entry("a", ""))
	execSQL(t, url, `ALTER TABLE awf_hook.ids DROP COLUMN token; ALTER TABLE awf_hook.history DROP COLUMN accepted_by;
UPDATE awf_hook.meta SET version = 7`)
	dump := begin(t, url, readTables)
	begun := time.Now()
	_, err := postgres.Open(t.Context(), store.Options{Path: url})
	if took := time.Since(begun); err == nil || !strings.Contains(err.Error(), "another transaction has held a lock") || took > 5*time.Second {
		t.Errorf("Open = %v after %v, want soon that another transaction holds a lock", err, took)
	}
	commit(t, dump)
	accept(t, open(t, store.Options{Path: url}), entry("b", ""))
}
