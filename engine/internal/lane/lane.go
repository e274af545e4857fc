package lane

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
)

// Options say what a lane delivers, and how.
type Options struct {
	Name        string // of the webhook, for the log
	Lane        delivery.Lane
	MaxInFlight int

	// Attempt makes the next attempt of a claim and returns its settlement. Up to MaxInFlight goroutines call it at once.
	Attempt func(ctx context.Context, claim *delivery.Claim) delivery.Settlement
	// Close is called once, after the last attempt.
	Close func()
}

// lane delivers for one webhook. One goroutine, run, owns its machine; others send it events.
type lane struct {
	Options
	*shared
	settle func(outcome)
	closes sync.Once
	room   atomic.Int64 // deliveries that Accept may claim for the lane; see machine.room
	ready  atomic.Int64 // deliveries that the lane has and has not begun
	begun  atomic.Int64 // attempts so far

	mu      sync.Mutex
	inbox   []any // events: at most the claims that the lane has, their outcomes, and looks between them
	runs    bool  // a goroutine takes the events
	retired bool  // replaced or removed: the current run is its last
	gone    bool  // takes no more events
	posted  chan struct{}

	machine *machine // owned by run, like the fields below

	begin   chan *delivery.Claim // to the workers; nil if there are none
	workers int
}

func newLane(o Options, s *shared, settle func(outcome)) *lane {
	l := &lane{Options: o, shared: s, settle: settle, posted: make(chan struct{}, 1), machine: newMachine(o.Lane, o.MaxInFlight)}
	l.publish()
	return l
}

// post sends the lane an event. It never blocks. It returns false if the lane takes no more.
func (l *lane) post(event any) bool {
	l.mu.Lock()
	if l.gone {
		l.mu.Unlock()
		return false
	}
	l.inbox = appendTo(l.inbox, event)
	l.mu.Unlock()
	select {
	case l.posted <- struct{}{}:
	default:
	}
	return true
}

// appendTo appends an event to an inbox. It merges looks that follow each other: while the lane does not run, there may be
// one for each event that is accepted.
func appendTo(inbox []any, event any) []any {
	if at, isLook := event.(lookAt); isLook && len(inbox) > 0 {
		if last, wasLook := inbox[len(inbox)-1].(lookAt); wasLook {
			if time.Time(at).Before(time.Time(last)) {
				inbox[len(inbox)-1] = at
			}
			return inbox
		}
	}
	return append(inbox, event)
}

// enter begins a run.
func (l *lane) enter() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.runs = true
}

// leave ends a run. It returns false if there are events that the run has not seen.
func (l *lane) leave() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.inbox) > 0 {
		return false
	}
	l.runs, l.gone = false, l.retired
	return true
}

// retire makes the lane finish what is in flight and give back the rest. A lane that does not run is gone at once; retire
// then returns the claims that it was given and never saw.
func (l *lane) retire() (left []*delivery.Claim, gone bool) {
	l.mu.Lock()
	l.retired, l.gone = true, !l.runs
	if gone = l.gone; gone {
		left = l.unseen()
	}
	l.mu.Unlock()
	l.post(stop{}) // a lane that is gone by now takes nothing
	return left, gone
}

// recall takes back what the lane was given and never saw, unless the lane runs. The lane claims it again when it begins.
func (l *lane) recall() []*delivery.Claim {
	l.mu.Lock()
	if l.runs {
		l.mu.Unlock()
		return nil
	}
	claims := l.unseen()
	l.mu.Unlock()
	l.ready.Add(-int64(len(claims)))
	l.post(lookAt(time.Now()))
	return claims
}

// unseen empties the inbox and returns the claims in it. The caller holds mu.
func (l *lane) unseen() (claims []*delivery.Claim) {
	for _, event := range l.inbox {
		if some, isGiven := event.(given); isGiven {
			claims = append(claims, some...)
		}
	}
	l.inbox = nil
	return claims
}

// take empties the inbox. The inbox then uses the memory of the events that were taken before, which is cleared.
func (l *lane) take(before []any) []any {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.inbox
	l.inbox = before[:0]
	return events
}

