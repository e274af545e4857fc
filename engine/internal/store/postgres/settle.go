package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// settling is the state of settling one batch.
type settling struct {
	*tx
	outcomes []*outcome
	lanes    map[int]*lane
	locked   bool
}

// outcome is a settlement as the database stores it.
type outcome struct {
	store.Outcome
	st    *delivery.Settlement
	lease *lease
	state int // the Outcome's
	held  bool
	lane  int // of the delivery: different from the claim's if the delivery was moved meanwhile
}

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, settlements []delivery.Settlement) (lost []*delivery.Claim, err error) {
	if s.closed.Load() {
		return nil, store.ErrClosed
	}
	err = s.writeAfter(ctx, func() error { return s.makeDay(ctx, s.roughly()) }, func(tx *tx) {
		lost = nil
		b := &settling{tx: tx}
		for i := range settlements {
			st := &settlements[i]
			if l := s.lease(st.Claim); l != nil {
				b.outcomes = append(b.outcomes, &outcome{st: st, lease: l})
			} else {
				lost = append(lost, st.Claim)
			}
		}
		if len(b.outcomes) > 0 {
			b.settle()
		}
		for _, o := range b.outcomes {
			if !o.held {
				lost = append(lost, o.st.Claim)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	return lost, nil
}

func (b *settling) settle() {
	b.look()
	for _, o := range b.outcomes {
		o.Outcome = store.OutcomeOf(o.st, b.now, microseconds(o.st.After))
		o.state = store.NumberOf[int](o.State)
	}
	if !b.update() {
		return
	}
	for _, o := range b.outcomes {
		if !o.held {
			continue
		}
		b.keep(o)
		if l := b.lanes[o.lease.lane]; l != nil {
			l.Settle(b.now, o.st, o.lease.until)
		}
	}
	b.lockMoved()
	for _, o := range b.outcomes {
		if at, passed := o.PassedAt(o.st, b.now); passed && o.held {
			b.promote(at, deliveryRow{seq: o.lease.seq, lane: o.lane, key: keyColumn(o.st.Claim.OrderKey)}, o.st.OrderMaxWait)
		}
	}
	if b.locked {
		b.saveLanes(b.lanes)
	}
	if b.again {
		b.mineBefore()
	}
}

// lockMoved queues locking the lanes to which deliveries with a key were moved: what joins their keys meanwhile is promoted, too.
func (b *settling) lockMoved() {
	var moved []int
	for _, o := range b.outcomes {
		if o.held && o.st.Claim.OrderKey != "" && o.lane != o.lease.lane {
			moved = append(moved, o.lane)
		}
	}
	b.lanesOf(moved, true)
}

// look reads the lanes. It locks them if an outcome may change one. None does if all are deliveries to healthy lanes
// without an order, and no module used more fuel than before.
func (b *settling) look() {
	ids := map[int]struct{}{}
	plain := true
	for _, o := range b.outcomes {
		ids[o.lease.lane] = struct{}{}
		if o.st.Outcome != delivery.Delivered || o.st.Claim.OrderKey != "" || o.st.Attempt != nil && o.st.Attempt.RetryAfter > 0 {
			plain = false
		}
	}
	sorted := slices.Sorted(maps.Keys(ids))
	for _, b.locked = range []bool{!plain, true} {
		b.lanes = b.lanesOf(sorted, b.locked)
		b.clock()
		if !b.send() || b.locked || b.areWell() {
			return
		}
	}
}

func (b *settling) areWell() bool {
	for _, l := range b.lanes {
		if l.Failures != 0 || l.TransformFailures != 0 || !l.ProbeUntil.IsZero() {
			return false
		}
	}
	for _, o := range b.outcomes {
		if l := b.lanes[o.lease.lane]; l != nil && o.st.FuelPercent > l.FuelPercent {
			return false
		}
	}
	return true
}

// update writes the outcomes of claims that still hold, and marks these. It returns false if the transaction has failed.
func (b *settling) update() bool {
	var waits, finished outcomeColumns
	bySeq := map[int64]*outcome{}
	for _, o := range b.outcomes {
		bySeq[o.lease.seq] = o
		if o.state == delivered || o.state == dropped {
			finished.add(o, b.now)
		} else {
			waits.add(o, b.now)
		}
	}
	mark := func(r *row) {
		if o := bySeq[r.Int64()]; o != nil {
			o.held, o.lane = true, r.Int()
		}
	}
	if len(waits.seq) > 0 {
		b.each(mark, `UPDATE awf_hook.deliveries d SET state = CASE WHEN d.`+isBehind+` AND n.`+isDue+` THEN d.state ELSE n.state END,
  due_at = n.due_at, done_at = n.done_at, attempts = n.attempts, spent = n.spent, reason = n.reason, size = d.size + n.grown, owner = 0
  FROM unnest($1::bigint[], $2::int[], $3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::int[], $7::int[], $8::text[], $9::int[],
    $10::text[]) n(seq, token, state, due_at, done_at, attempts, spent, reason, grown, id)
  WHERE d.seq = ANY($1) AND d.seq = n.seq AND d.token = n.token AND `+isSameID+` AND d.`+isStillWaiting+` RETURNING d.seq, d.lane`,
			waits.seq, waits.token, waits.state, waits.due, waits.done, waits.attempts, waits.spent, waits.reason, waits.grown, waits.id)
	}
	if len(finished.seq) > 0 {
		b.each(mark, finish, finished.seq, finished.token, finished.state, finished.attempts, finished.spent, finished.reason, finished.grown,
			finished.record, finished.contentType, finished.header, finished.urlSuffix, finished.body, b.now,
			finished.id)
	}
	return b.send()
}

// isSameID tells a delivery d from an earlier one of the same number and token, which a failover lost. No index serves it: the number finds
// the row.
const isSameID = `d.id IS NOT DISTINCT FROM n.id`

// finish moves deliveries to history with their outcomes.
const finish = `WITH n AS (SELECT * FROM unnest($1::bigint[], $2::int[], $3::smallint[], $4::int[], $5::int[], $6::text[], $7::int[],
    $8::text[], $9::text[], $10::text[], $11::text[], $12::bytea[], $14::text[])
    n(seq, token, state, attempts, spent, reason, grown, record, content_type, header, url_suffix, body, id)),
  gone AS (DELETE FROM awf_hook.deliveries d USING n WHERE d.seq = n.seq AND d.token = n.token AND ` + isSameID + `
    AND d.` + isStillWaiting + `
    RETURNING d.seq, d.id, d.lane, d.event, d.token, d.accepted_by, d.accepted_at, d.since, $13::timestamptz AS done_at, d.order_key,
      d.size + n.grown AS size, n.state, n.attempts, n.spent, n.reason, n.record, n.content_type, n.header, n.url_suffix,
      n.body),` + intoHistory

// archive moves deliveries to history that were accepted with their outcomes.
const archive = `WITH gone AS (DELETE FROM awf_hook.deliveries WHERE seq = ANY($1::bigint[]) RETURNING *, '' AS record,
    NULL::text AS content_type, NULL::text AS header, NULL::text AS url_suffix, NULL::bytea AS body),` + intoHistory

// intoHistory goes on after a part gone that takes rows of the deliveries $1 out of their table. It moves them to history with what the
// other working tables hold of them. An event moves with the last of its deliveries.
const intoHistory = `
  made AS (DELETE FROM awf_hook.contents WHERE delivery = ANY(ARRAY(SELECT seq FROM gone)) RETURNING *),
  tried AS (DELETE FROM awf_hook.attempts WHERE delivery = ANY(ARRAY(SELECT seq FROM gone)) RETURNING *),
  done AS (DELETE FROM awf_hook.events e WHERE e.seq = ANY(ARRAY(SELECT event FROM gone))
    AND NOT EXISTS (SELECT 1 FROM awf_hook.deliveries d WHERE d.event = e.seq AND d.seq <> ALL($1) OFFSET 0))
  INSERT INTO awf_hook.history SELECT g.seq, g.id, g.lane, g.state, g.token, g.accepted_at, g.since, g.done_at, g.order_key,
    g.attempts, g.spent, g.size, g.reason, e.id, e.type, e.workflow_id, e.workflow_name, e.stamp, e.payload,
    coalesce((SELECT string_agg(t.record, '' ORDER BY t.number) FROM tried t WHERE t.delivery = g.seq), '') || g.record,
    coalesce(g.content_type, m.content_type), coalesce(g.header, m.header), coalesce(g.url_suffix, m.url_suffix), coalesce(g.body, m.body),
    e.trace, e.source, g.accepted_by
  FROM gone g CROSS JOIN LATERAL (SELECT * FROM awf_hook.events WHERE seq = g.event OFFSET 0) e
  LEFT JOIN made m ON m.delivery = g.seq RETURNING seq, lane`

// keep counts an outcome. If the delivery waits or is dead, keep queues its content and attempt.
func (b *settling) keep(o *outcome) {
	size := o.lease.size
	b.add(o.lane, due, -1, -size)
	if o.st.Content != nil {
		size += int64(len(o.st.Content.Body))
	}
	b.add(o.lane, o.state, 1, size)
	if o.state == delivered || o.state == dropped {
		return
	}
	if o.st.Content != nil {
		b.content(o.lease.seq, o.st.Content)
	}
	if o.st.Attempt != nil {
		b.attempt(o.lease.seq, o.st.Attempt, o.lease.replay)
	}
	if o.state == due {
		b.store.comesBefore(o.lane, o.Due)
	}
	if o.state == due && o.st.After == 0 {
		b.told[o.st.Claim.Delivery.Webhook] = struct{}{}
	}
}

// mineBefore marks the outcomes that this process wrote before the answer was lost: final ones under its own token.
func (b *settling) mineBefore() {
	var seqs []int64
	bySeq := map[int64]*outcome{}
	for _, o := range b.outcomes {
		if !o.held {
			seqs = append(seqs, o.lease.seq)
			bySeq[o.lease.seq] = o
		}
	}
	b.each(func(r *row) {
		if o := bySeq[r.Int64()]; o.lease.token == r.Int() && o.st.Claim.Delivery.ID == r.Text() {
			o.held = true
		}
	}, `SELECT seq, token, id FROM awf_hook.history WHERE seq = ANY($1::bigint[])
  UNION ALL SELECT seq, token, id FROM awf_hook.deliveries WHERE seq = ANY($1) AND `+isDead, seqs)
	b.send()
}

// promote queues making due at a time the delivery that is next behind the head of its key. It does nothing if that
// delivery waits for another one which has not waited for maxWait yet. The lane is locked.
func (tx *tx) promote(at time.Time, head deliveryRow, maxWait time.Duration) {
	tx.queue(`UPDATE awf_hook.deliveries SET `+isDue+`, due_at = $1 WHERE seq = (
    SELECT d.seq FROM awf_hook.deliveries d WHERE d.lane = $2 AND d.order_key = $3 AND d.order_key IS NOT NULL
    AND d.`+isWaiting+` AND d.`+isBehind+` AND d.seq <> $4
    AND NOT EXISTS (SELECT 1 FROM awf_hook.deliveries o WHERE o.lane = $2 AND o.order_key = $3 AND o.order_key IS NOT NULL
    AND o.`+isWaiting+`
      AND o.`+isDue+` AND o.seq <> $4 AND o.since > $5)
    ORDER BY d.place LIMIT 1)`, at, head.lane, head.key, head.seq, at.Add(-microseconds(maxWait)))
}
