package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/lane"
	"github.com/awf-project/awf-hook/engine/internal/route"
)

// Bounds of an intake. docs/config.md names them.
const (
	maxIntake      = 1024    // events that wait to be accepted; of a file see [lane.Ahead]
	maxIntakeBytes = 4 << 20 // bytes of these events
	// maxStuckBytes of events may wait while nothing accepts events: while the engine is being opened, or after the
	// queue accepted none for stuckAfter. The stream need not wait then.
	maxStuckBytes = 32 << 20
	stuckAfter    = 200 * time.Millisecond
	// roomWait is how long a stream waits for room before an event is refused. After a refusal the stream does not
	// wait again until there is room, so that it does not hold up the workflow behind the pipe.
	roomWait = time.Second
	// stuckWait is how long a stream waits for a queue that does not answer, or until a workflow's webhooks are
	// compiled. A slow queue slows the stream to its pace.
	stuckWait = 10 * time.Second
)

// intake accepts a stream's events on a goroutine of its own, so that neither the disk nor the compiler holds up the
// stream. It accepts all waiting events in one transaction.
type intake struct {
	engine  *Engine // nil before open
	done    sync.WaitGroup
	patient bool // owned by add

	waits func() bool // see Stream.Waits; nil never
	ahead *lane.Ahead // nil if waits is

	parked  map[string]*parked // by workflow; owned by run
	refuses bool               // the queue was full, and nothing was accepted since; owned by run
	unused  []delivery.Entry   // for the next events; owned by run

	mu      sync.Mutex
	changed *sync.Cond
	waiting []*event.Event // one allocation each, so that an event in flight does not keep a batch in memory
	number  int            // of events that wait or are parked
	bytes   int            // of these events
	taken   int            // batches so far
	stuck   bool           // nothing accepts events now
	most    int            // events that may wait
	closed  bool           // no more events will come
	dropped bool           // events are discarded
	early   int64          // events that were refused before open
}

// parked holds the events of a workflow whose webhooks are being compiled.
type parked struct {
	route  *route.Route[*webhook]
	events []*event.Event
}

// newIntake makes an intake that keeps added events until open or drop. waits is Stream.Waits.
func newIntake(waits func() bool) *intake {
	in := &intake{patient: true, waits: waits, stuck: waits == nil, most: maxIntake, parked: map[string]*parked{}}
	in.changed = sync.NewCond(&in.mu)
	return in
}

// open makes an engine accept the events.
func (in *intake) open(e *Engine) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.engine = e
	if in.waits != nil {
		in.ahead = lane.NewAhead(e.lanes)
	}
	e.counts.refused.Add(in.early)
	in.done.Go(in.run)
}

// drop discards the events.
func (in *intake) drop() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.dropped, in.waiting = true, nil
	in.changed.Broadcast()
}

// close waits until all added events are accepted or refused.
func (in *intake) close() {
	in.mu.Lock()
	in.closed = true
	in.changed.Broadcast()
	in.mu.Unlock()
	in.done.Wait()
}

// add hands an event to run. It waits for room as waitForRoom does. Only one goroutine calls it.
func (in *intake) add(ev event.Event) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.isFull() && in.patient {
		in.waitForRoom()
	}
	switch {
	case in.dropped:
		return
	case in.closed: // Read returned before its reader did
		in.refuse(&ev, ErrClosed)
		return
	case in.isFull():
		in.refuse(&ev, ErrFull)
		return
	}
	in.patient = true
	in.waiting = append(in.waiting, &ev)
	in.hold(1, ev.Size())
	in.changed.Broadcast()
}

// hold adds to the number and bytes of held events; negative numbers subtract. The caller holds mu.
func (in *intake) hold(number, bytes int) { in.number, in.bytes = in.number+number, in.bytes+bytes }

// run accepts added events until close.
func (in *intake) run() {
	for {
		in.pause()
		batch, more := in.next()
		if len(batch) > 0 {
			in.accept(batch)
			if in.ahead != nil {
				in.ahead.Took(batch)
			}
		}
		if !more {
			return
		}
	}
}

