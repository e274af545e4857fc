package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/legible"
)

// Bounds of operator events. docs/delivery.md names them.
const (
	maxNotices     = 256 // waiting to be accepted; further ones are only counted
	noticeBurst    = 10  // of one type about one webhook in noticePeriod
	noticePeriod   = time.Minute
	noticePoll     = 5 * time.Millisecond // how often Drain looks whether they are accepted
	failingPeriod  = 10 * time.Minute     // a webhook that fails, recovers and fails again makes one event in this time
	backlogPeriod  = time.Minute          // how often the engine looks for a backlog
	defaultBacklog = time.Hour
	maxNoticeText  = 1000 // bytes of a reason
)

// notice is an operator event that waits to be accepted. A notice without a type asks for a look at the lanes.
type notice struct {
	event    event.Event
	identity string         // the webhook that it is about; "" for none
	payload  map[string]any // becomes the event's payload
}

// notices holds an engine's operator events. Deliveries of operator events make no operator events, so that there is
// no loop.
type notices struct {
	asked   atomic.Bool  // a webhook wants operator events
	pending chan notice  // waiting counts those in it and the one that is being accepted
	waiting atomic.Int64 // see pending
	looking atomic.Bool  // one of them is a look at the lanes

	mu      sync.Mutex
	lanes   map[string]laneSeen // by identity
	sick    atomic.Int64        // how many of them are closed or failing
	told    map[string]*tally   // by type and identity
	backlog time.Time           // when the engine last looked for a backlog
}

// laneSeen is the last state seen of a lane: the type of the event that it caused, or "", and the id of its cause.
type laneSeen struct{ typ, cause string }

// tally limits how many operator events of one type a webhook causes.
type tally struct {
	since   time.Time
	n, left int // how many were told, and how many were left out
}

func newNotices() *notices {
	return &notices{pending: make(chan notice, maxNotices), lanes: map[string]laneSeen{}, told: map[string]*tally{}}
}

// asksFor notes whether a webhook wants operator events.
func (n *notices) asksFor(w *webhook) {
	if w.filter.IsOperators() {
		n.asked.Store(true)
	}
}

// add queues a notice. It never waits.
func (n *notices) add(one notice) {
	n.waiting.Add(1)
	select {
	case n.pending <- one:
	default:
		n.waiting.Add(-1)
		n.mu.Lock()
		n.tallyOf(one).left++
		n.mu.Unlock()
	}
}

// look asks for a look at the lanes.
func (n *notices) look() {
	if n.looking.CompareAndSwap(false, true) {
		n.add(notice{})
	}
}

// tallyOf returns the tally of a notice's type and webhook. The caller holds mu.
func (n *notices) tallyOf(one notice) *tally {
	key := one.event.Type + " " + one.identity
	if n.told[key] == nil {
		n.told[key] = &tally{}
	}
	return n.told[key]
}

// allow reports whether a notice may be told, and how many of its kind were left out before it.
func (n *notices) allow(one notice, now time.Time) (left int, allowed bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	t := n.tallyOf(one)
	if now.Sub(t.since) >= noticePeriod {
		t.since, t.n = now, 0
	}
	if t.n == noticeBurst {
		t.left++
		return 0, false
	}
	t.n++
	left, t.left = t.left, 0
	return left, true
}

// run accepts notices until ctx ends.
func (n *notices) run(ctx context.Context, e *Engine) {
	for {
		select {
		case one := <-n.pending:
			e.tell(ctx, one)
			n.waiting.Add(-1)
		case <-ctx.Done():
			return
		}
	}
}

// tellRest accepts the remaining notices at the end. Their deliveries stay in the queue.
func (e *Engine) tellRest() {
	for len(e.notices.pending) > 0 {
		e.tell(context.Background(), <-e.notices.pending)
		e.notices.waiting.Add(-1)
	}
}

// tell accepts an operator event for the webhooks that want it, except for the one that it is about.
func (e *Engine) tell(ctx context.Context, one notice) {
	if one.event.Type == "" {
		e.notices.looking.Store(false)
		if lanes, err := e.queue.Lanes(ctx); err == nil {
			e.noticeLanes(ctx, lanes)
		}
		return
	}
	left, allowed := e.notices.allow(one, time.Now())
	if !allowed {
		return
	}
	if left > 0 {
		one.payload["left_out"] = left
	}
	payload, err := json.Marshal(one.payload)
	if err != nil {
		e.log.Error("an operator event cannot be made", "event", one.event.Type, "err", err)
		return
	}
	one.event.Payload, one.event.Timestamp = payload, time.Now().UTC()
	webhooks, err := e.routes.Of(one.event.WorkflowName).Webhooks(ctx)
	if err == nil {
		others := slices.DeleteFunc(slices.Clone(webhooks), func(w *webhook) bool { return w.Identity == one.identity })
		entry := e.wants(&one.event, others)
		if len(entry.Wants) == 0 {
			return
		}
		err = e.observed("accept", func() error { return e.queue.Accept(ctx, []*delivery.Entry{entry}) })
		if err == nil {
			e.accepted([]*delivery.Entry{entry}, 0)
			return
		}
	}
	if ctx.Err() == nil {
		e.log.Error("an operator event is lost", "event", one.event.Type, "webhook", e.Name(one.identity), "err", err)
	}
}

