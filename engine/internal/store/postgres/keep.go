package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	idsMany    = 20_000           // ids that one transaction keeps, and events that it looks at
	nodePeriod = 30 * time.Second // a node that has not reported for this long is dead
)

// keeperLock is the advisory lock of the node that keeps house.
const keeperLock = migrationLock + 1

// Keep implements [store.Store]. Any number of nodes call it, and one of them does the work for all: see [Store.Keeps].
func (s *Store) Keep(ctx context.Context) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	now, err := s.takeHouse(ctx)
	if err != nil || !s.Keeps() {
		return err
	}
	if err := s.recover(ctx, now); err != nil {
		return err
	}
	if err := s.prune(ctx, now); err != nil {
		return err
	}
	return s.vacuum(ctx)
}

// keeps makes changes until one says that there is no more to do. It returns false if another node is keeping house.
func (s *Store) keeps(ctx context.Context, change func(*tx) (more bool)) (kept bool, err error) {
	for more := true; more; {
		err = s.write(ctx, func(tx *tx) {
			tx.clock()
			tx.query(`SELECT pg_try_advisory_xact_lock($1)`, int64(keeperLock)).Scan(&kept)
			more = kept && change(tx)
		})
		if err != nil {
			return false, err
		}
	}
	return kept, nil
}

// recover ends the leases of dead nodes, and waits that a wrong clock stored.
func (s *Store) recover(ctx context.Context, now time.Time) error {
	kept, err := s.keeps(ctx, (*tx).endWrongWaits)
	if err != nil || !kept {
		return err
	}
	longest, _ := store.LongestWaits(now)
	deadNodes, err := all(ctx, s, (*row).Int, `SELECT id FROM awf_hook.nodes WHERE seen NOT BETWEEN $1 AND $2 AND id <> $3`,
		now.Add(-nodePeriod), longest, s.node)
	if err != nil {
		return err
	}
	if len(deadNodes) > 0 {
		s.fromTheBeginning()
	}
	for _, node := range deadNodes {
		if err := s.release(ctx, node); err != nil {
			return err
		}
	}
	return nil
}

// release makes due what a node has in flight, and forgets the node. Its counts move to node 0.
func (s *Store) release(ctx context.Context, node int) error {
	return s.write(ctx, func(tx *tx) {
		tx.time()
		tx.each(func(r *row) { tx.told[r.Text()] = struct{}{} },
			`WITH freed AS (UPDATE awf_hook.deliveries SET due_at = $1, owner = 0 WHERE owner <> 0 AND owner = $2 AND `+isDue+` AND due_at > $1
    RETURNING lane)
  SELECT webhook FROM awf_hook.lanes WHERE id IN (SELECT lane FROM freed)`, tx.now, node)
		tx.queue(`WITH gone AS (DELETE FROM awf_hook.counts WHERE node = $1 RETURNING *)
  INSERT INTO awf_hook.counts AS c (lane, node, `+store.CountColumns+`)
  SELECT lane, 0, `+store.CountColumns+` FROM gone ORDER BY lane`+addCounts, node)
		tx.queue(`DELETE FROM awf_hook.nodes WHERE id = $1`, node)
	})
}

// endWrongWaits makes due what waits longer than possible: the clock was wrong when that was stored, or is wrong now. The
// same rule ends leases and pauses of lanes. It reports whether there may be more.
func (tx *tx) endWrongWaits() (more bool) {
	longest, longestLease := store.LongestWaits(tx.now)
	lanes := map[int]*lane{}
	tx.each(func(r *row) {
		l := scanLane(r)
		lanes[l.id] = l
	}, `SELECT `+laneColumns+` FROM awf_hook.lanes WHERE paused_until > $1 OR probe_until > $2 ORDER BY id FOR UPDATE`, longest, longestLease)
	n := 0
	tx.each(func(*row) { n++ }, `UPDATE awf_hook.deliveries SET due_at = $1, owner = 0 WHERE seq IN (SELECT d.seq FROM awf_hook.lanes l
  CROSS JOIN LATERAL (SELECT seq FROM awf_hook.deliveries WHERE lane = l.id AND `+isDue+`
    AND due_at > $2 LIMIT $3) d LIMIT $3) RETURNING seq`,
		tx.now, longest, store.RecoverMany)
	tx.send()
	for _, l := range lanes {
		l.Jumped(tx.now)
	}
	tx.saveLanes(lanes)
	return n == store.RecoverMany
}

