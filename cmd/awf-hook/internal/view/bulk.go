package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// Bounds of bulks.
const (
	maxBulks    = 4  // running at once
	keptBulks   = 50 // shown
	defaultPace = 50
	maxPace     = 10_000 // per second
)

// Order says what to do with all deliveries that a filter selects.
type Order struct {
	What   string        `json:"what"` // "replay" or "delete"
	Filter engine.Filter `json:"-"`
	Change engine.Change `json:"-"`
	Pace   int           `json:"pace"` // deliveries per second; 0 is 50
}

// Plan says what an order would do. It changes nothing.
type Plan struct {
	Order
	Target   string        `json:"target"` // the filter in words
	Address  string        `json:"filter"` // the filter as in an address, restricted to what exists now
	Tally    engine.Tally  `json:"tally"`
	Groups   []api.Group   `json:"groups"`
	Takes    time.Duration `json:"takes"`          // at this pace
	Ordered  []string      `json:"ordered"`        // webhooks with an order: replayed deliveries join the tail of their key
	Stopped  []string      `json:"stopped"`        // paused or closed webhooks: deliveries wait there
	Unlisted int           `json:"other,omitzero"` // those of Tally.Count that are in no group
	filter   engine.Filter // the filter of Address
}

// Bulk is an order that is being carried out.
type Bulk struct {
	ID     int       `json:"id"`
	Who    string    `json:"who"`
	What   string    `json:"what"`
	Target string    `json:"target"`
	Total  int       `json:"total"` // at the beginning
	Done   int       `json:"done"`
	Pace   int       `json:"pace"`
	Began  time.Time `json:"began"`
	Ended  time.Time `json:"ended,omitzero"`
	Error  string    `json:"error,omitempty"`
	Halted string    `json:"cancelled_by,omitempty"`

	order  Order
	cancel context.CancelFunc
}

// Percent returns the progress.
func (b Bulk) Percent() int {
	if b.Total == 0 {
		return 100
	}
	return min(100, b.Done*100/b.Total)
}

// bulks holds the running bulks and the last ones that ended.
type bulks struct {
	mu      sync.Mutex
	last    int
	list    []*Bulk // the oldest first
	begin   chan *Bulk
	stopped bool
}

func newBulks() bulks { return bulks{begin: make(chan *Bulk, maxBulks)} }

// check returns what is wrong with an order; nil if nothing is. It sets what the order leaves out.
func (o *Order) check() error {
	if o.What == replay {
		o.Filter.State = cmp.Or(o.Filter.State, delivery.IsDead)
	}
	o.Pace = cmp.Or(o.Pace, defaultPace)
	why := ""
	switch state := o.Filter.State; {
	case o.What != replay && o.What != discard:
		why = fmt.Sprintf("want replay or delete, got %q", o.What)
	case o.What == replay && state != delivery.IsDead && state != delivery.IsDelivered:
		why = fmt.Sprintf("state: want dead or delivered, got %s", state)
	case o.What == discard && state == "":
		why = "name the state of the deliveries to delete"
	case o.What == discard && state == delivery.InFlight:
		why = "deliveries in flight cannot be deleted"
	case o.What == discard && o.Change.Retransform:
		why = "retransform goes with a replay"
	case o.Pace < 1 || o.Pace > maxPace:
		why = fmt.Sprintf("pace: want 1 to %d per second, got %d", maxPace, o.Pace)
	case o.Filter.Limit != 0:
		why = "limit: want none"
	default:
		return api.WholeID(o.Filter)
	}
	return api.Bad(errors.New(why))
}

