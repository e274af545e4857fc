package postgres

import (
	"context"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Counting waiting deliveries uses the lanes' sums and small indexes, so that a backlog does not slow it down.
const (
	countAll = `SELECT l.webhook, c.waiting, (SELECT count(*) FROM awf_hook.deliveries d WHERE d.lane = l.id AND d.` + isWaiting + `
    AND d.attempts > 0)
  FROM awf_hook.lanes l JOIN (SELECT lane, sum(waiting)::bigint AS waiting FROM awf_hook.counts GROUP BY lane) c ON c.lane = l.id
  WHERE c.waiting > 0 AND ` + ofNamespace

	countOwn = `SELECT l.webhook, d.attempts > 0, count(*) FROM awf_hook.deliveries d JOIN awf_hook.lanes l ON l.id = d.lane
  WHERE d.accepted_by = $1 AND d.accepted_by > 0 AND d.` + isWaiting + ` GROUP BY 1, 2`

	countElsewhere = `SELECT l.webhook, d.accepted_by = $1, d.attempts > 0, count(*) FROM awf_hook.deliveries d JOIN awf_hook.lanes l
  ON l.id = d.lane WHERE d.owner <> 0 AND d.owner <> $1 AND d.` + isDue + ` AND d.due_at > $2 GROUP BY 1, 2, 3`
)

// Left implements [store.Store].
func (s *Store) Left(ctx context.Context) (list []delivery.Left, err error) {
	err = s.repeat(ctx, lookingUp, func(tx *tx) {
		lanes := store.LeftCount{}
		tx.send()
		tx.each(func(r *row) { lanes.Lane(r) }, countAll, s.opts.Namespace)
		tx.each(func(r *row) { lanes.Own(r) }, countOwn, s.node)
		tx.each(func(r *row) { lanes.Elsewhere(r) }, countElsewhere, s.node, tx.now)
		tx.send()
		list = lanes.List()
	})
	return list, err
}
