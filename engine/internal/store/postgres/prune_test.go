package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
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
