package sqlite

import (
	"context"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Record implements [store.Browser].
func (s *Store) Record(ctx context.Context, op delivery.Operation) error {
	op = op.Cut()
	return s.write(ctx, func(tx *tx) {
		tx.run(`INSERT INTO operations(at, who, what, target, count, note) VALUES (?, ?, ?, ?, ?, ?)`,
			tx.now, op.Who, op.What, op.Target, op.Count, op.Note)
		tx.run(`DELETE FROM operations WHERE seq <= (SELECT max(seq) FROM operations) - ?`, store.MaxOperations)
	})
}

// Operations implements [store.Browser].
func (s *Store) Operations(ctx context.Context, before int64, n int) (ops []delivery.Operation, err error) {
	err = s.read(ctx, `SELECT seq, at, who, what, target, count, note FROM operations WHERE ?1 = 0 OR seq < ?1 ORDER BY seq DESC LIMIT ?2`,
		func(r *row) { ops = append(ops, store.ScanOperation(r)) }, before, n)
	return ops, err
}
