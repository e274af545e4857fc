package sqlite

import (
	"context"
	"strconv"
	"strings"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// invariants hold for every queue: see [store.Check].
var invariants = [][2]string{
	{"deliveries belong to no lane", `SELECT count(*) FROM deliveries d WHERE NOT EXISTS (SELECT 1 FROM lanes l WHERE l.id = d.lane)`},
	{"deliveries have lost their event", `SELECT count(*) FROM deliveries d WHERE state <> PRUNED
  AND NOT EXISTS (SELECT 1 FROM events e WHERE e.seq = d.event)`},
	{"deliveries are in a state that this awf-hook does not know", `SELECT count(*) FROM deliveries WHERE state NOT BETWEEN 0 AND 5
  AND state NOT BETWEEN LEAVING AND LEAVING + 3`},
	{"events have no delivery", `SELECT count(*) FROM events e WHERE NOT EXISTS (SELECT 1 FROM deliveries d
  WHERE d.seq BETWEEN e.first AND e.first + e.count - 1 AND d.event = e.seq AND d.state <> PRUNED)`},
	{"deliveries wait behind a key that has nothing due", `SELECT count(*) FROM deliveries d WHERE d.state = BEHIND
  AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.lane = d.lane AND o.order_key = d.order_key AND o.state = DUE)`},
	{"order keys have two deliveries in flight", `SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = DUE AND owner <> 0
  AND due_at > NOW AND order_key IS NOT NULL GROUP BY lane, order_key HAVING count(*) > 1)`},
	{"finished deliveries have no time at which they ended",
		`SELECT count(*) FROM deliveries WHERE state IN (DELIVERED, DEAD, DROPPED) AND done_at = 0`},
	{"deliveries have counts below zero", `SELECT count(*) FROM deliveries WHERE attempts < 0 OR spent < 0 OR size < 0`},
	{"events have a time that cannot be read: their lanes stand still", `SELECT count(*) FROM events
  WHERE stamp NOT GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][Tt][0-9][0-9]:[0-9][0-9]:[0-9][0-9]*[Zz0-9]'`},
	{"lanes miscount what waits", `SELECT count(*) FROM lanes l WHERE waiting <> (SELECT count(*) FROM deliveries d
  WHERE d.lane = l.id AND d.state IN (DUE, BEHIND))`},
	{"lanes miscount their dead letters", `SELECT count(*) FROM lanes l WHERE dead_letters <> (SELECT count(*) FROM deliveries d
  WHERE d.lane = l.id AND d.state = DEAD)`},
	{"deliveries left for another queue and did not arrive: run awf-hook queue move again",
		`SELECT count(*) FROM deliveries WHERE state >= LEAVING`},
}

// Check implements [store.Durable]. It reads the whole file.
func (s *Store) Check(ctx context.Context) (wrong []string, err error) {
	if s.noLog {
		wrong = append(wrong, noLog)
	}
	now := s.now()
	err = s.snapshot(ctx, func(c *conn) error {
		err := c.each(`PRAGMA integrity_check(10)`, func(r *row) {
			if text := r.Text(); text != "ok" {
				wrong = append(wrong, "the file is damaged: "+text)
			}
		})
		if err != nil {
			return err
		}
		broken, err := store.Check(invariants, func(query string) (int64, error) {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			return c.number(strings.ReplaceAll(query, "NOW", strconv.FormatInt(milli(now), 10)))
		})
		wrong = append(wrong, broken...)
		return err
	})
	return wrong, err
}
