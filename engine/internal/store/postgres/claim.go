package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// lease is the right to settle a delivery.
type lease struct {
	store *Store
	seq   int64
	token int       // a different one in the database means that the claim was lost
	until time.Time // at the time of the claim, by the store's clock
	lane  int
	size  int64

	replay bool // the delivery was replayed
}

// lease returns the claim's lease; nil if another store made it.
func (s *Store) lease(c *delivery.Claim) *lease {
	if l, ok := c.Lease.(*lease); ok && l.store == s {
		return l
	}
	return nil
}

// Claim implements [store.Store]. It locks lanes with a rate, an order or an open breaker. From other lanes, any number
// of nodes claim at once, and each skips what another one is claiming.
func (s *Store) Claim(ctx context.Context, lane delivery.Lane, n int) (claims []*delivery.Claim, next time.Duration, err error) {
	if s.closed.Load() {
		return nil, 0, store.ErrClosed
	}
	if n <= 0 {
		return nil, 0, ctx.Err()
	}
	var before time.Time // end of the leases that the last try may have taken
	err = s.write(ctx, func(tx *tx) {
		c := &claiming{tx: tx, lane: lane, before: before}
		c.claim(n)
		claims, next, before = c.claims, c.next, c.now.Add(microseconds(lane.Lease))
	})
	return claims, next, err
}

// claiming is the state of claiming from one lane.
type claiming struct {
	*tx
	lane   delivery.Lane
	state  *lane
	low    time.Time // where the search begins
	before time.Time // end of the leases that a try took whose answer was lost
	claims []*delivery.Claim
	due    int // how many deliveries were locked to be claimed; those beyond [store.MaxClaimed] were not
	next   time.Duration
}

func (c *claiming) claim(n int) {
	c.next = store.Never
	if !c.look(false) || c.state == nil {
		return
	}
	locked := c.lane.Rate > 0 || c.lane.Total > 0 || c.state.keyed || c.state.BreakerOpen()
	if locked && !c.look(true) {
		return
	}
	l := c.state
	allowed, wait := l.Allow(c.now, c.lane, n)
	if allowed > 0 && c.lane.Total > 0 {
		inFlight := 0
		c.query(`SELECT count(*) FROM awf_hook.deliveries WHERE owner <> 0 AND lane = $1 AND `+isDue+` AND due_at > $2`, l.id, c.now).
			Scan(&inFlight)
		allowed, wait = store.Within(c.lane, allowed, inFlight)
	}
	if c.next = wait; allowed == 0 {
		return
	}
	found := allowed
	var seqs []int64
	c.low = c.store.lowOf(l.id, c.now)
	looking := time.Now()
	if c.again {
		c.queue(`UPDATE awf_hook.deliveries SET due_at = $3, owner = 0 WHERE lane = $1 AND `+isDue+` AND due_at = $2 AND owner = $4`,
			l.id, c.before, c.now, c.store.node)
	}
	if l.keyed {
		found, seqs = c.choose(allowed)
	}
	if !c.take(allowed, seqs) {
		return
	}
	if !l.keyed {
		found = c.due
	}
	if c.low.IsZero() {
		c.store.looked(l.id, time.Since(looking))
	}
	c.store.found(l.id, c.claims)
	if c.next = l.Took(c.now, c.lane, len(c.claims)); len(c.claims) > 0 && locked {
		c.saveLanes(map[int]*lane{l.id: l})
	}
	for _, claim := range c.claims {
		claim.Probe = l.BreakerOpen()
	}
	if found < allowed && !c.leaves() {
		c.wait()
	}
}

// look reads the lane's state. If lock is set it locks the lane. It returns false if the transaction has failed.
func (c *claiming) look(lock bool) bool {
	query := `SELECT ` + laneColumns + ` FROM awf_hook.lanes WHERE webhook = $1`
	if lock {
		query += ` FOR UPDATE`
	}
	c.each(func(r *row) { c.state = scanLane(r) }, query, c.lane.Webhook)
	c.clock()
	return c.send()
}

// choose returns due deliveries without a delivery of their key in flight, and how many are due. It puts off the others.
func (c *claiming) choose(n int) (found int, seqs []int64) {
	var putOff []int64
	taken := map[string]bool{}
	c.each(func(r *row) {
		seq, key, busy := r.Int64(), r.Text(), r.Bool()
		found++
		if key != "" && (busy || taken[key]) {
			putOff = append(putOff, seq)
			return
		}
		taken[key] = true
		seqs = append(seqs, seq)
	}, `SELECT d.seq, d.order_key, d.order_key IS NOT NULL AND EXISTS (SELECT 1 FROM awf_hook.deliveries o WHERE o.lane = d.lane
  AND o.order_key = d.order_key AND o.order_key IS NOT NULL AND o.`+isWaiting+` AND o.`+isDue+` AND o.owner <> 0 AND o.due_at > $2
  AND o.seq <> d.seq)
  FROM awf_hook.deliveries d WHERE d.lane = $1 AND d.`+isDue+` AND d.due_at <= $2 AND d.due_at >= $4
  ORDER BY d.due_at, d.seq LIMIT $3`, c.state.id, c.now, n, c.low)
	c.send()
	if len(putOff) > 0 {
		c.queue(`UPDATE awf_hook.deliveries SET due_at = $2, owner = 0 WHERE seq = ANY($1::bigint[])`, putOff, c.now.Add(store.KeyPatience))
	}
	return found, seqs
}

