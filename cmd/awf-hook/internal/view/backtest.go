package view

import (
	"bytes"
	"context"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
)

// Compared counts what a webhook would have sent for events, and what another configuration of it would have.
type Compared struct {
	Sent    int    `json:"requests"`
	Failed  int    `json:"failures"`
	Peak    int    `json:"peak"`           // requests in the busiest minute
	Rate    string `json:"rate,omitempty"` // as configured
	Old     int    `json:"old_requests"`   // of the other configuration
	OnlyNew int    `json:"only_new"`       // events for which the other one sends nothing
	OnlyOld int    `json:"only_old"`       // events for which only the other one sends something
	Changed int    `json:"changed"`        // events for which the bodies differ

	minutes map[int64]int
}

// Backtest compares what a draft would have sent for the last events with what its webhook sends.
type Backtest struct {
	Compared
	Events  int
	Since   time.Time // when the first of them came
	Samples []Sample

	Mistakes []Mistake
}

// Sample is an event for which draft and webhook differ.
type Sample struct {
	Event   string // its type
	EventID string
	Old     string
	New     string
}

// MaxSamples is how many differences are shown for each webhook.
const MaxSamples = 3

// Backtest runs the last events that this process received, or that the queue holds, through a draft and through its
// webhook. It sends nothing.
func (d *Desk) Backtest(ctx context.Context, f Draft) (*Backtest, error) {
	now, err := d.open(ctx, &f, placeholders, dry, nil)
	defer now.close()
	if err != nil || now.Engine == nil {
		return &Backtest{Mistakes: now.mistakes}, err
	}
	configured := *d.configured()[f.Webhook]
	dry(&configured)
	old, err := d.openFor(configured, nil)
	if err != nil {
		return nil, err
	}
	defer old.Close()
	ctx, cancel := context.WithTimeout(ctx, tryTime)
	defer cancel()
	events, since, err := d.lastEvents(ctx)
	if err != nil {
		return nil, err
	}
	b := &Backtest{Since: since, Mistakes: []Mistake{}}
	for i := range events {
		if ctx.Err() != nil {
			break
		}
		b.Events++
		ev, name := &events[i], configured.Name
		p, before := Requests(ctx, now.Engine, api.WebhookName, ev)[name], Requests(ctx, old, api.WebhookName, ev)[name]
		b.Count(ev.Timestamp, p)
		if b.Compare(p, before) && len(b.Samples) < MaxSamples {
			b.Samples = append(b.Samples, Sample{ev.Type, ev.ID, BodyText(before), BodyText(p)})
		}
	}
	return b, nil
}

// Requests returns what the webhooks of an engine make of an event, without those that do not want it. name names them by their
// identities. Without an engine it returns nil.
func Requests(ctx context.Context, eng *engine.Engine, name func(string) string, ev *event.Event) map[string]*engine.Preview {
	if eng == nil {
		return nil
	}
	all := map[string]*engine.Preview{}
	for _, p := range eng.Preview(ctx, ev, ev.Timestamp) {
		if p.Choice != engine.OtherType && p.Choice != engine.FilteredOut && p.Choice != engine.Dropped {
			all[name(p.Identity)] = &p
		}
	}
	return all
}

// Count counts what the configuration makes of an event at a time; nil means no request.
func (c *Compared) Count(at time.Time, now *engine.Preview) {
	switch {
	case now == nil:
	case now.Choice != engine.Sent:
		c.Failed++
	default:
		c.Sent++
		if c.minutes == nil {
			c.minutes = map[int64]int{}
		}
		minute := at.Unix() / 60
		c.minutes[minute]++
		c.Peak = max(c.Peak, c.minutes[minute])
	}
}

// Compare counts how what both configurations make of an event differs; nil means no request. It reports whether it does.
func (c *Compared) Compare(now, old *engine.Preview) (differ bool) {
	if old != nil {
		c.Old++
	}
	switch {
	case now != nil && old == nil:
		c.OnlyNew++
	case now == nil && old != nil:
		c.OnlyOld++
	case now == nil || bytes.Equal(now.Body, old.Body):
		return false
	default:
		c.Changed++
	}
	return true
}

// BodyText returns a request's body, or why there is none; "" for no request.
func BodyText(p *engine.Preview) string {
	switch {
	case p == nil:
		return ""
	case p.Choice != engine.Sent:
		return p.Why
	}
	return string(p.Body)
}

// lastEvents returns the last events that came, preceded by those of the queue's last deliveries.
func (d *Desk) lastEvents(ctx context.Context) (events []event.Event, since time.Time, err error) {
	known := map[string]bool{}
	add := func(ev *event.Event, at time.Time) {
		if !known[ev.ID] && len(events) < backtested {
			known[ev.ID] = true
			events, since = append(events, *ev), at
		}
	}
	for _, seen := range d.Seen.Events() {
		add(&seen.Event, seen.At)
	}
	if len(events) == backtested {
		return events, since, nil
	}
	found, err := d.queue.List(ctx, engine.Filter{Limit: maxPage})
	for i := range found {
		if known[found[i].Event.ID] || len(events) == backtested {
			continue
		}
		if detail, err := d.queue.Show(ctx, found[i].Delivery.ID); err == nil { // skip those that were deleted meanwhile
			add(detail.Event, found[i].Accepted)
		}
	}
	return events, since, err
}
