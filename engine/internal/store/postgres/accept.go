package postgres

import (
	"context"
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// maxKey is the longest order key, in bytes. Longer ones are stored as a hash, since an index has no room for them.
const maxKey = 256

// wanted is a want during its acceptance.
type wanted struct {
	entry *delivery.Entry
	want  *delivery.Want
	id    string
	lane  int
	key   []byte // nil without a key
	size  int64
	event int // index into the acceptance's events

	seq   int64
	state int
	owner int
	due   time.Time
	done  time.Time
	fresh bool // new to the database
}

// acceptance is the state of accepting one batch.
type acceptance struct {
	*tx
	batch   int64 // distinguishes this call from all others, so that a repeated transaction recognizes its own rows
	wants   []*wanted
	lanes   map[int]*lane
	locked  map[int]*lane          // those of lanes with an order or dead letters, which must be saved
	known   map[string]bool        // ids that are in the database, and whether it still has their deliveries
	mine    map[string]deliveryRow // those of known that this call added before its answer was lost
	active  keys                   // keys with a delivery that waits or is in flight
	roughly time.Time              // when it began
	seqs    []int64                // numbers for new deliveries, then for events
}

// Accept implements [store.Store].
func (s *Store) Accept(ctx context.Context, entries []*delivery.Entry) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	var webhooks []string
	for _, entry := range entries {
		for i := range entry.Wants {
			webhooks = append(webhooks, entry.Wants[i].Webhook)
		}
	}
	if len(webhooks) == 0 {
		return ctx.Err()
	}
	var ids map[string]int
	var now time.Time
	prepare := func() (err error) {
		if ids, err = s.laneIDs(ctx, webhooks); err != nil {
			return err
		}
		now = s.roughly()
		return s.makeDays(ctx, entries, now)
	}
	batch := rand.Int64()
	return s.writeAfter(ctx, prepare, func(tx *tx) {
		a := &acceptance{tx: tx, batch: batch, roughly: now, known: map[string]bool{}, mine: map[string]deliveryRow{}, active: keys{}}
		a.collect(entries, ids)
		if a.look() && a.place() && a.insert() {
			a.tell()
		}
	})
}