// next returns the entries of waiting events, in order. Events that were parked come first. more is false at the end.
func (in *intake) next() (batch []*delivery.Entry, more bool) {
	in.mu.Lock()
	for len(in.waiting) == 0 && !in.isUnparked() && (!in.closed || len(in.parked) > 0) {
		in.changed.Wait()
	}
	waiting := in.waiting[:min(len(in.waiting), in.most)]
	if in.waiting = in.waiting[len(waiting):]; len(in.waiting) == 0 {
		in.waiting = nil
	}
	for _, ev := range waiting {
		in.hold(-1, -ev.Size())
	}
	in.taken, in.stuck = in.taken+1, false
	more = len(waiting) > 0 || len(in.parked) > 0
	in.changed.Broadcast()
	in.mu.Unlock()
	for name, p := range in.parked {
		if p.route.IsReady() {
			delete(in.parked, name)
			batch = append(batch, in.unpark(p)...)
		}
	}
	for _, ev := range waiting {
		if entry := in.route(ev); entry != nil {
			batch = append(batch, entry)
		}
	}
	return batch, more
}

// isUnparked reports whether the webhooks of a workflow with parked events are compiled now.
func (in *intake) isUnparked() bool {
	for _, p := range in.parked {
		if p.route.IsReady() {
			return true
		}
	}
	return false
}

// route makes the entry of an event; nil if the event is parked.
func (in *intake) route(ev *event.Event) *delivery.Entry {
	p := in.parked[ev.WorkflowName]
	if p == nil {
		r := in.engine.routes.Of(ev.WorkflowName)
		if r.IsReady() {
			return in.entry(ev, r)
		}
		p = &parked{route: r}
		in.parked[ev.WorkflowName] = p
		in.done.Go(func() {
			<-r.Ready()
			in.mu.Lock()
			defer in.mu.Unlock()
			in.changed.Broadcast()
		})
	}
	p.events = append(p.events, ev)
	in.mu.Lock()
	defer in.mu.Unlock()
	in.hold(1, ev.Size())
	return nil
}

