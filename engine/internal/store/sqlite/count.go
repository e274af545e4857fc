package sqlite

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

const tallyColumns = `count(*), total(d.attempts > 0), min(d.accepted_at), max(d.done_at)`

// Count implements [store.Browser].
func (s *Store) Count(ctx context.Context, f delivery.Filter) (t delivery.Tally, err error) {
	from, args, err := s.matching(ctx, f, s.now())
	if err != nil {
		return t, err
	}
	err = s.read(ctx, `SELECT `+tallyColumns+from, func(r *row) { t = store.ScanTally(r) }, args...)
	return t, err
}

// Groups implements [store.Browser].
func (s *Store) Groups(ctx context.Context, f delivery.Filter, n int) (groups []delivery.Group, err error) {
	from, args, err := s.matching(ctx, f, s.now())
	if err != nil {
		return nil, err
	}
	query := `SELECT l.webhook, d.reason, ` + tallyColumns + from + ` GROUP BY l.webhook, d.reason
  ORDER BY 3 DESC, 1, 2 LIMIT ?`
	err = s.read(ctx, query, func(r *row) {
		groups = append(groups, delivery.Group{Webhook: r.Text(), Reason: r.Text(), Tally: store.ScanTally(r)})
	}, append(args, n)...)
	return groups, err
}

// Oldest implements [store.Browser].
func (s *Store) Oldest(ctx context.Context) (map[string]time.Time, error) {
	oldest := map[string]time.Time{}
	err := s.read(ctx, `SELECT l.webhook, (SELECT o.accepted_at FROM deliveries o
  WHERE o.seq = (SELECT min(d.seq) FROM deliveries d INDEXED BY deliveries_due WHERE d.lane = l.id AND d.state = DUE))
  FROM lanes l WHERE l.waiting > 0`,
		func(r *row) {
			if webhook, at := r.Text(), r.Time(); !at.IsZero() {
				oldest[webhook] = at
			}
		})
	return oldest, err
}

// countStanding leaves what is due to the lane's own count: a backlog does not make it slow.
const countStanding = `SELECT l.webhook, l.waiting,
  (SELECT count(*) FROM deliveries d WHERE d.lane = l.id AND d.state = DUE AND d.due_at > ?1),
  (SELECT count(*) FROM deliveries d WHERE d.lane = l.id AND d.state IN (DUE, BEHIND) AND d.order_key IS NOT NULL AND d.state = BEHIND),
  (SELECT count(*) FROM deliveries d WHERE d.lane = l.id AND d.state = DUE AND d.due_at > ?1 AND d.due_at <= ?2 AND d.owner <> 0)
  FROM lanes l WHERE l.waiting > 0`

// Standing implements [store.Browser].
func (s *Store) Standing(ctx context.Context) (map[string]delivery.Standing, error) {
	standing := map[string]delivery.Standing{}
	now := s.now()
	err := s.read(ctx, countStanding, func(r *row) { standing[r.Text()] = store.ScanStanding(r) }, now, now.Add(store.MaxLease))
	return standing, err
}
