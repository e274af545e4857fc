package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/jackc/pgx/v5"
)

// condition is a WHERE clause that grows.
type condition struct {
	parts []string
	args  []any
}

// add adds a part in which each ? is the next of the values.
func (c *condition) add(part string, values ...any) {
	for _, value := range values {
		c.args = append(c.args, value)
		part = strings.Replace(part, "?", fmt.Sprintf("$%d", len(c.args)), 1)
	}
	c.parts = append(c.parts, part)
}

func (c *condition) String() string { return strings.Join(c.parts, " AND ") }

// param adds a value that a query uses beside the condition.
func (c *condition) param(value any) string {
	c.args = append(c.args, value)
	return fmt.Sprintf("$%d", len(c.args))
}

// where makes the condition of a filter over items i. now tells what is in flight.
func where(f delivery.Filter, now time.Time) *condition {
	c := &condition{}
	c.add(`true`)
	switch f.State {
	case delivery.Due:
		c.add(`i.state IN (0, 5) AND NOT (i.owner <> 0 AND i.due_at > ?)`, now)
	case delivery.InFlight:
		c.add(`i.state = 0 AND i.owner <> 0 AND i.due_at > ?`, now)
	case delivery.IsDelivered:
		c.add(`i.state = 1`)
	case delivery.IsDead:
		c.add(`i.state = 2`)
	case delivery.IsDropped:
		c.add(`i.state = 3`)
	}
	if f.ID != "" {
		c.add(`i.id COLLATE "C" >= ? AND i.id COLLATE "C" < ?`, clean(f.ID), clean(f.ID)+"\x7f") // ids are ASCII letters, digits and "_"
	}
	if f.Webhook != "" {
		name := c.param(clean(f.Webhook))
		c.add(`i.lane IN (SELECT id FROM awf_hook.lanes WHERE ` + isCalled(name) + `)`)
	}
	if f.Workflow != "" {
		c.add(`i.workflow_name = ?`, []byte(f.Workflow))
	}
	if f.Event != "" {
		c.add(`i.type = ?`, []byte(f.Event))
	}
	if !f.Since.IsZero() {
		c.add(`i.accepted_at >= ?`, f.Since)
	}
	if f.Before > 0 {
		c.add(`i.seq < ?`, f.Before)
	}
	return c
}

const itemColumns = `i.seq, i.id, l.webhook, i.state, i.due_at, i.owner, i.since, i.attempts, i.spent, i.accepted_at, i.done_at, i.reason,
  l.closed, l.paused_until, i.event_id, i.type, i.workflow_id, i.workflow_name, i.stamp`

// List implements [store.Browser].
func (s *Store) List(ctx context.Context, f delivery.Filter) (items []delivery.Item, err error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, s.readError(err)
	}
	c := where(f, now)
	query := `SELECT ` + itemColumns + ` FROM awf_hook.items i JOIN awf_hook.lanes l ON l.id = i.lane WHERE ` + c.String() + ` ORDER BY i.seq DESC`
	if f.Limit > 0 {
		query += ` LIMIT ` + c.param(f.Limit)
	}
	rows, err := s.pool.Query(ctx, query, c.args...)
	if err != nil {
		return nil, s.readError(err)
	}
	items, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (delivery.Item, error) { return scanItem(row, now) })
	return items, s.readError(err)
}

// scanItem reads a row of itemColumns, and what follows them into more.
func scanItem(row pgx.CollectableRow, now time.Time, more ...any) (it delivery.Item, err error) {
	d := &it.Delivery
	var state, owner int
	var done, paused *time.Time
	var l store.Lane
	var ev eventRow
	targets := []any{&it.Seq, &d.ID, &d.Webhook, &state, &d.Due, &owner, &d.Since, &d.Attempts, &d.Spent, &it.Accepted, &done, &it.Reason,
		&l.Closed, &paused}
	if err := row.Scan(append(append(targets, ev.targets()...), more...)...); err != nil {
		return it, err
	}
	it.Done, l.PausedUntil = orZero(done), orZero(paused)
	restored, err := ev.event()
	if err != nil {
		return it, err
	}
	it.Event, d.EventID, d.Event = *restored, string(ev.id), string(ev.eventType)
	switch {
	case state == delivered:
		it.State = delivery.IsDelivered
	case state == dead:
		it.State = delivery.IsDead
	case state == dropped:
		it.State = delivery.IsDropped
	case owner != 0 && d.Due.After(now):
		it.State = delivery.InFlight
	default:
		it.State = delivery.Due
		it.Held = store.Held(&l, &it, now, state == behind)
	}
	return it, nil
}

// Show implements [store.Browser].
func (s *Store) Show(ctx context.Context, id string) (*delivery.Detail, error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, s.readError(err)
	}
	c := where(delivery.Filter{ID: id}, now)
	query := `SELECT ` + itemColumns + `,
  coalesce(h.log, (SELECT string_agg(record, '' ORDER BY number) FROM awf_hook.attempts WHERE delivery = i.seq), ''),
  coalesce(h.content_type, m.content_type), coalesce(h.header, m.header), coalesce(h.url_suffix, m.url_suffix), coalesce(h.body, m.body),
  coalesce(h.payload, e.payload)
  FROM awf_hook.items i JOIN awf_hook.lanes l ON l.id = i.lane
  LEFT JOIN awf_hook.history h ON h.id = i.id AND i.state IN (1, 3) LEFT JOIN awf_hook.contents m ON m.delivery = i.seq
  LEFT JOIN awf_hook.deliveries d ON d.seq = i.seq LEFT JOIN awf_hook.events e ON e.seq = d.event WHERE ` + c.String() + ` LIMIT 1`
	rows, err := s.pool.Query(ctx, query, c.args...)
	if err != nil {
		return nil, s.readError(err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*delivery.Detail, error) {
		var log string
		var contentType, header, urlSuffix *string
		var body, payload []byte
		item, err := scanItem(row, now, &log, &contentType, &header, &urlSuffix, &body, &payload)
		if err != nil {
			return nil, err
		}
		detail := &delivery.Detail{Item: item, Attempts: store.ParseLog(log)}
		ev := item.Event
		ev.Payload = payload
		detail.Event = &ev
		detail.Content, err = made(contentType, header, urlSuffix, body)
		return detail, err
	})
	switch {
	case err != nil:
		return nil, s.readError(err)
	case len(found) == 0:
		return nil, fmt.Errorf("%s: %w", id, store.ErrUnknown)
	}
	return found[0], nil
}
