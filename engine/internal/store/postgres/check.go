package postgres

import (
	"context"
	"fmt"

	"github.com/awf-project/awf-hook/engine/internal/store"
)

// tables are digests of the tables' columns as the migrations leave them, by the query below.
const tables = `{196f20ad,1f738e79,4749fd9c,4c3a5149,6e8a0026,8b2d8c77,a48c64ee,c988742b,ddf241a2,de53f9e0,e4958201,f1ee33af}`

// invariants hold for every queue: see [store.Check].
var invariants = [][2]string{
	{"deliveries belong to no lane", `SELECT count(*) FROM awf_hook.deliveries d
  WHERE NOT EXISTS (SELECT 1 FROM awf_hook.lanes l WHERE l.id = d.lane)`},
	{"deliveries have lost their event", `SELECT count(*) FROM awf_hook.deliveries d
  WHERE NOT EXISTS (SELECT 1 FROM awf_hook.events e WHERE e.seq = d.event)`},
	{"deliveries are in a state that this awf-hook does not know", `SELECT count(*) FROM awf_hook.deliveries
  WHERE state NOT IN (0, 2, 5, 8, 10)`},
	{"finished deliveries are in a state that this awf-hook does not know", `SELECT count(*) FROM awf_hook.history WHERE state NOT IN (1, 3)`},
	{"finished deliveries belong to no lane", `SELECT count(*) FROM awf_hook.history h
  WHERE NOT EXISTS (SELECT 1 FROM awf_hook.lanes l WHERE l.id = h.lane)`},
	{"deliveries are both waiting and finished", `SELECT count(*) FROM awf_hook.deliveries d
  WHERE EXISTS (SELECT 1 FROM awf_hook.history h WHERE h.id = d.id)`},
	{"deliveries were finished twice", `SELECT count(*) FROM (SELECT 1 FROM awf_hook.history GROUP BY id HAVING count(*) > 1) h`},
	{"deliveries wait behind a key that has nothing due", `SELECT count(*) FROM awf_hook.deliveries d WHERE d.` + isBehind + `
  AND NOT EXISTS (SELECT 1 FROM awf_hook.deliveries o WHERE o.lane = d.lane AND o.order_key = d.order_key AND o.order_key IS NOT NULL
    AND o.` + isWaiting + ` AND o.` + isDue + `)`},
	{"order keys have two deliveries in flight", `SELECT count(*) FROM (SELECT 1 FROM awf_hook.deliveries WHERE ` + isDue + ` AND owner <> 0
  AND due_at > clock_timestamp() AND order_key IS NOT NULL GROUP BY lane, order_key HAVING count(*) > 1) k`},
	{"dead letters have no time at which they ended", `SELECT count(*) FROM awf_hook.deliveries WHERE ` + isDead + ` AND done_at IS NULL`},
	{"deliveries have counts below zero", `SELECT count(*) FROM awf_hook.deliveries WHERE attempts < 0 OR spent < 0 OR size < 0`},
	{"bodies belong to no delivery", `SELECT count(*) FROM awf_hook.contents c
  WHERE NOT EXISTS (SELECT 1 FROM awf_hook.deliveries d WHERE d.seq = c.delivery)`},
	{"attempts belong to no delivery", `SELECT count(*) FROM awf_hook.attempts a
  WHERE NOT EXISTS (SELECT 1 FROM awf_hook.deliveries d WHERE d.seq = a.delivery)`},
	{"events have a time that cannot be read: their lanes stand still", `SELECT count(*) FROM awf_hook.events
  WHERE stamp !~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}.*([Zz]|[0-9]{2}:[0-9]{2})$'`},
	{"lanes miscount what waits", `SELECT count(*) FROM awf_hook.lanes l
  WHERE (SELECT coalesce(sum(waiting), 0) FROM awf_hook.counts c WHERE c.lane = l.id)
    <> (SELECT count(*) FROM awf_hook.deliveries d WHERE d.lane = l.id AND d.` + isWaiting + `)`},
	{"lanes miscount their dead letters", `SELECT count(*) FROM awf_hook.lanes l
  WHERE (SELECT coalesce(sum(dead_letters), 0) FROM awf_hook.counts c WHERE c.lane = l.id)
    <> (SELECT count(*) FROM awf_hook.deliveries d WHERE d.lane = l.id AND d.` + isDead + `)`},
	{"tables have other columns than this awf-hook makes: somebody changed them, or an awf-hook between two releases made them", fmt.Sprintf(
		`SELECT count(*) FROM (SELECT left(md5(string_agg(format('%%s %%s %%s %%s', c.relname, a.attname, a.atttypid::regtype, a.attnotnull), ','
    ORDER BY a.attnum)), 8) AS columns FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'awf_hook'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition GROUP BY c.oid) t
  WHERE columns <> ALL('%s') AND (SELECT version FROM awf_hook.meta) = %d`, tables, len(migrations))},
	{"deliveries left for another queue and did not arrive: run awf-hook queue move again",
		`SELECT count(*) FROM awf_hook.deliveries WHERE ` + isLeaving},
}

// Check implements [store.Durable]. It reads all tables, in one snapshot of the database.
func (s *Store) Check(ctx context.Context) (wrong []string, err error) {
	err = s.repeat(ctx, checking, func(tx *tx) {
		wrong, _ = store.Check(invariants, func(query string) (n int64, err error) {
			tx.query(query).Scan(&n)
			return n, tx.err
		})
	})
	return wrong, err
}
