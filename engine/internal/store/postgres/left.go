package postgres

import (
	"context"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/jackc/pgx/v5"
)

// Counting waiting deliveries uses the lanes' sums and small indexes, so that a backlog does not slow it down.
const (
	countAll = `SELECT l.webhook, c.waiting, (SELECT count(*) FROM awf_hook.deliveries d WHERE d.lane = l.id AND d.` + isWaiting + `
    AND d.attempts > 0)
  FROM awf_hook.lanes l JOIN (SELECT lane, sum(waiting)::bigint AS waiting FROM awf_hook.counts GROUP BY lane) c ON c.lane = l.id
  WHERE c.waiting > 0 AND ` + ofNamespace + ` ORDER BY l.webhook COLLATE "C"`

	countOwn = `SELECT l.webhook, d.attempts > 0, count(*) FROM awf_hook.deliveries d JOIN awf_hook.lanes l ON l.id = d.lane
  WHERE d.accepted_by = $1 AND d.accepted_by > 0 AND d.` + isWaiting + ` GROUP BY 1, 2`

	countElsewhere = `SELECT l.webhook, d.accepted_by = $1, d.attempts > 0, count(*) FROM awf_hook.deliveries d JOIN awf_hook.lanes l
  ON l.id = d.lane WHERE d.owner <> 0 AND d.owner <> $1 AND d.` + isDue + ` AND d.due_at > $2 GROUP BY 1, 2, 3`
)

// Left implements [store.Store].
func (s *Store) Left(ctx context.Context) (list []delivery.Left, err error) {
	lanes := map[string]*delivery.Left{}
	err = s.repeat(ctx, lookingUp, func(ctx context.Context, tx *tx) error {
		tx.clock()
		clear(lanes)
		list = nil
		all := map[string][2]int{} // number of waiting deliveries, and of those that were tried
		tx.each(func(rows pgx.Rows) error {
			var webhook string
			var waiting, tried int
			err := rows.Scan(&webhook, &waiting, &tried)
			list = append(list, delivery.Left{Webhook: webhook})
			all[webhook] = [2]int{waiting, tried}
			return err
		}, countAll, s.opts.Namespace)
		if err := tx.send(ctx); err != nil {
			return err
		}
		for i := range list {
			lanes[list[i].Webhook] = &list[i]
		}
		tx.each(tx.countOwn(lanes), countOwn, s.node)
		if err := tx.send(ctx); err != nil {
			return err
		}
		for webhook, left := range lanes {
			n := all[webhook]
			left.Earlier.Waiting, left.Earlier.Retrying = max(0, n[0]-n[1]-left.Own.Waiting), max(0, n[1]-left.Own.Retrying)
		}
		tx.each(tx.countElsewhere(lanes), countElsewhere, s.node, tx.now)
		return nil
	})
	return list, err
}

func (tx *tx) countOwn(lanes map[string]*delivery.Left) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var webhook string
		var tried bool
		var n int
		err := rows.Scan(&webhook, &tried, &n)
		if left := lanes[webhook]; left != nil {
			left.Own.Add(tried, n)
		}
		return err
	}
}

func (tx *tx) countElsewhere(lanes map[string]*delivery.Left) func(pgx.Rows) error {
	return func(rows pgx.Rows) error {
		var webhook string
		var own, tried bool
		var n int
		err := rows.Scan(&webhook, &own, &tried, &n)
		left := lanes[webhook]
		if left == nil {
			return err
		}
		of := &left.Earlier
		if own {
			of = &left.Own
		}
		of.Add(tried, -n)
		of.InFlight += n
		return err
	}
}
