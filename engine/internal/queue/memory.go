package queue

import (
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// Bounds of the queue in memory. They stand in docs/config.md.
const (
	MemorySize = 16 << 20 // bytes of events and deliveries
	memoryIDs  = 131_072  // the last delivery ids that are known again

	deliverySize = 320 // about what a delivery holds beside its event
)

// Memory is a queue that lives as long as the process.
type Memory struct {
	mu     sync.Mutex
	lanes  map[string]*due
	flight map[string]*item // by delivery id
	ids    idSet
	size   int
	seq    int64
	room   chan struct{} // closed when something leaves; nil if nobody waits
	closed bool
}

// item is a delivery in memory.
type item struct {
	Claim
	seq  int64 // the order of acceptance
	size int
}

// NewMemory returns an empty queue.
func NewMemory() *Memory {
	return &Memory{lanes: map[string]*due{}, flight: map[string]*item{}, ids: newIDSet(memoryIDs)}
}

func (m *Memory) Accept(ctx context.Context, ev event.Event, deliveries []delivery.Delivery) (known int, err error) {
	size := ev.Size() + len(deliveries)*deliverySize
	m.mu.Lock()
	defer m.mu.Unlock()
	for m.size+size > MemorySize && m.size > 0 && !m.closed {
		if err := m.waitForRoom(ctx); err != nil {
			return 0, err
		}
	}
	if m.closed {
		return 0, ErrClosed
	}
	for _, d := range deliveries {
		if !m.ids.add(d.ID) {
			known++
			continue
		}
		lane := m.lanes[d.Webhook]
		if lane == nil {
			lane = &due{}
			m.lanes[d.Webhook] = lane
		}
		m.seq++
		it := &item{Claim: Claim{Delivery: d, Event: &ev}, seq: m.seq, size: size / len(deliveries)}
		m.size += it.size
		heap.Push(lane, it)
	}
	return known, nil
}

// waitForRoom waits, without the lock, until something left the queue.
func (m *Memory) waitForRoom(ctx context.Context) error {
	if m.room == nil {
		m.room = make(chan struct{})
	}
	room := m.room
	m.mu.Unlock()
	defer m.mu.Lock()
	select {
	case <-room:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrFull, context.Cause(ctx))
	}
}

func (m *Memory) Claim(_ context.Context, webhook string, now time.Time, n int) ([]Claim, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lane := m.lanes[webhook]
	if lane == nil || m.closed {
		return nil, nil
	}
	var claims []Claim
	for len(claims) < n && lane.Len() > 0 && !(*lane)[0].Delivery.Due.After(now) {
		it := heap.Pop(lane).(*item)
		m.flight[it.Delivery.ID] = it
		claims = append(claims, it.Claim)
	}
	return claims, nil
}

func (m *Memory) Settle(_ context.Context, settlements ...Settlement) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range settlements {
		it := m.flight[s.Delivery.ID]
		if it == nil {
			return fmt.Errorf("delivery %s is not in flight", s.Delivery.ID)
		}
		delete(m.flight, s.Delivery.ID)
		if s.Outcome == delivery.Retry {
			grown := len(s.Delivery.Body) - len(it.Delivery.Body)
			it.size += grown
			m.size += grown
			it.Delivery = s.Delivery
			heap.Push(m.lanes[s.Delivery.Webhook], it)
			continue
		}
		m.size -= it.size
		m.makeRoom()
	}
	return nil
}

// makeRoom wakes those that wait for room.
func (m *Memory) makeRoom() {
	if m.room != nil {
		close(m.room)
		m.room = nil
	}
}

func (m *Memory) NextDue(_ context.Context, webhook string) (time.Time, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	lane := m.lanes[webhook]
	if lane == nil || lane.Len() == 0 || m.closed {
		return time.Time{}, false, nil
	}
	return (*lane)[0].Delivery.Due, true, nil
}

func (m *Memory) Left(context.Context) (Left, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	left := Left{InFlight: len(m.flight)}
	for _, lane := range m.lanes {
		if lane.Len() == 0 {
			continue
		}
		left.Waiting += lane.Len()
		if first := (*lane)[0].Delivery.Due; left.Waiting == lane.Len() || first.Before(left.Next) {
			left.Next = first
		}
	}
	return left, nil
}

// Close ends the queue; those that wait for room get ErrClosed.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.makeRoom()
	return nil
}

// due is a heap of deliveries: the one that is due first on top, in the order of acceptance where they are equal.
type due []*item

func (d due) Len() int { return len(d) }
func (d due) Less(i, j int) bool {
	a, b := d[i], d[j]
	if !a.Delivery.Due.Equal(b.Delivery.Due) {
		return a.Delivery.Due.Before(b.Delivery.Due)
	}
	return a.seq < b.seq
}
func (d due) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *due) Push(x any)   { *d = append(*d, x.(*item)) }
func (d *due) Pop() any {
	last := len(*d) - 1
	it := (*d)[last]
	(*d)[last] = nil
	*d = (*d)[:last]
	return it
}

// idSet remembers the last ids that were added.
type idSet struct {
	known map[[idLen]byte]struct{}
	ring  [][idLen]byte
	next  int
}

const idLen = 26 // of a delivery id, behind its prefix

func newIDSet(capacity int) idSet {
	return idSet{known: map[[idLen]byte]struct{}{}, ring: make([][idLen]byte, 0, capacity)}
}

// add says false if the id is there already.
func (s *idSet) add(id string) bool {
	var key [idLen]byte
	copy(key[:], id[len(id)-min(len(id), idLen):])
	if _, known := s.known[key]; known {
		return false
	}
	s.known[key] = struct{}{}
	if len(s.ring) < cap(s.ring) {
		s.ring = append(s.ring, key)
		return true
	}
	delete(s.known, s.ring[s.next])
	s.ring[s.next] = key
	s.next = (s.next + 1) % len(s.ring)
	return true
}
