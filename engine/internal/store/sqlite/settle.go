package sqlite

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Settle implements [store.Store].
func (s *Store) Settle(ctx context.Context, settlements []delivery.Settlement) (lost []*delivery.Claim, err error) {
	err = s.write(ctx, func(tx *tx) {
		lost = nil
		for i := range settlements {
			if st := &settlements[i]; !tx.settle(st) {
				lost = append(lost, st.Claim)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range settlements {
		if s.lease(settlements[i].Claim) != nil {
			s.leases.Add(-1)
		}
	}
	return lost, nil
}

const (
	settle = `UPDATE deliveries SET state = CASE WHEN state = BEHIND AND ?4 = DUE THEN BEHIND ELSE ?4 END,
  due_at = ?5, done_at = ?6, attempts = ?7, spent = ?8, reason = ?9, log = log || ?10, owner = 0`

	settleContent = `, content_type = ?11, header = ?12, url_suffix = ?13, body = ?14, size = size + ?15`

	whereHeld = ` WHERE seq = ?1 AND token = ?2 AND state IN (DUE, BEHIND) AND lane = ?3`
)

// settle writes the outcome of one delivery and its consequences for the lane. It returns false if the claim was lost.
func (tx *tx) settle(st *delivery.Settlement) bool {
	ls := tx.store.lease(st.Claim)
	if ls == nil {
		return false
	}
	l := tx.laneOf(st.Claim.Delivery.Webhook)
	o := store.OutcomeOf(st, tx.now, time.Duration(ceilMilli(st.After))*time.Millisecond)
	holder := l
	// The claim was lost, or the delivery was moved to another lane, where it may be behind another one.
	if !tx.writeOutcome(st, ls, l.id, &o) {
		in := tx.number(`SELECT lane FROM deliveries WHERE seq = ? AND token = ? AND state IN (DUE, BEHIND)`, ls.seq, ls.token)
		if in == 0 {
			return false
		}
		holder = tx.lane(in)
		tx.writeOutcome(st, ls, in, &o)
	}
	state := store.NumberOf[int64](o.State)
	holder.holds(due, -1)
	holder.holds(state, 1)
	if st.Content != nil {
		holder.Bytes += int64(len(st.Content.Body))
	}
	l.Settle(tx.now, st, ls.until)
	if at, passed := o.PassedAt(st, tx.now); passed {
		tx.promote(at, ls.seq, st.OrderMaxWait)
	}
	return true
}

// writeOutcome writes the outcome of a delivery of a lane. It returns false if the lane does not hold the delivery under its lease.
func (tx *tx) writeOutcome(st *delivery.Settlement, ls *lease, lane int64, o *store.Outcome) bool {
	done, line := time.Time{}, ""
	if o.State != delivery.Due {
		done = tx.now
	}
	if st.Attempt != nil {
		line = store.LogLine(st.Attempt, ls.replay)
	}
	state := store.NumberOf[int64](o.State)
	if st.Content == nil {
		return tx.run(settle+whereHeld, ls.seq, ls.token, lane, state, o.Due, done, o.Attempts, o.Spent, o.Reason, line) > 0
	}
	c := columns(st.Content)
	return tx.run(settle+settleContent+whereHeld, ls.seq, ls.token, lane, state, o.Due, done, o.Attempts, o.Spent, o.Reason, line,
		c.contentType, c.header, c.urlSuffix, c.body, len(c.body)) > 0
}

// promote makes due at a time the delivery that is next behind one of its key. It does nothing if that delivery waits for
// another one which has not waited for maxWait yet.
func (tx *tx) promote(at time.Time, seq int64, maxWait time.Duration) {
	next := tx.number(`SELECT d.seq FROM deliveries h JOIN deliveries d ON d.lane = h.lane AND d.order_key = h.order_key
  AND d.state IN (DUE, BEHIND) AND d.order_key IS NOT NULL AND d.state = BEHIND
  WHERE h.seq = ?1 AND d.seq <> ?1 AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.lane = h.lane AND o.order_key = h.order_key
  AND o.state IN (DUE, BEHIND) AND o.order_key IS NOT NULL AND o.state = DUE AND o.seq <> ?1 AND o.since > ?2) ORDER BY d.place LIMIT 1`,
		seq, at.Add(-maxWait))
	if next != 0 {
		tx.run(`UPDATE deliveries SET state = DUE, due_at = ? WHERE seq = ? AND state = BEHIND`, at, next)
	}
}

// contentColumns is what transforms made, as the database stores it.
type contentColumns struct {
	contentType, header, urlSuffix string
	body                           []byte
}

func columns(c *delivery.Content) contentColumns {
	cols := contentColumns{contentType: c.ContentType, header: store.HeaderText(c), urlSuffix: c.URLSuffix, body: c.Body}
	if cols.body == nil {
		cols.body = []byte{}
	}
	return cols
}
