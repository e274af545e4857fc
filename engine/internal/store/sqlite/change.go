package sqlite

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

const othersOfKey = `FROM deliveries o WHERE o.lane = deliveries.lane AND o.order_key = deliveries.order_key AND o.state IN (DUE, BEHIND)`

// bodySize selects the size of the body that transforms made; 0 if they made none.
const bodySize = `SELECT ifnull(length(body), 0) FROM deliveries WHERE seq = ?`

// Replay implements [store.Browser]. Replayed deliveries join the tail of their key.
func (s *Store) Replay(ctx context.Context, f delivery.Filter, c delivery.Change) (int, error) {
	if f.State == delivery.Due {
		return s.inSlices(ctx, f, func(tx *tx, seq, _, _ int64) {
			tx.run(`UPDATE deliveries SET due_at = ? WHERE seq = ? AND state = DUE`, tx.now, seq)
		})
	}
	f.State = store.Replayable(f.State)
	return s.inSlices(ctx, f, func(tx *tx, seq, lane, state int64) {
		if c.Retransform {
			body := tx.number(bodySize, seq)
			tx.run(`UPDATE deliveries SET content_type = NULL, header = NULL, url_suffix = NULL, body = NULL, size = size - ? WHERE seq = ?`,
				body, seq)
			tx.lane(lane).Bytes -= body
		}
		tx.run(`UPDATE deliveries SET due_at = ?1, since = ?1, done_at = 0, spent = 0, owner = 0, token = token + 1,
  place = coalesce((SELECT max(o.place) + 1 `+othersOfKey+`), place),
  state = CASE WHEN EXISTS(SELECT 1 `+othersOfKey+`) THEN BEHIND ELSE DUE END WHERE seq = ?2`, tx.now, seq)
		l := tx.lane(lane)
		l.Replayed()
		l.holds(state, -1)
		l.holds(due, 1)
	})
}

// Delete implements [store.Browser].
func (s *Store) Delete(ctx context.Context, f delivery.Filter) (int, error) {
	if f.State == delivery.InFlight {
		return 0, errors.New("deliveries in flight cannot be deleted")
	}
	return s.inSlices(ctx, f, func(tx *tx, seq, _, _ int64) {
		tx.promote(tx.now, seq, store.OrderPatience)
		tx.strip(seq)
	})
}

type changeFunc func(tx *tx, seq, lane, state int64)

// inSlices changes the selected deliveries that are not in flight, the oldest first, a few in each transaction.
func (s *Store) inSlices(ctx context.Context, f delivery.Filter, change changeFunc) (changed int, err error) {
	now := s.now()
	in, err := s.narrowTo(ctx, f, now, store.Slice) // each slice finds all of them
	if err != nil {
		return 0, err
	}
	condition, args := where(f, now, in, slices.Concat(texts...)...)
	query := `SELECT d.seq, d.lane, d.state` + fromDeliveries + condition +
		` AND NOT (d.state = DUE AND d.owner <> 0 AND d.due_at > ?) AND d.seq > ? ORDER BY d.seq LIMIT ?`
	last := int64(0)
	for {
		n := store.Slice
		if f.Limit > 0 {
			n = min(n, f.Limit-changed)
		}
		var some [][3]int64
		err := s.write(ctx, func(tx *tx) {
			some = nil
			tx.each(query, func(r *row) { some = append(some, [3]int64{r.Int64(), r.Int64(), r.Int64()}) }, append(args, tx.now, last, n)...)
			for _, d := range some {
				change(tx, d[0], d[1], d[2])
			}
		})
		if err != nil {
			return changed, err
		}
		changed += len(some)
		if len(some) < n || changed == f.Limit {
			return changed, nil
		}
		last = some[len(some)-1][0]
	}
}

// Move implements [store.Browser].
func (s *Store) Move(ctx context.Context, from, to string) (moved int, err error) {
	if from == to {
		return 0, nil
	}
	for more := true; more; {
		n := 0
		if err := s.write(ctx, func(tx *tx) { n = tx.move(from, to) }); err != nil {
			return moved, err
		}
		moved += n
		more = n > 0
	}
	return moved, nil
}

// move moves some waiting deliveries and dead letters of a lane to another one.
func (tx *tx) move(from, to string) int {
	source := tx.find(from)
	if source == nil {
		return 0
	}
	target := tx.laneOf(to)
	found := tx.moving(source.id)
	for _, d := range found {
		// Deliveries in flight stay in flight. One with a key waits for the head of its key in the new lane, or is the
		// head.
		tx.run(`UPDATE deliveries SET lane = ?2, state = CASE
  WHEN order_key IS NULL OR state = DEAD OR owner <> 0 AND due_at > ?3 THEN state
  WHEN EXISTS(SELECT 1 FROM deliveries o WHERE o.lane = ?2 AND o.order_key = deliveries.order_key AND o.state IN (DUE, BEHIND)) THEN BEHIND
  ELSE DUE END, owner = CASE WHEN due_at > ?3 THEN owner ELSE 0 END WHERE seq = ?1`, d[0], target.id, tx.now)
		source.Bytes, target.Bytes = source.Bytes-d[1], target.Bytes+d[1]
		source.holds(d[2], -1)
		target.holds(d[2], 1)
	}
	return len(found)
}

// moving selects what of a lane moves next: some keys as a whole, so that none is left without its head whenever a move ends, then
// some without a key, then some dead letters.
func (tx *tx) moving(lane int64) (found [][3]int64) {
	var key string
	var place int64
	some := func(condition string, args ...any) {
		tx.each(`SELECT seq, size, state, place, order_key FROM deliveries WHERE lane = ? AND `+condition, func(r *row) {
			found = append(found, [3]int64{r.Int64(), r.Int64(), r.Int64()})
			place, key = r.Int64(), r.Text()
		}, append([]any{lane}, args...)...)
	}
	const ofKeys = `order_key IS NOT NULL AND state IN (DUE, BEHIND)`
	some(ofKeys+` ORDER BY order_key, place, seq LIMIT ?`, store.Slice)
	if len(found) > 0 {
		some(ofKeys+` AND order_key = ? AND (place, seq) > (?, ?) ORDER BY place, seq LIMIT ?`,
			key, place, found[len(found)-1][0], store.MaxKeyed)
		slices.SortStableFunc(found, func(a, b [3]int64) int { return cmp.Compare(a[2], b[2]) }) // heads first
	}
	if len(found) == 0 {
		some(`state = DUE ORDER BY due_at, seq LIMIT ?`, store.Slice)
	}
	if len(found) == 0 {
		some(`state = DEAD ORDER BY seq LIMIT ?`, store.Slice)
	}
	return found
}
