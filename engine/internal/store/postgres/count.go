package postgres

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

const tallyColumns = `count(*), count(*) FILTER (WHERE attempts > 0), min(accepted_at), max(done_at)`

// both makes the query of a filter's deliveries from both halves, in no order.
func (c *condition) both() string {
	half := func(table string) string {
		return `SELECT l.webhook, i.reason, i.attempts, i.accepted_at, CASE WHEN i.` + isFinal + ` THEN i.done_at END AS done_at
  FROM awf_hook.` + table + ` i JOIN awf_hook.lanes l ON l.id = i.lane WHERE ` + c.String()
	}
	return `(` + half("working") + ` UNION ALL ` + half("finished") + `) AS selected`
}

// Count implements [store.Browser].
func (s *Store) Count(ctx context.Context, f delivery.Filter) (t delivery.Tally, err error) {
	err = s.read(ctx, func(tx *tx) {
		c := tx.selected(f)
		tx.each(func(r *row) { t = store.ScanTally(r) }, `SELECT `+tallyColumns+` FROM `+c.both(), c.args...)
	})
	return t, err
}

// Groups implements [store.Browser].
func (s *Store) Groups(ctx context.Context, f delivery.Filter, n int) (groups []delivery.Group, err error) {
	err = s.read(ctx, func(tx *tx) {
		c := tx.selected(f)
		query := `SELECT webhook, reason, ` + tallyColumns + ` FROM ` + c.both() + ` GROUP BY 1, 2
  ORDER BY 3 DESC, webhook COLLATE "C", reason COLLATE "C" LIMIT ` + c.param(n)
		groups = nil
		tx.each(func(r *row) {
			groups = append(groups, delivery.Group{Webhook: r.Text(), Reason: r.Text(), Tally: store.ScanTally(r)})
		}, query, c.args...)
	})
	return groups, err
}

// Oldest implements [store.Browser].
func (s *Store) Oldest(ctx context.Context) (oldest map[string]time.Time, err error) {
	err = s.read(ctx, func(tx *tx) {
		oldest = map[string]time.Time{}
		tx.each(func(r *row) { oldest[r.Text()] = r.Time() },
			`SELECT l.webhook, min(d.accepted_at) FROM awf_hook.deliveries d JOIN awf_hook.lanes l ON l.id = d.lane
  WHERE d.`+isDue+` AND `+ofNamespace+` GROUP BY 1`, s.opts.Namespace)
	})
	return oldest, err
}

// countStanding leaves what is due to the lanes' sums, so that a backlog of it costs nothing, and counts the rest in indexes that hold
// nothing else.
const countStanding = `SELECT l.webhook, c.waiting,
  (SELECT count(*) FROM awf_hook.deliveries d WHERE d.lane = l.id AND d.` + isDue + ` AND d.due_at > $2),
  (SELECT count(*) FROM awf_hook.deliveries d WHERE d.lane = l.id AND d.` + isBehind + `), coalesce(f.n, 0)
  FROM awf_hook.lanes l JOIN (SELECT lane, sum(waiting)::bigint AS waiting FROM awf_hook.counts GROUP BY lane) c ON c.lane = l.id
  LEFT JOIN (SELECT d.lane, count(*) AS n FROM awf_hook.deliveries d
    WHERE d.owner <> 0 AND d.` + isDue + ` AND d.due_at > $2 GROUP BY d.lane) f
    ON f.lane = l.id
  WHERE c.waiting > 0 AND ` + ofNamespace

// Standing implements [store.Browser].
func (s *Store) Standing(ctx context.Context) (standing map[string]delivery.Standing, err error) {
	err = s.read(ctx, func(tx *tx) {
		standing = map[string]delivery.Standing{}
		tx.send()
		tx.each(func(r *row) { standing[r.Text()] = store.ScanStanding(r) }, countStanding, s.opts.Namespace, tx.now)
	})
	return standing, err
}