// freeze restricts an order to what exists now: to deliveries that have had their outcome.
func (d *Desk) freeze(ctx context.Context, o *Order) (engine.Tally, error) {
	if err := o.check(); err != nil {
		return engine.Tally{}, err
	}
	if o.Filter.State == delivery.Due && o.Filter.Before == 0 { // they have no outcome: the order of acceptance restricts them
		newest, err := d.newest(ctx)
		if err != nil {
			return engine.Tally{}, err
		}
		o.Filter.Before = newest + 1
	}
	tally, err := d.api.Count(ctx, o.Filter)
	if err != nil || o.Filter.State == delivery.Due {
		return tally, err
	}
	if o.Filter.Until.IsZero() || o.Filter.Until.After(tally.Last) {
		o.Filter.Until = tally.Last
	}
	return tally, nil
}

// Plan says what an order would do, and restricts it to what exists now.
func (d *Desk) Plan(ctx context.Context, o Order) (*Plan, error) {
	tally, err := d.freeze(ctx, &o)
	if err != nil {
		return nil, err
	}
	p := &Plan{Order: o, Target: api.Describe(o.Filter), Address: Address(o.Filter).Encode(), Tally: tally, filter: o.Filter,
		Ordered: []string{}, Stopped: []string{}}
	if p.Groups, err = d.Groups(ctx, o.Filter); err != nil {
		return nil, err
	}
	p.Unlisted = tally.Count
	p.Takes = time.Duration(tally.Count) * time.Second / time.Duration(o.Pace)
	now, err := d.look(ctx)
	if err != nil {
		return nil, err
	}
	configured, name := d.configured(), api.NameOf(p.Groups, func(g *api.Group) string { return g.Webhook })
	for _, g := range p.Groups {
		p.Unlisted -= g.Count
		w := configured[g.Webhook]
		if w != nil && w.OrderBy.Value != "" && !slices.Contains(p.Ordered, name(g.Webhook)) {
			p.Ordered = append(p.Ordered, name(g.Webhook))
		}
		stopped := slices.ContainsFunc(now.lanes, func(l engine.LaneStatus) bool {
			return l.Webhook == g.Webhook && (l.Closed != "" || !l.PausedUntil.IsZero())
		})
		if (w == nil || stopped) && !slices.Contains(p.Stopped, name(g.Webhook)) {
			p.Stopped = append(p.Stopped, name(g.Webhook))
		}
	}
	return p, nil
}

// Begin carries out an order in the background, at its pace. want is the number that the user was shown: Begin refuses an
// order that now selects a different number. It needs [Desk.Run].
func (d *Desk) Begin(ctx context.Context, o Order, want int) (*Bulk, error) {
	if err := allowed(ctx); err != nil {
		return nil, err
	}
	tally, err := d.freeze(ctx, &o)
	switch {
	case err != nil:
		return nil, err
	case tally.Count == 0:
		return nil, fmt.Errorf("%w: there is nothing left to %s", api.ErrRefused, o.What)
	case want != tally.Count:
		return nil, fmt.Errorf("%w: there were %d when you looked, and %d now: look at the plan again", api.ErrRefused, want, tally.Count)
	}
	b := &Bulk{Who: access.From(ctx).Name, What: o.What, Target: api.Describe(o.Filter), Total: tally.Count, Pace: o.Pace,
		Began: time.Now(), order: o}
	shown, err := d.bulks.add(b)
	if err != nil {
		return nil, err
	}
	note := "begun: " + strconv.Itoa(b.Total) + " at " + strconv.Itoa(b.Pace) + " per second"
	return &shown, d.record(ctx, b.What, b.Target, 0, note)
}

// add hands a bulk to Run, which owns it from then on. It returns a copy of it.
func (all *bulks) add(b *Bulk) (Bulk, error) {
	all.mu.Lock()
	defer all.mu.Unlock()
	running := 0
	for _, other := range all.list {
		if other.Ended.IsZero() {
			running++
		}
	}
	switch {
	case all.stopped:
		return Bulk{}, fmt.Errorf("%w: the server ends", api.ErrRefused)
	case running >= maxBulks:
		return Bulk{}, fmt.Errorf("%w: %d run already: wait until one has ended, or cancel one", api.ErrRefused, running)
	}
	all.last++
	b.ID = all.last
	if all.list = append(all.list, b); len(all.list) > keptBulks {
		all.list = slices.Delete(all.list, 0, 1)
	}
	shown := *b
	all.begin <- b // has room for all that may run
	return shown, nil
}

