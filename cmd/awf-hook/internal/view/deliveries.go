package view

import (
	"cmp"
	"context"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// Bounds of lists.
const (
	pageSize  = 50
	maxPage   = 500
	maxGroups = 100
)

// Item is a delivery in a list.
type Item struct {
	ID           string    `json:"id"`
	State        string    `json:"state"`
	Webhook      string    `json:"webhook"`  // its name
	Identity     string    `json:"identity"` // the webhook's
	Event        string    `json:"event"`
	EventID      string    `json:"event_id"`
	WorkflowID   string    `json:"workflow_id,omitempty"`
	WorkflowName string    `json:"workflow_name,omitempty"`
	Accepted     time.Time `json:"accepted"`
	Due          time.Time `json:"due,omitzero"`
	Done         time.Time `json:"done,omitzero"`
	Attempts     int       `json:"attempts"`
	Reason       string    `json:"reason,omitempty"`
	Held         string    `json:"held,omitempty"`
	Seq          int64     `json:"seq"`
}

func (d *Desk) item(it *engine.Item) Item {
	shown := Item{
		ID: it.Delivery.ID, State: string(it.State), Webhook: d.Engine.Name(it.Delivery.Webhook), Identity: it.Delivery.Webhook,
		Event: it.Delivery.Event, EventID: it.Delivery.EventID, WorkflowID: it.Event.WorkflowID, WorkflowName: it.Event.WorkflowName,
		Accepted: it.Accepted, Done: it.Done, Attempts: it.Delivery.Attempts, Reason: it.Reason, Held: it.Held, Seq: it.Seq,
	}
	if it.Done.IsZero() {
		shown.Due = it.Delivery.Due
	}
	return shown
}

// List is a page of deliveries, those accepted last first.
type List struct {
	Items []Item `json:"deliveries"`
	Next  int64  `json:"next,omitzero"` // before for the next page; 0 if there is none
}

// Deliveries lists what a filter selects, 50 of them if it does not say how many.
func (d *Desk) Deliveries(ctx context.Context, f engine.Filter) (*List, error) {
	limit := min(cmp.Or(f.Limit, pageSize), maxPage)
	f.Limit = limit + 1
	found, err := d.queue.List(ctx, f)
	if err != nil {
		return nil, err
	}
	list := &List{Items: []Item{}}
	if len(found) > limit {
		found = found[:limit]
		list.Next = found[limit-1].Seq
	}
	for i := range found {
		list.Items = append(list.Items, d.item(&found[i]))
	}
	return list, nil
}

// Group is what a filter selects of one webhook and one reason.
type Group struct {
	Name string `json:"webhook"`
	engine.Group
}

// Groups puts what a filter selects into groups by webhook and reason, the largest first.
func (d *Desk) Groups(ctx context.Context, f engine.Filter) ([]Group, error) {
	found, err := d.queue.Groups(ctx, f, maxGroups)
	groups := make([]Group, len(found))
	for i := range found {
		groups[i] = Group{d.Engine.Name(found[i].Webhook), found[i]}
	}
	return groups, err
}

// Operations lists up to n changes before the one with the number given, the last first. 0 begins at the end.
func (d *Desk) Operations(ctx context.Context, before int64, n int) ([]engine.Operation, error) {
	return d.queue.Operations(ctx, before, min(cmp.Or(n, pageSize), maxPage))
}

// Delivery is all that is known of a delivery. Secrets are masked.
type Delivery struct {
	Item
	Spent       int                `json:"attempts_since_replay"`
	Envelope    string             `json:"envelope"`               // the event with its id, as a line that awf-hook reads
	Body        string             `json:"body"`                   // "" while no transform has made it
	ContentType string             `json:"content_type,omitempty"` // "" is application/json
	Header      [][2]string        `json:"headers,omitempty"`      // made of the event, beside the webhook's own
	Timeline    []delivery.Attempt `json:"timeline"`
	Siblings    []Item             `json:"siblings,omitempty"` // the deliveries of the same event to other webhooks

	Detail *engine.Detail `json:"-"`
}

// maxSiblings is how many other deliveries of an event are shown.
const maxSiblings = 50

// Delivery returns the delivery whose id it is, or begins like this.
func (d *Desk) Delivery(ctx context.Context, id string) (*Delivery, error) {
	found, err := d.queue.List(ctx, engine.Filter{ID: id, Limit: 2})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0 || id == "":
		return nil, ErrUnknown
	case len(found) > 1:
		return nil, fmt.Errorf("%s: several ids begin so: %w", id, ErrUnknown)
	}
	detail, err := d.queue.Show(ctx, found[0].Delivery.ID)
	if err != nil {
		return nil, err
	}
	shown := &Delivery{Item: d.item(&detail.Item), Spent: detail.Item.Delivery.Spent, Detail: detail, Timeline: detail.Attempts,
		Envelope: string(d.mask(detail.Event.Envelope())), Body: string(engine.Body(detail, d.Engine.Config()))}
	if shown.Timeline == nil {
		shown.Timeline = []delivery.Attempt{}
	}
	if c := detail.Content; c != nil {
		shown.ContentType, shown.Header = c.ContentType, c.Header
		for i := range shown.Header {
			shown.Header[i][1] = string(d.mask([]byte(shown.Header[i][1])))
		}
	}
	if detail.Event.WorkflowID == "" {
		return shown, nil
	}
	all, err := d.queue.List(ctx, engine.Filter{Run: detail.Event.WorkflowID, Event: detail.Event.Type, Limit: maxSiblings})
	for i := range all {
		if all[i].Delivery.EventID == detail.Event.ID && all[i].Delivery.ID != detail.Item.Delivery.ID {
			shown.Siblings = append(shown.Siblings, d.item(&all[i]))
		}
	}
	return shown, err
}