// prune drops the expired days of history and removes old dead letters. The first node to call it in a period does
// the work. The namespace that keeps the longest decides for the whole database.
func (s *Store) prune(ctx context.Context, now time.Time) error {
	var last time.Time // zero if another node has the work
	var keep, keepDead time.Duration
	err := s.write(ctx, func(tx *tx) {
		if !tx.again {
			last = time.Time{}
		}
		// A time in the future comes from a clock that was wrong: what was dropped then is gone, and the rest shows again.
		tx.query(`UPDATE awf_hook.meta m SET pruned_at = $1, kept_since = CASE WHEN old.pruned_at > $1 THEN $1::timestamptz - k.keep
    ELSE greatest(m.kept_since, $1::timestamptz - k.keep) END
  FROM (SELECT pruned_at FROM awf_hook.meta FOR UPDATE) old,
    (SELECT max(keep) AS keep, max(keep_dead) AS keep_dead FROM awf_hook.keepers) k
  WHERE old.pruned_at NOT BETWEEN $2 AND $3 RETURNING old.pruned_at, k.keep, k.keep_dead`,
			now, now.Add(-store.PrunePeriod), now.Add(store.PrunePeriod)).Scan(&last, &keep, &keepDead)
	})
	if err != nil || last.IsZero() {
		return err
	}
	if err := s.makeDay(ctx, now); err != nil {
		return err
	}
	if err := s.dropDays(ctx, now, keep); err != nil {
		return err
	}
	kept, err := s.keeps(ctx, func(tx *tx) bool { return tx.pruneDead(now.Add(-keepDead)) })
	if err != nil || !kept || day(last) == day(now) {
		return err
	}
	return s.removeOrphans(ctx)
}

// removeOrphans removes events whose last two deliveries were finished by two nodes at the same moment.
func (s *Store) removeOrphans(ctx context.Context) error {
	last := int64(math.MinInt64)
	_, err := s.keeps(ctx, func(tx *tx) bool {
		n := 0
		tx.query(`WITH part AS (SELECT seq FROM awf_hook.events WHERE seq > $1
    AND seq < (SELECT last_value - 100000 FROM awf_hook.deliveries_seq_seq) ORDER BY seq LIMIT $2),
  gone AS (DELETE FROM awf_hook.events e USING part WHERE e.seq = part.seq
    AND NOT EXISTS (SELECT 1 FROM awf_hook.deliveries d WHERE d.event = e.seq))
  SELECT coalesce(max(seq), $1), count(*) FROM part`, last, idsMany).Scan(&last, &n)
		return n == idsMany
	})
	return err
}

// pruneDead removes one slice of old dead letters.
func (tx *tx) pruneDead(before time.Time) (more bool) {
	found := tx.deliveries(isDead+` AND done_at < $1 ORDER BY done_at LIMIT $2`, before, store.Slice)
	if len(found) > 0 {
		tx.removeAll(found)
	}
	return len(found) == store.Slice
}

// discard removes a lane's oldest dead letters until they have freed the given number of bytes. It returns how many it
// removed and how much they freed.
func (tx *tx) discard(lane int, bytes int64) (gone, freed int64) {
	for freed < bytes {
		found := tx.deliveries(`lane = $1 AND `+isDead+` ORDER BY seq LIMIT $2`, lane, store.Slice)
		if len(found) == 0 {
			break
		}
		for i, d := range found {
			freed += d.size
			if freed >= bytes {
				found = found[:i+1]
				break
			}
		}
		gone += int64(len(found))
		tx.removeAll(found)
	}
	return gone, freed
}

// day numbers the days of history, and decade the ten-day periods of ids, since 1970.
func day(t time.Time) int64    { return t.Unix() / (24 * 3600) }
func decade(t time.Time) int64 { return day(t) / 10 }

func dayStart(d int64) string { return time.Unix(d*24*3600, 0).UTC().Format(time.RFC3339) }

// makeDay makes the tables for what is finished or forgotten around a time. No statement makes a table: a store remembers
// which exist.
func (s *Store) makeDay(ctx context.Context, t time.Time) error {
	for _, at := range []time.Time{t, t.Add(time.Hour)} {
		d, ten := day(at), decade(at.Add(store.KeepIDs))
		if err := s.makeTable(ctx, historyOf(d)); err != nil {
			return err
		}
		if err := s.makeTable(ctx, idsOf(ten)); err != nil {
			return err
		}
	}
	return nil
}

// partition is a table for a range of days.
type partition struct {
	parent, name string
	from, to     int64
}

func historyOf(day int64) partition {
	return partition{"history", fmt.Sprintf("history_%d", day), day, day + 1}
}

func idsOf(decade int64) partition {
	return partition{"ids", fmt.Sprintf("ids_%d", decade), decade * 10, decade*10 + 10}
}

