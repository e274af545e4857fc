package queue

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// deliverySize is about what a delivery takes beside its event, in bytes.
const deliverySize = 320

// accept takes the events with their deliveries, in order, and claims those that are asked for where their lane is well.
func (s *store) accept(now time.Time, entries []*Entry) error {
	return s.write(func() error { return s.acceptAll(now, entries) })
}

// acceptAll is accept in a change.
func (s *store) acceptAll(now time.Time, entries []*Entry) error {
	var used int64
	if err := s.st.pageUse.row().Scan(&used); err != nil {
		return err
	}
	if used > s.maxSize {
		return ErrFull
	}
	a := acceptance{store: s, now: now, lanes: map[int64]*laneState{}}
	if err := s.st.lastEvent.row().Scan(&a.event); err != nil {
		return err
	}
	if err := s.st.lastDelivery.row().Scan(&a.seq); err != nil {
		return err
	}
	for _, entry := range entries {
		if err := a.accept(entry); err != nil {
			return err
		}
	}
	for id, lane := range a.lanes {
		if err := s.st.grow.run(lane.grown, id); err != nil {
			return err
		}
	}
	return nil
}

// acceptance is the accepting of one batch.
type acceptance struct {
	store      *store
	now        time.Time
	event, seq int64 // the last ones
	lanes      map[int64]*laneState
}

// laneState is what is known of a lane in a change.
type laneState struct {
	failures    int
	broken      int // transforms in a row that failed
	pausedUntil time.Time
	probeUntil  time.Time // the breaker's probe is in flight until then
	closed      string
	tokens      float64
	tokensAt    time.Time
	bytes       int64
	grown       int64 // by this change
}

func (s *store) laneState(id int64) (*laneState, error) {
	var l laneState
	var paused, probe, tokensAt int64
	err := s.st.lane.row(id).Scan(&l.failures, &l.broken, &paused, &probe, &l.closed, &l.tokens, &tokensAt, &l.bytes)
	l.pausedUntil, l.probeUntil, l.tokensAt = fromMilli(paused), fromMilli(probe), fromMilli(tokensAt)
	return &l, err
}

// isWell says whether what is accepted may be sent at once.
func (l *laneState) isWell(now time.Time) bool {
	return !l.breakerOpen() && l.closed == "" && !l.pausedUntil.After(now)
}

func (l *laneState) breakerOpen() bool {
	return l.failures >= BreakerFailures || l.broken >= BreakerFailures
}

func (a *acceptance) accept(entry *Entry) error {
	entry.Known, entry.Claims = 0, nil
	before := a.seq
	for _, want := range entry.Wants {
		claim, added, err := a.add(entry, want)
		switch {
		case err != nil:
			return err
		case !added:
			entry.Known++
		}
		if claim != nil {
			entry.Claims = append(entry.Claims, claim)
		}
	}
	if a.seq == before {
		return nil
	}
	a.event++
	ev := entry.Event
	return a.store.st.addEvent.run(a.event, ev.ID, ev.Type, ev.WorkflowID, ev.WorkflowName, ev.Stamp(), before+1, a.seq-before, []byte(ev.Payload))
}

// add adds one delivery of the event that comes next; false if it is known.
func (a *acceptance) add(entry *Entry, want Want) (claim *Claim, added bool, err error) {
	s := a.store
	lane, err := s.laneID(want.Webhook)
	if err != nil {
		return nil, false, err
	}
	state := a.lanes[lane]
	if state == nil {
		if state, err = s.laneState(lane); err != nil {
			return nil, false, err
		}
		a.lanes[lane] = state
	}
	size := int64(entry.Event.Size() + deliverySize)
	if err := s.makeRoomInLane(a.now, lane, state, size); err != nil {
		return nil, false, err
	}
	row, err := a.place(lane, state, want)
	if err != nil {
		return nil, false, err
	}
	id := delivery.ID(entry.Event.ID, want.Webhook)
	added, err = s.st.addDelivery.changed(a.seq+1, id, lane, a.event+1, row.state, row.due, row.owner, milli(a.now), row.place, row.key, size,
		want.Dead, want.Dead != "", row.done)
	if err != nil || !added {
		return nil, false, err
	}
	a.seq++
	state.grown += size
	if want.Dead != "" {
		if err := s.st.faulted.run(want.Dead, milli(a.now), lane); err != nil {
			return nil, false, err
		}
	}
	if row.owner == 0 {
		return nil, true, nil
	}
	return &Claim{
		Delivery: delivery.Delivery{ID: id, Webhook: want.Webhook, EventID: entry.Event.ID, Event: entry.Event.Type, Due: a.now, Since: a.now},
		Event:    entry.Event, Until: fromMilli(row.due), store: s, seq: a.seq, orderKey: want.OrderKey, token: 1,
	}, true, nil
}

// place is where a new delivery stands: due, in flight at once, behind another one of its key, or dead.
type place struct {
	state, due, owner, place, done int64
	key                            any // nil for none
}

func (a *acceptance) place(lane int64, state *laneState, want Want) (place, error) {
	s := a.store
	row := place{state: stateDue, due: milli(a.now), place: a.seq + 1}
	if want.OrderKey != "" {
		row.key = want.OrderKey
	}
	switch {
	case want.Dead != "":
		row.state, row.done = stateDead, milli(a.now)
		return row, s.st.count.run(0, 1, 0, 0, lane)
	case want.OrderKey != "":
		var tail int64
		if err := s.st.tail.row(lane, want.OrderKey).Scan(&tail); err != nil {
			return row, err
		}
		if tail > 0 {
			row.state, row.place = stateBehind, max(row.place, tail+1)
			return row, nil
		}
	}
	if want.Take > 0 && state.isWell(a.now) {
		row.owner, row.due = s.owner, milli(a.now.Add(want.Take))
	}
	return row, nil
}