const take = `WITH due AS MATERIALIZED (SELECT seq, due_at, size - %d AS size FROM awf_hook.deliveries
    WHERE %s ORDER BY due_at, seq LIMIT $4 FOR UPDATE SKIP LOCKED),
  f AS MATERIALIZED (SELECT seq, due_at FROM (SELECT seq, due_at,
    sum(size) OVER (ORDER BY due_at, seq ROWS UNBOUNDED PRECEDING) - size AS before FROM due) d WHERE before < %d),
  taken AS (UPDATE awf_hook.deliveries d SET owner = $1, token = token + 1, due_at = $2 WHERE d.seq = ANY(ARRAY(SELECT seq FROM f))
    RETURNING d.*)
  SELECT (SELECT count(*) FROM due), t.seq, t.token, t.size, t.id, f.due_at, t.since, t.since > t.accepted_at, t.attempts, t.spent,
    t.unrouted, t.order_key, m.content_type, m.header, m.url_suffix, m.body, t.accepted_by,
    e.id, e.type, e.workflow_id, e.workflow_name, e.trace, e.source, e.stamp, e.payload
  FROM taken t JOIN f ON f.seq = t.seq CROSS JOIN LATERAL (SELECT * FROM awf_hook.events WHERE seq = t.event OFFSET 0) e
  LEFT JOIN LATERAL (SELECT * FROM awf_hook.contents WHERE delivery = t.seq OFFSET 0) m ON true ORDER BY f.due_at, t.seq`

// taking makes the statement that takes what meets a condition, without reading more than store.MaxClaimed.
func taking(where string) string {
	return fmt.Sprintf(take, store.DeliverySize, where, store.MaxClaimed)
}

// take leases deliveries: the chosen ones, or in a lane without an order those that are due and that nobody else is
// taking. The lane may have its first key meanwhile, without waiting for a claim that has not locked it: see wait. take returns
// false if the transaction has failed.
func (c *claiming) take(n int, chosen []int64) bool {
	until := c.now.Add(microseconds(c.lane.Lease))
	taken := into(&c.claims, func(r *row) (*delivery.Claim, error) { return c.scan(r, until) })
	switch {
	case !c.state.keyed:
		c.rows(taken, taking(`lane = $3 AND `+isDue+` AND due_at <= $5 AND due_at >= $6 AND order_key IS NULL`),
			c.store.node, until, c.state.id, n, c.now, c.low)
	case len(chosen) > 0:
		c.rows(taken, taking(`seq = ANY($3::bigint[]) AND `+isStillDue+` AND due_at <= $5`), c.store.node, until, chosen, n, c.now)
	}
	if c.send() && c.leaves() {
		c.told[c.state.webhook] = struct{}{} // other nodes skipped what was locked
	}
	return c.err == nil
}

// leaves reports whether more is due than was taken, since it is large.
func (c *claiming) leaves() bool { return c.due > len(c.claims) }

func (c *claiming) scan(r *row, until time.Time) (*delivery.Claim, error) {
	c.due = r.Int()
	l := &lease{store: c.store, until: until, lane: c.state.id, seq: r.Int64(), token: r.Int(), size: r.Int64()}
	claim, replayed, err := store.ScanClaim(r, c.lane.Webhook, int64(c.store.node))
	if err == nil {
		l.replay, claim.Lease, claim.Until = replayed, l, c.begun.Add(c.lane.Lease)
	}
	return claim, err
}

// wait sets when to ask again: when the next delivery becomes due, and at once if the lane has its first key.
func (c *claiming) wait() {
	c.next = store.Never
	var first *time.Time
	keyed := false
	c.query(`SELECT (SELECT due_at FROM awf_hook.deliveries WHERE lane = $1 AND `+isDue+`
    AND due_at > $2 ORDER BY due_at LIMIT 1), (SELECT keyed FROM awf_hook.lanes WHERE id = $1)`,
		c.state.id, c.now).Scan(&first, &keyed)
	if first != nil {
		c.next = max(time.Microsecond, first.Sub(c.now))
	}
	if keyed && !c.state.keyed {
		c.next = time.Microsecond
	}
}

// Renew implements [store.Store].
func (s *Store) Renew(ctx context.Context, claim *delivery.Claim, length time.Duration) (held bool, err error) {
	l := s.lease(claim)
	if l == nil {
		return false, nil
	}
	begun := s.opts.Now()
	err = s.write(ctx, func(tx *tx) {
		tx.time()
		var seq int64
		tx.query(`UPDATE awf_hook.deliveries SET due_at = $1 WHERE seq = $2 AND token = $3 AND owner = $4
    AND id = $5 AND `+isStillDue+` RETURNING seq`,
			tx.now.Add(microseconds(length)), l.seq, l.token, s.node, claim.Delivery.ID).Scan(&seq)
		held = seq != 0
	})
	if held = held && err == nil; held {
		claim.Until = begun.Add(length)
	}
	return held, err
}