// makeTable makes a partition. It attaches a finished table: CREATE TABLE PARTITION OF would wait for all who read the parent, and
// everything else would wait behind it.
func (s *Store) makeTable(ctx context.Context, p partition) error {
	if _, exists := s.partitions.Load(p.name); exists {
		return nil
	}
	err := s.write(ctx, func(tx *tx) {
		tx.queue(`SELECT pg_advisory_xact_lock($1)`, int64(migrationLock))
		if exists := tx.hasTable(p.name); tx.err != nil || exists {
			return
		}
		tx.script(fmt.Sprintf(`CREATE TABLE awf_hook.%[1]s(LIKE awf_hook.%[2]s INCLUDING ALL);
  ALTER TABLE awf_hook.%[2]s ATTACH PARTITION awf_hook.%[1]s FOR VALUES FROM ('%[3]s') TO ('%[4]s')`,
			p.name, p.parent, dayStart(p.from), dayStart(p.to)))
	})
	if err == nil {
		s.partitions.Store(p.name, true)
	}
	return err
}

// numbersOf returns the numbers of a table's partitions, the smallest first.
func (s *Store) numbersOf(ctx context.Context, parent string) ([]int64, error) {
	return all(ctx, s, (*row).Int64, `SELECT substr(c.relname::text, length($1::text) + 2)::bigint FROM pg_inherits i
  JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = ('awf_hook.' || $1)::regclass AND c.relname ~ '_-?[0-9]+$' ORDER BY 1`, parent)
}

// dropDays drops the days of history that ended longer ago than keep, whose ids stay known. It also drops ids that were
// known long enough.
func (s *Store) dropDays(ctx context.Context, now time.Time, keep time.Duration) error {
	days, err := s.numbersOf(ctx, "history")
	if err != nil {
		return err
	}
	for _, d := range days {
		if d+1 > day(now.Add(-keep)) {
			break
		}
		dropped, err := s.dropDay(ctx, d, keep)
		if err != nil {
			return err
		}
		if !dropped {
			break
		}
	}
	return s.dropIDs(ctx, now)
}

// dropIDs drops the tables of ids that were known long enough, each in a transaction of its own, until one cannot be dropped.
func (s *Store) dropIDs(ctx context.Context, now time.Time) error {
	decades, err := s.numbersOf(ctx, "ids")
	for _, ten := range decades {
		if ten >= decade(now) {
			break
		}
		dropped := false
		_, err := s.keeps(ctx, func(tx *tx) bool {
			dropped = tx.drop(idsOf(ten).name)
			return false
		})
		if err != nil || !dropped {
			return err
		}
	}
	return err
}

// drop drops a partition, as the transaction's last statement. While another transaction has read the parent, such as that of pg_dump, it
// returns false: the whole transaction changes nothing, and the next round tries again. Everything else waits as long as the drop waits.
func (tx *tx) drop(name string) (dropped bool) {
	tx.store.partitions.Delete(name)
	tx.script(`SET LOCAL lock_timeout = '200ms'; DROP TABLE IF EXISTS awf_hook.` + name)
	if server, answered := errors.AsType[*pgconn.PgError](tx.err); answered && server.Code == lockNotAvailable {
		tx.err = nil // COMMIT rolls back
		return false
	}
	return tx.err == nil
}

// dropDay drops a day of history, after its ids are kept some at a time: no transaction lasts long, however much was delivered that day.
// It returns false if the day cannot be dropped now.
func (s *Store) dropDay(ctx context.Context, d int64, keep time.Duration) (dropped bool, err error) {
	name := historyOf(d).name
	until := time.Unix((d+1)*24*3600, 0).Add(keep + store.KeepIDs)
	if err := s.makeTable(ctx, idsOf(decade(until))); err != nil {
		return false, err
	}
	last := int64(math.MinInt64)
	_, err = s.keeps(ctx, func(tx *tx) bool {
		if dropped = !tx.hasTable(name); dropped {
			return false
		}
		n := 0
		tx.query(`WITH part AS (SELECT seq, id FROM awf_hook.`+name+` WHERE seq > $1 ORDER BY seq LIMIT $2),
  kept AS (INSERT INTO awf_hook.ids SELECT id, $3::timestamptz FROM part WHERE NOT EXISTS (
    SELECT 1 FROM awf_hook.ids i WHERE i.id = part.id AND i."until" = $3)) -- a round that could not drop the day
  SELECT coalesce(max(seq), $1), count(*) FROM part`, last, idsMany, until).Scan(&last, &n)
		if n == idsMany {
			return true
		}
		dropped = tx.drop(name)
		return false
	})
	return dropped, err
}
