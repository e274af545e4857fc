package sqlite

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Keep implements [store.Store]. It prunes on the first call, and then every ten minutes.
func (s *Store) Keep(ctx context.Context) error {
	if err := s.recover(ctx); err != nil {
		return err
	}
	now := s.now()
	if since := now.Sub(s.pruned); since < store.PrunePeriod && since > -store.PrunePeriod {
		return nil
	}
	s.pruned = now
	for {
		if more, err := s.prune(ctx); err != nil || !more {
			return err
		}
	}
}

const releaseLeases = `UPDATE deliveries SET due_at = ?1, owner = 0 WHERE seq IN (SELECT d.seq FROM lanes l
  CROSS JOIN deliveries d ON d.lane = l.id AND d.state = DUE AND d.due_at BETWEEN ?1 AND ?2 WHERE d.owner = ?3)`

// recover ends the leases of dead processes, and waits that a wrong clock stored.
func (s *Store) recover(ctx context.Context) error {
	var ended []int64
	for more := true; more; {
		err := s.write(ctx, func(tx *tx) {
			more = tx.endWrongWaits()
			var err error
			ended, err = s.folder.dead()
			tx.fail(err)
			for _, owner := range ended {
				tx.run(releaseLeases, tx.now, tx.now.Add(store.MaxLease), owner)
			}
		})
		if err != nil {
			return err
		}
	}
	for _, owner := range ended {
		s.folder.forget(owner)
	}
	return nil
}

// hasWrongWaits reports whether endWrongWaits has something to do.
func (s *Store) hasWrongWaits(ctx context.Context) (is bool, err error) {
	longest, longestLease := store.LongestWaits(s.now())
	err = s.readSoon(ctx, `SELECT EXISTS(SELECT 1 FROM lanes WHERE paused_until > ?1 OR probe_until > ?2) OR
  EXISTS(SELECT 1 FROM lanes l CROSS JOIN deliveries d ON d.lane = l.id AND d.state = DUE AND d.due_at > ?1)`,
		func(r *row) { is = r.Bool() }, longest, longestLease)
	return is, err
}

// endWrongWaits makes due what waits longer than possible: the clock was wrong when that was stored, or is wrong now. The
// same rule ends leases and pauses of lanes. It reports whether there may be more.
func (tx *tx) endWrongWaits() (more bool) {
	longest, longestLease := store.LongestWaits(tx.now)
	n := tx.run(`UPDATE deliveries SET due_at = ?1, owner = 0 WHERE seq IN (SELECT d.seq FROM lanes l
  CROSS JOIN deliveries d ON d.lane = l.id AND d.state = DUE AND d.due_at > ?2 LIMIT ?3)`, tx.now, longest, store.RecoverMany)
	tx.jumped(longest, longestLease)
	return n == store.RecoverMany
}

// prune removes one slice of what has been kept long enough. It reports whether there may be more.
func (s *Store) prune(ctx context.Context) (more bool, err error) {
	err = s.write(ctx, func(tx *tx) {
		left := store.Slice
		doneBefore, deadBefore := tx.now.Add(-s.opts.Keep), tx.now.Add(-s.opts.KeepDead)
		for _, old := range []struct {
			state  int
			before time.Time
		}{{delivered, doneBefore}, {dropped, doneBefore}, {dead, deadBefore}} {
			left -= tx.stripOldest(old.state, old.before, left)
		}
		forgotten := tx.forget(tx.now.Add(-store.KeepIDs), store.Slice)
		more = left == 0 || forgotten == store.Slice
	})
	if err == nil {
		err = s.write(ctx, func(tx *tx) { tx.script(`PRAGMA incremental_vacuum(500)`) })
	}
	if err == nil && !more { // an older awf-hook that has the file open does not count
		err = s.write(ctx, func(tx *tx) {
			tx.saveLanes()
			clear(tx.lanes)
			clear(tx.ids)
			tx.script(recount)
			tx.reindex()
		})
	}
	return more, err
}

// fewRows is how many deliveries can be indexed again within a tenth of a second.
const fewRows = 50_000

// reindex gives a file of an older version the index of new ones.
func (tx *tx) reindex() {
	wait := tx.number(`SELECT (`+indexKnows+`) = ? OR (SELECT max(seq) FROM deliveries) - (SELECT min(seq) FROM deliveries) > ?`,
		knowsReasons, fewRows)
	if wait == 0 {
		tx.script(indexDone)
	}
}

// forget removes ids that have been known long enough.
func (tx *tx) forget(before time.Time, n int) int {
	return tx.run(`DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries WHERE state = PRUNED AND done_at > 0 AND done_at < ?
  ORDER BY done_at LIMIT ?)`, before, n)
}

// strip removes everything from a delivery but its id, so that the id stays known. An event goes with the last of its
// deliveries.
func (tx *tx) strip(seq int64) {
	var laneID, event, size, state int64
	tx.each(`SELECT lane, event, size, state FROM deliveries WHERE seq = ?`, func(r *row) {
		laneID, event, size, state = r.Int64(), r.Int64(), r.Int64(), r.Int64()
	}, seq)
	if laneID == 0 {
		return
	}
	tx.run(`UPDATE deliveries SET state = PRUNED, done_at = ?2, owner = 0, reason = '', log = '', order_key = NULL,
  content_type = NULL, header = NULL, url_suffix = NULL, body = NULL WHERE seq = ?1`, seq, tx.now)
	l := tx.lane(laneID)
	l.Bytes = max(0, l.Bytes-size)
	l.holds(state, -1)
	tx.run(`DELETE FROM events WHERE seq = ?1 AND NOT EXISTS (SELECT 1 FROM deliveries d
  WHERE d.seq BETWEEN events.first AND events.first + events.count - 1 AND d.event = ?1 AND d.state <> PRUNED)`, event)
}

// stripOldest strips up to n deliveries of a state whose outcome came before a time.
func (tx *tx) stripOldest(state int, before time.Time, n int) int {
	seqs := tx.numbers(`SELECT seq FROM deliveries WHERE state = ? AND done_at > 0 AND done_at < ? ORDER BY done_at LIMIT ?`,
		state, before, n)
	for _, seq := range seqs {
		tx.strip(seq)
	}
	return len(seqs)
}

// makeRoom removes some of what was delivered longest ago. It returns false if there is none.
func (s *Store) makeRoom(ctx context.Context) (made bool, err error) {
	const some = 4 * store.Slice
	err = s.write(ctx, func(tx *tx) {
		made = false
		for _, state := range []int{delivered, dropped} {
			made = tx.stripOldest(state, tx.now.Add(time.Hour), some) > 0 || made
		}
	})
	return made, err
}

// makeRoomInLane keeps a lane within half of the file. It removes and counts the lane's oldest dead letters, and no more
// than needed.
func (tx *tx) makeRoomInLane(l *lane, size int64) {
	for l.Bytes+size > tx.store.opts.MaxSize/2 {
		oldest := tx.number(`SELECT seq FROM deliveries WHERE lane = ? AND state = DEAD ORDER BY seq LIMIT 1`, l.id)
		if oldest == 0 {
			tx.fail(store.ErrFull)
			return
		}
		tx.strip(oldest)
		l.Discarded++
	}
}
