package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// condition is a WHERE clause under construction.
type condition struct {
	parts []string
	args  []any
}

// add adds a part. Each ? in it stands for the next of the values.
func (c *condition) add(part string, values ...any) {
	for _, value := range values {
		c.args = append(c.args, value)
		part = strings.Replace(part, "?", fmt.Sprintf("$%d", len(c.args)), 1)
	}
	c.parts = append(c.parts, part)
}

func (c *condition) String() string { return strings.Join(c.parts, " AND ") }

// param adds a value that a query uses outside the condition.
func (c *condition) param(value any) string {
	c.args = append(c.args, value)
	return fmt.Sprintf("$%d", len(c.args))
}

// items makes the query of a filter's deliveries, in the order of acceptance. Each of the two halves uses its index, and
// reads no further than the limit; 0 means no limit.
func (c *condition) items(columns, order string, limit int) string {
	tail := ` ORDER BY 1 ` + order
	if limit > 0 {
		tail += ` LIMIT ` + c.param(limit)
	}
	half := func(table string) string {
		return `(SELECT ` + columns + ` FROM awf_hook.` + table + ` i JOIN awf_hook.lanes l ON l.id = i.lane WHERE ` + c.String() + tail + `)`
	}
	return half("working") + ` UNION ALL ` + half("finished") + tail
}

// where makes the condition of a filter over items i of the scope's lanes. now determines what is in flight.
func (sc scope) where(f delivery.Filter, now time.Time) *condition {
	c := &condition{}
	c.add(`true`)
	if !sc.all {
		c.add(`i.lane = ANY(?::int[])`, sc.lanes)
	}
	switch f.State {
	case delivery.Due:
		c.add(`i.`+isWaiting+` AND NOT (i.owner <> 0 AND i.due_at > ?)`, now)
	case delivery.InFlight:
		c.add(`i.owner <> 0 AND i.`+isDue+` AND i.due_at > ?`, now)
	case delivery.IsDelivered:
		c.add(`i.` + isDelivered)
	case delivery.IsDead:
		c.add(`i.` + isDead)
	case delivery.IsDropped:
		c.add(`i.` + isDropped)
	}
	if f.ID != "" {
		c.add(`i.id >= ? AND i.id < ?`, clean(f.ID), clean(f.ID)+"\x7f") // ids are ASCII letters, digits and "_"
	}
	if f.Webhook != "" {
		name := c.param(clean(f.Webhook))
		c.add(`i.lane IN (SELECT id FROM awf_hook.lanes WHERE ` + isCalled(name) + `)`)
	}
	for _, is := range []struct {
		column, text string
		value        any
	}{
		{"workflow_name", f.Workflow, []byte(f.Workflow)}, {"type", f.Event, []byte(f.Event)}, {"workflow_id", f.Run, []byte(f.Run)},
		{"source", f.Source, clean(f.Source)}, {"reason", f.Reason, clean(f.Reason)},
	} {
		if is.text != "" {
			c.add(`i.`+is.column+` = ?`, is.value)
		}
	}
	if f.Text != "" {
		c.mentions(clean(f.Text))
	}
	if !f.Since.IsZero() {
		c.add(`i.accepted_at >= ?`, f.Since)
	}
	if !f.Until.IsZero() {
		c.add(`i.done_at <= ?`, f.Until)
	}
	if f.Before > 0 {
		c.add(`i.seq < ?`, f.Before)
	}
	if f.After > 0 {
		c.add(`i.seq > ?`, f.After)
	}
	return c
}

// mentions adds that a column contains a text, without regard to the case of ASCII letters, whatever the database's locale is: in a
// Turkish one the lower case of I is not i.
func (c *condition) mentions(text string) {
	text = store.LowerASCII(text)
	stored, escaped := c.param(text), c.param(escaped(text))
	c.add(`(strpos(i.id, ` + stored + `) > 0 OR strpos(lower(i.reason COLLATE "C"), ` + stored + `) > 0
    OR strpos(lower(encode(i.event_id, 'escape') COLLATE "C"), ` + escaped + `) > 0
    OR strpos(lower(encode(i.workflow_id, 'escape') COLLATE "C"), ` + escaped + `) > 0)`)
}

// escaped writes a text as encode(bytea, 'escape') does.
func escaped(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch {
		case text[i] == '\\':
			b.WriteString(`\\`)
		case text[i] > unicode.MaxASCII:
			fmt.Fprintf(&b, `\%03o`, text[i])
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

// selected makes the condition of a filter as of now.
func (tx *tx) selected(f delivery.Filter) *condition {
	sc := tx.scope()
	return sc.where(f, tx.now)
}

const itemColumns = `i.seq, i.id, l.webhook, i.state, i.due_at, i.owner, i.since, i.attempts, i.spent, i.accepted_at, i.done_at, i.reason,
  l.closed, l.paused_until, i.event_id, i.type, i.workflow_id, i.workflow_name, i.trace, i.source, i.stamp`

// List implements [store.Browser].
func (s *Store) List(ctx context.Context, f delivery.Filter) (items []delivery.Item, err error) {
	err = s.read(ctx, func(tx *tx) {
		items = tx.items(tx.selected(f), f.Limit)
	})
	return items, err
}

func (tx *tx) items(c *condition, limit int) (items []delivery.Item) {
	scan := func(r *row) (delivery.Item, error) { return store.ScanItem(r, tx.now) }
	tx.rows(into(&items, scan), c.items(itemColumns, "DESC", limit), c.args...)
	tx.send()
	return items
}

// Show implements [store.Browser].
func (s *Store) Show(ctx context.Context, id string) (detail *delivery.Detail, err error) {
	err = s.read(ctx, func(tx *tx) {
		c := tx.selected(delivery.Filter{ID: id})
		c.add(`i.id = ?`, clean(id))
		items := tx.items(c, 1)
		if len(items) == 0 {
			tx.refuse(fmt.Errorf("%s: %w", id, store.ErrUnknown))
			return
		}
		detail = tx.show(items[0])
	})
	return detail, err
}

func (tx *tx) show(item delivery.Item) *delivery.Detail {
	query, args := `SELECT coalesce((SELECT string_agg(record, '' ORDER BY number) FROM awf_hook.attempts WHERE delivery = d.seq), ''),
  m.content_type, m.header, m.url_suffix, m.body, e.payload FROM awf_hook.deliveries d JOIN awf_hook.events e ON e.seq = d.event
  LEFT JOIN awf_hook.contents m ON m.delivery = d.seq WHERE d.seq = $1`, []any{item.Seq}
	if item.State == delivery.IsDelivered || item.State == delivery.IsDropped {
		query = `SELECT log, content_type, header, url_suffix, body, payload FROM awf_hook.history WHERE id = $1 AND done_at = $2`
		args = []any{item.Delivery.ID, item.Done}
	}
	var found []*delivery.Detail
	tx.rows(into(&found, func(r *row) (*delivery.Detail, error) { return store.ScanDetail(r, &item) }), query, args...)
	tx.send()
	if len(found) == 0 {
		return &delivery.Detail{Item: item}
	}
	return found[0]
}
