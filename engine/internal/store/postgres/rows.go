package postgres

import (
	"fmt"
	"slices"
	"time"
)

// row is a row of a query: see [store.Row].
type row struct {
	values []any
	next   int
	err    error // a column was read as what it is not
}

func (r *row) value() any {
	r.next++
	return r.values[r.next-1]
}

// wrong notes that a column is not what it was read as, unless it is NULL.
func (r *row) wrong(value any) {
	if value != nil {
		r.err = fmt.Errorf("column %d is a %T", r.next, value)
	}
}

// of returns the next column.
func of[T any](r *row) T {
	column := r.value()
	value, is := column.(T)
	if !is {
		r.wrong(column)
	}
	return value
}

func (r *row) Int64() int64 {
	switch n := r.value().(type) {
	case int16:
		return int64(n)
	case int32:
		return int64(n)
	case int64:
		return n
	default:
		r.wrong(n)
		return 0
	}
}

func (r *row) Text() string {
	switch text := r.value().(type) {
	case string:
		return text
	case []byte:
		return string(text)
	default:
		r.wrong(text)
		return ""
	}
}

func (r *row) Int() int        { return int(r.Int64()) }
func (r *row) Bool() bool      { return of[bool](r) }
func (r *row) Float() float64  { return of[float64](r) }
func (r *row) Time() time.Time { return of[time.Time](r) }
func (r *row) Bytes() []byte   { return of[[]byte](r) }
func (r *row) IsNull() bool    { return r.values[r.next] == nil }

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

// scanRow reads a row of rowColumns.
func scanRow(r *row) deliveryRow {
	return deliveryRow{r.Int64(), r.Int(), r.Int(), r.Int64(), r.Bytes(), r.Int(), r.Time()}
}

// deliveries selects and locks deliveries.
func (tx *tx) deliveries(where string, args ...any) (found []deliveryRow) {
	tx.each(func(r *row) { found = append(found, scanRow(r)) },
		`SELECT `+rowColumns+` FROM awf_hook.deliveries WHERE `+where+` FOR UPDATE`, args...)
	tx.send()
	return found
}

// removeAll queues and counts the removal of deliveries.
func (tx *tx) removeAll(found []deliveryRow) {
	for _, d := range found {
		tx.add(d.lane, d.state, -1, -d.size)
	}
	tx.remove(seqsOf(found), false)
}

func seqsOf(found []deliveryRow) []int64 {
	seqs := make([]int64, len(found))
	for i, d := range found {
		seqs[i] = d.seq
	}
	return seqs
}

// locked selects deliveries and locks them, after their lanes.
func (tx *tx) locked(where string, args ...any) (found []deliveryRow, lanes map[int]*lane) {
	tx.each(func(r *row) { found = append(found, scanRow(r)) }, `SELECT `+rowColumns+` FROM awf_hook.deliveries WHERE `+where, args...)
	tx.send()
	lanes = tx.lockedLanes(found)
	found = tx.deliveries(where, args...)
	return slices.DeleteFunc(found, func(d deliveryRow) bool { return lanes[d.lane] == nil }), lanes // it moved meanwhile
}

// lockedLanes reads and locks the lanes of deliveries.
func (tx *tx) lockedLanes(found []deliveryRow) map[int]*lane {
	var ids []int
	for _, d := range found {
		if !slices.Contains(ids, d.lane) {
			ids = append(ids, d.lane)
		}
	}
	lanes := tx.lanesOf(ids, true)
	tx.send()
	return lanes
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
func (tx *tx) activeKeys(found []deliveryRow) keys {
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
	tx.send()
	return active
}

// readKeys queues reading which keys are active. The lanes are locked.
func (tx *tx) readKeys(active keys, lanes []int, of [][]byte) {
	tx.each(func(r *row) { active[laneKey{r.Int(), r.Text()}] = true },
		`SELECT DISTINCT d.lane, d.order_key FROM unnest($1::int[], $2::bytea[]) k(lane, key) JOIN awf_hook.deliveries d
  ON d.lane = k.lane AND d.order_key = k.key AND d.order_key IS NOT NULL AND d.`+isWaiting, lanes, of)
}

// numbers queues taking numbers for deliveries and events.
func (tx *tx) numbers(list *[]int64, n int) {
	column(tx, list, `SELECT nextval('awf_hook.deliveries_seq_seq') FROM generate_series(1, $1::int)`, n)
}
