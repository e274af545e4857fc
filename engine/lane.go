package engine

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/queue"
	"github.com/awf-project/awf-hook/engine/internal/sender"
)

// lane is the deliveries of one webhook. It has at most MaxInFlight workers, and none while nothing is due.
type lane struct {
	webhook *webhook
	engine  *Engine
	sender  *sender.Sender
	lease   time.Duration // of a claim; an attempt begins in its first third
	claims  queue.Lane    // how its deliveries are claimed
	woken   chan struct{} // has a value when there is something to look at
	free    chan struct{} // one value for each worker that may start
	retired chan struct{} // closed when another lane has taken the webhook over
	open    atomic.Int64  // claims without a committed outcome
	settles atomic.Int64  // outcomes of them that wait to be committed

	mu    sync.Mutex
	ready []*queue.Claim // in flight, and not begun yet; those first that are due longest
	more  bool           // the queue has more that is due
	look  time.Time      // when something else may be due; zero if that is not known
	pace  time.Duration  // of an attempt, of late

	putOff bool // a look was, until no outcome waits to be committed

	failures int  // attempts in a row that failed
	broken   int  // transforms in a row that failed
	resting  bool // since the last good attempt too much failed, or the receiver asked for a rest: the queue says when it is over
}

// Bounds of what a lane has ready. They stand in docs/config.md.
const (
	maxReadyLane = 8192    // deliveries
	maxReady     = 8 << 20 // bytes of events, of all lanes
	firstPace    = 50 * time.Millisecond
	leaseSlack   = 10 * time.Second // that a lease's third is longer than an attempt
)

func newLane(w *webhook, s *sender.Sender) *lane {
	l := &lane{
		webhook: w, engine: w.engine, sender: s,
		lease: 3 * (w.Timeout + leaseSlack),
		woken: make(chan struct{}, 1), free: make(chan struct{}, w.MaxInFlight), retired: make(chan struct{}),
		pace: firstPace,
	}
	l.claims = queue.Lane{Webhook: w.Identity, Lease: l.lease}
	l.claims.Rate, l.claims.Burst = w.rate()
	for range w.MaxInFlight {
		l.free <- struct{}{}
	}
	return l
}

// wake makes the lane look for what is to do.
func (l *lane) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// capacity is how many deliveries the lane may have ready: as many as it starts in a third of a lease. Under mu.
func (l *lane) capacity() int {
	if l.engine.held.Load() >= maxReady || l.claims.Rate > 0 { // a rate's claims are begun at once
		return l.webhook.MaxInFlight
	}
	starts := l.webhook.MaxInFlight * int(l.lease/3/max(l.pace, time.Millisecond))
	return max(4*l.webhook.MaxInFlight, min(starts, maxReadyLane))
}

// mayTake says for how long a delivery that is about to be accepted may be claimed for the lane; 0 for not at all.
func (l *lane) mayTake(size int) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	reserve := 2 * l.webhook.MaxInFlight // for what is due again
	if l.isRetired() || l.resting || l.claims.Rate > 0 || len(l.ready) >= l.capacity()-reserve || l.engine.held.Load()+int64(size) > maxReady {
		return 0
	}
	return l.lease
}

// give adds claims to what is ready.
func (l *lane) give(claims ...*queue.Claim) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range claims {
		l.opens(1)
		l.engine.held.Add(int64(c.Event.Size()))
		at := len(l.ready)
		for at > 0 && l.ready[at-1].Delivery.Due.After(c.Delivery.Due) {
			at--
		}
		l.ready = slices.Insert(l.ready, at, c)
	}
	l.wake()
}

// take is give for what was accepted: a lane that is to rest by now gives it back.
func (l *lane) take(c *queue.Claim) {
	l.give(c)
	l.mu.Lock()
	rests := l.resting
	l.mu.Unlock()
	if rests {
		l.release()
	}
}

// opens counts claims without a committed outcome.
func (l *lane) opens(n int64) {
	l.open.Add(n)
	l.engine.open.Add(n)
}

