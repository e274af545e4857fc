package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// The stages of Leave.
const (
	leaveWorking = iota
	leaveHistory
)

// Is implements [store.Durable]. Each open store is a node, which only its own database knows.
func (s *Store) Is(ctx context.Context, other store.Durable) (is bool, err error) {
	o, isDatabase := other.(*Store)
	switch {
	case o == s:
		return true, nil
	case !isDatabase || o.node == s.node:
		return false, nil
	}
	var name string
	var started time.Time
	err = o.read(ctx, func(tx *tx) {
		tx.query(`SELECT name, started FROM awf_hook.nodes WHERE id = $1`, o.node).Scan(&name, &started)
	})
	if err != nil {
		return false, err
	}
	err = s.read(ctx, func(tx *tx) {
		tx.query(`SELECT EXISTS (SELECT FROM awf_hook.nodes WHERE id = $1 AND name = $2 AND started = $3)`,
			o.node, name, started).Scan(&is)
	})
	return is, err
}

// Leave implements [store.Durable]. Waiting and dead deliveries leave first, then finished ones, which stay unchanged
// until Forget.
func (s *Store) Leave(ctx context.Context, from store.Cursor, n int) (entries []*delivery.Entry, to store.Cursor, err error) {
	for to = from; ; {
		before := to
		err = s.write(ctx, func(tx *tx) {
			to = before
			tx.clock()
			sc := tx.scope()
			if to.Stage == leaveHistory {
				entries, to.Seq = tx.finishedEntries(sc, to.Seq, n)
				return
			}
			var seqs []int64
			seqs, to.Seq = tx.leave(sc, to.Seq, n)
			entries = tx.entries(seqs)
		})
		if err != nil || len(entries) > 0 || to.Stage == leaveHistory {
			return entries, to, err
		}
		if to.Seq == before.Seq { // else all of them had busy keys
			to = store.Cursor{Stage: leaveHistory}
		}
	}
}

// leave takes about n deliveries after a number out of their lanes, except those in flight. Of a key, it takes all
// waiting deliveries in order, or none.
func (tx *tx) leave(sc scope, after int64, n int) (seqs []int64, last int64) {
	var found []deliveryRow
	tx.each(func(r *row) { found = append(found, scanRow(r)) }, `SELECT `+rowColumns+` FROM awf_hook.deliveries WHERE seq > $1 AND `+isHere+`
  AND NOT (`+isDue+` AND owner <> 0 AND due_at > $2) AND ($4 OR lane = ANY($5::int[])) ORDER BY seq LIMIT $3`,
		after, tx.now, n, sc.all, sc.lanes)
	tx.send()
	tx.lockedLanes(found)
	seqs, last = store.Departing(seqsOf(found), after, func(i int) []int64 {
		if d := found[i]; d.key != nil && d.state != dead {
			return tx.ofKey(d)
		}
		return []int64{found[i].seq}
	})
	return tx.depart(seqs), last
}

// ofKey lists the waiting deliveries of a delivery's key, in order. It lists none while one of them is in flight. The
// lane is locked.
func (tx *tx) ofKey(d deliveryRow) (seqs []int64) {
	column(tx, &seqs, `SELECT d.seq FROM awf_hook.deliveries d
  WHERE d.lane = $1 AND d.order_key = $2 AND d.order_key IS NOT NULL AND d.`+isWaiting+`
  AND NOT EXISTS (SELECT 1 FROM awf_hook.deliveries o
    WHERE o.lane = $1 AND o.order_key = $2 AND o.order_key IS NOT NULL AND o.`+isWaiting+`
    AND o.`+isDue+` AND o.owner <> 0 AND o.due_at > $3)
  ORDER BY d.place LIMIT $4`, d.lane, d.key, tx.now, store.MaxKeyed)
	tx.send()
	return seqs
}

