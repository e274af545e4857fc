package postgres

import (
	"context"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Record implements [store.Browser].
func (s *Store) Record(ctx context.Context, op delivery.Operation) error {
	op = op.Cut()
	return s.write(ctx, func(tx *tx) {
		tx.time()
		tx.queue(`INSERT INTO awf_hook.operations(at, who, what, target, count, note, namespace)
    VALUES ($1, $2, $3, $4, $5, $6, $7)`, tx.now, []byte(op.Who), op.What, []byte(op.Target), op.Count, []byte(op.Note), s.opts.Namespace)
		tx.queue(`DELETE FROM awf_hook.operations WHERE seq <= (SELECT max(seq) FROM awf_hook.operations) - $1`, store.MaxOperations)
	})
}

// Operations implements [store.Browser].
func (s *Store) Operations(ctx context.Context, before int64, n int) ([]delivery.Operation, error) {
	scan := func(r *row) delivery.Operation { return store.ScanOperation(r) }
	return all(ctx, s, scan, `SELECT seq, at, who, what, target, count, note FROM awf_hook.operations
  WHERE ($1::bigint = 0 OR seq < $1) AND $3 IN ('', namespace) ORDER BY seq DESC LIMIT $2`, before, n, s.opts.Namespace)
}
