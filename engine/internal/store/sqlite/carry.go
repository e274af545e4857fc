package sqlite

import (
	"context"
	"os"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// maxKeyed is how many deliveries of one order key leave at a time.
const maxKeyed = 4000

// Is implements [store.Durable].
func (s *Store) Is(_ context.Context, other store.Durable) (bool, error) {
	o, isFile := other.(*Store)
	return isFile && os.SameFile(s.file, o.file), nil
}

// Leave implements [store.Durable].
func (s *Store) Leave(ctx context.Context, from store.Cursor, n int) (entries []*delivery.Entry, to store.Cursor, err error) {
	err = s.write(ctx, func(tx *tx) error {
		to = from
		seqs, last, err := tx.leave(from.Seq, n)
		if err != nil {
			return err
		}
		to.Seq = last
		entries, err = tx.entries(seqs)
		return err
	})
	return entries, to, err
}

// candidate is a delivery that may leave.
type candidate struct {
	seq, lane, state int64
	key              string
}

// leave takes about n deliveries after a number out of their lanes, except those in flight. Of a key, it takes all
// waiting deliveries in order, or none.
func (tx *tx) leave(after int64, n int) (seqs []int64, last int64, err error) {
	var found []candidate
	last = after
	err = tx.each(`SELECT seq, lane, state, order_key FROM deliveries WHERE seq > ?1 AND state IN (DUE, DELIVERED, DEAD, DROPPED, BEHIND)
  AND NOT (state = DUE AND owner <> 0 AND due_at > ?2) ORDER BY seq LIMIT ?3`, func(r *row) error {
		found = append(found, candidate{r.Int64(), r.Int64(), r.Int64(), r.Text()})
		return nil
	}, after, tx.now, n)
	gone := map[int64]bool{}
	for _, c := range found {
		if err != nil {
			return nil, 0, err
		}
		some := []int64{c.seq}
		if c.key != "" && (c.state == due || c.state == behind) {
			if gone[c.seq] {
				last = c.seq
				continue
			}
			if some, err = tx.ofKey(c); err != nil {
				return nil, 0, err
			}
		}
		for _, seq := range some {
			gone[seq] = true
			if err = tx.depart(seq); err != nil {
				return nil, 0, err
			}
		}
		seqs = append(seqs, some...)
		if len(some) == maxKeyed { // the rest of the key follows, possibly with this one
			return seqs, c.seq - 1, nil
		}
		last = c.seq
	}
	return seqs, last, err
}

// ofKey lists the waiting deliveries of a delivery's key, in order. It lists none while one of them is in flight.
func (tx *tx) ofKey(c candidate) ([]int64, error) {
	busy, err := tx.number(`SELECT count(*) FROM deliveries
  WHERE lane = ? AND order_key = ? AND state IN (DUE, BEHIND) AND order_key IS NOT NULL
  AND state = DUE AND owner <> 0 AND due_at > ?`, c.lane, c.key, tx.now)
	if err != nil || busy > 0 {
		return nil, err
	}
	return tx.numbers(`SELECT seq FROM deliveries WHERE lane = ? AND order_key = ? AND state IN (DUE, BEHIND) AND order_key IS NOT NULL
  ORDER BY place LIMIT ?`, c.lane, c.key, maxKeyed)
}

// depart takes a delivery out of its lane.
func (tx *tx) depart(seq int64) error {
	var laneID, state int64
	err := tx.each(`SELECT lane, state FROM deliveries WHERE seq = ?`, func(r *row) error {
		laneID, state = r.Int64(), r.Int64()
		return nil
	}, seq)
	if err != nil {
		return err
	}
	l, err := tx.lane(laneID)
	if err != nil {
		return err
	}
	l.holds(state, -1)
	if state == behind {
		state = due
	}
	_, err = tx.run(`UPDATE deliveries SET state = ?, owner = 0, token = token + 1 WHERE seq = ?`, state+store.Leaving, seq)
	return err
}

// entries reads leaving deliveries, with their past.
func (tx *tx) entries(seqs []int64) (entries []*delivery.Entry, err error) {
	for _, seq := range seqs {
		err := tx.each(`SELECT d.id, l.webhook, d.state, d.due_at, d.accepted_at, d.since, d.order_key, d.unrouted, d.spent, d.done_at, d.reason,
  d.log, d.content_type, d.header, d.url_suffix, d.body, e.id, e.type, e.workflow_id, e.workflow_name, e.trace, e.source, e.stamp, e.payload
  FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN events e ON e.seq = d.event WHERE d.seq = ?`, func(r *row) error {
			entry, err := store.ScanEntry(r, tx.now)
			entries = append(entries, entry)
			return err
		}, seq)
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// Leaving implements [store.Durable].
func (s *Store) Leaving(ctx context.Context) (entries []*delivery.Entry, err error) {
	err = s.write(ctx, func(tx *tx) error {
		seqs, err := tx.numbers(`SELECT seq FROM deliveries WHERE state >= LEAVING ORDER BY place, seq`)
		if err == nil {
			entries, err = tx.entries(seqs)
		}
		return err
	})
	return entries, err
}

// Forget implements [store.Durable].
func (s *Store) Forget(ctx context.Context, ids []string) error {
	return s.write(ctx, func(tx *tx) error {
		return tx.withIDs(ids, func(seq, _ int64) error { return tx.strip(seq) })
	})
}

// withIDs calls f with the number and the state of each delivery that exists.
func (tx *tx) withIDs(ids []string, f func(seq, state int64) error) error {
	for _, id := range ids {
		var seq, state int64
		err := tx.each(`SELECT seq, state FROM deliveries WHERE id = ?`, func(r *row) error {
			seq, state = r.Int64(), r.Int64()
			return nil
		}, id)
		if err == nil && seq != 0 && state != pruned {
			err = f(seq, state)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Erase removes deliveries and forgets their ids.
func (s *Store) Erase(ctx context.Context, ids []string) error {
	return s.write(ctx, func(tx *tx) error {
		return tx.withIDs(ids, func(seq, _ int64) error {
			if err := tx.strip(seq); err != nil {
				return err
			}
			_, err := tx.run(`DELETE FROM deliveries WHERE seq = ?`, seq)
			return err
		})
	})
}

// Amend replaces the past of deliveries. It ignores missing ones.
func (s *Store) Amend(ctx context.Context, entries []*delivery.Entry) error {
	return s.write(ctx, func(tx *tx) error {
		for _, entry := range entries {
			for i := range entry.Wants {
				want := &entry.Wants[i]
				err := tx.withIDs([]string{want.DeliveryID(entry.Event.ID)}, func(seq, state int64) error {
					return tx.amend(seq, state, want)
				})
				if err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (tx *tx) amend(seq, state int64, want *delivery.Want) error {
	l, err := tx.laneOf(want.Webhook)
	if err != nil {
		return err
	}
	to := place{state: store.NumberOf[int64](want.Past.State), due: tx.now}
	if to.state != due {
		to.done = want.Past.Done
	}
	l.holds(state, -1)
	l.holds(to.state, 1)
	_, err = tx.run(`UPDATE deliveries SET state = ?, owner = 0, token = token + 1 WHERE seq = ?`, to.state, seq)
	if err != nil {
		return err
	}
	a := acceptance{tx: tx, seq: seq}
	return a.restore(l, want.Past, to)
}