// lookAt makes the lane claim at that time, if it would not do so before.
func (l *lane) lookAt(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.look.IsZero() || at.Before(l.look) {
		l.look = at
		l.wake()
	}
}

// next takes the first claim that is ready; nil if none is.
func (l *lane) next() *queue.Claim {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.ready) == 0 {
		return nil
	}
	c := l.ready[0]
	l.ready[0] = nil
	l.ready = l.ready[1:]
	l.engine.held.Add(-int64(c.Event.Size()))
	if l.wantsMore() {
		l.wake()
	}
	return c
}

// run delivers what is due until ctx ends or the lane is retired, waits for its workers and gives back what they did not begin.
func (l *lane) run(ctx context.Context) {
	defer l.release()
	var workers sync.WaitGroup
	defer func() {
		workers.Wait()
		if l.isRetired() {
			l.webhook.close()
		}
	}()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.retired:
			return
		case <-l.woken:
		case <-timer.C:
		}
		l.fill()
		for n := min(len(l.free), l.readyNow()); n > 0; n-- {
			<-l.free // as many as were counted: only this goroutine takes them
			workers.Go(func() { l.work(ctx) })
		}
		if at, known := l.lookTime(); known {
			timer.Reset(time.Until(at))
		}
	}
}

func (l *lane) readyNow() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.ready)
}

// wantsMore says whether it is worth claiming of what the queue has due: for many deliveries at once. Under mu.
func (l *lane) wantsMore() bool { return l.more && len(l.ready) <= l.capacity()/4 }

// lookTime is when something else may be due; false if that is not known.
func (l *lane) lookTime() (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.look, !l.look.IsZero()
}

// fill claims what is due, if it is time to look.
func (l *lane) fill() {
	l.mu.Lock()
	now := time.Now()
	n := l.capacity() - len(l.ready)
	isTime := !l.look.IsZero() && !l.look.After(now)
	if l.resting && l.settles.Load() > 0 { // the queue does not know yet why: settled looks again
		l.putOff, l.look = true, time.Time{}
		l.mu.Unlock()
		return
	}
	if isTime {
		l.look = time.Time{}
		l.more = true
	}
	if n <= 0 || !isTime && !l.wantsMore() {
		l.mu.Unlock()
		return
	}
	l.opens(1) // what is being claimed is not idle
	l.mu.Unlock()
	defer l.engine.wakeDrain()
	defer l.opens(-1)

	claims, next, err := l.engine.queue.Claim(now, l.claims, n)
	if err != nil {
		l.engine.log.Error("queue", "webhook", l.webhook.Name, "err", err)
		return // keepHouse wakes the lane again
	}
	l.give(claims...)
	l.mu.Lock()
	l.more = len(claims) == n
	early := l.resting && l.settles.Load() > 0 // it was told to rest meanwhile
	l.putOff = l.putOff || early
	l.mu.Unlock()
	if early {
		l.release()
	}
	if !next.IsZero() {
		l.lookAt(next)
	}
}

// work delivers what is ready until nothing is.
func (l *lane) work(ctx context.Context) {
	for ctx.Err() == nil && !l.isRetired() {
		claim := l.next()
		if claim == nil {
			break
		}
		l.deliver(ctx, claim)
	}
	l.free <- struct{}{}
	l.wake() // for what became ready between the look above and here
}

func (l *lane) isRetired() bool {
	select {
	case <-l.retired:
		return true
	default:
		return false
	}
}

// release gives back what was claimed and not begun.
func (l *lane) release() {
	for claim := l.next(); claim != nil; claim = l.next() {
		l.engine.settler.add(l, queue.Settlement{Claim: claim, Outcome: delivery.Retry, Due: claim.Delivery.Due})
	}
}