// mask masks the secrets of the configuration in a text.
func (d *Desk) mask(text []byte) []byte {
	cfg := d.Engine.Config()
	d.mu.Lock()
	if d.maskerOf != cfg {
		d.masker, d.maskerOf = engine.StoredMasker(cfg), cfg
	}
	masker := d.masker
	d.mu.Unlock()
	return masker.Body(text)
}

// ParseFilter reads a filter as an address has it: webhook, state, event, workflow, run, q, reason, since, until, before and limit.
func ParseFilter(v url.Values) (f engine.Filter, err error) {
	f = engine.Filter{
		ID: v.Get("id"), Webhook: v.Get("webhook"), State: delivery.State(v.Get("state")), Event: v.Get("event"), Workflow: v.Get("workflow"),
		Run: v.Get("run"), Text: strings.TrimSpace(v.Get("q")), Reason: v.Get("reason"),
	}
	if f.State != "" && !slices.Contains(delivery.States, f.State) {
		return f, fmt.Errorf("state: want one of %v, got %q", delivery.States, f.State)
	}
	if f.Since, err = parseTime(v.Get("since")); err != nil {
		return f, fmt.Errorf("since: %w", err)
	}
	if f.Until, err = parseTime(v.Get("until")); err != nil {
		return f, fmt.Errorf("until: %w", err)
	}
	if text := v.Get("before"); text != "" {
		if f.Before, err = strconv.ParseInt(text, 10, 64); err != nil || f.Before < 0 {
			return f, fmt.Errorf("before: want a number, got %q", text)
		}
	}
	if text := v.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 1 || f.Limit > maxPage {
			return f, fmt.Errorf("limit: want 1 to %d, got %q", maxPage, text)
		}
	}
	return f, nil
}

// parseTime reads a time, or how long ago it was; "" is no time.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if age, err := config.ParseDuration(text); err == nil {
		return time.Now().Add(-age), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("want a time like 2026-11-24T00:00:00Z or a duration like 1h or 7d, got %q", text)
}

// Address is a filter as an address has it: [ParseFilter] reads it.
func Address(f engine.Filter) url.Values {
	v := url.Values{}
	set := func(key, value string) {
		if value != "" {
			v.Set(key, value)
		}
	}
	set("id", f.ID)
	set("webhook", f.Webhook)
	set("state", string(f.State))
	set("event", f.Event)
	set("workflow", f.Workflow)
	set("run", f.Run)
	set("q", f.Text)
	set("reason", f.Reason)
	for key, at := range map[string]time.Time{"since": f.Since, "until": f.Until} {
		if !at.IsZero() {
			v.Set(key, at.UTC().Format(time.RFC3339Nano))
		}
	}
	if f.Before > 0 {
		v.Set("before", strconv.FormatInt(f.Before, 10))
	}
	return v
}

// Words says what a filter selects, for people and for the record.
func Words(f engine.Filter) string {
	text, _ := url.QueryUnescape(Address(f).Encode())
	if text == "" {
		return "all deliveries"
	}
	return strings.ReplaceAll(text, "&", ", ")
}
