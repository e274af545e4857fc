package view

import (
	"bytes"
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
)

// Backtest compares what a draft would have sent for the last events with what its webhook sends.
type Backtest struct {
	Events  int
	Since   time.Time // when the first of them came
	Sent    int
	Failed  int
	Old     int
	OnlyNew int // events for which only the draft sends something
	OnlyOld int // events for which only the webhook sends something
	Changed int // events for which the bodies differ
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

const maxSamples = 3

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
		b.add(&events[i], preview(ctx, now.Engine, &events[i]), preview(ctx, old, &events[i]))
	}
	return b, nil
}

// preview returns the preview of an engine's only webhook for an event, nil if the webhook does not want the event.
func preview(ctx context.Context, eng *engine.Engine, ev *event.Event) *engine.Preview {
	for _, p := range eng.Preview(ctx, ev, ev.Timestamp) {
		if p.Choice != engine.OtherType && p.Choice != engine.FilteredOut && p.Choice != engine.Dropped {
			return &p
		}
	}
	return nil
}

func (b *Backtest) add(ev *event.Event, now, old *engine.Preview) {
	switch {
	case now == nil:
	case now.Choice == engine.Sent:
		b.Sent++
	default:
		b.Failed++
	}
	if old != nil {
		b.Old++
	}
	switch {
	case now == nil && old == nil:
		return
	case old == nil:
		b.OnlyNew++
	case now == nil:
		b.OnlyOld++
	case bytes.Equal(now.Body, old.Body):
		return
	default:
		b.Changed++
	}
	if len(b.Samples) < maxSamples {
		b.Samples = append(b.Samples, Sample{ev.Type, ev.ID, sampleText(old), sampleText(now)})
	}
}

// sampleText returns a request's body, or why there is none.
func sampleText(p *engine.Preview) string {
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
