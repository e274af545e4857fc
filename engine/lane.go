package engine

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/queue"
	"github.com/awf-project/awf-hook/engine/internal/sender"
)

// lane is the deliveries of one webhook. It has at most MaxInFlight workers, and none while nothing is due.
type lane struct {
	webhook   *webhook
	engine    *Engine
	sender    *sender.Sender
	woken     chan struct{}        // has a value when something may be due, or a worker ended
	free      chan struct{}        // one value for each worker that may start
	retired   chan struct{}        // closed when another lane has taken the webhook over
	successor atomic.Pointer[lane] // that one
}

func newLane(w *webhook, s *sender.Sender) *lane {
	l := &lane{webhook: w, engine: w.engine, sender: s, woken: make(chan struct{}, 1), free: make(chan struct{}, w.MaxInFlight), retired: make(chan struct{})}
	for range w.MaxInFlight {
		l.free <- struct{}{}
	}
	return l
}

// wake makes the lane look for what is due, or the one that has taken over from it.
func (l *lane) wake() {
	if successor := l.successor.Load(); successor != nil {
		successor.wake()
		return
	}
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// run delivers what is due until ctx ends or the lane is retired, and waits for its workers.
func (l *lane) run(ctx context.Context) {
	var workers sync.WaitGroup
	defer func() {
		workers.Wait()
		if l.isRetired() {
			l.sender.Close()
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
		for _, claim := range l.claim(ctx, len(l.free)) {
			<-l.free // as many as were counted: only this goroutine takes them
			workers.Go(func() { l.work(ctx, claim) })
		}
		if due, waits := l.nextDue(ctx); waits && len(l.free) > 0 {
			timer.Reset(time.Until(due))
		}
	}
}

// work delivers the claim, and then what else is due, until nothing is.
func (l *lane) work(ctx context.Context, claim queue.Claim) {
	for {
		l.deliver(ctx, claim)
		claims := l.claim(ctx, 1)
		if len(claims) == 0 {
			break
		}
		claim = claims[0]
	}
	l.free <- struct{}{}
	l.wake() // for what came due between the look above and here
}

func (l *lane) claim(ctx context.Context, n int) []queue.Claim {
	if n == 0 || ctx.Err() != nil || l.isRetired() {
		return nil
	}
	claims, err := l.engine.queue.Claim(ctx, l.webhook.Identity, time.Now(), n)
	if err != nil {
		l.engine.log.Error("queue", "webhook", l.webhook.Name, "err", err)
	}
	return claims
}

func (l *lane) isRetired() bool {
	select {
	case <-l.retired:
		return true
	default:
		return false
	}
}

func (l *lane) nextDue(ctx context.Context) (time.Time, bool) {
	due, waits, err := l.engine.queue.NextDue(ctx, l.webhook.Identity)
	if err != nil {
		l.engine.log.Error("queue", "webhook", l.webhook.Name, "err", err)
	}
	return due, waits
}

// deliver makes one attempt and settles its outcome.
func (l *lane) deliver(ctx context.Context, claim queue.Claim) {
	d := claim.Delivery
	if d.Body == nil {
		d.Body = claim.Event.Body()
	}
	attempt := l.sender.Send(ctx, &d)
	if attempt.Outcome == delivery.Retry && attempt.Status == 0 && ctx.Err() != nil {
		// Broken off by us: it does not count. It waits, for who runs next.
		l.settle(queue.Settlement{Delivery: claim.Delivery, Outcome: delivery.Retry})
		return
	}
	d.Attempts = attempt.Number
	outcome := attempt.Outcome
	var wait time.Duration
	if outcome == delivery.Retry {
		var more bool
		if wait, more = nextWait(l.webhook.Retry, d.Attempts); more {
			d.Due = time.Now().Add(wait)
		} else {
			outcome = delivery.Dead
		}
	}
	l.report(&d, attempt, outcome, wait)
	l.settle(queue.Settlement{Delivery: d, Outcome: outcome})
}

func (l *lane) settle(s queue.Settlement) {
	// Counted first: who drained the queue must find it in the report.
	switch s.Outcome {
	case delivery.Delivered:
		l.engine.counts.delivered.Add(1)
	case delivery.Dead:
		l.engine.counts.dead.Add(1)
	}
	// The outcome is kept whatever becomes of the context.
	if err := l.engine.queue.Settle(context.Background(), s); err != nil {
		l.engine.log.Error("queue", "webhook", l.webhook.Name, "delivery", s.Delivery.ID, "err", err)
	}
	l.engine.wakeDrain()
}

func (l *lane) report(d *delivery.Delivery, a delivery.Attempt, outcome delivery.Outcome, wait time.Duration) {
	attrs := []slog.Attr{
		slog.String("webhook", l.webhook.Name),
		slog.String("delivery", d.ID),
		slog.String("event", d.Event),
		slog.Int("attempt", a.Number),
		slog.String("answer", a.Reason),
		slog.Duration("took", a.Took.Round(time.Millisecond)),
	}
	level, message := slog.LevelDebug, "delivered"
	switch outcome {
	case delivery.Retry:
		level, message = slog.LevelInfo, "attempt failed"
		attrs = append(attrs, slog.Duration("next_in", wait))
	case delivery.Dead:
		level, message = slog.LevelWarn, "delivery dead"
	}
	if log := l.engine.log; log.Enabled(context.Background(), level) {
		log.LogAttrs(context.Background(), level, message, attrs...)
	}
}
