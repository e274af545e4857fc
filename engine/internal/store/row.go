package store

import (
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/trace"
)

// Row is a row of a database. Each method but IsNull reads the next column; NULL is the zero value. The functions below read the columns
// that their comments list, in that order.
type Row interface {
	Bool() bool
	Int() int
	Int64() int64
	Float() float64
	Time() time.Time
	Text() string // of a column of bytes, too
	Bytes() []byte
	IsNull() bool // whether the next column is NULL
}

// scanEvent reads an event's id, type, workflow_id, workflow_name, trace, source and stamp.
func scanEvent(r Row) (ev event.Event, stamp string) {
	return event.Event{
		ID: r.Text(), Type: r.Text(), WorkflowID: r.Text(), WorkflowName: r.Text(), Trace: trace.FromText(r.Text()), Source: r.Text(),
	}, r.Text()
}

// scanWhole reads the columns of scanEvent, and payload.
func scanWhole(r Row) (*event.Event, error) {
	ev, stamp := scanEvent(r)
	ev.Payload = r.Bytes()
	return event.Restore(ev, stamp)
}

// scanContent reads content_type, header, url_suffix and body. It returns nil if transforms have made nothing.
func scanContent(r Row) (*delivery.Content, error) {
	if r.IsNull() {
		for range 4 {
			r.Bytes()
		}
		return nil, nil
	}
	c := &delivery.Content{ContentType: r.Text()}
	header := r.Text()
	if c.URLSuffix, c.Body = r.Text(), r.Bytes(); c.Body == nil {
		c.Body = []byte{}
	}
	return c, ParseHeader(header, c)
}

// ScanClaim reads a claimed delivery's id, due_at, since, whether it was replayed, attempts, spent, unrouted, order_key, the columns of
// its content, accepted_by, the columns of its event, and payload.
func ScanClaim(r Row, webhook string, self int64) (c *delivery.Claim, replayed bool, err error) {
	d := delivery.Delivery{ID: r.Text(), Webhook: webhook, Due: r.Time(), Since: r.Time()}
	replayed, d.Attempts, d.Spent = r.Bool(), r.Int(), r.Int()
	c = &delivery.Claim{Unrouted: r.Bool(), OrderKey: r.Text()}
	content, err := scanContent(r)
	if err != nil {
		return nil, false, err
	}
	if content != nil {
		d.Content = *content
	}
	c.Own = r.Int64() == self
	c.Event, err = scanWhole(r)
	if err == nil {
		d.EventID, d.Event = c.Event.ID, c.Event.Type
	}
	c.Delivery = d
	return c, replayed, err
}

// ScanItem reads a delivery's seq, id, webhook, state, due_at, owner, since, attempts, spent, accepted_at, done_at and reason, its lane's
// closed and paused_until, and the columns of its event.
func ScanItem(r Row, now time.Time) (it delivery.Item, err error) {
	d := &it.Delivery
	it.Seq, d.ID, d.Webhook = r.Int64(), r.Text(), r.Text()
	state := r.Int()
	d.Due = r.Time()
	taken := r.Int64() != 0
	d.Since, d.Attempts, d.Spent, it.Accepted, it.Done, it.Reason = r.Time(), r.Int(), r.Int(), r.Time(), r.Time(), r.Text()
	var l Lane
	l.Closed, l.PausedUntil = r.Text(), r.Time()
	restored, err := event.Restore(scanEvent(r))
	if err != nil {
		return it, err
	}
	it.Event, d.EventID, d.Event = *restored, restored.ID, restored.Type
	l.Place(&it, state, taken, now)
	return it, nil
}

// ScanDetail reads the rest of a listed delivery: log, the columns of its content, and its event's payload.
func ScanDetail(r Row, it *delivery.Item) (detail *delivery.Detail, err error) {
	detail = &delivery.Detail{Item: *it, Attempts: ParseLog(r.Text())}
	if detail.Content, err = scanContent(r); err != nil {
		return nil, err
	}
	ev := it.Event
	ev.Payload = r.Bytes()
	detail.Event = &ev
	return detail, nil
}

// ScanEntry reads a delivery that leaves: its id, token, webhook, state, due_at, accepted_at, since, order_key, unrouted, spent, done_at,
// reason, log, the columns of its content and of its event, and payload.
func ScanEntry(r Row, now time.Time) (*delivery.Entry, error) {
	past := &delivery.Past{ID: r.Text(), Token: r.Int()}
	want := delivery.Want{Webhook: r.Text(), Past: past}
	past.State = StateOf(r.Int())
	due := r.Time()
	if past.State == delivery.Due {
		past.After = max(0, due.Sub(now))
	}
	past.Accepted, past.Since, want.OrderKey = r.Time(), r.Time(), r.Text()
	past.Unrouted, past.Spent, past.Done, past.Reason = r.Bool(), r.Int(), r.Time(), r.Text()
	past.Attempts = ParseLog(r.Text())
	var err error
	if past.Content, err = scanContent(r); err != nil {
		return nil, err
	}
	ev, err := scanWhole(r)
	return &delivery.Entry{Event: ev, Wants: []delivery.Want{want}}, err
}

// ScanTally reads how many deliveries there are, how many were tried, the oldest accepted_at and the last done_at.
func ScanTally(r Row) delivery.Tally {
	return delivery.Tally{Count: r.Int(), Tried: r.Int(), Oldest: r.Time(), Last: r.Time()}
}

// ScanStanding reads what waits in a lane, what of it is not due yet or in flight, what waits behind another delivery, and what is in
// flight.
func ScanStanding(r Row) delivery.Standing {
	waiting, ahead, behind, inFlight := r.Int(), r.Int(), r.Int(), r.Int()
	return delivery.Standing{Due: max(0, waiting-ahead-behind), Later: ahead - inFlight, Behind: behind, InFlight: inFlight}
}

// ScanOperation reads seq, at, who, what, target, count and note.
func ScanOperation(r Row) delivery.Operation {
	return delivery.Operation{
		Seq: r.Int64(), At: r.Time(), Who: r.Text(), What: r.Text(), Target: r.Text(), Count: r.Int(), Note: r.Text(),
	}
}

// CountColumns are the columns of a lane's counts, which ScanCounts reads.
const CountColumns = `waiting, dead_letters, bytes, delivered, dropped, discarded`

// ScanCounts reads CountColumns.
func ScanCounts(r Row) delivery.LaneCounts {
	return delivery.LaneCounts{
		Waiting: max(0, r.Int()), Dead: max(0, r.Int()), Bytes: max(0, r.Int64()),
		Delivered: r.Int64(), Dropped: r.Int64(), Discarded: r.Int64(),
	}
}

// LaneColumns are the columns of a lane's state, which ScanLane reads.
const LaneColumns = `failures, broken, paused_until, probe_until, closed, tokens, tokens_at, last_error, last_error_at, fuel_percent`

// ScanLane reads LaneColumns.
func ScanLane(r Row) (l Lane) {
	l.Failures, l.TransformFailures, l.PausedUntil, l.ProbeUntil, l.Closed = r.Int(), r.Int(), r.Time(), r.Time(), r.Text()
	l.Tokens, l.TokensAt, l.LastError, l.LastErrorAt, l.FuelPercent = r.Float(), r.Time(), r.Text(), r.Time(), r.Int()
	return l
}
