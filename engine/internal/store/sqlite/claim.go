package sqlite

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// lease is the right to settle a delivery.
type lease struct {
	store *Store
	seq   int64
	token int64     // a different one in the database means that the claim was lost
	until time.Time // at the time of the claim, by the store's clock

	replay bool // the delivery was replayed
}

// lease returns the claim's lease; nil if another store made it.
func (s *Store) lease(c *delivery.Claim) *lease {
	if l, ok := c.Lease.(*lease); ok && l.store == s {
		return l
	}
	return nil
}

const claimColumns = `d.seq, d.token, d.id, d.due_at, d.since, d.since > d.accepted_at, d.attempts, d.spent, d.unrouted,
  d.order_key, d.content_type, d.header, d.url_suffix, d.body, d.accepted_by,
  e.id, e.type, e.workflow_id, e.workflow_name, e.trace, e.source, e.stamp, e.payload`

// Claim implements [store.Store].
func (s *Store) Claim(ctx context.Context, lane delivery.Lane, n int) (claims []*delivery.Claim, next time.Duration, err error) {
	err = s.write(ctx, func(tx *tx) {
		claims, next = nil, store.Never
		l := tx.find(lane.Webhook)
		if l == nil {
			return
		}
		before := l.laneRow
		allowed, wait := l.Allow(tx.now, lane, n)
		if allowed > 0 && lane.Total > 0 {
			inFlight := tx.number(`SELECT count(*) FROM deliveries WHERE lane = ? AND state = DUE AND due_at BETWEEN ? AND ? AND owner <> 0`,
				l.id, milli(tx.now)+1, tx.now.Add(store.MaxLease))
			allowed, wait = store.Within(lane, allowed, int(inFlight))
		}
		if next = wait; allowed == 0 {
			l.laneRow = before // Allow's changes follow from the time
			return
		}
		found, enough := tx.due(l.id, lane.Webhook, allowed)
		for _, c := range found {
			if tx.take(l.id, lane.Lease, c) {
				c.Probe = l.BreakerOpen()
				claims = append(claims, c)
			}
		}
		if next = l.Took(tx.now, lane, len(claims)); len(claims) == 0 {
			l.laneRow = before
		}
		if len(found) == allowed || enough {
			return
		}
		next = store.Never
		first := tx.number(`SELECT min(due_at) FROM deliveries WHERE lane = ? AND state = DUE AND due_at > ?`, l.id, tx.now)
		if first > 0 {
			next = time.Duration(first-milli(tx.now)) * time.Millisecond
		}
	})
	if err == nil {
		s.leases.Add(int64(len(claims)))
	}
	return claims, next, err
}

// due reads due deliveries of a webhook's lane, n at most. enough says that it read no more since they are large: see [store.MaxClaimed].
func (tx *tx) due(lane int64, webhook string, n int) (claims []*delivery.Claim, enough bool) {
	size := 0
	tx.each(`SELECT `+claimColumns+` FROM deliveries d JOIN events e ON e.seq = d.event
  WHERE d.lane = ? AND d.state = DUE AND d.due_at <= ? ORDER BY d.due_at, d.seq LIMIT ?`, func(r *row) {
		c, err := tx.store.scanClaim(r, webhook)
		if r.err = err; err != nil {
			return
		}
		claims = append(claims, c)
		if size += c.Event.Size() + len(c.Delivery.Body); size >= store.MaxClaimed {
			enough, r.err = true, errEnough
		}
	}, lane, tx.now, n)
	return claims, enough
}

// take leases a delivery. It returns false if another one of its key is in flight, which passed it and holds it up for a
// while.
func (tx *tx) take(lane int64, length time.Duration, c *delivery.Claim) bool {
	l := c.Lease.(*lease)
	if c.OrderKey != "" {
		busy := tx.number(`SELECT count(*) FROM deliveries WHERE lane = ? AND order_key = ? AND state IN (DUE, BEHIND)
  AND order_key IS NOT NULL AND state = DUE AND owner <> 0 AND due_at > ? AND seq <> ?`, lane, c.OrderKey, tx.now, l.seq)
		if busy > 0 {
			tx.run(`UPDATE deliveries SET due_at = ?, owner = 0 WHERE seq = ?`, tx.now.Add(store.KeyPatience), l.seq)
			return false
		}
	}
	l.token++
	l.until = tx.now.Add(length)
	c.Until = tx.begun.Add(length)
	tx.run(`UPDATE deliveries SET owner = ?, token = token + 1, due_at = ? WHERE seq = ?`, tx.store.folder.owner, l.until, l.seq)
	return true
}

// scanClaim reads a row of claimColumns.
func (s *Store) scanClaim(r *row, webhook string) (c *delivery.Claim, err error) {
	l := &lease{store: s, seq: r.Int64(), token: r.Int64()}
	if c, l.replay, err = store.ScanClaim(r, webhook, s.folder.owner); err == nil {
		c.Lease = l
	}
	return c, err
}

// Renew implements [store.Store].
func (s *Store) Renew(ctx context.Context, c *delivery.Claim, length time.Duration) (held bool, err error) {
	l := s.lease(c)
	if l == nil {
		return false, nil
	}
	begun := s.opts.Now()
	err = s.write(ctx, func(tx *tx) {
		held = tx.run(`UPDATE deliveries SET due_at = ? WHERE seq = ? AND token = ? AND owner = ? AND state = DUE`,
			tx.now.Add(length), l.seq, l.token, s.folder.owner) > 0
	})
	if held = held && err == nil; held {
		c.Until = begun.Add(length)
	}
	return held, err
}
