package postgres

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/jackc/pgx/v5"
)

// settling is the settling of one batch.
type settling struct {
	*tx
	outcomes []*outcome
	lanes    map[int]*lane
	locked   bool
}

// outcome is a settlement as the database gets it.
type outcome struct {
	st       *delivery.Settlement
	lease    *lease
	state    int
	due      time.Time
	attempts int
	spent    int
	reason   string
	held     bool
}

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, settlements []delivery.Settlement) (lost []*delivery.Claim, err error) {
	if s.isClosed() {
		return nil, store.ErrClosed
	}
	if err := s.makeDay(ctx, s.roughly()); err != nil {
		return nil, err
	}
	err = s.write(ctx, func(ctx context.Context, tx *tx) error {
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
		if len(b.outcomes) == 0 {
			return nil
		}
		if err := b.settle(ctx); err != nil {
			return err
		}
		for _, o := range b.outcomes {
			if !o.held {
				lost = append(lost, o.st.Claim)
			}
		}
		return nil
	})
	return lost, err
}

func (b *settling) settle(ctx context.Context) error {
	if err := b.look(ctx); err != nil {
		return err
	}
	for _, o := range b.outcomes {
		o.decide(b.now)
	}
	if err := b.update(ctx); err != nil {
		return err
	}
	var finished []int64
	for _, o := range b.outcomes {
		if !o.held {
			continue
		}
		b.keep(o)
		if o.state == delivered || o.state == dropped {
			finished = append(finished, o.lease.seq)
		}
		if l := b.lanes[o.lease.lane]; l != nil {
			l.Settle(b.now, o.st, o.lease.until)
		}
	}
	for _, o := range b.outcomes {
		if o.held {
			b.freeKey(o)
		}
	}
	if len(finished) > 0 {
		b.archive(finished)
	}
	if b.locked {
		b.saveLanes(b.lanes)
	}
	if b.again {
		return b.mineBefore(ctx)
	}
	return nil
}

// look reads the lanes. It locks them unless no outcome changes one: all are deliveries without an order to lanes that are well.
func (b *settling) look(ctx context.Context) error {
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
		if err := b.send(ctx); err != nil {
			return err
		}
		if b.locked || b.areWell() {
			return nil
		}
	}
	return nil
}

func (b *settling) areWell() bool {
	for _, l := range b.lanes {
		if l.Failures != 0 || l.Broken != 0 || !l.ProbeUntil.IsZero() {
			return false
		}
	}
	return true
}

// decide sets what the database gets.
func (o *outcome) decide(now time.Time) {
	st := o.st
	o.state, o.due = due, now.Add(milliseconds(st.After))
	if st.GivenBack {
		o.due = st.Claim.Delivery.Due
	}
	switch st.Outcome {
	case delivery.Delivered:
		o.state = delivered
	case delivery.Dead:
		o.state = dead
	case delivery.Dropped:
		o.state = dropped
	}
	o.attempts, o.spent, o.reason = st.Claim.Delivery.Attempts, st.Claim.Delivery.Spent, st.Reason
	if a := st.Attempt; a != nil {
		o.attempts = a.Number
		if !a.Free {
			o.spent++
		}
		if o.reason == "" {
			o.reason = a.Reason
		}
	}
}

// update writes the outcomes of the claims that still hold, and marks these.
func (b *settling) update(ctx context.Context) error {
	var seqs []int64
	var tokens, attempts, spent, grown []int
	var states []int16
	var dues []time.Time
	var dones []*time.Time
	var reasons []string
	bySeq := map[int64]*outcome{}
	for _, o := range b.outcomes {
		done, size := &b.now, 0
		if o.state == due {
			done = nil
		}
		if o.st.Content != nil {
			size = len(o.st.Content.Body)
		}
		bySeq[o.lease.seq] = o
		seqs, tokens, states = append(seqs, o.lease.seq), append(tokens, o.lease.token), append(states, int16(o.state))
		dues, dones, reasons = append(dues, o.due), append(dones, done), append(reasons, clean(o.reason))
		attempts, spent, grown = append(attempts, o.attempts), append(spent, o.spent), append(grown, size)
	}
	b.each(func(rows pgx.Rows) error {
		var seq int64
		err := rows.Scan(&seq)
		if o := bySeq[seq]; o != nil {
			o.held = true
		}
		return err
	}, `UPDATE awf_hook.deliveries d SET state = n.state, due_at = n.due_at, done_at = n.done_at, attempts = n.attempts, spent = n.spent,
  reason = n.reason, size = d.size + n.grown, owner = 0
  FROM unnest($1::bigint[], $2::int[], $3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::int[], $7::int[], $8::text[], $9::int[])
  n(seq, token, state, due_at, done_at, attempts, spent, reason, grown)
  WHERE d.seq = n.seq AND d.token = n.token AND d.state = 0 RETURNING d.seq`,
		seqs, tokens, states, dues, dones, attempts, spent, reasons, grown)
	return b.send(ctx)
}

