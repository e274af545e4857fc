package sqlite

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// where makes the condition of a filter. now determines what is in flight. few says that few deliveries have the filter's state, if it has
// one: then an index finds them.
func where(f delivery.Filter, now time.Time, few bool) (string, []any) {
	conditions, args := []string{"d.state <> PRUNED"}, []any{}
	add := func(condition string, values ...any) {
		conditions = append(conditions, condition)
		args = append(args, values...)
	}
	switch f.State {
	case delivery.Due:
		if few {
			add(waiting)
		}
		add("d.state IN (DUE, BEHIND) AND NOT (d.owner <> 0 AND d.due_at > ?)", now)
	case delivery.InFlight:
		add(`d.seq IN (SELECT f.seq FROM lanes CROSS JOIN deliveries f ON f.lane = lanes.id AND f.state = DUE AND f.due_at BETWEEN ? AND ?
  WHERE f.owner <> 0)`, milli(now)+1, now.Add(store.MaxLease))
	case delivery.IsDelivered:
		add("d.state = DELIVERED")
	case delivery.IsDead:
		add("+d.state = DEAD") // the plus keeps SQLite from sorting all of some lanes
		if few {
			add("d.seq IN (SELECT seq FROM deliveries WHERE state = DEAD AND done_at > 0)")
		}
	case delivery.IsDropped:
		add("d.state = DROPPED")
		if few {
			add("d.seq IN (SELECT seq FROM deliveries WHERE state = DROPPED AND done_at > 0)")
		}
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
		text := strings.ToLower(f.Text)
		add("(instr(d.id, ?) > 0 OR instr(lower(d.reason), ?) > 0 OR instr(lower(e.id), ?) > 0 OR instr(lower(e.workflow_id), ?) > 0)",
			text, text, text, text)
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
	// waiting is the condition that a delivery is due, in flight or behind another one.
	waiting = `d.seq IN (SELECT f.seq FROM lanes CROSS JOIN deliveries f ON f.lane = lanes.id AND f.state = DUE
  UNION ALL SELECT f.seq FROM lanes CROSS JOIN deliveries f ON f.lane = lanes.id AND f.state IN (DUE, BEHIND)
  AND f.order_key IS NOT NULL AND f.state = BEHIND)`

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
	few, err := s.hasFew(ctx, f.State, maxFew)
	condition, args := where(f, now, few)
	if (f.Event != "" || f.Workflow != "" || f.Run != "" || f.Source != "") && f.ID == "" && !few {
		return fromEvents + condition, args, err
	}
	return fromDeliveries + condition, args, err
}

// maxFew is how many deliveries of a state are first found by their index, and then sorted. If there are more, it is faster to look
// through all, in order.
const maxFew = 100_000

// hasFew reports whether at most n deliveries have a state.
func (s *Store) hasFew(ctx context.Context, state delivery.State, n int) (few bool, err error) {
	count, args := "", []any{}
	switch state {
	case delivery.InFlight:
		return true, nil
	case delivery.Due:
		count = `SELECT sum(waiting) FROM lanes`
	case delivery.IsDead:
		count = `SELECT sum(dead_letters) FROM lanes`
	case delivery.IsDropped:
		count, args = `SELECT count(*) FROM (SELECT 1 FROM deliveries WHERE state = DROPPED AND done_at > 0 LIMIT ?)`, []any{n + 1}
	default:
		return false, nil
	}
	err = s.read(ctx, count, func(r *row) error {
		few = r.int() <= int64(n)
		return nil
	}, args...)
	return few, err
}

// List implements [store.Browser].
func (s *Store) List(ctx context.Context, f delivery.Filter) (items []delivery.Item, err error) {
	now := s.now()
	from, args, err := s.matching(ctx, f, now)
	if err != nil {
		return nil, err
	}
	query := `SELECT ` + itemColumns + from
	if strings.HasPrefix(from, fromEvents) {
		query += ` ORDER BY e.seq DESC, d.seq DESC`
	} else {
		query += ` ORDER BY d.seq DESC`
	}
	if f.Limit > 0 {
		query += ` LIMIT ?`
		args = append(args, f.Limit)
	}
	err = s.read(ctx, query, func(r *row) error {
		item, err := scanItem(r, now)
		items = append(items, item)
		return err
	}, args...)
	return items, err
}

// scanItem reads a row of itemColumns.
func scanItem(r *row, now time.Time) (it delivery.Item, err error) {
	d := &it.Delivery
	it.Seq, d.ID, d.Webhook = r.int(), r.text(), r.text()
	state := r.int()
	d.Due = r.time()
	owner := r.int()
	d.Since, d.Attempts, d.Spent, it.Accepted, it.Done, it.Reason = r.time(), int(r.int()), int(r.int()), r.time(), r.time(), r.text()
	l := store.Lane{Closed: r.text(), PausedUntil: r.time()}
	ev, stamp := scanEvent(r)
	restored, err := event.Restore(ev, stamp)
	if err != nil {
		return it, err
	}
	it.Event, d.EventID, d.Event = *restored, ev.ID, ev.Type
	switch it.State = store.StateOf(state); {
	case state >= store.Leaving:
		it.Held = store.OnItsWay
	case it.State == delivery.Due && owner != 0 && d.Due.After(now):
		it.State = delivery.InFlight
	case it.State == delivery.Due:
		it.Held = store.Held(&l, &it, now, state == behind)
	}
	return it, nil
}

// Show implements [store.Browser].
func (s *Store) Show(ctx context.Context, id string) (found *delivery.Detail, err error) {
	now := s.now()
	condition, args := where(delivery.Filter{ID: id}, now, false)
	query := `SELECT ` + itemColumns + `, d.log, d.content_type, d.header, d.url_suffix, d.body, e.payload` + fromDeliveries + condition
	err = s.read(ctx, query, func(r *row) error {
		item, err := scanItem(r, now)
		if err != nil {
			return err
		}
		found = &delivery.Detail{Item: item, Attempts: store.ParseLog(r.text())}
		if found.Content, err = scanContent(r); err != nil {
			return err
		}
		ev := item.Event
		ev.Payload = r.bytes()
		found.Event = &ev
		return nil
	}, args...)
	if err == nil && found == nil {
		err = fmt.Errorf("%s: %w", id, store.ErrUnknown)
	}
	return found, err
}