// Bulks lists running and finished bulks, the last one first.
func (d *Desk) Bulks() []Bulk {
	d.bulks.mu.Lock()
	defer d.bulks.mu.Unlock()
	list := []Bulk{}
	for _, b := range slices.Backward(d.bulks.list) {
		list = append(list, *b)
	}
	return list
}

// Cancel ends a bulk. It undoes nothing.
func (d *Desk) Cancel(ctx context.Context, id int) error {
	if err := allowed(ctx); err != nil {
		return err
	}
	d.bulks.mu.Lock()
	at := slices.IndexFunc(d.bulks.list, func(b *Bulk) bool { return b.ID == id && b.Ended.IsZero() })
	if at < 0 {
		d.bulks.mu.Unlock()
		return api.Unknown(fmt.Errorf("bulk %d does not run", id))
	}
	b := d.bulks.list[at]
	b.Halted = access.From(ctx).Name
	if b.cancel != nil {
		b.cancel()
	}
	target := b.Target
	d.bulks.mu.Unlock()
	return d.record(ctx, "cancel", target, 0, "bulk "+strconv.Itoa(id))
}

// Run carries out bulks until ctx ends, and waits for them.
func (d *Desk) Run(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	for ctx.Err() == nil {
		select {
		case b := <-d.bulks.begin:
			running.Go(func() { d.carryOut(ctx, b) })
		case <-ctx.Done():
		}
	}
	d.bulks.mu.Lock()
	d.bulks.stopped = true
	d.bulks.mu.Unlock()
	for len(d.bulks.begin) > 0 { // nothing follows them
		d.end(ctx, <-d.bulks.begin, nil)
	}
}

// carryOut carries out a bulk, a slice every quarter of a second.
func (d *Desk) carryOut(ctx context.Context, b *Bulk) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	d.bulks.mu.Lock()
	b.cancel = cancel
	if b.Halted != "" {
		cancel()
	}
	d.bulks.mu.Unlock()
	const beat = 250 * time.Millisecond
	tick := time.NewTicker(beat)
	defer tick.Stop()
	var err error
	for owed := 0.0; ctx.Err() == nil; {
		owed += float64(b.Pace) * beat.Seconds()
		n := 0
		if f := b.order.Filter; owed >= 1 {
			f.Limit = int(owed)
			if n, err = d.slice(ctx, b, f); err != nil || n < f.Limit {
				d.progress(b, n)
				break
			}
			owed -= float64(n)
		}
		d.progress(b, n)
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	d.end(ctx, b, err)
}

func (d *Desk) slice(ctx context.Context, b *Bulk, f engine.Filter) (int, error) {
	if b.What == discard {
		return d.queue.Delete(ctx, f)
	}
	return d.queue.Replay(ctx, f, b.order.Change)
}

func (d *Desk) progress(b *Bulk, n int) {
	d.bulks.mu.Lock()
	b.Done += n
	d.bulks.mu.Unlock()
	d.forget()
}

func (d *Desk) end(ctx context.Context, b *Bulk, err error) {
	note := "ended"
	d.bulks.mu.Lock()
	b.Ended = time.Now()
	switch {
	case b.Halted != "":
		note = "cancelled by " + b.Halted
	case err != nil:
		b.Error = err.Error()
		note = "failed: " + b.Error
	case ctx.Err() != nil:
		b.Halted = "the end of the process"
		note = "cancelled by the end of the process"
	}
	note += ": " + strconv.Itoa(b.Done) + " of " + strconv.Itoa(b.Total)
	done := b.Done
	d.bulks.mu.Unlock()
	ctx = access.With(context.WithoutCancel(ctx), access.Who{Name: b.Who})
	if err := d.record(ctx, b.What, b.Target, done, note); err != nil {
		d.Log.Error("a bulk is not recorded", "err", err)
	}
}
