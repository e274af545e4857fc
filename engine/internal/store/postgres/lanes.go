package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// lane is a row of lanes.
type lane struct {
	store.Lane
	id      int
	webhook string
	keyed   bool
	bytes   int64
	saved   store.Lane // as in the database
}

// add adds n deliveries of a state, which have some bytes, to what a lane holds.
func (tx *tx) add(lane, state, n int, bytes int64) {
	c := tx.count[lane]
	store.Count(&c, state, n, bytes)
	tx.count[lane] = c
}

// laneIDs returns the ids of webhooks' lanes. It makes missing lanes.
func (s *Store) laneIDs(ctx context.Context, webhooks []string) (map[string]int, error) {
	ids, unknown := s.cachedLanes(webhooks)
	if len(unknown) == 0 {
		return ids, nil
	}
	const query = `WITH made AS (INSERT INTO awf_hook.lanes(webhook) SELECT w FROM unnest($1::text[]) w ORDER BY w ON CONFLICT DO NOTHING
  RETURNING webhook, id) SELECT webhook, id FROM made UNION SELECT webhook, id FROM awf_hook.lanes WHERE webhook = ANY($1)`
	for len(unknown) > 0 { // another node may make one between the two halves of the query
		found := map[string]int{}
		err := s.write(ctx, func(tx *tx) {
			tx.each(func(r *row) { found[r.Text()] = r.Int() }, query, unknown)
		})
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		maps.Copy(s.lanes, found)
		s.mu.Unlock()
		ids, unknown = s.cachedLanes(webhooks)
	}
	return ids, nil
}

func (s *Store) cachedLanes(webhooks []string) (ids map[string]int, unknown []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids = map[string]int{}
	for _, webhook := range webhooks {
		if id := s.lanes[webhook]; id != 0 {
			ids[webhook] = id
		} else if !slices.Contains(unknown, webhook) {
			unknown = append(unknown, webhook)
		}
	}
	return ids, unknown
}

const laneColumns = `id, webhook, keyed, ` + store.LaneColumns

// scanLane reads a row of laneColumns.
func scanLane(r *row) *lane {
	l := &lane{id: r.Int(), webhook: r.Text(), keyed: r.Bool(), Lane: store.ScanLane(r)}
	l.saved = l.Lane
	return l
}

// lanesOf queues reading lanes into the returned map. If lock is set, it locks them in the order of their ids.
func (tx *tx) lanesOf(ids []int, lock bool) map[int]*lane {
	lanes := map[int]*lane{}
	if len(ids) == 0 {
		return lanes
	}
	query := `SELECT ` + laneColumns + ` FROM awf_hook.lanes WHERE id = ANY($1::int[]) ORDER BY id`
	if lock {
		query += ` FOR UPDATE`
	}
	tx.each(func(r *row) {
		l := scanLane(r)
		lanes[l.id] = l
	}, query, ids)
	return lanes
}

// mustBe ends the transaction if a lane is not the webhook's. It is nil if there is no lane with the number that the store remembers.
func (tx *tx) mustBe(l *lane, webhook string) {
	if tx.err == nil && (l == nil || l.webhook != webhook) {
		tx.err = errGone
	}
}

// saveLanes queues writing changed lanes, which are locked.
func (tx *tx) saveLanes(lanes map[int]*lane) {
	for _, id := range slices.Sorted(maps.Keys(lanes)) {
		l := lanes[id]
		if l.Lane == l.saved {
			continue
		}
		tx.queue(`UPDATE awf_hook.lanes SET failures = $2, broken = $3, paused_until = $4, probe_until = $5, closed = $6, tokens = $7,
  tokens_at = $8, last_error = $9, last_error_at = $10, fuel_percent = $11 WHERE id = $1`,
			l.id, l.Failures, l.TransformFailures, orNull(l.PausedUntil), orNull(l.ProbeUntil), clean(l.Closed), l.Tokens,
			orNull(l.TokensAt), clean(l.LastError), orNull(l.LastErrorAt), l.FuelPercent)
		tx.told[l.webhook] = struct{}{}
	}
}

