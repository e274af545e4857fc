package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/queue"
)

var (
	// ErrFull is wrapped by Submit's error when the queue had no room until the context ended.
	ErrFull = queue.ErrFull
	// ErrClosed is wrapped by Submit's error after Close.
	ErrClosed = queue.ErrClosed
)

// Options are what the configuration does not say. The zero value is good for use.
type Options struct {
	Logger    *slog.Logger      // nil logs nothing
	Version   string            // for the User-Agent
	Transport http.RoundTripper // nil is HTTP over the network
}

// Engine delivers the events that it accepts. Its methods may be called by several goroutines at once.
type Engine struct {
	log     *slog.Logger
	options Options
	queue   queue.Queue
	routes  *routes
	lanes   lanes
	stop    context.CancelFunc
	stopped context.Context // done when Close was called
	counts  counts

	mu      sync.Mutex
	running sync.WaitGroup // mu is held while it is added to
	settled chan struct{}  // closed by the next outcome; nil if nobody waits for it; under mu
}

// Open compiles the webhooks of a configuration. Mistakes in globs and expressions are [config.Errors].
// It starts nothing.
func Open(cfg *config.Config, opts Options) (*Engine, error) {
	if mistakes := Check(cfg.Webhooks); len(mistakes) > 0 {
		return nil, mistakes
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Engine{log: opts.Logger, options: opts, queue: queue.NewMemory()}
	e.stopped, e.stop = context.WithCancel(context.Background())
	e.routes = newRoutes(e, cfg)
	return e, nil
}

// Run delivers until ctx ends or Close is called, and then waits for the attempts in flight, which it breaks off.
func (e *Engine) Run(ctx context.Context) error {
	if !e.mayRun() {
		return nil
	}
	defer e.running.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.stopped, cancel)()
	return e.lanes.run(ctx)
}

// mayRun counts a Run, unless Close was called: that waits for those it counted.
func (e *Engine) mayRun() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped.Err() != nil {
		return false
	}
	e.running.Add(1)
	return true
}

// Submit accepts an event: when it returns nil, the event and its deliveries are in the queue.
// It never waits for a receiver; while the queue is full it waits for room until ctx ends.
func (e *Engine) Submit(ctx context.Context, ev event.Event) error {
	err := e.submit(ctx, ev)
	if errors.Is(err, ErrFull) {
		e.counts.refused.Add(1)
	}
	return err
}

func (e *Engine) submit(ctx context.Context, ev event.Event) error {
	if err := ev.Validate(); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	now := time.Now()
	if ev.ID == "" {
		ev.ID = event.NewID(now)
	}
	var deliveries []delivery.Delivery
	var woken []*lane
	for _, w := range e.routes.of(ev.WorkflowName) {
		if !w.wants(&ev) {
			continue
		}
		deliveries = append(deliveries, delivery.Delivery{
			ID:      delivery.ID(ev.ID, w.Identity),
			Webhook: w.Identity,
			EventID: ev.ID,
			Event:   ev.Type,
			Due:     now,
		})
		woken = append(woken, w.lane)
	}
	if len(deliveries) == 0 {
		e.counts.events.Add(1)
		return nil
	}
	known, err := e.queue.Accept(ctx, ev, deliveries)
	if err != nil {
		return fmt.Errorf("event %s: %w", ev.ID, err)
	}
	e.counts.events.Add(1)
	e.counts.known.Add(int64(known))
	e.counts.deliveries.Add(int64(len(deliveries) - known))
	for _, l := range woken {
		l.wake()
	}
	return nil
}

// Drain waits until nothing is left that can be delivered before ctx's deadline.
// It returns nil if nothing is left at all.
func (e *Engine) Drain(ctx context.Context) error {
	for {
		settled := e.nextOutcome()
		left, err := e.queue.Left(ctx)
		if err != nil {
			return err
		}
		if left.Waiting+left.InFlight == 0 {
			return nil
		}
		deadline, bounded := ctx.Deadline()
		if bounded && left.InFlight == 0 && left.Next.After(deadline) {
			return fmt.Errorf("%s left", count(int64(left.Waiting), "delivery"))
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return fmt.Errorf("%s left: %w", count(int64(left.Waiting+left.InFlight), "delivery"), context.Cause(ctx))
		}
	}
}

// nextOutcome is closed when the next outcome is settled.
func (e *Engine) nextOutcome() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.settled == nil {
		e.settled = make(chan struct{})
	}
	return e.settled
}

// wakeDrain wakes those that wait for the next outcome.
func (e *Engine) wakeDrain() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.settled != nil {
		close(e.settled)
		e.settled = nil
	}
}

// Close ends Run, waits for it, and closes the queue.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.stop()
	e.mu.Unlock()
	e.running.Wait()
	e.lanes.close()
	return e.queue.Close()
}
