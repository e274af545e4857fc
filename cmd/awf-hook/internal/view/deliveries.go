package view

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
)

// Bounds of lists.
const (
	pageSize  = 50
	maxPage   = 500
	maxGroups = 100
)

// List is a page of deliveries. The one accepted last comes first.
type List struct {
	Items []api.Item
	Next  int64 // before for the next page; 0 on the last page
}

// Deliveries lists what a filter selects, 50 deliveries unless the filter has a limit.
func (d *Desk) Deliveries(ctx context.Context, f engine.Filter) (*List, error) {
	page := min(cmp.Or(f.Limit, pageSize), maxPage)
	f.Limit = page + 1
	var found []api.Item
	var next int64
	var err error
	if f.Text == "" {
		found, err = d.api.List(ctx, f)
	} else {
		found, next, err = d.search(ctx, f)
	}
	if err != nil {
		return nil, err
	}
	items, before := api.Cut(found, page, func(it *api.Item) int64 { return it.Seq })
	return &List{items, cmp.Or(before, next)}, nil
}

// Bounds of a search for a text, which must read each delivery.
const (
	searchStep = 50_000
	searchTime = time.Second
)

// search looks for deliveries with a text, a few at a time from the last accepted one back, until there are enough or its
// time is over. next is where to go on; 0 if it read all.
func (d *Desk) search(ctx context.Context, f engine.Filter) (found []api.Item, next int64, err error) {
	if f.Before == 0 {
		newest, err := d.newest(ctx)
		if err != nil {
			return nil, 0, err
		}
		f.Before = newest + 1
	}
	most := f.Limit
	for end := time.Now().Add(searchTime); f.Before > 1; {
		f.After, f.Limit = max(0, f.Before-searchStep), most-len(found)
		some, err := d.api.List(ctx, f)
		if err != nil {
			return nil, 0, err
		}
		if found = append(found, some...); len(found) == most {
			return found, 0, nil // the caller makes the next page from it
		}
		if f.Before = f.After + 1; f.Before > 1 && time.Now().After(end) {
			return found, f.Before, nil
		}
	}
	return found, 0, nil
}

// newest returns the number of the delivery accepted last; 0 if there is none.
func (d *Desk) newest(ctx context.Context) (int64, error) {
	last, err := d.queue.List(ctx, engine.Filter{Limit: 1})
	if err != nil || len(last) == 0 {
		return 0, err
	}
	return last[0].Seq, nil
}

// Groups groups the deliveries that a filter selects by webhook and reason, the largest group first.
func (d *Desk) Groups(ctx context.Context, f engine.Filter) ([]api.Group, error) {
	return d.api.Groups(ctx, f, maxGroups)
}

// Operations lists up to n operations before the one with the given number, the last one first. 0 starts at the end.
func (d *Desk) Operations(ctx context.Context, before int64, n int) ([]engine.Operation, error) {
	return d.queue.Operations(ctx, before, min(cmp.Or(n, pageSize), maxPage))
}

// Delivery is everything that is known about a delivery. Secrets are masked.
type Delivery struct {
	*api.Detail
	Whole    *event.Event
	Envelope string      // the event with its id, as a line that awf-hook reads
	Header   [][2]string // made from the event, without the webhook's own
	Siblings []api.Item  // deliveries of the same event to other webhooks
}

// maxSiblings is how many other deliveries of an event are shown.
const maxSiblings = 50

// Delivery returns the delivery with an id, or whose id begins with the given text.
func (d *Desk) Delivery(ctx context.Context, id string) (*Delivery, error) {
	found, err := api.Find(ctx, d.api, id)
	if err != nil {
		return nil, err
	}
	detail, err := d.queue.Show(ctx, found.ID)
	if err != nil {
		return nil, err
	}
	shown := &Delivery{Detail: api.NewDetail(detail, d.Engine.Config()), Whole: detail.Event, Envelope: d.Envelope(detail.Event)}
	if detail.Content != nil {
		for _, h := range detail.Content.Header {
			shown.Header = append(shown.Header, [2]string{h[0], string(d.mask([]byte(h[1])))})
		}
	}
	if detail.Event.WorkflowID == "" {
		return shown, nil
	}
	all, err := d.queue.List(ctx, engine.Filter{Run: detail.Event.WorkflowID, Event: detail.Event.Type, Limit: maxSiblings})
	for i := range all {
		if all[i].Delivery.EventID == detail.Event.ID && all[i].Delivery.ID != detail.Item.Delivery.ID {
			shown.Siblings = append(shown.Siblings, api.NewItem(&all[i]))
		}
	}
	return shown, err
}

// mask masks the secrets of the configuration in a text.
func (d *Desk) mask(text []byte) []byte {
	return d.masker.Of(d.Engine.Config()).Body(text)
}

// ParseFilter decodes a filter from an address. In addition to the API's filters, since and until may say how long ago.
// It ignores parameters of views.
func ParseFilter(v url.Values) (engine.Filter, error) {
	given := maps.Clone(v)
	for _, name := range []string{"did", "n", "what", "pace", "retransform"} {
		given.Del(name)
	}
	for _, name := range []string{"since", "until"} {
		at, err := api.ParseTime(given.Get(name))
		if err != nil {
			return engine.Filter{}, api.Bad(fmt.Errorf("%s: %w", name, err))
		}
		if !at.IsZero() {
			given.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	f, err := api.ParseQuery(given)
	if err == nil && f.Limit > maxPage {
		err = fmt.Errorf("limit: want up to %d, got %d", maxPage, f.Limit)
	}
	if err != nil {
		err = api.Bad(err)
	}
	return f, err
}

// Address encodes a filter for an address; [ParseFilter] decodes it.
func Address(f engine.Filter) url.Values {
	f.Limit = 0
	return api.Query(f)
}
