package sqlite

import (
	"cmp"
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// lane is a row of lanes in a transaction.
type lane struct {
	laneRow
	saved laneRow // as in the database
}

type laneRow struct {
	store.Lane
	delivery.LaneCounts
	id int64
}

const laneColumns = `id, ` + store.CountColumns + `, ` + store.LaneColumns

func (l *laneRow) scan(r *row) {
	l.id, l.LaneCounts, l.Lane = r.Int64(), store.ScanCounts(r), store.ScanLane(r)
}

// holds notes that the lane has n more deliveries of a state. Their bytes are counted apart, since finished deliveries have some.
func (l *lane) holds(state int64, n int) { store.Count(&l.LaneCounts, int(state), n, 0) }

// lane returns the lane with an id.
func (tx *tx) lane(id int64) *lane {
	if l := tx.lanes[id]; l != nil {
		return l
	}
	if l := tx.load(`id = ?`, id); l != nil {
		return l
	}
	return &lane{} // the transaction has failed, or the file is damaged
}

// find returns the lane of a webhook; nil if the webhook never had a delivery.
func (tx *tx) find(webhook string) *lane {
	if id := tx.ids[webhook]; id != 0 {
		return tx.lanes[id]
	}
	l := tx.load(`webhook = ?`, webhook)
	if l != nil {
		tx.ids[webhook] = l.id
	}
	return l
}

// laneOf returns the lane of a webhook. It makes a missing one.
func (tx *tx) laneOf(webhook string) *lane {
	if l := tx.find(webhook); l != nil {
		return l
	}
	tx.run(`INSERT INTO lanes(webhook) VALUES(?)`, webhook)
	return cmp.Or(tx.find(webhook), &lane{})
}

func (tx *tx) load(where string, arg any) *lane {
	l := &lane{}
	tx.each(`SELECT `+laneColumns+` FROM lanes l WHERE `+where, l.scan, arg)
	if l.id == 0 {
		return nil
	}
	if known := tx.lanes[l.id]; known != nil { // with unsaved changes
		return known
	}
	l.saved = l.laneRow
	tx.lanes[l.id] = l
	return l
}

// saveLanes writes changed lanes.
func (tx *tx) saveLanes() {
	for _, l := range tx.lanes {
		if l.laneRow == l.saved {
			continue
		}
		tx.run(`UPDATE lanes SET failures = ?2, broken = ?3, paused_until = ?4, probe_until = ?5, closed = ?6, tokens = ?7,
  tokens_at = ?8, last_error = ?9, last_error_at = ?10, bytes = max(0, ?11), delivered = ?12, dropped = ?13, discarded = ?14,
  waiting = max(0, ?15), dead_letters = max(0, ?16), fuel_percent = ?17 WHERE id = ?1`,
			l.id, l.Failures, l.TransformFailures, l.PausedUntil, l.ProbeUntil, l.Closed, l.Tokens, l.TokensAt,
			l.LastError, l.LastErrorAt, l.Bytes, l.Delivered, l.Dropped, l.Discarded, l.Waiting, l.Dead, l.FuelPercent)
	}
}

// Lanes implements [store.Store].
func (s *Store) Lanes(ctx context.Context) ([]delivery.LaneStatus, error) {
	const query = `SELECT ` + laneColumns + `, webhook, (SELECT min(due_at) FROM deliveries d WHERE d.lane = l.id AND d.state = DUE)
  FROM lanes l ORDER BY webhook`
	var list []delivery.LaneStatus
	now := s.now()
	err := s.readSoon(ctx, query, func(r *row) {
		var l laneRow
		l.scan(r)
		st := l.Status(now, r.Text())
		st.LaneCounts, st.Due = l.LaneCounts, l.NextClaim(now, r.Time())
		list = append(list, st)
	})
	return list, err
}

// ChangeLanes implements [store.Browser].
func (s *Store) ChangeLanes(ctx context.Context, webhook string, change store.LaneChange) (n int, err error) {
	err = s.write(ctx, func(tx *tx) {
		ids := tx.numbers(`SELECT id FROM lanes WHERE `+isCalled, webhook, webhook, webhook)
		for _, id := range ids {
			change(&tx.lane(id).Lane, tx.now)
		}
		n = len(ids)
	})
	return n, err
}

// isCalled selects the lanes of an identity, or of the name after its "#": see [store.IsCalled].
const isCalled = `webhook = ? OR substr(webhook, -length(?) - 1) = '#' || ?`

// jumped ends the pauses and probes that a wrong clock stored.
func (tx *tx) jumped(longest, longestLease time.Time) {
	for _, id := range tx.numbers(`SELECT id FROM lanes WHERE paused_until > ? OR probe_until > ?`, longest, longestLease) {
		tx.lane(id).Jumped(tx.now)
	}
}
