package sqlite

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// among is what narrows down a filter before a statement looks through deliveries.
type among struct {
	lanes string // the numbers of the webhook's lanes, between commas
	few   string // the numbers of all deliveries that may match, as a JSON list; "" if they are too many, or no index finds them
	knows int64  // what the index of finished deliveries knows: see [knowsReasons]
}

// texts are the columns in which a filter looks for its text: of deliveries, and of events.
var texts = [][]string{{"d.id", "d.reason"}, {"e.id", "e.workflow_id"}}

// where makes the condition of a filter that looks for its text in some columns. now determines what is in flight.
func where(f delivery.Filter, now time.Time, in among, columns ...string) (string, []any) {
	conditions, args := []string{"d.state <> PRUNED"}, []any{}
	add := func(condition string, values ...any) {
		conditions = append(conditions, condition)
		args = append(args, values...)
	}
	if in.few != "" {
		add("d.seq IN (SELECT value FROM json_each(?))", in.few)
	}
	switch f.State {
	case delivery.Due:
		add("d.state IN (DUE, BEHIND) AND NOT (d.owner <> 0 AND d.due_at > ?)", now)
	case delivery.IsDelivered:
		add("d.state = DELIVERED")
	case delivery.IsDead:
		add("+d.state = DEAD") // the plus keeps SQLite from sorting all of some lanes
	case delivery.IsDropped:
		add("d.state = DROPPED")
	}
	if f.ID != "" {
		add("d.id >= ? AND d.id < ?", f.ID, f.ID+"\x7f") // ids are ASCII letters, digits and "_"
	}
	if f.Webhook != "" {
		add("d.lane IN (" + in.lanes + ")")
	}
	for _, text := range [][2]string{
		{"e.workflow_name", f.Workflow}, {"e.type", f.Event}, {"e.workflow_id", f.Run}, {"e.source", f.Source}, {"d.reason", f.Reason},
	} {
		if text[1] != "" {
			add(text[0]+" = ?", text[1])
		}
	}
	if f.Text != "" {
		add("mentions(?, "+strings.Join(columns, ", ")+")", f.Text)
	}
	if !f.Since.IsZero() {
		add("d.accepted_at >= ?", f.Since)
	}
	if !f.Until.IsZero() {
		add("d.done_at BETWEEN 1 AND ?", f.Until)
	}
	if f.Before > 0 {
		add("d.seq < ?", f.Before)
	}
	if f.After > 0 {
		add("d.seq > ?", f.After)
	}
	return strings.Join(conditions, " AND "), args
}

const (
	itemColumns = `d.seq, d.id, l.webhook, d.state, d.due_at, d.owner, d.since, d.attempts, d.spent, d.accepted_at, d.done_at, d.reason,
  l.closed, l.paused_until, e.id, e.type, e.workflow_id, e.workflow_name, e.trace, e.source, e.stamp`

	fromDeliveries = ` FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN events e ON e.seq = d.event WHERE `

	// fromEvents searches the events first, and then only the deliveries of those that match. Both have the same order.
	// The plus keeps SQLite from building a temporary index over all deliveries.
	fromEvents = ` FROM events e CROSS JOIN deliveries d ON d.seq BETWEEN e.first AND e.first + e.count - 1 AND +d.event = e.seq
  CROSS JOIN lanes l ON l.id = d.lane WHERE `
)

// matching returns the part of a statement that selects what matches a filter, from FROM on.
func (s *Store) matching(ctx context.Context, f delivery.Filter, now time.Time) (from string, args []any, err error) {
	in, err := s.narrow(ctx, f, now)
	condition, args := where(f, now, in, slices.Concat(texts...)...)
	return in.from(f) + condition, args, err
}

// from returns the beginning of a statement: if the filter is about fields of events, and not about something that few deliveries have,
// it looks through the events.
func (in among) from(f delivery.Filter) string {
	if isOfEvents(f) && f.ID == "" && in.few == "" {
		return fromEvents
	}
	return fromDeliveries
}

func isOfEvents(f delivery.Filter) bool {
	return f.Event != "" || f.Workflow != "" || f.Run != "" || f.Source != ""
}

// If an index finds at most so many deliveries, they are read one by one. If there are more, it is faster to look through all of them in
// order: through the events, which are smaller, if the filter is about their fields.
const (
	maxFew         = 100_000
	maxFewOfEvents = 20_000
)

// narrow looks for the deliveries that may match a filter in the indexes.
func (s *Store) narrow(ctx context.Context, f delivery.Filter, now time.Time) (among, error) {
	if isOfEvents(f) {
		return s.narrowTo(ctx, f, now, maxFewOfEvents)
	}
	return s.narrowTo(ctx, f, now, maxFew)
}

