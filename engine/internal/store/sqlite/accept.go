package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Accept implements [store.Store]. To make room it removes what was delivered longest ago.
func (s *Store) Accept(ctx context.Context, entries []*delivery.Entry) error {
	for {
		err := s.write(ctx, func(tx *tx) { tx.accept(entries) })
		if err == nil {
			for _, entry := range entries {
				s.leases.Add(int64(len(entry.Claims)))
			}
		}
		if !errors.Is(err, store.ErrFull) {
			return err
		}
		made, roomErr := s.makeRoom(ctx)
		if roomErr != nil || !made {
			return errors.Join(err, roomErr)
		}
	}
}

// checkRoom fails with ErrFull if the pages in use exceed the limit.
func (tx *tx) checkRoom() {
	var pages [3]int64
	// One query for all three takes long to prepare.
	for i, pragma := range []string{`PRAGMA page_count`, `PRAGMA freelist_count`, `PRAGMA page_size`} {
		pages[i] = tx.number(pragma)
	}
	if (pages[0]-pages[1])*pages[2] > tx.store.opts.MaxSize {
		tx.fail(store.ErrFull)
	}
}

// acceptance is the state of accepting one batch.
type acceptance struct {
	*tx
	event, seq int64 // the last ones
}

func (tx *tx) accept(entries []*delivery.Entry) {
	tx.checkRoom()
	a := acceptance{tx: tx}
	tx.each(`SELECT (SELECT max(seq) FROM events), (SELECT max(seq) FROM deliveries)`, func(r *row) {
		a.event, a.seq = r.Int64(), r.Int64()
	})
	for _, entry := range entries {
		a.entry(entry)
	}
}

func (a *acceptance) entry(entry *delivery.Entry) {
	entry.Claims = nil
	before := a.seq
	for i := range entry.Wants {
		a.want(entry, &entry.Wants[i])
	}
	if a.seq == before {
		return
	}
	a.event++
	ev := entry.Event
	a.run(`INSERT INTO events(seq, id, type, workflow_id, workflow_name, stamp, first, count, payload, trace, source)
  VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, a.event, ev.ID, ev.Type, ev.WorkflowID, ev.WorkflowName, ev.Stamp(),
		before+1, a.seq-before, []byte(ev.Payload), ev.Trace.Text(), ev.Source)
}

// place is the initial state of a new delivery: due, in flight at once, behind another one of its key, or dead.
type place struct {
	state, owner, place int64
	due, done           time.Time
	key                 any // nil without a key
}

// want adds one delivery of the current event, unless it is known.
func (a *acceptance) want(entry *delivery.Entry, want *delivery.Want) {
	l := a.laneOf(want.Webhook)
	size := int64(entry.Event.Size() + store.DeliverySize)
	a.makeRoomInLane(l, size)
	p := a.place(l, want)
	id := want.DeliveryID(entry.Event.ID)
	carried := want.Past != nil && want.Past.Carried
	token := 1
	if carried {
		token = max(token, want.Past.Token)
		a.run(`DELETE FROM deliveries WHERE id = ? AND state = PRUNED AND token BETWEEN 1 - ? AND 0`, id, token) // see Forget
	}
	added := a.run(`INSERT INTO deliveries(seq, id, lane, event, state, due_at, owner, token, accepted_at, since, place, order_key, size,
  reason, unrouted, done_at, accepted_by)
  VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?16, ?8, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15) ON CONFLICT(id) DO NOTHING`,
		a.seq+1, id, l.id, a.event+1, p.state, p.due, p.owner, a.now, p.place, p.key, size, want.Dead, want.Dead != "", p.done,
		a.store.folder.owner, token)
	if added == 0 {
		want.Fate = delivery.Known
		if carried && a.number(`SELECT count(*) FROM deliveries WHERE id = ? AND state = PRUNED`, id) > 0 {
			want.Fate = delivery.Gone
		}
		return
	}
	a.seq++
	a.store.first.CompareAndSwap(0, a.seq)
	l.Bytes += size
	l.holds(p.state, 1)
	want.Fate = delivery.Accepted
	switch {
	case want.Past != nil:
		a.restore(l, want.Past, p)
	case want.Dead != "":
		want.Fate = delivery.BornDead
		l.LastError, l.LastErrorAt = want.Dead, a.now
	case p.owner != 0:
		entry.Claims = append(entry.Claims, &delivery.Claim{
			Delivery: delivery.Delivery{ID: id, Webhook: want.Webhook, EventID: entry.Event.ID, Event: entry.Event.Type, Due: a.now, Since: a.now},
			Event:    entry.Event, OrderKey: want.OrderKey, Until: a.begun.Add(want.Take), Own: true,
			Lease: &lease{store: a.store, seq: a.seq, token: 1, until: p.due},
		})
	}
}

func (a *acceptance) place(l *lane, want *delivery.Want) place {
	p := place{state: due, due: a.now, place: a.seq + 1}
	if want.OrderKey != "" {
		p.key = want.OrderKey
	}
	switch {
	case want.Dead != "":
		p.state, p.done = dead, a.now
		return p
	case want.Past != nil && want.Past.State != delivery.Due:
		p.state, p.done = store.NumberOf[int64](want.Past.State), want.Past.Done
		if p.done.IsZero() {
			p.done = a.now
		}
		return p
	case want.OrderKey != "":
		tail := a.number(`SELECT max(place) FROM deliveries WHERE lane = ? AND order_key = ? AND state IN (DUE, BEHIND)`,
			l.id, want.OrderKey)
		if tail > 0 {
			p.state, p.place = behind, max(p.place, tail+1)
			return p
		}
	}
	if want.Take > 0 && want.Past == nil && l.MaySend(a.now) {
		p.owner, p.due = a.store.folder.owner, a.now.Add(want.Take)
	}
	return p
}

// restore sets the past of the delivery that was just added.
func (a *acceptance) restore(l *lane, past *delivery.Past, p place) {
	if p.state == due {
		p.due = a.now.Add(past.After)
	}
	log, by := "", a.store.folder.owner
	if past.Foreign {
		by = 0
	}
	for i := range past.Attempts {
		log += store.LogLine(&past.Attempts[i], past.Attempts[i].Replay)
	}
	a.run(`UPDATE deliveries SET due_at = ?2, done_at = ?3, attempts = ?4, spent = ?5, since = ?6, accepted_at = ?7, reason = ?8,
  unrouted = ?9, log = ?10, accepted_by = ?11 WHERE seq = ?1`,
		a.seq, p.due, p.done, past.Tried(), past.Spent, past.Since, past.Accepted, past.Reason, past.Unrouted, log, by)
	if past.Content == nil {
		return
	}
	c := columns(past.Content)
	grown := int64(len(c.body)) - a.number(bodySize, a.seq)
	l.Bytes += grown
	a.run(`UPDATE deliveries SET content_type = ?2, header = ?3, url_suffix = ?4, body = ?5, size = size + ?6 WHERE seq = ?1`,
		a.seq, c.contentType, c.header, c.urlSuffix, c.body, grown)
}