// holds says whether a claim is still the lane's and lasts for an attempt. One that has waited long is renewed, which checks its token;
// before that nobody else can have it.
func (l *lane) holds(claim *queue.Claim) bool {
	now := time.Now()
	if left := claim.Until.Sub(now); left > l.lease*2/3 && left <= l.lease {
		return true
	}
	held, err := l.engine.queue.Renew(claim, now.Add(l.lease))
	if err != nil {
		l.engine.log.Error("queue", "webhook", l.webhook.Name, "delivery", claim.Delivery.ID, "err", err)
	}
	return held
}

// deliver makes one attempt and settles its outcome.
func (l *lane) deliver(ctx context.Context, claim *queue.Claim) {
	if !l.holds(claim) {
		l.opens(-1)
		l.engine.wakeDrain()
		return
	}
	d := claim.Delivery
	err := l.webhook.askAgain(claim)
	var made *delivery.Content
	if err == nil {
		made, err = l.webhook.content(ctx, claim.Event, &d)
	}
	if err != nil {
		l.unsent(claim, err)
		return
	}
	attempt := l.sender.Send(ctx, &d)
	st := queue.Settlement{Claim: claim, Outcome: attempt.Outcome, Content: made, OrderMaxWait: l.webhook.OrderMaxWait}
	if attempt.Outcome == delivery.Retry && attempt.Status == 0 && ctx.Err() != nil {
		// Broken off by us: it does not count. It waits, for who runs next.
		st.Due = d.Due
		l.engine.settler.add(l, st)
		return
	}
	if slices.Contains(l.webhook.Retry.Statuses, attempt.Status) {
		attempt.Outcome = delivery.Retry
	}
	l.settles.Add(1) // until the lane knows what the queue knows
	defer l.settledOne()
	st.Outcome, st.Attempt = attempt.Outcome, &attempt
	var next string
	switch st.Outcome {
	case delivery.Retry:
		wait, dead := waitAfter(l.webhook.Retry, &d, &attempt, l.engine.options.Random())
		if dead == "" {
			st.Due, next = time.Now().Add(wait), ", next in "+shortWait(wait)
			break
		}
		st.Outcome, st.Reason, next = delivery.Dead, dead+": "+attempt.Reason, ", dead: "+dead
	case delivery.Dead:
		next = ", dead"
	}
	l.report(&d, attempt, st.Outcome, next)
	l.engine.settler.add(l, st)
	l.learn(&attempt) // what it gives back comes behind the outcome
}

// settled is called when an outcome is committed.
func (l *lane) settled(st queue.Settlement) {
	l.opens(-1)
	successor := l.engine.lanes.of(l.webhook.Identity) // has taken over, perhaps
	if st.Outcome == delivery.Retry {
		successor.lookAt(st.Due)
	}
	if st.Claim.Probe || st.Claim.Ordered() { // others may follow
		successor.lookAt(time.Now())
	}
	l.settledOne()
}

// settledOne ends the count of an outcome that is not committed, and looks if that was put off until none is.
func (l *lane) settledOne() {
	if l.settles.Add(-1) == 0 && l.wasPutOff() {
		l.engine.lanes.of(l.webhook.Identity).lookAt(time.Now())
	}
}

// report says how an attempt ended and what comes next: "oncall: attempt 3: 503 Service Unavailable after 1.2s, next in 42s".
func (l *lane) report(d *delivery.Delivery, a delivery.Attempt, outcome delivery.Outcome, next string) {
	level := slog.LevelDebug
	switch outcome {
	case delivery.Retry:
		level = slog.LevelInfo
	case delivery.Dead:
		level = slog.LevelWarn
	}
	if log := l.engine.log; log.Enabled(context.Background(), level) {
		log.LogAttrs(context.Background(), level, l.webhook.Name+": "+a.String()+next, slog.String("delivery", d.ID), slog.String("event", d.Event))
	}
}

// shortWait rounds a wait to what a reader wants to know of it.
func shortWait(d time.Duration) string {
	if d >= time.Second {
		return d.Round(time.Second).String()
	}
	return d.Round(time.Millisecond).String()
}
