package postgres_test

import (
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// The node that keeps house removes dead rows however rarely autovacuum comes, and does not try in vain while a transaction sees them.
func TestKeeperVacuums(t *testing.T) {
	t.Parallel()
	url := database(t)
	s := open(t, store.Options{Path: url})
	execSQL(t, url, `ALTER TABLE awf_hook.deliveries SET (autovacuum_enabled = false)`)
	die := func() {
		execSQL(t, url, `
INSERT INTO awf_hook.deliveries(id, lane, event, state, due_at, batch, accepted_by, accepted_at, since, place, size)
  SELECT 'msg_x' || n, 1, -n, 2, now(), 0, 0, now(), now(), n, 300 FROM generate_series(1, 15000) n;`)
		execSQL(t, url, `DELETE FROM awf_hook.deliveries`)
	}
	type stats struct{ dead, vacuums int64 }
	look := func() (st stats) {
		st.dead = ask[int64](t, url, `SELECT n_dead_tup FROM pg_stat_user_tables WHERE relname = 'deliveries'`)
		st.vacuums = ask[int64](t, url, `SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'deliveries'`)
		return st
	}
	keep := func(dead int64) stats {
		t.Helper()
		for deadline := time.Now().Add(5 * time.Second); look().dead < dead && time.Now().Before(deadline); {
			time.Sleep(20 * time.Millisecond) // the server learns late what a connection did
		}
		if err := s.Keep(t.Context()); err != nil {
			t.Fatal(err)
		}
		return look()
	}
	die()
	if st := keep(15_000); st.dead > 1000 || st.vacuums != 1 {
		t.Errorf("%+v after Keep, want one vacuum that left nothing dead", st)
	}
	holder := begin(t, url, `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1`)
	die()
	for range 3 {
		keep(15_000)
	}
	if st := look(); st.vacuums > 2 {
		t.Errorf("%+v, want one vacuum in vain beside an open transaction", st)
	}
	commit(t, holder)
	die()
	die()
	if st := keep(45_000); st.dead > 1000 {
		t.Errorf("%+v after the transaction ended, want nothing dead", st)
	}
}
