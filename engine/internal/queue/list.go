package queue

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// Filter selects deliveries; its zero value selects all.
type Filter struct {
	ID       string
	State    delivery.State
	Webhook  string // the identity, or the name behind its "#"
	Workflow string // the workflow's name
	Event    string // the event's type
	Since    time.Time
	Before   int64 // an [Item]'s Seq: only what was accepted before it
	Limit    int   // 0 for no bound
}

// Item is a delivery in a list.
type Item struct {
	Seq      int64
	Delivery delivery.Delivery // without its content
	Event    event.Event       // without its payload
	State    delivery.State
	Accepted time.Time
	Done     time.Time // when it got its outcome; zero if it has none
	Reason   string    // of the last attempt, or why it is dead
	Held     string    // why it is not sent though it may be due: "closed: 410 Gone", "rests for 42s", "behind its key"; "" if nothing holds it
}

// Detail is all that is known of a delivery.
type Detail struct {
	Item
	Content  *delivery.Content // that was sent or will be; nil while transforms have not made it, or if it is the event's own body
	Event    *event.Event
	Attempts []delivery.Attempt
}

// where makes the condition of a filter. now tells what is in flight.
func (f Filter) where(now time.Time) (string, []any) {
	conditions, args := []string{"d.state <> 4"}, []any{}
	add := func(condition string, values ...any) {
		conditions = append(conditions, condition)
		args = append(args, values...)
	}
	switch f.State {
	case delivery.Due:
		add("d.state IN (0, 5) AND NOT (d.owner <> 0 AND d.due_at > ?)", milli(now))
	case delivery.InFlight:
		add(`d.seq IN (SELECT f.seq FROM lanes CROSS JOIN deliveries f ON f.lane = lanes.id AND f.state = 0 AND f.due_at BETWEEN ? AND ? WHERE f.owner <> 0)`,
			milli(now)+1, milli(now.Add(MaxLease)))
	case delivery.IsDelivered:
		add("d.state = 1")
	case delivery.IsDead:
		add("d.seq IN (SELECT seq FROM deliveries WHERE state = 2 AND done_at > 0)") // few among many
	case delivery.IsDropped:
		add("d.seq IN (SELECT seq FROM deliveries WHERE state = 3 AND done_at > 0)")
	}
	if f.ID != "" {
		add("d.id >= ? AND d.id < ?", f.ID, f.ID+"\x7f") // ids are ASCII letters, digits and "_"
	}
	if f.Webhook != "" {
		add("d.lane IN (SELECT id FROM lanes WHERE webhook = ? OR webhook LIKE ? ESCAPE '\\')", f.Webhook, "%#"+likely(f.Webhook))
	}
	if f.Workflow != "" {
		add("e.workflow_name = ?", f.Workflow)
	}
	if f.Event != "" {
		add("e.type = ?", f.Event)
	}
	if !f.Since.IsZero() {
		add("d.accepted_at >= ?", milli(f.Since))
	}
	if f.Before > 0 {
		add("d.seq < ?", f.Before)
	}
	return strings.Join(conditions, " AND "), args
}

// likely is a text as LIKE takes it literally.
func likely(text string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text)
}

const itemColumns = `d.seq, d.id, l.webhook, d.state, d.due_at, d.owner, d.since, d.attempts, d.spent, d.accepted_at, d.done_at, d.reason,
  l.closed, l.paused_until, e.id, e.type, e.workflow_id, e.workflow_name, e.stamp`

const fromDeliveries = ` FROM deliveries d JOIN lanes l ON l.id = d.lane JOIN events e ON e.seq = d.event WHERE `

// fromEvents looks through the events, and for the deliveries of those that match alone; in the order of both, which is the same.
// The plus keeps SQLite from an index of its own making over all deliveries.
const fromEvents = ` FROM events e CROSS JOIN deliveries d ON d.seq BETWEEN e.first AND e.first + e.count - 1 AND +d.event = e.seq
  CROSS JOIN lanes l ON l.id = d.lane WHERE `

// looksThroughEvents says whether a filter is about what events have, and not also of a state that few deliveries are in.
func (f Filter) looksThroughEvents() bool {
	few := f.ID != "" || f.State == delivery.IsDead || f.State == delivery.IsDropped || f.State == delivery.InFlight
	return (f.Event != "" || f.Workflow != "") && !few
}

// list lists deliveries, those that were accepted last first.
func (s *store) list(now time.Time, f Filter) ([]Item, error) {
	where, args := f.where(now)
	query := `SELECT ` + itemColumns + fromDeliveries + where + ` ORDER BY d.seq DESC`
	if f.looksThroughEvents() {
		query = `SELECT ` + itemColumns + fromEvents + where + ` ORDER BY e.seq DESC, d.seq DESC`
	}
	if f.Limit > 0 {
		query += ` LIMIT ?`
		args = append(args, f.Limit)
	}
	var items []Item
	err := s.read(query, args, func(rows *sql.Rows) error {
		var item Item
		err := item.scan(rows, now)
		items = append(items, item)
		return err
	})
	return items, err
}