// noticeOf makes an operator event. cause distinguishes it from others of its type and webhook, across all processes
// that share a queue.
func (e *Engine) noticeOf(typ, identity, cause string, payload map[string]any) notice {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q", typ, identity, cause))
	if identity != "" {
		payload["webhook"] = e.Name(identity)
	}
	return notice{event.Event{ID: "hook_" + hex.EncodeToString(sum[:16]), Type: typ}, identity, payload}
}

// noticeSettled makes the operator events that an outcome causes.
func (e *Engine) noticeSettled(st *delivery.Settlement) {
	if !e.notices.asked.Load() || st.GivenBack {
		return
	}
	if ev := st.Claim.Event; st.Outcome == delivery.Dead && !event.IsOperator(ev.Type) {
		d, reason := st.Claim.Delivery, st.Reason
		if a := st.Attempt; a != nil {
			d.Attempts, reason = a.Number, cmp.Or(reason, a.Reason)
		}
		e.noticeDead(ev, &d, reason)
	}
	if failed := st.Outcome == delivery.Retry || st.Outcome == delivery.Dead; failed || e.notices.sick.Load() > 0 {
		e.notices.look()
	}
}

// noticeDead makes the operator event of a dead letter.
func (e *Engine) noticeDead(ev *event.Event, d *delivery.Delivery, reason string) {
	one := e.noticeOf(event.HookDeadLetter, d.Webhook, fmt.Sprint(d.ID, " ", d.Attempts, " ", d.Since.UnixMilli()), map[string]any{
		"delivery": d.ID, "reason": short(reason), "attempts": d.Attempts, "event": ev.Type, "event_id": ev.ID,
	})
	one.event.WorkflowID, one.event.WorkflowName, one.event.Trace = ev.WorkflowID, ev.WorkflowName, ev.Trace
	e.notices.add(one)
}

// noticeLanes makes the operator events of lanes that changed since the last look at them.
func (e *Engine) noticeLanes(ctx context.Context, lanes []delivery.LaneStatus) {
	n := e.notices
	if !n.asked.Load() {
		return
	}
	n.mu.Lock()
	sick, look, changed := int64(0), false, []notice(nil)
	for i := range lanes {
		l := &lanes[i]
		before, now := n.lanes[l.Webhook], laneSeen{cause: fmt.Sprint(l.LastErrorAt.UnixMilli(), " ", l.Closed)}
		switch {
		case l.Closed != "":
			now.typ = event.HookLaneClosed
		case l.BreakerOpen(): // every failure has another time; this makes one event in a while, however many processes look
			now = laneSeen{event.HookLaneFailing, fmt.Sprint(time.Now().Truncate(failingPeriod).Unix())}
			if before.typ == now.typ {
				now.cause = before.cause // the same trouble goes on
			}
		}
		n.lanes[l.Webhook] = now
		if now.typ != "" {
			sick++
		}
		if _, ours := e.lanes.Name(l.Webhook); ours && now.typ != before.typ {
			changed = append(changed, e.noticeOfLane(l, before, now))
		}
		look = look || l.Waiting > 0
	}
	n.sick.Store(sick)
	look = look && time.Since(n.backlog) >= backlogPeriod
	if look {
		n.backlog = time.Now()
	}
	n.mu.Unlock() // add needs it
	for _, one := range changed {
		n.add(one)
	}
	if look {
		e.noticeBacklog(ctx, lanes)
	}
}

// noticeOfLane returns the operator event of a lane that changed.
func (e *Engine) noticeOfLane(l *delivery.LaneStatus, before, now laneSeen) notice {
	payload := map[string]any{"waiting": l.Waiting, "dead": l.Dead}
	switch now.typ {
	case event.HookLaneClosed:
		payload["reason"] = short(l.Closed)
	case event.HookLaneFailing:
		payload["reason"], payload["failures"] = short(l.LastError), max(l.Failures, l.TransformFailures)
	default:
		return e.noticeOf(event.HookLaneRecovered, l.Webhook, before.typ+" "+before.cause, payload)
	}
	return e.noticeOf(now.typ, l.Webhook, now.cause, payload)
}

// noticeBacklog looks for webhooks with a delivery that has waited too long.
func (e *Engine) noticeBacklog(ctx context.Context, lanes []delivery.LaneStatus) {
	bound := cmp.Or(e.Config().Queue.Backlog, defaultBacklog)
	oldest, err := e.queue.Oldest(ctx)
	if err != nil {
		return // the queue's trouble is reported elsewhere
	}
	for i := range lanes {
		l := &lanes[i]
		accepted, waits := oldest[l.Webhook]
		age := time.Since(accepted)
		if _, ours := e.lanes.Name(l.Webhook); !ours || !waits || age < bound {
			continue
		}
		// This makes one event per period of the bound's length, however many processes look and whichever delivery
		// is the oldest.
		e.notices.add(e.noticeOf(event.HookBacklog, l.Webhook, fmt.Sprint(time.Now().Truncate(bound).Unix()), map[string]any{
			"waiting": l.Waiting, "oldest": accepted.UTC().Format(time.RFC3339), "age": int(age.Seconds()), "reason": short(l.LastError),
		}))
	}
}

// ReloadFailed makes an operator event for a configuration that could not be loaded.
func (e *Engine) ReloadFailed(err error) {
	if e.notices.asked.Load() {
		payload := map[string]any{"reason": short(err.Error())}
		e.notices.add(e.noticeOf(event.HookReloadFailed, "", fmt.Sprint(time.Now().UnixNano()), payload))
	}
}

// short cuts a reason, which is already free of secrets.
func short(reason string) string { return legible.Cut(reason, maxNoticeText) }
