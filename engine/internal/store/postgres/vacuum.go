package postgres

import (
	"context"
	"errors"
	"strings"
	"time"
)

// The working tables turn over many times between two rounds of autovacuum, whose pause a server sets and no table can. So the node that
// keeps house removes dead rows itself once they outnumber a share of the live ones.
const (
	deadRows   = 10_000          // of a table, at least
	deadShare  = 5               // and beyond the live rows divided by this
	vacuumTime = 2 * time.Second // a table that takes longer is left to autovacuum, until twice as much is dead
)

// vacuum removes dead rows from the working tables. Rows that an open transaction may see stay; vacuum tries again once twice as many
// are dead. A role that does not own the tables leaves them to autovacuum.
func (s *Store) vacuum(ctx context.Context) error {
	full, err := s.fullOfDead(ctx)
	if err != nil || len(full) == 0 {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, vacuumTime)
	defer cancel()
	_, err = s.pool.Exec(limited, `VACUUM (SKIP_LOCKED, TRUNCATE false) `+strings.Join(full, ", "))
	if limited.Err() != nil && ctx.Err() == nil {
		err = nil
	}
	_, readErr := s.fullOfDead(ctx)
	return errors.Join(inWords(err), readErr)
}

// fullOfDead lists the working tables that are to be vacuumed, and notes how much is dead in them.
func (s *Store) fullOfDead(ctx context.Context) (full []string, err error) {
	type table struct {
		name       string
		dead, live int64
	}
	scan := func(r *row) table { return table{r.Text(), r.Int64(), r.Int64()} }
	tables, err := all(ctx, s, scan, `SELECT relname::text, n_dead_tup, n_live_tup FROM pg_stat_user_tables
  WHERE schemaname = 'awf_hook' AND relname IN ('deliveries', 'events', 'contents', 'attempts')`)
	for _, t := range tables {
		if t.dead > max(deadRows+t.live/deadShare, 2*s.dead[t.name]) {
			full = append(full, "awf_hook."+t.name)
			s.dead[t.name] = t.dead
		} else {
			s.dead[t.name] = min(s.dead[t.name], t.dead)
		}
	}
	return full, err
}