// scan reads a row of itemColumns, with what follows them.
func (it *Item) scan(rows *sql.Rows, now time.Time, more ...any) error {
	var state int
	var due, owner, since, accepted, done, paused int64
	var stamp, closed string
	d, e := &it.Delivery, &it.Event
	to := []any{
		&it.Seq, &d.ID, &d.Webhook, &state, &due, &owner, &since, &d.Attempts, &d.Spent, &accepted, &done, &it.Reason,
		&closed, &paused,
		&e.ID, &e.Type, &e.WorkflowID, &e.WorkflowName, &stamp,
	}
	if err := rows.Scan(append(to, more...)...); err != nil {
		return err
	}
	restored, err := event.Restore(*e, stamp)
	if err != nil {
		return err
	}
	*e = *restored
	d.EventID, d.Event, d.Due, d.Since = e.ID, e.Type, fromMilli(due), fromMilli(since)
	it.Accepted, it.Done = fromMilli(accepted), fromMilli(done)
	switch {
	case state == stateDelivered:
		it.State = delivery.IsDelivered
	case state == stateDead:
		it.State = delivery.IsDead
	case state == stateDropped:
		it.State = delivery.IsDropped
	case owner != 0 && d.Due.After(now):
		it.State = delivery.InFlight
	default:
		it.State = delivery.Due
		it.Held = held(state, closed, fromMilli(paused).Sub(now))
	}
	return nil
}

// held says why a delivery that waits is not sent; "" if nothing holds it.
func held(state int, closed string, rest time.Duration) string {
	switch {
	case closed != "":
		return "closed: " + closed
	case rest > 0:
		return "rests for " + rest.Round(time.Second).String()
	case state == stateBehind:
		return "behind its key"
	}
	return ""
}

// show returns a delivery whole.
func (s *store) show(now time.Time, id string) (*Detail, error) {
	where, args := Filter{ID: id}.where(now)
	query := `SELECT ` + itemColumns + `, d.log, d.content_type, d.header, d.url_suffix, d.body, e.payload` + fromDeliveries + where
	var found *Detail
	err := s.read(query, args, func(rows *sql.Rows) error {
		found = &Detail{}
		var log string
		var contentType, header, suffix sql.NullString
		var body, payload []byte
		if err := found.scan(rows, now, &log, &contentType, &header, &suffix, &body, &payload); err != nil {
			return err
		}
		ev := found.Item.Event
		ev.Payload = payload
		found.Event = &ev
		var err error
		if contentType.Valid {
			found.Content = &delivery.Content{Body: body, ContentType: contentType.String, URLSuffix: suffix.String}
			if header.String != "" {
				err = json.Unmarshal([]byte(header.String), &found.Content.Header)
			}
		}
		found.Attempts = parseLog(log)
		return err
	})
	if err == nil && found == nil {
		err = ErrUnknown
	}
	return found, err
}

// parseLog reads the attempts of a delivery.
func parseLog(log string) []delivery.Attempt {
	var attempts []delivery.Attempt
	for line := range strings.Lines(log) {
		var l loggedAttempt
		if json.Unmarshal([]byte(line), &l) != nil {
			continue
		}
		outcome := delivery.Dead
		for _, o := range []delivery.Outcome{delivery.Delivered, delivery.Retry} {
			if o.String() == l.Outcome {
				outcome = o
			}
		}
		attempts = append(attempts, delivery.Attempt{
			Number: l.Number, At: time.UnixMilli(l.At), Took: time.Duration(l.Took) * time.Millisecond, Status: l.Status, Outcome: outcome,
			Reason: l.Reason, Response: l.Response, RetryAfter: time.Duration(l.RetryAfter) * time.Millisecond, Free: l.Free,
		})
	}
	return attempts
}

// Change is what a replay does beside making deliveries due.
type Change struct {
	Retransform bool // what transforms made is forgotten, and made again
}

// replay makes dead letters due again, or what was delivered if the filter says so, with a new budget of attempts. They join the tail of their key.
// It ends the rest of a lane whose transforms failed: who replays has mended them, and the next probe shows it.
func (s *store) replay(now time.Time, f Filter, c Change) (int, error) {
	if f.State != delivery.IsDelivered {
		f.State = delivery.IsDead
	}
	return s.inSlices(now, f, func(seq int64) error {
		if c.Retransform {
			if err := s.st.retransform.run(seq); err != nil {
				return err
			}
		}
		if err := s.st.replay.run(milli(now), seq); err != nil {
			return err
		}
		return s.st.mended.run(seq)
	})
}

// delete forgets deliveries; their ids stay known. What is in flight is left.
func (s *store) delete(now time.Time, f Filter) (int, error) {
	if f.State == delivery.InFlight {
		return 0, errors.New("deliveries in flight cannot be deleted")
	}
	return s.inSlices(now, f, func(seq int64) error {
		if err := s.promote(now, seq, orderPatience); err != nil {
			return err
		}
		return s.strip(now, seq)
	})
}

// inSlices changes the deliveries that a filter selects, from the oldest on, some in each transaction.
func (s *store) inSlices(now time.Time, f Filter, change func(seq int64) error) (changed int, err error) {
	where, args := f.where(now)
	query := `SELECT d.seq` + fromDeliveries + where + ` AND NOT (d.state = 0 AND d.owner <> 0 AND d.due_at > ?) AND d.seq > ? ORDER BY d.seq LIMIT ?`
	var last int64
	for {
		var seqs []int64
		err := s.write(func() error {
			seqs = nil
			rows, err := s.conn.QueryContext(context.Background(), query, append(args, milli(now), last, pruneSlice)...)
			if err := each(rows, err, scanInto(&seqs)); err != nil {
				return err
			}
			for _, seq := range seqs {
				if err := change(seq); err != nil {
					return err
				}
			}
			return nil
		})
		changed += len(seqs)
		if err != nil || len(seqs) < pruneSlice || f.Limit > 0 && changed >= f.Limit {
			return changed, err
		}
		last = seqs[len(seqs)-1]
	}
}