// depart takes deliveries out of their lanes. It returns those that nobody claimed meanwhile, in the same order.
func (tx *tx) depart(seqs []int64) (left []int64) {
	departed := map[int64]bool{}
	tx.each(func(r *row) {
		departed[r.Int64()] = true
		tx.add(r.Int(), r.Int(), -1, -r.Int64())
	}, `UPDATE awf_hook.deliveries d SET `+leaves+`, owner = 0, token = d.token + 1
  FROM (SELECT seq, state FROM awf_hook.deliveries WHERE seq = ANY($1::bigint[]) AND `+isStillHere+`
    AND NOT (`+isDue+` AND owner <> 0 AND due_at > $2) ORDER BY seq FOR UPDATE) o
  WHERE d.seq = o.seq RETURNING d.seq, d.lane, o.state, d.size`, seqs, tx.now)
	tx.send()
	return slices.DeleteFunc(seqs, func(seq int64) bool { return !departed[seq] })
}

const entryColumns = `d.id, d.token, l.webhook, d.state, d.due_at, d.accepted_at, d.since, d.order_key, d.unrouted, d.spent, d.done_at,
  d.reason, coalesce((SELECT string_agg(t.record, '' ORDER BY t.number) FROM awf_hook.attempts t WHERE t.delivery = d.seq), ''),
  m.content_type, m.header, m.url_suffix, m.body, e.id, e.type, e.workflow_id, e.workflow_name, e.trace, e.source,
  e.stamp, e.payload
  FROM awf_hook.deliveries d JOIN awf_hook.lanes l ON l.id = d.lane JOIN awf_hook.events e ON e.seq = d.event
  LEFT JOIN awf_hook.contents m ON m.delivery = d.seq`

// entries reads deliveries that left, with their past, in the given order.
func (tx *tx) entries(seqs []int64) (entries []*delivery.Entry) {
	tx.rows(into(&entries, tx.entry),
		`SELECT `+entryColumns+` JOIN unnest($1::bigint[]) WITH ORDINALITY AS s(seq, n) ON s.seq = d.seq ORDER BY s.n`, seqs)
	tx.send()
	return entries
}

// finishedEntries reads n finished deliveries after a number.
func (tx *tx) finishedEntries(sc scope, after int64, n int) (entries []*delivery.Entry, last int64) {
	last = after
	tx.rows(into(&entries, func(r *row) (*delivery.Entry, error) {
		last = r.Int64()
		return tx.entry(r)
	}), `SELECT d.seq, d.id, d.token + 1, l.webhook, d.state, d.done_at, d.accepted_at, d.since, d.order_key, false, d.spent,
  d.done_at, d.reason, d.log, d.content_type, d.header, d.url_suffix, d.body, d.event_id, d.type, d.workflow_id, d.workflow_name,
  d.trace, d.source, d.stamp, d.payload
  FROM awf_hook.history d JOIN awf_hook.lanes l ON l.id = d.lane WHERE d.seq > $1 AND ($3 OR d.lane = ANY($4::int[]))
  ORDER BY d.seq LIMIT $2`, after, n, sc.all, sc.lanes)
	tx.send()
	return entries, last
}

// entry reads a row of entryColumns.
func (tx *tx) entry(r *row) (*delivery.Entry, error) { return store.ScanEntry(r, tx.now) }

// Leaving implements [store.Durable].
func (s *Store) Leaving(ctx context.Context) (entries []*delivery.Entry, err error) {
	err = s.read(ctx, func(tx *tx) {
		entries = nil
		sc := tx.scope()
		tx.rows(into(&entries, tx.entry),
			`SELECT `+entryColumns+` WHERE d.`+isLeaving+` AND ($1 OR d.lane = ANY($2::int[])) ORDER BY d.place, d.seq`, sc.all, sc.lanes)
	})
	return entries, err
}

// Forget implements [store.Durable].
func (s *Store) Forget(ctx context.Context, ids []string) error {
	return s.writeAfter(ctx, func() error { return s.makeDay(ctx, s.roughly()) }, func(tx *tx) {
		tx.clock()
		var seqs []int64
		column(tx, &seqs, `SELECT seq FROM awf_hook.deliveries WHERE id = ANY($1::text[]) AND `+isLeaving+` ORDER BY seq FOR UPDATE`, ids)
		tx.send()
		tx.remove(seqs, true)
		tx.queue(`WITH gone AS (DELETE FROM awf_hook.history WHERE id = ANY($1::text[]) RETURNING id, token)
  INSERT INTO awf_hook.ids SELECT id, $2::timestamptz, token + 1 FROM gone`, ids, tx.now.Add(store.KeepIDs))
	})
}
