package view

import (
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// Bounds of a process's memory of events, which docs/serve.md lists.
const (
	maxCounted  = 1000    // webhooks with counts of their own
	maxTimes    = 256     // attempts of a webhook whose times are kept
	maxEvents   = 500     // events
	maxEventLen = 4 << 20 // bytes of all events together
)

// Outcomes counts the outcomes of attempts and transforms.
type Outcomes struct {
	Delivered int `json:"delivered"`
	Retried   int `json:"retried"`
	Dead      int `json:"dead"`
	Dropped   int `json:"dropped"`
}

func (o *Outcomes) add(by Outcomes) {
	o.Delivered, o.Retried, o.Dead, o.Dropped = o.Delivered+by.Delivered, o.Retried+by.Retried, o.Dead+by.Dead, o.Dropped+by.Dropped
}

// Sum returns their number.
func (o Outcomes) Sum() int { return o.Delivered + o.Retried + o.Dead + o.Dropped }

// ring counts outcomes in steps of time, one per slot.
type ring struct {
	step  time.Duration
	last  int64 // the number of the current step
	slots []Outcomes
}

func newRing(step time.Duration, n int) ring { return ring{step: step, slots: make([]Outcomes, n)} }

// at empties expired slots and returns the current one.
func (r *ring) at(now time.Time) *Outcomes {
	n, size := now.UnixNano()/int64(r.step), int64(len(r.slots))
	for i := max(r.last+1, n-size+1); i <= n; i++ {
		r.slots[i%size] = Outcomes{}
	}
	r.last = max(r.last, n)
	return &r.slots[r.last%size]
}

// series returns the slots, the oldest first.
func (r *ring) series(now time.Time) []Outcomes {
	r.at(now)
	next := (r.last + 1) % int64(len(r.slots))
	return slices.Concat(r.slots[next:], r.slots[:next])
}

func (r *ring) sum(now time.Time, slots int) (sum Outcomes) {
	all := r.series(now)
	for _, o := range all[len(all)-slots:] {
		sum.add(o)
	}
	return sum
}

// counted holds the counts of a webhook.
type counted struct {
	seconds, minutes, hours ring
	times                   []time.Duration // of its last attempts
	next                    int             // index into times
}

// EventSeen is a recent event.
type EventSeen struct {
	At    time.Time   `json:"at"`
	Fate  engine.Fate `json:"fate"`
	Event event.Event `json:"event"`
}

// Seen remembers what this process saw happen since it started: counts by webhook, and the last events. It forgets old
// ones.
type Seen struct {
	since    time.Time
	now      func() time.Time
	revision atomic.Int64

	mu     sync.Mutex
	of     map[string]*counted // by the webhook's identity
	events []EventSeen         // the oldest first
	size   int                 // bytes of the events
}

// NewSeen returns an empty Seen.
func NewSeen() *Seen { return &Seen{since: time.Now(), now: time.Now, of: map[string]*counted{}} }

// Revision returns a number that changes when something happens.
func (s *Seen) Revision() int64 { return s.revision.Load() }

// Changed notes that something happened.
func (s *Seen) Changed() { s.revision.Add(1) }

// Observer returns an observer that also calls next.
func (s *Seen) Observer(next engine.Observer) engine.Observer {
	told := next
	told.Settled = func(webhook string, st *delivery.Settlement) {
		s.settled(st)
		if next.Settled != nil {
			next.Settled(webhook, st)
		}
	}
	told.Accepted = func(webhook string) {
		s.Changed()
		if next.Accepted != nil {
			next.Accepted(webhook)
		}
	}
	told.Event = func(ev *event.Event, fate engine.Fate) {
		s.Event(ev, fate)
		if next.Event != nil {
			next.Event(ev, fate)
		}
	}
	return told
}

// Event notes an event that came.
func (s *Seen) Event(ev *event.Event, fate engine.Fate) {
	s.Changed()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, EventSeen{s.now(), fate, *ev})
	s.size += ev.Size()
	for len(s.events) > maxEvents || s.size > maxEventLen {
		s.size -= s.events[0].Event.Size()
		s.events = slices.Delete(s.events, 0, 1)
	}
}

// Events lists the last events that came, the last one first.
func (s *Seen) Events() []EventSeen {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.events)
	slices.Reverse(list)
	return list
}

func (s *Seen) settled(st *delivery.Settlement) {
	var o Outcomes
	switch st.Outcome {
	case delivery.Delivered:
		o.Delivered = 1
	case delivery.Retry:
		o.Retried = 1
	case delivery.Dead:
		o.Dead = 1
	case delivery.Dropped:
		o.Dropped = 1
	}
	s.Changed()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.of[st.Claim.Delivery.Webhook]
	if c == nil {
		if len(s.of) >= maxCounted {
			return
		}
		c = &counted{seconds: newRing(time.Second, 60), minutes: newRing(time.Minute, 60), hours: newRing(time.Hour, 24)}
		s.of[st.Claim.Delivery.Webhook] = c
	}
	now := s.now()
	for _, r := range []*ring{&c.seconds, &c.minutes, &c.hours} {
		r.at(now).add(o)
	}
	if st.Attempt == nil {
		return
	}
	if len(c.times) < maxTimes {
		c.times = append(c.times, st.Attempt.Took)
		return
	}
	c.times[c.next] = st.Attempt.Took
	c.next = (c.next + 1) % maxTimes
}

// Lately says what happened to a webhook's deliveries lately, as far as this process attempted them.
type Lately struct {
	Minute Outcomes      `json:"last_minute"`
	Hour   Outcomes      `json:"last_hour"`
	Day    Outcomes      `json:"last_day"`
	Bars   []Outcomes    `json:"minutes"`      // the last hour by minute, the oldest first
	Rate   float64       `json:"rate"`         // outcomes per second, in the last ten seconds
	P50    time.Duration `json:"p50,omitzero"` // of the duration of the last attempts
	P95    time.Duration `json:"p95,omitzero"`
}

func (l *Lately) add(by *Lately) {
	l.Minute.add(by.Minute)
	l.Hour.add(by.Hour)
	l.Day.add(by.Day)
	l.Rate += by.Rate
	if l.Bars == nil {
		l.Bars = make([]Outcomes, len(by.Bars))
	}
	for i, bar := range by.Bars {
		l.Bars[i].add(bar)
	}
}

// lately returns what was seen of a webhook; the zero value with empty bars if nothing was.
func (s *Seen) lately(webhook string) Lately {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.of[webhook]
	if c == nil {
		return Lately{Bars: make([]Outcomes, 60)}
	}
	now := s.now()
	l := Lately{Minute: c.seconds.sum(now, 60), Hour: c.minutes.sum(now, 60), Day: c.hours.sum(now, 24), Bars: c.minutes.series(now)}
	l.Rate = float64(c.seconds.sum(now, 10).Sum()) / 10
	if times := slices.Sorted(slices.Values(c.times)); len(times) > 0 {
		l.P50, l.P95 = times[len(times)/2], times[len(times)*95/100]
	}
	return l
}
