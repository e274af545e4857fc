package postgres

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Replay implements [store.Browser]. Replayed deliveries join the tail of their key.
func (s *Store) Replay(ctx context.Context, f delivery.Filter, c delivery.Change) (int, error) {
	if f.State == delivery.Due {
		return s.inSlices(ctx, f, func(tx *tx, seqs []int64) int {
			found, lanes := tx.locked(`seq = ANY($1::bigint[]) AND `+isStillWaiting+` AND NOT (owner <> 0 AND due_at > $2)
  ORDER BY seq`, seqs, tx.now)
			for _, l := range lanes {
				tx.told[l.webhook] = struct{}{}
			}
			tx.queue(`UPDATE awf_hook.deliveries SET due_at = $2 WHERE seq = ANY($1::bigint[])`, seqsOf(found), tx.now)
			return len(found)
		})
	}
	f.State = store.Replayable(f.State)
	return s.inSlices(ctx, f, func(tx *tx, seqs []int64) int {
		if f.State == delivery.IsDelivered {
			tx.revive(seqs)
		}
		return tx.replay(seqs, c.Retransform)
	})
}

// revive queues moving delivered deliveries from history to the working tables. Their events get new numbers.
func (tx *tx) revive(seqs []int64) {
	tx.queue(`WITH gone AS (DELETE FROM awf_hook.history WHERE seq = ANY($1::bigint[]) RETURNING *,
    nextval('awf_hook.deliveries_seq_seq') AS event),
  ev AS (INSERT INTO awf_hook.events SELECT event, event_id, type, workflow_id, workflow_name, stamp, payload, trace, source
    FROM gone),
  m AS (INSERT INTO awf_hook.contents SELECT seq, content_type, header, url_suffix, body FROM gone WHERE content_type IS NOT NULL),
  t AS (INSERT INTO awf_hook.attempts SELECT seq, n, line || E'\n' FROM gone, regexp_split_to_table(rtrim(log, E'\n'), E'\n')
    WITH ORDINALITY AS s(line, n) WHERE log <> '')
  INSERT INTO awf_hook.deliveries(seq, id, lane, event, state, due_at, token, batch, accepted_by, accepted_at, since, done_at,
    place, order_key, attempts, spent, size, reason)
  SELECT seq, id, lane, event, state, done_at, token, 0, accepted_by, accepted_at, since, done_at,
    seq, order_key, attempts, spent, size, reason
    FROM gone`, seqs)
}

// replay makes deliveries due that are dead, or that were delivered and revived.
func (tx *tx) replay(seqs []int64, retransform bool) int {
	found, lanes := tx.locked(`seq = ANY($1::bigint[]) AND `+isStillDone+` ORDER BY seq`, seqs)
	bodies := map[int64]int64{}
	if retransform {
		tx.each(func(r *row) { bodies[r.Int64()] = r.Int64() },
			`DELETE FROM awf_hook.contents WHERE delivery = ANY($1::bigint[]) RETURNING delivery, octet_length(body)::bigint`, seqsOf(found))
	}
	var places []int64
	tx.numbers(&places, len(found))
	active := tx.activeKeys(found)
	seqs = nil
	var states []int
	var freed []int64
	for _, d := range found {
		l := lanes[d.lane]
		l.Replayed()
		tx.told[l.webhook] = struct{}{}
		if d.state == dead {
			tx.add(d.lane, dead, -1, -d.size)
		}
		tx.add(d.lane, due, 1, d.size-bodies[d.seq])
		seqs, states, freed = append(seqs, d.seq), append(states, active.stand(d.lane, d.key)), append(freed, bodies[d.seq])
	}
	tx.queue(`UPDATE awf_hook.deliveries d SET due_at = $1, since = $1, done_at = NULL, spent = 0, owner = 0, token = token + 1,
  place = n.place, state = n.state, size = d.size - n.freed
  FROM unnest($2::bigint[], $3::smallint[], $4::bigint[], $5::bigint[]) n(seq, state, place, freed) WHERE d.seq = n.seq`,
		tx.now, seqs, states, slices.Sorted(slices.Values(places)), freed)
	tx.saveLanes(lanes)
	return len(found)
}

// Delete implements [store.Browser].
func (s *Store) Delete(ctx context.Context, f delivery.Filter) (int, error) {
	if f.State == delivery.InFlight {
		return 0, errors.New("deliveries in flight cannot be deleted")
	}
	return s.inSlices(ctx, f, func(tx *tx, seqs []int64) int {
		n := 0
		tx.query(`WITH gone AS (DELETE FROM awf_hook.history WHERE seq = ANY($1::bigint[]) RETURNING id),
  known AS (INSERT INTO awf_hook.ids SELECT id, $2::timestamptz FROM gone)
  SELECT count(*) FROM gone`, seqs, tx.now.Add(store.KeepIDs)).Scan(&n)
		found, _ := tx.locked(`seq = ANY($1::bigint[]) AND NOT (`+isDue+` AND owner <> 0 AND due_at > $2) ORDER BY seq`, seqs, tx.now)
		tx.removeAll(found)
		freed := keys{}
		for _, d := range found {
			if d.key != nil && d.state != dead && freed.stand(d.lane, d.key) == due { // once for each key
				tx.promote(tx.now, d, store.OrderPatience)
			}
		}
		return n + len(found)
	})
}