// unpark makes the entries of parked events whose webhooks are compiled now.
func (in *intake) unpark(p *parked) (entries []*delivery.Entry) {
	for _, ev := range p.events {
		entries = append(entries, in.entry(ev, p.route))
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	for _, ev := range p.events {
		in.hold(-1, -ev.Size())
	}
	in.changed.Broadcast()
	return entries
}

// entry makes the entry of an event whose webhooks are compiled.
func (in *intake) entry(ev *event.Event, r *route.Route[*webhook]) *delivery.Entry {
	webhooks, _ := r.Webhooks(context.Background())
	if len(in.unused) == 0 {
		in.unused = make([]delivery.Entry, 64) // no longer in use once they are accepted
	}
	entry := &in.unused[0]
	in.unused, entry.Event = in.unused[1:], ev
	in.engine.fill(entry, webhooks)
	return entry
}

// accept accepts a batch. If there is no room for all, it accepts the events one by one and waits for room once.
func (in *intake) accept(batch []*delivery.Entry) {
	ctx := context.Background() // every event that was read is accepted or refused, even if the stream was cancelled
	if in.engine.accept(ctx, batch) == nil {
		in.refuses = false
		return
	}
	for _, entry := range batch {
		one := []*delivery.Entry{entry}
		err := in.engine.accept(ctx, one)
		for deadline := time.Now().Add(roomWait); errors.Is(err, ErrFull) && !in.refuses && time.Now().Before(deadline); {
			time.Sleep(roomPoll)
			err = in.engine.accept(ctx, one)
		}
		in.refuses = errors.Is(err, ErrFull)
		if err != nil {
			in.refuse(entry.Event, err)
		}
	}
}

// refuse counts an event that was not accepted.
func (in *intake) refuse(ev *event.Event, err error) {
	if in.engine == nil {
		in.early++
		return
	}
	log := in.engine.log
	if !errors.Is(err, ErrFull) {
		log.Error("event not accepted", "event", ev.Type, "workflow_id", ev.WorkflowID, "err", err)
	} else {
		log.Debug("event refused", "event", ev.Type, "workflow_id", ev.WorkflowID, "err", err)
	}
	in.engine.counts.refused.Add(1)
}

// wants makes an event's entry, with one delivery for each webhook that wants the event. It sets a missing id.
func (e *Engine) wants(ev *event.Event, webhooks []*webhook) *delivery.Entry {
	entry := &delivery.Entry{Event: ev}
	e.fill(entry, webhooks)
	return entry
}

// fill makes an entry that has only its event.
func (e *Engine) fill(entry *delivery.Entry, webhooks []*webhook) {
	ev := entry.Event
	if ev.ID == "" {
		ev.ID = event.NewID(time.Now())
	}
	entry.Span = e.beginSpan(ev)
	in := e.envs.Of(ev) // decoded once for all webhooks
	defer e.envs.Keep(in)
	for _, w := range webhooks {
		asked := slices.Contains(ev.Webhooks, w.Identity)
		if ev.Webhooks != nil && !asked {
			continue
		}
		if want, wants := w.want(in, asked); wants {
			if want.Dead == "" {
				want.Take = e.lanes.Lease(w.Identity, ev.Size())
			}
			entry.Wants = append(entry.Wants, want)
		}
	}
	e.sayMissing(ev, webhooks)
}

// sayMissing logs that an event names webhooks that the configuration does not have.
func (e *Engine) sayMissing(ev *event.Event, webhooks []*webhook) {
	for _, identity := range ev.Webhooks {
		if !slices.ContainsFunc(webhooks, func(w *webhook) bool { return w.Identity == identity }) {
			e.log.Error("an event names a webhook that the configuration does not have", "webhook", identity, "event", ev.ID)
			e.counts.refused.Add(1)
		}
	}
}

// accept commits events with their deliveries, in order, and hands the lanes what they may send at once.
func (e *Engine) accept(ctx context.Context, entries []*delivery.Entry) error {
	wanted := make([]*delivery.Entry, 0, len(entries))
	for _, entry := range entries {
		if len(entry.Wants) > 0 {
			wanted = append(wanted, entry)
		}
	}
	if len(wanted) > 0 {
		if err := e.observed("accept", func() error { return e.queue.Accept(ctx, wanted) }); err != nil {
			return err
		}
	}
	e.accepted(wanted, len(entries))
	if observe := e.opts.Observer.Event; observe != nil {
		for _, entry := range entries {
			observe(entry.Event, fateOf(entry.Wants))
		}
	}
	return nil
}

// accepted counts accepted events and hands the lanes what they may send at once.
func (e *Engine) accepted(wanted []*delivery.Entry, events int) {
	e.counts.events.Add(int64(events))
	var claims []*delivery.Claim
	for _, entry := range wanted {
		claims = append(claims, entry.Claims...)
	}
	e.lanes.Give(claims)
	for _, entry := range wanted {
		e.endSpan(entry)
		given := entry.Claims // in the order of its wants; a needless look costs little
		for _, want := range entry.Wants {
			e.counts.accepted(want.Fate)
			if want.Fate != delivery.Known {
				e.observeAccepted(want.Webhook)
			}
			if want.Fate == delivery.BornDead {
				e.bornDead(entry.Event, &want)
			}
			switch {
			case len(given) > 0 && given[0].Delivery.Webhook == want.Webhook:
				given = given[1:]
			case want.Fate == delivery.Accepted:
				e.lanes.LookAt(want.Webhook, time.Now())
			}
		}
	}
}

// bornDead reports a delivery whose filter failed like one that ended.
func (e *Engine) bornDead(ev *event.Event, want *delivery.Want) {
	d := delivery.Delivery{ID: want.DeliveryID(ev.ID), Webhook: want.Webhook, EventID: ev.ID, Event: ev.Type}
	st := delivery.Settlement{Claim: &delivery.Claim{Delivery: d, Event: ev, Own: true}, Outcome: delivery.Dead, Reason: want.Dead}
	e.counts.settled(&st)
	e.observeSettled(&st)
	e.noticeSettled(&st)
}

// accepted counts a want by its fate.
func (c *counts) accepted(fate delivery.Fate) {
	if fate == delivery.Known {
		c.known.Add(1)
	} else {
		c.deliveries.Add(1)
	}
}
