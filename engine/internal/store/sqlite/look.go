package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// part is what one statement of a list looks through.
type part struct {
	among
	from         string   // fromDeliveries or fromEvents
	columns      []string // in which it looks for the filter's text
	after, until int64    // only deliveries, or events, with higher numbers than after, and up to until; 0 for all
}

// newest is how many of the newest deliveries a list looks through first: most lists find enough there.
const newest = 10_000

// List implements [store.Browser].
func (s *Store) List(ctx context.Context, f delivery.Filter) (items []delivery.Item, err error) {
	if f.Limit > 0 && f.ID == "" && f.State != delivery.InFlight && (!isOfEvents(f) || f.Before == 0) {
		if items, err = s.listNewest(ctx, f); err != nil || len(items) == f.Limit {
			return items, err
		}
	}
	in, err := s.narrow(ctx, f, s.now())
	if err != nil {
		return nil, err
	}
	p := part{among: in, from: in.from(f), columns: slices.Concat(texts...)}
	switch {
	case in.few != "" || f.ID != "":
		return s.list(ctx, f, p)
	case f.Text == "" || p.from == fromEvents:
		return s.listHalves(ctx, f, p)
	}
	// It takes less time to look through the deliveries and the events than through each delivery with its event.
	p.from, p.columns = fromEvents, texts[1]
	return together(f.Limit, func() ([]delivery.Item, error) {
		return s.listMentions(ctx, f, in)
	}, func() ([]delivery.Item, error) {
		return s.listHalves(ctx, f, p)
	})
}

// listNewest lists among the newest deliveries, or those of the newest events, alone.
func (s *Store) listNewest(ctx context.Context, f delivery.Filter) ([]delivery.Item, error) {
	p := part{columns: slices.Concat(texts...)}
	p.from = p.among.from(f)
	last, err := f.Before, error(nil)
	if last == 0 {
		last, err = s.number(ctx, `SELECT max(seq) FROM `+p.table())
	}
	if err == nil && f.Webhook != "" {
		p.lanes, err = s.lanesCalled(ctx, f.Webhook)
	}
	if err != nil {
		return nil, err
	}
	p.after = max(0, last-newest)
	return s.list(ctx, f, p)
}

// listMentions lists the deliveries whose own columns have the filter's text. It looks through the indexes of reasons and ids at once.
func (s *Store) listMentions(ctx context.Context, f delivery.Filter, in among) ([]delivery.Item, error) {
	if in.knows < knowsReasons {
		return s.listHalves(ctx, f, part{among: in, from: fromDeliveries, columns: texts[0]})
	}
	reasons := `SELECT f.seq FROM deliveries f INDEXED BY deliveries_done WHERE f.reason <> '' AND mentions(?, f.reason)`
	switch f.State {
	case "":
	case delivery.Due:
		reasons += ` AND f.state IN (DUE, BEHIND)`
	default:
		reasons += fmt.Sprintf(` AND f.state IN (%d)`, store.NumberOf[int](f.State))
	}
	const ids = `SELECT f.seq FROM deliveries f INDEXED BY sqlite_autoindex_deliveries_1 WHERE mentions(?, f.id)`
	ofReasons := func() ([]delivery.Item, error) { return s.listFound(ctx, f, in, "d.reason", reasons) }
	if !isPartOfID(f.Text) {
		return ofReasons()
	}
	return together(f.Limit, ofReasons, func() ([]delivery.Item, error) { return s.listFound(ctx, f, in, "d.id", ids) })
}

// listFound lists what a query finds by the filter's text in the index of a column. If that is too much, it looks through the deliveries.
func (s *Store) listFound(ctx context.Context, f delivery.Filter, in among, column, query string) (items []delivery.Item, err error) {
	p := part{among: in, from: fromDeliveries, columns: []string{column}}
	if p.few, err = s.few(ctx, query, maxFew, f.Text); err != nil {
		return nil, err
	}
	if p.few == "" {
		return s.listHalves(ctx, f, p)
	}
	return s.list(ctx, f, p)
}

// isPartOfID reports whether a delivery's id may contain a text.
func isPartOfID(text string) bool {
	return strings.Trim(strings.ToLower(text), "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// listHalves looks through the two halves of a part at once.
func (s *Store) listHalves(ctx context.Context, f delivery.Filter, p part) ([]delivery.Item, error) {
	table := p.table()
	middle, err := s.number(ctx, `SELECT ((SELECT min(seq) FROM `+table+`) + (SELECT max(seq) FROM `+table+`)) / 2`)
	if err != nil {
		return nil, err
	}
	newer, older := p, p
	newer.after, older.until = middle, middle
	return together(f.Limit, func() ([]delivery.Item, error) {
		return s.list(ctx, f, newer)
	}, func() ([]delivery.Item, error) {
		return s.list(ctx, f, older)
	})
}

// together calls two lists at once and joins what they find, the newest first, up to a limit.
func together(limit int, one, other func() ([]delivery.Item, error)) ([]delivery.Item, error) {
	var found []delivery.Item
	var failed error
	var calling sync.WaitGroup
	calling.Go(func() { found, failed = other() })
	items, err := one()
	calling.Wait()
	items = append(items, found...)
	slices.SortFunc(items, func(a, b delivery.Item) int { return cmp.Compare(b.Seq, a.Seq) })
	items = slices.CompactFunc(items, func(a, b delivery.Item) bool { return a.Seq == b.Seq })
	if limit > 0 {
		items = items[:min(limit, len(items))]
	}
	return items, cmp.Or(err, failed)
}

func (p *part) table() string {
	if p.from == fromEvents {
		return "events"
	}
	return "deliveries"
}

// list lists what matches a filter in a part.
func (s *Store) list(ctx context.Context, f delivery.Filter, p part) (items []delivery.Item, err error) {
	order, range_, bounds := ` ORDER BY d.seq DESC`, "", []any(nil)
	if p.from == fromEvents {
		order = ` ORDER BY e.seq DESC, d.seq DESC`
		range_, bounds = `e.seq > ? AND e.seq <= ? AND `, []any{p.after, cmp.Or(p.until, math.MaxInt64)}
	} else {
		f.After = max(f.After, p.after)
		if p.until > 0 && (f.Before == 0 || p.until < f.Before) {
			f.Before = p.until + 1
		}
	}
	now := s.now()
	condition, args := where(f, now, p.among, p.columns...)
	text := `SELECT ` + itemColumns + p.from + range_ + condition + order
	args = append(bounds, args...)
	if f.Limit > 0 {
		text += ` LIMIT ?`
		args = append(args, f.Limit)
	}
	err = s.read(ctx, text, func(r *row) {
		item, err := store.ScanItem(r, now)
		items, r.err = append(items, item), err
	}, args...)
	return items, err
}