// addCounts adds to the counts c that are there already.
const addCounts = ` ON CONFLICT (lane, node) DO UPDATE SET waiting = c.waiting + excluded.waiting,
  dead_letters = c.dead_letters + excluded.dead_letters, bytes = c.bytes + excluded.bytes, delivered = c.delivered + excluded.delivered,
  dropped = c.dropped + excluded.dropped, discarded = c.discarded + excluded.discarded`

// saveCounts queues writing changed counts, in the same order in all transactions of this node.
func (tx *tx) saveCounts() {
	for _, id := range slices.Sorted(maps.Keys(tx.count)) {
		c := tx.count[id]
		if c == (delivery.LaneCounts{}) {
			continue
		}
		tx.queue(`INSERT INTO awf_hook.counts AS c (lane, node, `+store.CountColumns+`)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`+addCounts,
			id, tx.store.node, c.Waiting, c.Dead, c.Bytes, c.Delivered, c.Dropped, c.Discarded)
	}
}

// Lanes implements [store.Store].
func (s *Store) Lanes(ctx context.Context) (list []delivery.LaneStatus, err error) {
	const query = `SELECT ` + laneColumns + `, ` + store.CountColumns + `,
  (SELECT d.due_at FROM awf_hook.deliveries d WHERE d.lane = l.id AND d.` + isDue + ` ORDER BY d.due_at LIMIT 1)
  FROM awf_hook.lanes l LEFT JOIN (SELECT lane, sum(waiting)::bigint AS waiting, sum(dead_letters)::bigint AS dead_letters,
    sum(bytes)::bigint AS bytes, sum(delivered)::bigint AS delivered, sum(dropped)::bigint AS dropped, sum(discarded)::bigint AS discarded
    FROM awf_hook.counts GROUP BY lane) c ON c.lane = l.id WHERE ` + ofNamespace + ` ORDER BY l.webhook COLLATE "C"`
	err = s.read(ctx, func(tx *tx) {
		list = nil
		tx.each(func(r *row) {
			l := scanLane(r)
			st := l.Status(tx.now, l.webhook)
			st.LaneCounts, st.Due = store.ScanCounts(r), l.NextClaim(tx.now, r.Time())
			list = append(list, st)
		}, query, s.opts.Namespace)
	})
	return list, err
}

// ChangeLanes implements [store.Browser].
func (s *Store) ChangeLanes(ctx context.Context, webhook string, change store.LaneChange) (n int, err error) {
	err = s.write(ctx, func(tx *tx) {
		var ids []int
		column(tx, &ids, `SELECT id FROM awf_hook.lanes l WHERE `+ofNamespace+` AND `+isCalled("$2"), s.opts.Namespace, clean(webhook))
		tx.send()
		lanes := tx.lanesOf(ids, true)
		tx.time()
		for _, l := range lanes {
			change(&l.Lane, tx.now)
		}
		tx.saveLanes(lanes)
		n = len(ids)
	})
	return n, err
}

// ofNamespace is a condition for the lanes l of the store's namespace, which is the first parameter: see [store.NamespaceOf].
const ofNamespace = `$1 IN ('', split_part(split_part(l.webhook, '#', 1), '/', 1))`

// scope is the lanes of a store's namespace.
type scope struct {
	lanes []int
	all   bool // there are no others
}

// scope sends the queued statements, and reads which lanes the store sees.
func (tx *tx) scope() (sc scope) {
	namespace := tx.store.opts.Namespace
	if namespace == "" {
		tx.send()
		return scope{all: true}
	}
	tx.query(`SELECT coalesce(array_agg(l.id) FILTER (WHERE `+ofNamespace+`), '{}'),
    coalesce(bool_and(`+ofNamespace+`), true) FROM awf_hook.lanes l`, namespace).Scan(&sc.lanes, &sc.all)
	return sc
}

// isCalled returns a condition for the lanes of an identity, or of the name after its "#": see [store.IsCalled].
func isCalled(param string) string {
	return `(webhook = ` + param + ` OR right(webhook, length(` + param + `) + 1) = '#' || ` + param + `)`
}
