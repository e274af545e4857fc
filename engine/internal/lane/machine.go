package lane

import (
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Bounds of the claims that a lane has ready. docs/config.md names them.
const (
	maxReadyLane = 8192     // deliveries
	maxReady     = 12 << 20 // bytes, of all lanes
	firstPace    = 50 * time.Millisecond
)

// machine decides what a lane does. It is a pure state machine: step depends only on its arguments and on earlier steps,
// and it does nothing but return actions. One goroutine owns it.
type machine struct {
	lane        delivery.Lane
	maxInFlight int

	ready     []*delivery.Claim // the one that has been due longest comes first
	running   int               // attempts that are being made
	unsettled int               // outcomes that are not committed yet
	claiming  bool              // a claim is under way
	stale     bool              // the claim under way began before the lane had to pause
	more      bool              // the store has more deliveries that are due
	look      time.Time         // when the store may have something due; zero if unknown
	seen      store.Lane        // breaker and pause, as far as this lane's own attempts show
	pace      time.Duration
	stopped   bool    // no attempt may begin
	spare     actions // performed ones, whose memory the next step uses
}

// crowded says that the lanes together hold about maxReady bytes.
type crowded bool

// The events of a lane.
type (
	given    []*delivery.Claim // accepted, and claimed for the lane
	lookAt   time.Time         // the store may have something due at this time
	finished struct {          // an attempt ended
		settlement delivery.Settlement
		lost       bool // the claim was lost before the attempt: there is no attempt and nothing to settle
	}
	settled []end    // outcomes are committed, or never will be
	claimed struct { // a claim returned
		claims []*delivery.Claim
		asked  int
		next   time.Duration
		err    error
	}
	rest struct{} // the store says that the lane is closed or paused
	tick struct{} // it is time to look
	stop struct{} // the lane ends or was replaced
)

// end is an outcome that was to be committed.
type end struct {
	settlement *delivery.Settlement
	failed     bool
}

// actions says what to do after a step, in this order.
type actions struct {
	settle []delivery.Settlement
	start  []*delivery.Claim
	claim  int       // how many to claim; 0 for none
	freed  int64     // bytes of claims that are no longer ready
	wake   time.Time // when the next step is needed at the latest; zero for never
}

func newMachine(lane delivery.Lane, maxInFlight int) *machine {
	return &machine{lane: lane, maxInFlight: maxInFlight, pace: firstPace}
}

// step notes an event and returns what to do.
func (m *machine) step(event any, now time.Time, full crowded) (do actions) {
	do.settle, do.start = m.spare.settle[:0], m.spare.start[:0]
	m.spare = actions{}
	switch e := event.(type) {
	case given:
		m.add(e)
		if !m.seen.MaySend(now) || m.stopped {
			m.giveBack(now, &do)
		}
	case lookAt:
		m.lookAt(time.Time(e))
	case finished:
		m.finish(e, now, &do)
	case settled:
		m.settled(e, now)
	case claimed:
		m.claimed(e, now, &do)
	case rest:
		m.pause(now, &do)
	case stop:
		m.stopped = true
		m.giveBack(now, &do)
	}
	m.unsettled += len(do.settle)
	m.plan(now, full, &do)
	return do
}

// performed takes back the memory of actions that were performed, unless they were unusually many.
func (m *machine) performed(do *actions) {
	if max(cap(do.settle), cap(do.start)) > 2*m.maxInFlight {
		return
	}
	clear(do.settle) // it holds no deliveries
	clear(do.start)
	m.spare.settle, m.spare.start = do.settle, do.start
}

// finish notes how an attempt ended. If the lane must pause, the claims that it has not begun go back, after the outcome
// that made it pause.
func (m *machine) finish(e finished, now time.Time, do *actions) {
	m.running--
	if e.lost {
		return
	}
	st := &e.settlement
	if st.Attempt != nil {
		m.pace += (st.Attempt.Took - m.pace) / 8
	}
	m.seen.Settle(now, st, st.Claim.Until)
	do.settle = append(do.settle, e.settlement)
	if !m.seen.MaySend(now) {
		m.pause(now, do)
	}
}

// pause gives back what is ready, and what is being claimed: the store may make the claim before it knows of the pause.
func (m *machine) pause(now time.Time, do *actions) {
	m.stale = m.claiming
	m.giveBack(now, do)
}

// settled notes committed outcomes, after which other claims may be due.
func (m *machine) settled(ends []end, now time.Time) {
	m.unsettled -= len(ends)
	for _, e := range ends {
		st := e.settlement
		if e.failed {
			continue
		}
		if st.Outcome == delivery.Retry {
			m.lookAt(now.Add(st.After))
		}
		if letsStart(m.lane, st.Claim) {
			m.lookAt(now)
		}
	}
}

// letsStart reports whether a lane's other deliveries may have to wait until a claim has its outcome.
func letsStart(lane delivery.Lane, c *delivery.Claim) bool {
	return c.Probe || c.OrderKey != "" || lane.Total > 0
}

// claimed takes claims from the store. Claims that the store made before it knew that the lane must pause go back.
func (m *machine) claimed(e claimed, now time.Time, do *actions) {
	stale := m.stale
	m.claiming, m.stale = false, false
	if e.err != nil {
		m.more = false // until a look from outside
		return
	}
	m.more = len(e.claims) == e.asked
	m.add(e.claims)
	switch {
	case m.stopped, stale, !m.seen.MaySend(now) && m.unsettled > 0:
		m.giveBack(now, do)
		m.lookAt(now)
	case !m.more && e.next != store.Never:
		m.lookAt(now.Add(max(e.next, time.Millisecond)))
	}
}

// plan starts the attempts that may start, and claims what is worth claiming.
func (m *machine) plan(now time.Time, full crowded, do *actions) {
	if m.stopped {
		return
	}
	for m.running < m.maxInFlight && len(m.ready) > 0 {
		do.start = append(do.start, m.next(do))
		m.running++
	}
	due := !m.look.IsZero() && !m.look.After(now)
	uncertain := !m.seen.MaySend(now) && m.unsettled > 0 // the store does not know why yet: wait until the outcome is committed
	if n := m.capacity(full) - len(m.ready); n > 0 && !m.claiming && !uncertain && (due || m.wantsMore(full)) {
		if due {
			m.look, m.more = time.Time{}, true
		}
		m.claiming, do.claim = true, n
	}
	if m.look.After(now) {
		do.wake = m.look
	}
}

// sharedAhead is how much work a lane claims ahead if other machines could do that work.
const sharedAhead = 500 * time.Millisecond

// capacity returns how many deliveries the lane may have ready: as many as it starts in a third of a lease.
func (m *machine) capacity(full crowded) int {
	if bool(full) || m.lane.Rate > 0 || m.lane.Total > 0 { // claim only what can begin at once, since the limit is shared by all processes
		return m.maxInFlight
	}
	ahead, least := m.lane.Lease/3, 4*m.maxInFlight
	if m.lane.Shared {
		ahead, least = min(ahead, sharedAhead), m.maxInFlight
	}
	starts := m.maxInFlight * int(ahead/max(m.pace, time.Millisecond))
	return max(least, min(starts, maxReadyLane))
}

// room returns how many deliveries Accept may claim for the lane. It leaves room for deliveries that are due again.
func (m *machine) room(now time.Time, full crowded) int {
	if m.stopped || m.lane.Rate > 0 || m.lane.Total > 0 || bool(full) || !m.seen.MaySend(now) {
		return 0
	}
	return max(0, m.capacity(full)-2*m.maxInFlight-len(m.ready))
}

// wantsMore reports whether it is worth claiming what the store has due: many deliveries at once.
func (m *machine) wantsMore(full crowded) bool { return m.more && len(m.ready) <= m.capacity(full)/4 }

func (m *machine) lookAt(at time.Time) {
	if m.look.IsZero() || at.Before(m.look) {
		m.look = at
	}
}

// add makes claims ready. Of claims that are due equally long, the first to arrive goes first.
func (m *machine) add(claims []*delivery.Claim) {
	order := func(a, b *delivery.Claim) int { return a.Delivery.Due.Compare(b.Delivery.Due) }
	slices.SortStableFunc(claims, order)
	old, n := m.ready, len(m.ready)
	if n == 0 || len(claims) == 0 || order(old[n-1], claims[0]) <= 0 { // nearly always
		m.ready = append(old, claims...)
		return
	}
	m.ready = make([]*delivery.Claim, 0, n+len(claims))
	for len(old) > 0 && len(claims) > 0 {
		from := &old
		if order(old[0], claims[0]) > 0 {
			from = &claims
		}
		m.ready, *from = append(m.ready, (*from)[0]), (*from)[1:]
	}
	m.ready = append(append(m.ready, old...), claims...)
}

// next takes the claim that has been due longest.
func (m *machine) next(do *actions) *delivery.Claim {
	c := m.ready[0]
	m.ready[0], m.ready = nil, m.ready[1:]
	do.freed += weight(c)
	return c
}

// giveBack settles claims that were not begun. They stay due and keep their place.
func (m *machine) giveBack(now time.Time, do *actions) {
	for len(m.ready) > 0 {
		c := m.next(do)
		do.settle = append(do.settle, delivery.Settlement{Claim: c, Outcome: delivery.Retry, GivenBack: true, After: c.Delivery.Due.Sub(now)})
	}
}
