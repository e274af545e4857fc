package postgres

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/jackc/pgx/v5"
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

// tallyTargets returns the targets for a row of tallyColumns.
func tallyTargets(t *delivery.Tally, oldest, last **time.Time) []any {
	return []any{&t.Count, &t.Tried, oldest, last}
}

// Count implements [store.Browser].
func (s *Store) Count(ctx context.Context, f delivery.Filter) (t delivery.Tally, err error) {
	var oldest, last *time.Time
	err = s.read(ctx, func(ctx context.Context, tx *tx) error {
		c, err := tx.selected(ctx, f)
		if err != nil {
			return err
		}
		return tx.query(ctx, `SELECT `+tallyColumns+` FROM `+c.both(), c.args...).Scan(tallyTargets(&t, &oldest, &last)...)
	})
	t.Oldest, t.Last = orZero(oldest), orZero(last)
	return t, err
}

// Groups implements [store.Browser].
func (s *Store) Groups(ctx context.Context, f delivery.Filter, n int) (groups []delivery.Group, err error) {
	err = s.read(ctx, func(ctx context.Context, tx *tx) error {
		c, err := tx.selected(ctx, f)
		if err != nil {
			return err
		}
		query := `SELECT webhook, reason, ` + tallyColumns + ` FROM ` + c.both() + ` GROUP BY 1, 2
  ORDER BY 3 DESC, webhook COLLATE "C", reason COLLATE "C" LIMIT ` + c.param(n)
		groups, err = collect(ctx, tx, func(row pgx.CollectableRow) (g delivery.Group, err error) {
			var oldest, last *time.Time
			err = row.Scan(append([]any{&g.Webhook, &g.Reason}, tallyTargets(&g.Tally, &oldest, &last)...)...)
			g.Oldest, g.Last = orZero(oldest), orZero(last)
			return g, err
		}, query, c.args...)
		return err
	})
	return groups, err
}

// Oldest implements [store.Browser].
func (s *Store) Oldest(ctx context.Context) (oldest map[string]time.Time, err error) {
	err = s.read(ctx, func(_ context.Context, tx *tx) error {
		oldest = map[string]time.Time{}
		tx.each(func(rows pgx.Rows) error {
			var webhook string
			var at time.Time
			err := rows.Scan(&webhook, &at)
			oldest[webhook] = at
			return err
		}, `SELECT l.webhook, min(d.accepted_at) FROM awf_hook.deliveries d JOIN awf_hook.lanes l ON l.id = d.lane
  WHERE d.`+isDue+` AND `+ofNamespace+` GROUP BY 1`, s.opts.Namespace)
		return nil
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
	err = s.read(ctx, func(ctx context.Context, tx *tx) error {
		standing = map[string]delivery.Standing{}
		tx.clock()
		if err := tx.send(ctx); err != nil {
			return err
		}
		tx.each(func(rows pgx.Rows) error {
			var webhook string
			var waiting, ahead, behind, inFlight int
			err := rows.Scan(&webhook, &waiting, &ahead, &behind, &inFlight)
			standing[webhook] = store.StandingOf(waiting, ahead, behind, inFlight)
			return err
		}, countStanding, s.opts.Namespace, tx.now)
		return nil
	})
	return standing, err
}