// keep queues an outcome's content and attempt, and counts it.
func (b *settling) keep(o *outcome) {
	if o.st.Content != nil {
		b.content(o.lease.seq, o.st.Content)
		o.lease.size += int64(len(o.st.Content.Body))
	}
	if o.st.Attempt != nil {
		b.attempt(o.lease.seq, o.st.Attempt, o.lease.replay)
	}
	size := o.lease.size
	if o.st.Content != nil {
		size -= int64(len(o.st.Content.Body))
	}
	c := b.of(o.lease.lane)
	c.add(due, -1, -size)
	c.add(o.state, 1, o.lease.size)
	if o.state == due && o.st.After == 0 {
		b.told[o.st.Claim.Delivery.Webhook] = struct{}{}
	}
}

// mineBefore marks the outcomes that this process wrote before the answer was lost: those that are final under its own token.
func (b *settling) mineBefore(ctx context.Context) error {
	var seqs []int64
	bySeq := map[int64]*outcome{}
	for _, o := range b.outcomes {
		if !o.held {
			seqs = append(seqs, o.lease.seq)
			bySeq[o.lease.seq] = o
		}
	}
	b.each(func(rows pgx.Rows) error {
		var seq int64
		var token int
		err := rows.Scan(&seq, &token)
		if o := bySeq[seq]; o != nil && o.lease.token == token {
			o.held = true
		}
		return err
	}, `SELECT seq, token FROM awf_hook.history WHERE seq = ANY($1::bigint[])
  UNION ALL SELECT seq, token FROM awf_hook.deliveries WHERE seq = ANY($1) AND state = 2`, seqs)
	return b.send(ctx)
}

// freeKey lets the next delivery of an order key follow one that was settled: at once if it is done, and when it has waited long enough
// if it waits on.
func (b *settling) freeKey(o *outcome) {
	claim := o.st.Claim
	if claim.OrderKey == "" {
		return
	}
	if o.state != due {
		b.promote(b.now, o.lease.lane, keyColumn(claim.OrderKey), o.lease.seq, o.st.OrderMaxWait)
		return
	}
	passed := claim.Delivery.Since.Add(o.st.OrderMaxWait)
	if o.st.OrderMaxWait == 0 || !o.due.After(passed) {
		return
	}
	if passed.Before(b.now) {
		passed = b.now
	}
	b.promote(passed, o.lease.lane, keyColumn(claim.OrderKey), o.lease.seq, o.st.OrderMaxWait)
}

// promote queues making the delivery that is next behind one of its key due at a time, unless it waits for another one that has not
// waited for maxWait. The lane is locked.
func (tx *tx) promote(at time.Time, lane int, key []byte, seq int64, maxWait time.Duration) {
	tx.queue(`UPDATE awf_hook.deliveries SET state = 0, due_at = $1 WHERE seq = (
    SELECT d.seq FROM awf_hook.deliveries d WHERE d.lane = $2 AND d.order_key = $3 AND d.order_key IS NOT NULL AND d.state IN (0, 5) AND d.state = 5
    AND NOT EXISTS (SELECT 1 FROM awf_hook.deliveries o WHERE o.lane = $2 AND o.order_key = $3 AND o.order_key IS NOT NULL AND o.state IN (0, 5)
      AND o.state = 0 AND o.seq <> $4 AND o.since > $5)
    ORDER BY d.place LIMIT 1)`, at, lane, key, seq, at.Add(-milliseconds(maxWait)))
}