// makeDays makes the tables for what another store finished, and for the ids of what is removed to make room.
func (s *Store) makeDays(ctx context.Context, entries []*delivery.Entry, now time.Time) error {
	days := []time.Time{now}
	for _, entry := range entries {
		for i := range entry.Wants {
			if past := entry.Wants[i].Past; past != nil && !past.Done.IsZero() {
				days = append(days, finishedAt(past, now))
			}
		}
	}
	for _, at := range days {
		if err := s.makeDay(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

// collect lists the wants.
func (a *acceptance) collect(entries []*delivery.Entry, lanes map[string]int) {
	for n, entry := range entries {
		entry.Claims = nil
		for i := range entry.Wants {
			want := &entry.Wants[i]
			w := &wanted{
				entry: entry, want: want, id: want.DeliveryID(entry.Event.ID), lane: lanes[want.Webhook],
				key: keyColumn(want.OrderKey), size: int64(entry.Event.Size() + store.DeliverySize), event: n,
			}
			if want.Past != nil && want.Past.Content != nil {
				w.size += int64(len(want.Past.Content.Body))
			}
			a.wants = append(a.wants, w)
		}
	}
}

func keyColumn(key string) []byte {
	switch {
	case key == "":
		return nil
	case len(key) <= maxKey:
		return []byte(key)
	}
	sum := sha256.Sum256([]byte(key))
	return append([]byte("sha256:"), sum[:]...)
}

// laneKey is an order key of a lane.
type laneKey struct {
	lane int
	key  string
}

// place decides the state of each new delivery. It returns false if there is no room.
func (a *acceptance) place() bool {
	slices.Sort(a.seqs)
	room := map[int]int64{}
	for i, w := range a.wants {
		if m, is := a.mine[w.id]; is {
			w.seq, w.state, w.owner, w.due = m.seq, m.state, m.owner, m.due
			continue
		}
		if _, is := a.known[w.id]; is {
			continue
		}
		a.known[w.id] = true // for the rest of the batch
		w.fresh, w.seq = true, a.seqs[i]
		room[w.lane] += w.size
		a.stand(w)
	}
	for lane, size := range room {
		a.makeRoom(a.lanes[lane], size)
	}
	return a.err == nil
}

// stand decides the state of one new delivery.
func (a *acceptance) stand(w *wanted) {
	w.state, w.due = due, a.now
	past := w.want.Past
	switch {
	case w.want.Dead != "":
		w.state, w.done = dead, a.now
		return
	case past != nil && past.State != delivery.Due:
		w.state, w.done = store.NumberOf[int](past.State), finishedAt(past, a.roughly)
		if w.done.IsZero() {
			w.done = a.now
		}
		return
	}
	w.state = a.active.stand(w.lane, w.key)
	switch {
	case past != nil:
		w.due = a.now.Add(past.After)
	case w.state == due && w.want.Take > 0 && a.lanes[w.lane].MaySend(a.now):
		w.owner, w.due = a.store.node, a.now.Add(microseconds(w.want.Take))
	}
}

// maxFinished is how long ago a delivery of another store was finished, at most: history has a table for each day.
const maxFinished = 2 * 366 * 24 * time.Hour

// finishedAt returns when a delivery of another store was finished, whatever that store's clock said; zero if it does not say.
func finishedAt(past *delivery.Past, now time.Time) time.Time {
	switch earliest := now.Add(-maxFinished); {
	case past.Done.IsZero():
		return past.Done
	case past.Done.Before(earliest):
		return earliest
	case past.Done.After(now):
		return now
	}
	return past.Done
}

// makeRoom keeps a lane within half of the queue. It removes and counts the lane's oldest dead letters, and no more than
// needed.
func (a *acceptance) makeRoom(l *lane, size int64) {
	over := l.bytes + size - a.store.opts.MaxSize/2
	if over <= 0 {
		return
	}
	gone, freed := a.discard(l.id, over)
	c := a.count[l.id]
	c.Discarded += gone
	a.count[l.id] = c
	if freed < over {
		a.refuse(store.ErrFull)
	}
}

// insert adds what is new. Without an order key, another node may have added the same delivery meanwhile: then it is
// known. It returns false if the transaction has failed.
func (a *acceptance) insert() bool {
	var cols columns
	events := map[int]int64{}
	for _, w := range a.wants {
		if !w.fresh {
			continue
		}
		if events[w.event] == 0 {
			events[w.event] = w.seq // deliveries and events share numbers: an event has the number of its first delivery
			cols.event(w.seq, w)
		}
		cols.delivery(events[w.event], w, a.now, a.store.node)
	}
	if len(cols.seq) == 0 {
		return true
	}
	a.queue(`INSERT INTO awf_hook.events SELECT * FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::text[],
  $7::bytea[], $8::text[], $9::text[])`, cols.eventSeq, cols.eventID, cols.eventType, cols.workflowID, cols.workflowName, cols.stamp,
		cols.payload, cols.trace, cols.source)
	added := map[string]bool{}
	a.each(func(r *row) { added[r.Text()] = true },
		`INSERT INTO awf_hook.deliveries(seq, id, lane, event, state, due_at, owner, batch, accepted_by, accepted_at, since,
    done_at, place, order_key, unrouted, attempts, spent, size, reason, token)
  SELECT seq, id, lane, event, state, due_at, owner, $16, by, accepted_at, since,
    done_at, seq, order_key, unrouted, attempts, spent, size, reason, token
  FROM unnest($1::bigint[], $2::text[], $3::int[], $4::bigint[], $5::smallint[], $6::timestamptz[], $7::int[], $8::timestamptz[],
    $9::timestamptz[], $10::timestamptz[], $11::bytea[], $12::boolean[], $13::int[], $14::int[],
    $15::int[], $17::text[], $18::int[], $19::int[]) n(seq, id, lane, event, state, due_at, owner, accepted_at,
      since, done_at, order_key, unrouted, attempts, spent, size, reason, by, token)
  ON CONFLICT (id) DO NOTHING RETURNING id`,
		cols.seq, cols.id, cols.lane, cols.of, cols.state, cols.due, cols.owner, cols.accepted, cols.since, cols.done, cols.key, cols.unrouted,
		cols.attempts, cols.spent, cols.size, a.batch, cols.reason, cols.by, cols.token)
	// If another node accepted and delivered one meanwhile, it is in this hour's history.
	late := []string{}
	column(a.tx, &late, `SELECT id FROM awf_hook.history WHERE id = ANY($1::text[]) AND done_at > $2`, cols.id, a.now.Add(-time.Hour))
	a.pasts()
	if !a.send() {
		return false
	}
	for _, w := range a.wants {
		w.fresh = w.fresh && added[w.id] && !slices.Contains(late, w.id)
	}
	if len(late) > 0 || len(added) < len(cols.id) {
		a.forgetRest(late, &cols)
	}
	return true
}

// forgetRest removes what was added for deliveries that the database had: those that another node delivered meanwhile, events without a
// delivery, and pasts.
func (a *acceptance) forgetRest(late []string, cols *columns) {
	a.queue(`DELETE FROM awf_hook.deliveries WHERE id = ANY($1::text[]) AND batch = $2`, late, a.batch)
	a.queue(`DELETE FROM awf_hook.events e WHERE e.seq = ANY($1::bigint[]) AND NOT EXISTS (SELECT 1 FROM awf_hook.deliveries d
  WHERE d.event = e.seq)`, cols.eventSeq)
	for _, table := range []string{"attempts", "contents"} { // of a past that the database had
		a.queue(`DELETE FROM awf_hook.`+table+` p WHERE p.delivery = ANY($1::bigint[]) AND NOT EXISTS (SELECT 1 FROM awf_hook.deliveries d
  WHERE d.seq = p.delivery)`, cols.seq)
	}
}

// pasts queues the contents and attempts of deliveries from another store.
func (a *acceptance) pasts() {
	for _, w := range a.wants {
		if !w.fresh || w.want.Past == nil {
			continue
		}
		for i := range w.want.Past.Attempts {
			at := &w.want.Past.Attempts[i]
			a.attempt(w.seq, at, at.Replay)
		}
		if w.want.Past.Content != nil {
			a.content(w.seq, w.want.Past.Content)
		}
	}
}

// tell sets the fates and claims, and counts.
func (a *acceptance) tell() {
	var finished []int64
	for _, w := range a.wants {
		w.want.Fate = delivery.Known
		if has, is := a.known[w.id]; is && !has && w.want.Past != nil && w.want.Past.Carried {
			w.want.Fate = delivery.Gone
		}
		if _, mine := a.mine[w.id]; !w.fresh && !mine {
			continue
		}
		w.want.Fate = delivery.Accepted
		if w.want.Dead != "" {
			w.want.Fate = delivery.BornDead
			l := a.locked[w.lane]
			l.LastError, l.LastErrorAt = w.want.Dead, a.now
		}
		if w.owner == a.store.node && w.state == due {
			w.entry.Claims = append(w.entry.Claims, a.claimOf(w))
		}
		if !w.fresh {
			continue // counted before the answer was lost
		}
		a.add(w.lane, w.state, 1, w.size)
		a.store.comesBefore(w.lane, w.due)
		if w.owner == 0 && w.state == due {
			a.told[w.want.Webhook] = struct{}{}
		}
		if w.state == delivered || w.state == dropped {
			finished = append(finished, w.seq)
		}
	}
	if len(finished) > 0 {
		a.queue(archive, finished)
	}
	a.saveLanes(a.locked)
}

func (a *acceptance) claimOf(w *wanted) *delivery.Claim {
	ev := w.entry.Event
	at := w.due.Add(-microseconds(w.want.Take))
	return &delivery.Claim{
		Delivery: delivery.Delivery{ID: w.id, Webhook: w.want.Webhook, EventID: ev.ID, Event: ev.Type, Due: at, Since: at},
		Event:    ev, OrderKey: w.want.OrderKey, Until: a.begun.Add(w.want.Take), Own: true,
		Lease: &lease{store: a.store, seq: w.seq, token: 1, until: w.due, lane: w.lane, size: w.size},
	}
}
