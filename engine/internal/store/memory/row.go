package memory

import (
	"container/heap"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// row is a delivery.
type row struct {
	seq      int64
	d        delivery.Delivery // of a row in flight, Due is the end of its lease
	event    *event.Event
	lane     *lane
	orderKey string
	state    delivery.State // Due for all waiting rows
	behind   bool           // waits for another row of its key
	taken    bool           // in flight, until it is due
	token    int64          // counts the leases
	accepted time.Time
	done     time.Time
	reason   string
	unrouted bool
	foreign  bool // another process accepted it
	made     bool // transforms made the content
	moving   bool // to another store: see [Store.Pack]
	flies    bool // it is in its lane's flight
	attempts []delivery.Attempt
	size     int64
	index    int  // in its lane's due; -1 if it is not there
	before   *row // in flight
	after    *row // in flight
}

// lane is the store's record of a webhook.
type lane struct {
	store.Lane
	delivery.LaneCounts // without Unstored
	webhook             string
	due                 rowHeap
	flight              flight
	keys                map[string]*key

	version  int64 // of the store at the lane's last change
	unshared bool  // see [Store.Unshared]
}

// key holds the waiting deliveries of an order key.
type key struct {
	rows    []*row    // in order: those that are due or behind
	outside time.Time // another store has a delivery of the key in flight until then
}

// content returns what transforms made; nil if they made nothing.
func (r *row) content() *delivery.Content {
	if !r.made {
		return nil
	}
	content := r.d.Content
	return &content
}

func (r *row) inFlight(now time.Time) bool { return r.taken && r.d.Due.After(now) }

// wait makes a row wait: due at a time, or behind another one of its key.
func (r *row) wait(due time.Time) {
	r.state, r.taken, r.d.Due = delivery.Due, false, due
	r.lane.Waiting++
	if r.orderKey != "" {
		k := r.lane.key(r.orderKey)
		r.behind = len(k.rows) > 0
		k.rows = append(k.rows, r)
	}
	if !r.behind {
		heap.Push(&r.lane.due, r)
	}
}

// leave removes a row from the waiting ones, if it is one of them.
func (r *row) leave() {
	if r.state != delivery.Due {
		return
	}
	r.lane.Waiting--
	r.unqueue()
	if k := r.lane.keys[r.orderKey]; k != nil {
		k.rows = slices.DeleteFunc(k.rows, func(o *row) bool { return o == r })
		if len(k.rows) == 0 && k.outside.IsZero() {
			delete(r.lane.keys, r.orderKey)
		}
	}
	r.behind, r.taken, r.moving = false, false, false
}

// unqueue removes a row from those that can be claimed, now or when its lease ends. It returns false if it was not one of them.
func (r *row) unqueue() bool {
	switch {
	case r.flies:
		r.lane.flight.remove(r)
	case r.index >= 0:
		heap.Remove(&r.lane.due, r.index)
	default:
		return false
	}
	return true
}

// setDue changes when a row is due; if taken is set, it is in flight until then.
func (r *row) setDue(at time.Time, taken bool) {
	queued := r.unqueue()
	r.d.Due, r.taken = at, taken
	switch {
	case !queued:
	case taken:
		r.lane.flight.add(r)
	default:
		heap.Push(&r.lane.due, r)
	}
}

// nextOfKey returns the row that is next behind a row of its key. It returns nil if there is none, or if another row holds
// the key that has waited only since a time after since.
func (r *row) nextOfKey(since time.Time) *row {
	k := r.lane.keys[r.orderKey]
	if k == nil {
		return nil
	}
	var next *row
	for _, o := range k.rows {
		switch {
		case o.behind && o != r && next == nil:
			next = o
		case !o.behind && o != r && o.d.Since.After(since):
			return nil
		}
	}
	return next
}

// promote makes a row claimable that was not: one behind another, or one that was moving. The row may be nil.
func (r *row) promote(at time.Time) {
	if r == nil || r.moving {
		return
	}
	r.behind, r.d.Due = false, at
	heap.Push(&r.lane.due, r)
}

// inFlight returns how many of the lane's deliveries are in flight.
func (l *lane) inFlight(now time.Time) (n int) {
	for r := l.flight.first; r != nil; r = r.after {
		if r.inFlight(now) {
			n++
		}
	}
	return n
}

// land makes the rows claimable whose leases have ended.
func (l *lane) land(now time.Time) {
	for r := l.flight.first; r != nil && !r.inFlight(now); r = l.flight.first {
		l.flight.remove(r)
		heap.Push(&l.due, r)
	}
}

// next returns when the next row is due or the next lease ends, and false if there is neither.
func (l *lane) next() (at time.Time, known bool) {
	if l.flight.first != nil {
		at, known = l.flight.first.d.Due, true
	}
	if len(l.due) > 0 && (!known || l.due[0].d.Due.Before(at)) {
		at, known = l.due[0].d.Due, true
	}
	return at, known
}

func (l *lane) key(name string) *key {
	k := l.keys[name]
	if k == nil {
		k = &key{}
		l.keys[name] = k
	}
	return k
}

// busy reports whether another delivery of a row's key is in flight.
func (l *lane) busy(now time.Time, r *row) bool {
	k := l.keys[r.orderKey]
	return r.orderKey != "" && k != nil && (k.outside.After(now) || k.inFlight(now, r))
}

func (k *key) inFlight(now time.Time, beside *row) bool {
	return slices.ContainsFunc(k.rows, func(o *row) bool { return o != beside && o.inFlight(now) })
}

// flight lists the rows in flight. The lease that ends first comes first.
type flight struct{ first, last *row }

// add adds a row. The leases of a lane are equally long, so a row nearly always belongs at the end.
func (f *flight) add(r *row) {
	before := f.last
	for before != nil && before.d.Due.After(r.d.Due) {
		before = before.before
	}
	after := f.first
	if before != nil {
		after = before.after
	}
	f.link(before, r)
	f.link(r, after)
	r.flies = true
}

func (f *flight) remove(r *row) {
	f.link(r.before, r.after)
	r.flies, r.before, r.after = false, nil, nil
}

// link makes two rows neighbours. Nil is the end of the list.
func (f *flight) link(a, b *row) {
	if a == nil {
		f.first = b
	} else {
		a.after = b
	}
	if b == nil {
		f.last = a
	} else {
		b.before = a
	}
}

// rowHeap is a heap of rows that can be claimed. The row that is due first comes first.
type rowHeap []*row

func (h rowHeap) Len() int { return len(h) }

func (h rowHeap) Less(i, j int) bool {
	order := h[i].d.Due.Compare(h[j].d.Due)
	return order < 0 || order == 0 && h[i].seq < h[j].seq
}

func (h rowHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *rowHeap) Push(x any) {
	r := x.(*row)
	r.index = len(*h)
	*h = append(*h, r)
}

func (h *rowHeap) Pop() any {
	old := *h
	r := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	r.index = -1
	return r
}

// finals lists rows by outcome time, the oldest first. Some may have another outcome by now.
type finals struct{ list []finalRow }

type finalRow struct {
	row  *row
	done time.Time
}

// add adds a row that got its outcome. Before the list grows, it drops the rows that have another outcome by now.
func (f *finals) add(r *row) {
	if len(f.list) == cap(f.list) {
		f.list = slices.DeleteFunc(f.list, func(old finalRow) bool { return !old.holds(r.state) })
	}
	f.list = append(f.list, finalRow{r, r.done})
}

// holds reports whether the row still has the outcome.
func (f finalRow) holds(state delivery.State) bool {
	return f.row.state == state && f.row.done.Equal(f.done)
}

// oldest returns the row that got the outcome first, or nil.
func (f *finals) oldest(state delivery.State) *row {
	for ; len(f.list) > 0; f.list = f.list[1:] {
		if first := f.list[0]; first.holds(state) {
			return first.row
		}
		f.list[0] = finalRow{} // release the row's memory
	}
	return nil
}