// run delivers until ctx ends or the lane is replaced. Then it gives back the claims that it has not begun and waits for
// its attempts.
func (l *lane) run(ctx context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	defer l.dismiss()
	l.machine.stopped = false // set by the last run
	timer := time.NewTimer(0)
	defer timer.Stop()
	ended := ctx.Done()
	var taken []any
	for {
		var events []any
		select {
		case <-ended:
		case <-l.posted:
			taken = l.take(taken)
			events = taken
		case <-timer.C:
			events = []any{tick{}}
		}
		if ended != nil && ctx.Err() != nil { // first, since the end of an attempt would begin the next one
			ended, events = nil, append([]any{stop{}}, events...)
		}
		var wake time.Time
		for _, event := range events {
			do := l.machine.step(event, time.Now(), l.crowded())
			wake = do.wake
			l.do(ctx, &do, &working)
			l.machine.performed(&do)
		}
		clear(taken) // a lane that has nothing to do holds no deliveries
		l.publish()
		if l.machine.running == 0 {
			l.dismiss()
		}
		if m := l.machine; m.stopped && m.running == 0 && !m.claiming && l.leave() {
			return
		}
		if !wake.IsZero() {
			timer.Reset(time.Until(wake))
		}
	}
}

// do performs the actions of a step.
func (l *lane) do(ctx context.Context, do *actions, working *sync.WaitGroup) {
	l.held.Add(-do.freed)
	for _, st := range do.settle {
		l.settle(outcome{l, st})
	}
	if l.begin == nil && len(do.start) > 0 {
		l.begin = make(chan *delivery.Claim, l.MaxInFlight) // has room for all that are started
	}
	for ; l.workers < l.machine.running; l.workers++ {
		begin := l.begin
		working.Go(func() {
			for claim := range begin {
				l.work(ctx, claim)
			}
		})
	}
	l.begun.Add(int64(len(do.start)))
	for _, claim := range do.start {
		l.begin <- claim
	}
	if n := do.claim; n > 0 { // a copy, so that the actions need not be on the heap
		working.Go(func() { l.claim(ctx, n) })
	}
}

// dismiss ends the workers when no attempt is under way. Until then each worker makes one attempt after the other, since
// its stack has grown already.
func (l *lane) dismiss() {
	if l.begin != nil {
		close(l.begin)
		l.begin, l.workers = nil, 0
	}
}

// work makes one attempt if the claim still holds.
func (l *lane) work(ctx context.Context, claim *delivery.Claim) {
	if !l.holds(ctx, claim) {
		l.opens(-1)
		l.post(finished{lost: true})
		return
	}
	l.post(finished{settlement: l.Attempt(ctx, claim)})
}

// holds reports whether a claim still belongs to the lane and lasts for an attempt. It renews a claim that has waited for
// long, which checks its lease. A younger claim cannot belong to anyone else.
func (l *lane) holds(ctx context.Context, claim *delivery.Claim) bool {
	lease := l.Lane.Lease
	if left := time.Until(claim.Until); left > lease*2/3 && left <= lease {
		return true
	}
	held, err := l.store.Renew(ctx, claim, lease)
	if ctx.Err() == nil {
		l.trouble.Say(l.Name+": leases cannot be renewed", err)
	}
	return held && err == nil
}

// claim asks the store for deliveries that are due.
func (l *lane) claim(ctx context.Context, n int) {
	l.opens(1) // the set is busy while a claim is under way
	defer l.opens(-1)
	n = l.reserve(n, l.MaxInFlight)
	claims, next, err := l.store.Claim(ctx, l.Lane, n)
	if ctx.Err() == nil {
		l.trouble.Say(l.Name+": due deliveries cannot be claimed", err)
	}
	l.hold(claims)
	l.unreserve(n)
	l.post(claimed{claims, n, next, err})
}

// publish tells Set.Lease how much room the lane has, and Ahead how much it has ready.
func (l *lane) publish() {
	l.room.Store(int64(l.machine.room(time.Now(), l.crowded())))
	l.ready.Store(int64(len(l.machine.ready)))
}

// close ends the lane's connections after its last attempt.
func (l *lane) close() {
	if l.Close != nil {
		l.closes.Do(l.Close)
	}
}
