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

// where makes the condition of a filter. now determines what is in flight. found is the query of a few deliveries to look through, see
// [few]; an empty one looks through all.
func where(f delivery.Filter, now time.Time, found selection) (string, []any) {
	conditions, args := []string{"d.state <> PRUNED"}, []any{}
	add := func(condition string, values ...any) {
		conditions = append(conditions, condition)
		args = append(args, values...)
	}
	if found.text != "" {
		add("d.seq IN ("+found.text+")", found.args...)
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
		add("d.lane IN (SELECT id FROM lanes WHERE "+isCalled+")", f.Webhook, f.Webhook, f.Webhook)
	}
	for _, text := range [][2]string{
		{"e.workflow_name", f.Workflow}, {"e.type", f.Event}, {"e.workflow_id", f.Run}, {"e.source", f.Source}, {"d.reason", f.Reason},
	} {
		if text[1] != "" {
			add(text[0]+" = ?", text[1])
		}
	}
	if f.Text != "" {
		contains, text := `%s LIKE ? ESCAPE '\'`, "%"+likeText.Replace(f.Text)+"%"
		if len(text) > maxLike {
			contains, text = `instr(lower(%s), ?) > 0`, strings.ToLower(f.Text)
		}
		var either []string
		for _, column := range []string{"d.id", "d.reason", "e.id", "e.workflow_id"} {
			either = append(either, fmt.Sprintf(contains, column))
		}
		add("("+strings.Join(either, " OR ")+")", text, text, text, text)
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

// maxLike is the longest pattern that SQLite's LIKE takes, in bytes. It is faster than instr.
const maxLike = 50_000

// likeText escapes what LIKE does not take literally.
var likeText = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

const (
	itemColumns = `d.seq, d.id, l.webhook, d.state, d.due_at, d.owner, d.since, d.attempts, d.spent, d.accepted_at, d.done_at, d.reason,
  l.closed, l.paused_until, e.id, e.type, e.workflow_id, e.workflow_name, e.trace, e.source, e.stamp`

	fromDeliveries = ` FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN events e ON e.seq = d.event WHERE `

	// fromEvents searches the events first, and then only the deliveries of those that match. Both have the same order.
	// The plus keeps SQLite from building a temporary index over all deliveries.
	fromEvents = ` FROM events e CROSS JOIN deliveries d ON d.seq BETWEEN e.first AND e.first + e.count - 1 AND +d.event = e.seq
  CROSS JOIN lanes l ON l.id = d.lane WHERE `
)

// matching returns the part of a statement that selects what matches a filter, from FROM on. If the filter is about fields of events,
// and not about an id or a state that few deliveries have, it looks through the events.
func (s *Store) matching(ctx context.Context, f delivery.Filter, now time.Time) (from string, args []any, err error) {
	ofEvents := f.Event != "" || f.Workflow != "" || f.Run != "" || f.Source != ""
	most := maxFew
	if ofEvents {
		most = maxFewOfEvents
	}
	found, err := s.few(ctx, f, now, most)
	condition, args := where(f, now, found)
	if ofEvents && f.ID == "" && found.text == "" {
		return fromEvents + condition, args, err
	}
	return fromDeliveries + condition, args, err
}

// If an index finds at most so many deliveries with a filter's state, they are read one by one. If there are more, it is faster to look
// through all of them in order: through the events, which are smaller, if the filter is about their fields.
const (
	maxFew         = 100_000
	maxFewOfEvents = 40_000
)

// selection is a query of numbers of deliveries, with its arguments.
type selection struct {
	text string
	args []any
}

// few returns the query of the numbers of all deliveries with a filter's state, if an index finds it and it finds at most n. Else it
// returns an empty one. What the index knows beside the state makes them fewer: the webhook, or the time of the outcome.
func (s *Store) few(ctx context.Context, f delivery.Filter, now time.Time, n int) (found selection, err error) {
	ofLanes := selection{`lanes`, nil}
	if f.Webhook != "" {
		ofLanes = selection{`(SELECT id FROM lanes WHERE ` + isCalled + `) lanes`, []any{f.Webhook, f.Webhook, f.Webhook}}
	}
	switch {
	case f.State == delivery.InFlight:
		return selection{`SELECT f.seq FROM ` + ofLanes.text + ` CROSS JOIN deliveries f ON f.lane = lanes.id AND f.state = DUE
  AND f.due_at BETWEEN ? AND ? WHERE f.owner <> 0`, append(ofLanes.args, milli(now)+1, now.Add(store.MaxLease))}, nil
	case f.State == delivery.Due:
		found = selection{`SELECT f.seq FROM ` + ofLanes.text + ` CROSS JOIN deliveries f ON f.lane = lanes.id AND f.state = DUE
  UNION ALL SELECT f.seq FROM ` + ofLanes.text + ` CROSS JOIN deliveries f ON f.lane = lanes.id AND f.state IN (DUE, BEHIND)
  AND f.order_key IS NOT NULL AND f.state = BEHIND`, append(slices.Clone(ofLanes.args), ofLanes.args...)}
	case f.State == delivery.IsDead && f.Webhook != "":
		found = selection{`SELECT f.seq FROM ` + ofLanes.text + ` CROSS JOIN deliveries f ON f.lane = lanes.id AND f.state = DEAD`, ofLanes.args}
	case f.State == "":
		return selection{}, nil
	default:
		until := int64(math.MaxInt64)
		if !f.Until.IsZero() {
			until = milli(f.Until)
		}
		found = selection{`SELECT f.seq FROM deliveries f WHERE f.state = ? AND f.done_at > 0 AND f.done_at <= ?`,
			[]any{store.NumberOf[int](f.State), until}}
	}
	err = s.read(ctx, `SELECT count(*) FROM (`+found.text+` LIMIT ?)`, func(r *row) error {
		if r.Int64() > int64(n) {
			found = selection{}
		}
		return nil
	}, append(slices.Clone(found.args), n+1)...)
	return found, err
}

// List implements [store.Browser].
func (s *Store) List(ctx context.Context, f delivery.Filter) (items []delivery.Item, err error) {
	now := s.now()
	from, args, err := s.matching(ctx, f, now)
	if err != nil {
		return nil, err
	}
	text := `SELECT ` + itemColumns + from
	if strings.HasPrefix(from, fromEvents) {
		text += ` ORDER BY e.seq DESC, d.seq DESC`
	} else {
		text += ` ORDER BY d.seq DESC`
	}
	if f.Limit > 0 {
		text += ` LIMIT ?`
		args = append(args, f.Limit)
	}
	err = s.read(ctx, text, func(r *row) error {
		item, err := store.ScanItem(r, now)
		items = append(items, item)
		return err
	}, args...)
	return items, err
}

// Show implements [store.Browser].
func (s *Store) Show(ctx context.Context, id string) (found *delivery.Detail, err error) {
	now := s.now()
	const query = `SELECT ` + itemColumns + `, d.log, d.content_type, d.header, d.url_suffix, d.body, e.payload` + fromDeliveries +
		`d.id = ? AND d.state <> PRUNED`
	err = s.read(ctx, query, func(r *row) error {
		item, err := store.ScanItem(r, now)
		if err != nil {
			return err
		}
		found, err = store.ScanDetail(r, &item)
		return err
	}, id)
	if err == nil && found == nil {
		err = fmt.Errorf("%s: %w", id, store.ErrUnknown)
	}
	return found, err
}