// narrowTo looks for at most n deliveries by the state, the webhook, and the time of the outcome.
func (s *Store) narrowTo(ctx context.Context, f delivery.Filter, now time.Time, n int) (in among, err error) {
	if in.knows, err = s.number(ctx, indexKnows); err != nil {
		return in, err
	}
	byLane := in.knows >= knowsLanes
	lanes := `SELECT id FROM lanes`
	if f.Webhook != "" {
		if lanes, err = s.lanesCalled(ctx, f.Webhook); err != nil {
			return in, err
		}
		in.lanes = lanes
	}
	from, until := int64(1), int64(math.MaxInt64)
	if !f.Since.IsZero() { // an outcome comes after the acceptance, unless somebody set the clock back
		from = max(from, milli(f.Since.Add(-store.MaxSet)))
	}
	if !f.Until.IsZero() {
		until = milli(f.Until)
	}
	inFlight := `SELECT f.seq FROM deliveries f INDEXED BY deliveries_due WHERE f.lane IN (` + lanes + `) AND f.state = DUE
  AND f.due_at BETWEEN ? AND ? AND f.owner <> 0`
	waiting := `SELECT f.seq FROM deliveries f INDEXED BY deliveries_due WHERE f.lane IN (` + lanes + `) AND f.state = DUE
  UNION ALL SELECT f.seq FROM deliveries f INDEXED BY deliveries_key WHERE f.lane IN (` + lanes + `) AND f.state IN (DUE, BEHIND)
  AND f.order_key IS NOT NULL AND f.state = BEHIND`
	// The index has the last condition. If it were the first, SQLite would read the index from there.
	finished := `SELECT f.seq FROM deliveries f INDEXED BY deliveries_done
  WHERE f.state IN (%s) AND f.done_at >= ? AND f.done_at <= ? AND f.done_at > 0`
	if byLane && f.Webhook != "" {
		finished += ` AND f.lane IN (` + lanes + `)`
	}
	leaving := ` UNION ALL SELECT f.seq FROM deliveries f INDEXED BY deliveries_done WHERE f.state >= LEAVING`
	var query string
	args := []any{from, until}
	switch {
	case f.State == delivery.InFlight:
		query, args, n = inFlight, []any{milli(now) + 1, now.Add(store.MaxLease)}, math.MaxInt32
	case f.State == delivery.Due:
		query, args = waiting, nil
	case f.State == delivery.IsDead && f.Webhook != "":
		query, args = `SELECT f.seq FROM deliveries f INDEXED BY deliveries_dead WHERE f.lane IN (`+lanes+`) AND f.state = DEAD`, nil
	case f.State != "":
		query = fmt.Sprintf(finished, fmt.Sprint(store.NumberOf[int](f.State)))
	case byLane && (f.Webhook != "" || !f.Since.IsZero()):
		query = fmt.Sprintf(finished, `DELIVERED, DEAD, DROPPED`) + ` UNION ALL ` + waiting + leaving
	default:
		return in, nil
	}
	in.few, err = s.few(ctx, query, n, args...)
	return in, err
}

// few returns the numbers that a query selects, as a JSON list; "" if they are more than n.
func (s *Store) few(ctx context.Context, query string, n int, args ...any) (list string, err error) {
	err = s.read(ctx, `SELECT count(*), json_group_array(seq) FROM (`+query+` LIMIT ?)`, func(r *row) {
		if r.Int64() <= int64(n) {
			list = r.Text()
		}
	}, append(args, n+1)...)
	return list, err
}

// lanesCalled returns the numbers of a webhook's lanes, between commas; 0, which is no lane's, if it has none.
func (s *Store) lanesCalled(ctx context.Context, webhook string) (ids string, err error) {
	const query = `SELECT ifnull(group_concat(id), 0) FROM lanes WHERE ` + isCalled
	err = s.read(ctx, query, func(r *row) { ids = r.Text() }, webhook, webhook, webhook)
	return ids, err
}

// Show implements [store.Browser].
func (s *Store) Show(ctx context.Context, id string) (found *delivery.Detail, err error) {
	now := s.now()
	const query = `SELECT ` + itemColumns + `, d.log, d.content_type, d.header, d.url_suffix, d.body, e.payload` + fromDeliveries +
		`d.id = ? AND d.state <> PRUNED`
	err = s.read(ctx, query, func(r *row) {
		var item delivery.Item
		if item, r.err = store.ScanItem(r, now); r.err == nil {
			found, r.err = store.ScanDetail(r, &item)
		}
	}, id)
	if err == nil && found == nil {
		err = fmt.Errorf("%s: %w", id, store.ErrUnknown)
	}
	return found, err
}
