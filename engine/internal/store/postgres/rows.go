package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// deliveryRow holds what changes need to know about a delivery.
type deliveryRow struct {
	seq   int64
	lane  int
	state int
	size  int64
	key   []byte
	owner int
	due   time.Time
}

// rowColumns are a deliveryRow's.
const rowColumns = `seq, lane, state, size, order_key, owner, due_at`

// rows queues a query of rowColumns.
func (tx *tx) rows(found *[]deliveryRow, query string, args ...any) {
	tx.each(func(rows pgx.Rows) error {
		var d deliveryRow
		err := rows.Scan(&d.seq, &d.lane, &d.state, &d.size, &d.key, &d.owner, &d.due)
		*found = append(*found, d)
		return err
	}, query, args...)
}

// deliveries selects and locks deliveries.
func (tx *tx) deliveries(ctx context.Context, where string, args ...any) (found []deliveryRow, err error) {
	tx.rows(&found, `SELECT `+rowColumns+` FROM awf_hook.deliveries WHERE `+where+` FOR UPDATE`, args...)
	return found, tx.send(ctx)
}

// removeAll queues and counts the removal of deliveries.
func (tx *tx) removeAll(found []deliveryRow) {
	for _, d := range found {
		tx.add(d.lane, d.state, -1, -d.size)
	}
	tx.remove(seqsOf(found))
}

func seqsOf(found []deliveryRow) []int64 {
	seqs := make([]int64, len(found))
	for i, d := range found {
		seqs[i] = d.seq
	}
	return seqs
}

// locked selects deliveries and locks them, after their lanes.
func (tx *tx) locked(ctx context.Context, where string, args ...any) (found []deliveryRow, lanes map[int]*lane, err error) {
	tx.rows(&found, `SELECT `+rowColumns+` FROM awf_hook.deliveries WHERE `+where, args...)
	if err = tx.send(ctx); err != nil {
		return nil, nil, err
	}
	if lanes, err = tx.lockedLanes(ctx, found); err != nil {
		return nil, nil, err
	}
	found, err = tx.deliveries(ctx, where, args...)
	return slices.DeleteFunc(found, func(d deliveryRow) bool { return lanes[d.lane] == nil }), lanes, err // it moved meanwhile
}

// lockedLanes reads and locks the lanes of deliveries.
func (tx *tx) lockedLanes(ctx context.Context, found []deliveryRow) (map[int]*lane, error) {
	var ids []int
	for _, d := range found {
		if !slices.Contains(ids, d.lane) {
			ids = append(ids, d.lane)
		}
	}
	lanes := tx.lanesOf(ids, true)
	return lanes, tx.send(ctx)
}

// keys are the order keys of lanes for which a delivery waits or is in flight.
type keys map[laneKey]bool

// stand returns the state of one more delivery, which waits behind those of its key.
func (k keys) stand(lane int, key []byte) int {
	of := laneKey{lane, string(key)}
	switch {
	case key == nil:
		return due
	case k[of]:
		return behind
	}
	k[of] = true
	return due
}

// activeKeys sends the queued statements, and reads which keys of deliveries are active. The lanes are locked.
func (tx *tx) activeKeys(ctx context.Context, found []deliveryRow) (keys, error) {
	active := keys{}
	var lanes []int
	var of [][]byte
	for _, d := range found {
		if d.key != nil {
			lanes, of = append(lanes, d.lane), append(of, d.key)
		}
	}
	if len(of) > 0 {
		tx.readKeys(active, lanes, of)
	}
	return active, tx.send(ctx)
}

// readKeys queues reading which keys are active. The lanes are locked.
func (tx *tx) readKeys(active keys, lanes []int, of [][]byte) {
	tx.each(func(rows pgx.Rows) error {
		var lane int
		var key []byte
		err := rows.Scan(&lane, &key)
		active[laneKey{lane, string(key)}] = true
		return err
	}, `SELECT DISTINCT d.lane, d.order_key FROM unnest($1::int[], $2::bytea[]) k(lane, key) JOIN awf_hook.deliveries d
  ON d.lane = k.lane AND d.order_key = k.key AND d.order_key IS NOT NULL AND d.`+isWaiting, lanes, of)
}

// numbers queues taking numbers for deliveries and events.
func (tx *tx) numbers(list *[]int64, n int) {
	column(tx, list, `SELECT nextval('awf_hook.deliveries_seq_seq') FROM generate_series(1, $1::int)`, n)
}
