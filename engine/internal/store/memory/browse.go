package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// item returns a row as a list shows it.
func (r *row) item(now time.Time) delivery.Item {
	it := delivery.Item{Seq: r.seq, Delivery: r.d, Event: *r.event, State: r.state, Accepted: r.accepted, Done: r.done, Reason: r.reason}
	it.Delivery.Content, it.Event.Payload = delivery.Content{}, nil
	switch {
	case r.state != delivery.Due:
	case r.inFlight(now):
		it.State = delivery.InFlight
	default:
		it.Held = r.lane.Held(&it, now, r.behind)
	}
	return it
}

func (r *row) matches(f delivery.Filter, now time.Time) bool {
	state := r.state
	if state == delivery.Due && r.inFlight(now) {
		state = delivery.InFlight
	}
	return strings.HasPrefix(r.d.ID, f.ID) && (f.State == "" || f.State == state) &&
		(f.Webhook == "" || store.IsCalled(r.d.Webhook, f.Webhook)) &&
		(f.Workflow == "" || f.Workflow == r.event.WorkflowName) && (f.Event == "" || f.Event == r.event.Type) &&
		(f.Run == "" || f.Run == r.event.WorkflowID) && (f.Source == "" || f.Source == r.event.Source) &&
		(f.Reason == "" || f.Reason == r.reason) && r.mentions(store.LowerASCII(f.Text)) &&
		(f.Until.IsZero() || !r.done.IsZero() && !r.done.After(f.Until)) &&
		!r.accepted.Before(f.Since) && (f.Before == 0 || r.seq < f.Before) && r.seq > f.After
}

// mentions reports whether a lower-case text occurs in the searchable texts of a row.
func (r *row) mentions(text string) bool {
	return slices.ContainsFunc([]string{r.d.ID, r.reason, r.event.ID, r.event.WorkflowID}, func(in string) bool {
		return strings.Contains(store.LowerASCII(in), text)
	})
}

// selected returns the rows that a filter selects, the oldest first.
func (s *Store) selected(f delivery.Filter, now time.Time) (rows []*row) {
	for _, r := range s.rows {
		if r.matches(f, now) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b *row) int { return cmp.Compare(a.seq, b.seq) })
	return rows
}

// List implements [store.Browser].
func (s *Store) List(ctx context.Context, f delivery.Filter) (items []delivery.Item, err error) {
	err = s.do(ctx, func(now time.Time) {
		for _, r := range slices.Backward(s.selected(f, now)) {
			if f.Limit > 0 && len(items) == f.Limit {
				break
			}
			items = append(items, r.item(now))
		}
	})
	return items, err
}

// Show implements [store.Browser].
func (s *Store) Show(ctx context.Context, id string) (found *delivery.Detail, err error) {
	err = s.do(ctx, func(now time.Time) {
		if r := s.rows[id]; r != nil {
			found = &delivery.Detail{Item: r.item(now), Event: r.event, Content: r.content(), Attempts: slices.Clone(r.attempts)}
		}
	})
	if err == nil && found == nil {
		err = fmt.Errorf("%s: %w", id, store.ErrUnknown)
	}
	return found, err
}

// Replay implements [store.Browser]. Replayed deliveries join the tail of their key.
func (s *Store) Replay(ctx context.Context, f delivery.Filter, c delivery.Change) (int, error) {
	if f.State == delivery.Due {
		return s.change(ctx, f, func(now time.Time, r *row) { r.setDue(now, r.taken) })
	}
	f.State = store.Replayable(f.State)
	return s.change(ctx, f, func(now time.Time, r *row) {
		if c.Retransform {
			s.grow(r, -int64(len(r.d.Body)))
			r.d.Content, r.made = delivery.Content{}, false
		}
		if r.state == delivery.IsDead {
			r.lane.Dead--
		}
		r.d.Since, r.d.Spent, r.done = now, 0, time.Time{}
		r.token++
		r.wait(now)
		r.lane.Replayed()
	})
}

// Delete implements [store.Browser].
func (s *Store) Delete(ctx context.Context, f delivery.Filter) (int, error) {
	if f.State == delivery.InFlight {
		return 0, errors.New("deliveries in flight cannot be deleted")
	}
	return s.change(ctx, f, func(now time.Time, r *row) {
		next := r.nextOfKey(now.Add(-store.OrderPatience))
		s.strip(now, r)
		next.promote(now)
	})
}

// change changes the selected rows that are not in flight, the oldest first.
func (s *Store) change(ctx context.Context, f delivery.Filter, change func(now time.Time, r *row)) (n int, err error) {
	err = s.do(ctx, func(now time.Time) {
		for _, r := range s.selected(f, now) {
			if f.Limit > 0 && n == f.Limit {
				break
			}
			if !r.inFlight(now) && !r.moving {
				change(now, r)
				n++
			}
		}
	})
	return n, err
}

// Move implements [store.Browser].
func (s *Store) Move(ctx context.Context, from, to string) (n int, err error) {
	if from == to {
		return 0, nil
	}
	err = s.do(ctx, func(now time.Time) {
		for _, r := range s.movable(from, now) {
			n++
			due, taken, state := r.d.Due, r.taken, r.state
			r.leave()
			r.lane.Bytes -= r.size
			if state == delivery.IsDead {
				r.lane.Dead--
			}
			r.lane, r.d.Webhook = s.laneOf(to), to
			r.lane.Bytes += r.size
			if state == delivery.IsDead {
				r.lane.Dead++
				continue
			}
			r.wait(due)
			if taken && due.After(now) { // deliveries in flight stay in flight
				if r.behind {
					r.promote(due)
				}
				r.setDue(due, true)
			}
		}
	})
	return n, err
}

// movable returns the deliveries that wait for a webhook and its dead letters, the oldest first, but those of a key in its order.
func (s *Store) movable(webhook string, now time.Time) (rows []*row) {
	seen := map[*key]bool{}
	for _, r := range s.selected(delivery.Filter{}, now) {
		k := r.lane.keys[r.orderKey]
		switch {
		case r.d.Webhook != webhook || r.state != delivery.Due && r.state != delivery.IsDead:
		case r.state == delivery.IsDead || k == nil:
			rows = append(rows, r)
		case !seen[k]:
			seen[k] = true
			rows = append(rows, k.rows...)
		}
	}
	return slices.DeleteFunc(rows, func(r *row) bool { return r.moving })
}

// ChangeLanes implements [store.Browser].
func (s *Store) ChangeLanes(ctx context.Context, webhook string, change store.LaneChange) (n int, err error) {
	err = s.do(ctx, func(now time.Time) {
		for identity, l := range s.lanes {
			if store.IsCalled(identity, webhook) {
				change(&l.Lane, now)
				s.changed(l, true)
				n++
			}
		}
	})
	return n, err
}
