package sqlite

import (
	"context"
	"errors"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

const (
	countAll = `SELECT webhook, waiting,
  (SELECT count(*) FROM deliveries d WHERE d.lane = l.id AND d.state IN (DUE, BEHIND) AND d.attempts > 0)
  FROM lanes l WHERE waiting > 0`

	// countOwn uses the index of waiting deliveries, and reads only those accepted since this store was opened.
	countOwn = `SELECT l.webhook, d.attempts > 0, count(*) FROM lanes l CROSS JOIN deliveries d ON d.lane = l.id AND d.state = DUE
  WHERE l.waiting > 0 AND d.seq >= ?1 AND d.accepted_by = ?2 GROUP BY 1, 2
  UNION ALL SELECT l.webhook, d.attempts > 0, count(*) FROM lanes l CROSS JOIN deliveries d ON d.lane = l.id AND d.state IN (DUE, BEHIND)
  AND d.order_key IS NOT NULL AND d.state = BEHIND WHERE l.waiting > 0 AND d.seq >= ?1 AND d.accepted_by = ?2 GROUP BY 1, 2`

	countElsewhere = `SELECT l.webhook, d.accepted_by = ?1, d.attempts > 0, count(*) FROM lanes l CROSS JOIN deliveries d
  ON d.lane = l.id AND d.state = DUE AND d.due_at BETWEEN ?2 AND ?3 WHERE d.owner <> 0 AND d.owner <> ?1 GROUP BY 1, 2, 3`
)

// Left implements [store.Store].
func (s *Store) Left(ctx context.Context) ([]delivery.Left, error) {
	if err := s.checkPlace(); err != nil {
		return nil, err
	}
	lanes := store.LeftCount{}
	now, first, self := s.now(), s.first.Load(), s.folder.owner
	err := s.snapshot(ctx, func(c *conn) error {
		err := c.each(countAll, func(r *row) { lanes.Lane(r) })
		if err == nil && first > 0 {
			err = c.each(countOwn, func(r *row) { lanes.Own(r) }, first, self)
		}
		if err != nil {
			return err
		}
		return c.each(countElsewhere, func(r *row) { lanes.Elsewhere(r) }, self, milli(now)+1, now.Add(store.MaxLease))
	})
	return lanes.List(), err
}

// snapshot calls f with a connection that reads the current state of the database.
func (s *Store) snapshot(ctx context.Context, f func(*conn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c, err := s.reader()
	if err != nil {
		return err
	}
	defer s.giveBack(c)
	if err := c.script(`BEGIN`); err != nil {
		return err
	}
	return errors.Join(f(c), c.script(`COMMIT`))
}
