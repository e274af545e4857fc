package sqlite

import (
	"context"
	"os"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Is implements [store.Durable].
func (s *Store) Is(_ context.Context, other store.Durable) (bool, error) {
	o, isFile := other.(*Store)
	return isFile && os.SameFile(s.files[0], o.files[0]), nil
}

// Leave implements [store.Durable].
func (s *Store) Leave(ctx context.Context, from store.Cursor, n int) (entries []*delivery.Entry, to store.Cursor, err error) {
	err = s.write(ctx, func(tx *tx) {
		to = from
		var seqs []int64
		seqs, to.Seq = tx.leave(from.Seq, n)
		entries = tx.entries(seqs)
	})
	return entries, to, err
}

// candidate is a delivery that may leave.
type candidate struct {
	lane, state int64
	key         string
}

// leave takes about n deliveries after a number out of their lanes, except those in flight. Of a key, it takes all
// waiting deliveries in order, or none.
func (tx *tx) leave(after int64, n int) (seqs []int64, last int64) {
	var found []candidate
	var of []int64
	tx.each(`SELECT seq, lane, state, order_key FROM deliveries WHERE seq > ?1 AND state IN (DUE, DELIVERED, DEAD, DROPPED, BEHIND)
  AND NOT (state = DUE AND owner <> 0 AND due_at > ?2) ORDER BY seq LIMIT ?3`, func(r *row) {
		of = append(of, r.Int64())
		found = append(found, candidate{r.Int64(), r.Int64(), r.Text()})
	}, after, tx.now, n)
	seqs, last = store.Departing(of, after, func(i int) []int64 {
		if c := found[i]; c.key != "" && (c.state == due || c.state == behind) {
			return tx.ofKey(c)
		}
		return []int64{of[i]}
	})
	for _, seq := range seqs {
		tx.depart(seq)
	}
	return seqs, last
}

// ofKey lists the waiting deliveries of a delivery's key, in order. It lists none while one of them is in flight.
func (tx *tx) ofKey(c candidate) []int64 {
	busy := tx.number(`SELECT count(*) FROM deliveries
  WHERE lane = ? AND order_key = ? AND state IN (DUE, BEHIND) AND order_key IS NOT NULL
  AND state = DUE AND owner <> 0 AND due_at > ?`, c.lane, c.key, tx.now)
	if busy > 0 {
		return nil
	}
	return tx.numbers(`SELECT seq FROM deliveries WHERE lane = ? AND order_key = ? AND state IN (DUE, BEHIND) AND order_key IS NOT NULL
  ORDER BY place LIMIT ?`, c.lane, c.key, store.MaxKeyed)
}

// depart takes a delivery out of its lane.
func (tx *tx) depart(seq int64) {
	var laneID, state int64
	tx.each(`SELECT lane, state FROM deliveries WHERE seq = ?`, func(r *row) { laneID, state = r.Int64(), r.Int64() }, seq)
	tx.lane(laneID).holds(state, -1)
	if state == behind {
		state = due
	}
	tx.run(`UPDATE deliveries SET state = ?, owner = 0, token = token + 1 WHERE seq = ?`, state+store.Leaving, seq)
}

// entries reads leaving deliveries, with their past.
func (tx *tx) entries(seqs []int64) (entries []*delivery.Entry) {
	for _, seq := range seqs {
		tx.each(`SELECT d.id, d.token, l.webhook, d.state, d.due_at, d.accepted_at, d.since, d.order_key, d.unrouted, d.spent, d.done_at,
  d.reason, d.log, d.content_type, d.header, d.url_suffix, d.body,
  e.id, e.type, e.workflow_id, e.workflow_name, e.trace, e.source, e.stamp, e.payload
  FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN events e ON e.seq = d.event WHERE d.seq = ?`, func(r *row) {
			entry, err := store.ScanEntry(r, tx.now)
			entries, r.err = append(entries, entry), err
		}, seq)
	}
	return entries
}

// Leaving implements [store.Durable].
func (s *Store) Leaving(ctx context.Context) (entries []*delivery.Entry, err error) {
	err = s.write(ctx, func(tx *tx) {
		entries = tx.entries(tx.numbers(`SELECT seq FROM deliveries WHERE state >= LEAVING ORDER BY place, seq`))
	})
	return entries, err
}

// Forget implements [store.Durable]. A pruned delivery that left for another queue has the token with which it left, negative: it may come
// back with a higher one.
func (s *Store) Forget(ctx context.Context, ids []string) error {
	return s.write(ctx, func(tx *tx) {
		tx.withIDs(ids, func(seq, _ int64) {
			tx.strip(seq)
			tx.run(`UPDATE deliveries SET token = -token WHERE seq = ?`, seq)
		})
	})
}

// withIDs calls f with the number and the state of each delivery that exists.
func (tx *tx) withIDs(ids []string, f func(seq, state int64)) {
	for _, id := range ids {
		var seq, state int64
		tx.each(`SELECT seq, state FROM deliveries WHERE id = ?`, func(r *row) { seq, state = r.Int64(), r.Int64() }, id)
		if seq != 0 && state != pruned {
			f(seq, state)
		}
	}
}

// Erase removes deliveries and forgets their ids.
func (s *Store) Erase(ctx context.Context, ids []string) error {
	return s.write(ctx, func(tx *tx) {
		tx.withIDs(ids, func(seq, _ int64) {
			tx.strip(seq)
			tx.run(`DELETE FROM deliveries WHERE seq = ?`, seq)
		})
	})
}

// Amend replaces the past of deliveries. It ignores missing ones.
func (s *Store) Amend(ctx context.Context, entries []*delivery.Entry) error {
	return s.write(ctx, func(tx *tx) {
		for _, entry := range entries {
			for i := range entry.Wants {
				want := &entry.Wants[i]
				tx.withIDs([]string{want.DeliveryID(entry.Event.ID)}, func(seq, state int64) { tx.amend(seq, state, want) })
			}
		}
	})
}

func (tx *tx) amend(seq, state int64, want *delivery.Want) {
	l := tx.laneOf(want.Webhook)
	to := place{state: store.NumberOf[int64](want.Past.State), due: tx.now}
	if to.state != due {
		to.done = want.Past.Done
	}
	l.holds(state, -1)
	l.holds(to.state, 1)
	tx.run(`UPDATE deliveries SET state = ?, owner = 0, token = token + 1 WHERE seq = ?`, to.state, seq)
	a := acceptance{tx: tx, seq: seq}
	a.restore(l, want.Past, to)
}
