package memory

import (
	"context"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Record implements [store.Browser].
func (s *Store) Record(ctx context.Context, op delivery.Operation) error {
	return s.do(ctx, func(now time.Time) {
		op = op.Cut()
		op.At, op.Seq = now, 1
		if n := len(s.operations); n > 0 {
			op.Seq = s.operations[n-1].Seq + 1
		}
		s.operations = append(s.operations, op)
		if n := len(s.operations); n > store.MaxOperations {
			s.operations = slices.Delete(s.operations, 0, n-store.MaxOperations)
		}
	})
}

// Operations implements [store.Browser].
func (s *Store) Operations(ctx context.Context, before int64, n int) (ops []delivery.Operation, err error) {
	err = s.do(ctx, func(time.Time) {
		for _, op := range slices.Backward(s.operations) {
			if len(ops) == n {
				break
			}
			if before == 0 || op.Seq < before {
				ops = append(ops, op)
			}
		}
	})
	return ops, err
}