// changeFunc changes deliveries, and says how many.
type changeFunc func(tx *tx, seqs []int64) int

// inSlices changes the selected deliveries that are not in flight, the oldest first, a few in each transaction.
func (s *Store) inSlices(ctx context.Context, f delivery.Filter, change changeFunc) (changed int, err error) {
	now, err := s.now(ctx)
	if err == nil {
		err = s.makeDay(ctx, now)
	}
	if err != nil {
		return 0, err
	}
	last := int64(0)
	for {
		n := store.Slice
		if f.Limit > 0 {
			n = min(n, f.Limit-changed)
		}
		var seqs []int64
		done := 0
		err := s.once(ctx, func(tx *tx) {
			seqs, done = nil, 0
			tx.clock()
			c := tx.selected(f)
			c.add(`NOT (i.`+isDue+` AND i.owner <> 0 AND i.due_at > ?)`, tx.now)
			c.add(`i.seq > ?`, last)
			column(tx, &seqs, c.items(`i.seq`, "", n), c.args...)
			if tx.send() && len(seqs) > 0 {
				done = change(tx, seqs)
			}
		})
		if err != nil {
			return changed, err
		}
		s.fromTheBeginning()
		changed += done
		if len(seqs) < n || changed == f.Limit {
			return changed, nil
		}
		last = seqs[len(seqs)-1]
	}
}

// Move implements [store.Browser].
func (s *Store) Move(ctx context.Context, from, to string) (moved int, err error) {
	if from == to {
		return 0, nil
	}
	source, err := all(ctx, s, (*row).Int, `SELECT id FROM awf_hook.lanes WHERE webhook = $1`, clean(from))
	if err != nil || len(source) == 0 { // make no lane of a misspelled name
		return 0, err
	}
	ids, err := s.laneIDs(ctx, []string{from, to})
	if err != nil {
		return 0, err
	}
	for more := true; more; {
		n := 0
		err := s.once(ctx, func(tx *tx) {
			n = tx.move(ids, from, to)
		})
		if err != nil {
			return moved, err
		}
		s.fromTheBeginning()
		moved += n
		more = n > 0
	}
	return moved, nil
}

// move moves some waiting deliveries and dead letters of a lane to another one. Deliveries in flight stay in flight. A
// delivery with a key waits for the head of its key in the new lane, or is the head.
func (tx *tx) move(ids map[string]int, source, target string) int {
	from, to := ids[source], ids[target]
	lanes := tx.lanesOf([]int{from, to}, true)
	tx.queue(`UPDATE awf_hook.lanes SET keyed = true WHERE id = $2 AND (SELECT keyed FROM awf_hook.lanes WHERE id = $1)
    AND NOT keyed`, from, to)
	tx.clock()
	found := tx.moving(from)
	tx.mustBe(lanes[from], source)
	tx.mustBe(lanes[to], target)
	if tx.err != nil || len(found) == 0 {
		return 0
	}
	inNew := slices.Clone(found)
	for i := range inNew {
		inNew[i].lane = to
	}
	active := tx.activeKeys(inNew)
	var seqs []int64
	var states []int
	for _, d := range found {
		state := d.state
		if state != dead {
			state = active.stand(to, d.key)
		}
		if d.owner != 0 && d.due.After(tx.now) {
			state = d.state
		}
		seqs, states = append(seqs, d.seq), append(states, state)
		tx.add(from, d.state, -1, -d.size)
		tx.add(to, d.state, 1, d.size)
	}
	tx.queue(`UPDATE awf_hook.deliveries d SET lane = $1, state = n.state, owner = CASE WHEN due_at > $4 THEN owner ELSE 0 END
  FROM unnest($2::bigint[], $3::smallint[]) n(seq, state) WHERE d.seq = n.seq`, to, seqs, states, tx.now)
	tx.told[lanes[to].webhook] = struct{}{}
	return len(found)
}

// moving selects and locks what of a lane moves next: some without a key, then some keys as a whole, so that none is left without its
// head whenever a move ends, then some dead letters. What leaves for another queue stays.
func (tx *tx) moving(lane int) []deliveryRow {
	found := tx.deliveries(`lane = $1 AND order_key IS NULL AND `+isDue+` ORDER BY due_at, seq LIMIT $2`, lane, store.Slice)
	if len(found) > 0 {
		return found
	}
	const ofKeys = `lane = $1 AND order_key IS NOT NULL AND ` + isWaiting
	found = tx.deliveries(ofKeys+` ORDER BY order_key, place LIMIT $2`, lane, store.Slice)
	if len(found) == 0 {
		return tx.deliveries(`lane = $1 AND `+isDead+` ORDER BY seq LIMIT $2`, lane, store.Slice)
	}
	last := found[len(found)-1].key
	rest := tx.deliveries(ofKeys+` AND order_key = $2 AND seq <> ALL($3::bigint[]) ORDER BY place LIMIT $4`,
		lane, last, seqsOf(found), store.MaxKeyed)
	found = append(found, rest...)
	slices.SortStableFunc(found, func(a, b deliveryRow) int { return cmp.Compare(a.state, b.state) }) // heads first
	return found
}
