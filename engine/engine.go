package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/internal/queue"
	"github.com/awf-project/awf-hook/transforms"
)

var (
	// ErrFull is wrapped by Submit's error when the queue had no room until the context ended.
	ErrFull = queue.ErrFull
	// ErrClosed is wrapped by Submit's error after Close.
	ErrClosed = queue.ErrClosed
)

// Memory is the place of a queue that ends with the process.
const Memory = queue.Memory

// Options are what the configuration does not say. The zero value is good for use.
type Options struct {
	Queue       string            // the queue's file, shared by any number of processes; "" or Memory keeps nothing beyond Close
	Logger      *slog.Logger      // nil logs nothing
	Version     string            // for the User-Agent
	ModuleCache string            // the directory in which compiled wasm modules are kept, the user's alone; "" keeps none
	Transport   http.RoundTripper // nil is HTTP over the network
	Random      func() float64    // from 0 to 1, chooses within the waits' jitter; nil is chance
}

// Engine delivers the events that it accepts. Its methods may be called by several goroutines at once.
type Engine struct {
	log     *slog.Logger
	options Options
	queue   *queue.Queue
	modules *transforms.Modules
	routes  *routes
	lanes   lanes
	settler settler
	stop    context.CancelFunc
	stopped context.Context // done when Close was called
	counts  counts
	open    atomic.Int64 // claims without a committed outcome, of all lanes
	held    atomic.Int64 // bytes of the events that lanes have ready; see maxReady

	mu      sync.Mutex
	running sync.WaitGroup // mu is held while it is added to
	settled chan struct{}  // closed by the next outcome; nil if nobody waits for it; under mu
	atClose remains        // what was left then; under mu
}

// Open compiles the webhooks of a configuration and opens the queue. Mistakes in globs and expressions are [config.Errors].
// A queue's file that cannot be used is no error: deliveries are then kept in memory, and the log says so. It starts nothing.
func Open(cfg *config.Config, opts Options) (*Engine, error) {
	modules := newModules(&opts)
	webhooks, mistakes := compile(cfg.Active(), modules, opts.Logger)
	_, others := compile(cfg.Inactive(), nil, opts.Logger) // are to be right all the same
	if mistakes = append(mistakes, others...); len(mistakes) > 0 {
		for i := range webhooks {
			webhooks[i].chain.Close()
		}
		_ = closeModules(modules) // the mistakes say more
		mistakes.Sort()
		return nil, mistakes
	}
	opts.Queue = cmp.Or(opts.Queue, Memory)
	if opts.Random == nil {
		opts.Random = rand.Float64
	}
	e := &Engine{log: opts.Logger, options: opts, modules: modules, queue: queue.Open(queueOptions(cfg, opts))}
	e.settler.init(e)
	e.stopped, e.stop = context.WithCancel(context.Background())
	e.routes = newRoutes(e, cfg, webhooks)
	return e, nil
}

func queueOptions(cfg *config.Config, opts Options) queue.Options {
	return queue.Options{
		Path:    opts.Queue,
		MaxSize: cfg.Queue.MaxSize,
		Keep:    queue.Keep{Done: cfg.Queue.Keep, Dead: cfg.Queue.KeepDead},
		Log:     opts.Logger,
	}
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

	settling, endSettling := context.WithCancel(context.Background())
	var beside sync.WaitGroup
	beside.Go(func() { e.settler.run(settling) })
	beside.Go(func() { e.keepHouse(ctx) })
	err := e.lanes.run(ctx)
	cancel()
	endSettling() // after the last worker
	beside.Wait()
	return err
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
	if err := ev.Validate(); err != nil {
		return fmt.Errorf("event: %w", err)
	}
	entry := e.entry(&ev)
	err := e.accept([]*queue.Entry{entry})
	for errors.Is(err, ErrFull) {
		settled := e.nextOutcome()
		select {
		case <-settled:
		case <-time.After(roomPoll):
		case <-ctx.Done():
			e.counts.refused.Add(1)
			return fmt.Errorf("event %s: %w: %w", ev.ID, err, context.Cause(ctx))
		}
		err = e.accept([]*queue.Entry{entry})
	}
	if err != nil {
		return fmt.Errorf("event %s: %w", ev.ID, err)
	}
	return nil
}

// roomPoll is how often it is looked whether a full queue has room again, when nothing is delivered that could make some.
const roomPoll = 50 * time.Millisecond

// entry routes an event: it has one delivery for each webhook that wants it. An event without an id gets one.
func (e *Engine) entry(ev *event.Event) *queue.Entry {
	if ev.ID == "" {
		ev.ID = event.NewID(time.Now())
	}
	entry := &queue.Entry{Event: ev}
	in := expression.NewEnv(ev) // decoded once for all webhooks
	for _, w := range e.routes.of(ev.WorkflowName) {
		if want, wants := w.want(in); wants {
			entry.Wants = append(entry.Wants, want)
		}
	}
	return entry
}

// accept commits events with their deliveries, in order, and gives the lanes what they may send at once.
func (e *Engine) accept(entries []*queue.Entry) error {
	wanted := make([]*queue.Entry, 0, len(entries))
	for _, entry := range entries {
		if len(entry.Wants) > 0 {
			wanted = append(wanted, entry)
		}
	}
	if len(wanted) > 0 {
		if err := e.queue.Accept(time.Now(), wanted); err != nil {
			return err
		}
	}
	e.counts.events.Add(int64(len(entries)))
	for _, entry := range wanted {
		e.counts.known.Add(int64(entry.Known))
		e.counts.deliveries.Add(int64(len(entry.Wants) - entry.Known))
		given := map[string]bool{}
		for _, claim := range entry.Claims {
			e.lanes.of(claim.Delivery.Webhook).take(claim)
			given[claim.Delivery.Webhook] = true
		}
		for _, want := range entry.Wants {
			if want.Dead != "" && entry.Known == 0 {
				e.counts.dead.Add(1)
			}
			if !given[want.Webhook] && entry.Known < len(entry.Wants) {
				e.lanes.of(want.Webhook).lookAt(time.Now())
			}
		}
	}
	return nil
}

// Close ends Run, waits for it, and closes the queue. What is in memory is lost.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.stop()
	e.mu.Unlock()
	e.running.Wait()
	e.lanes.close()
	left, err := e.remains()
	if err != nil && !errors.Is(err, ErrClosed) {
		left = e.unread(err)
	}
	if !errors.Is(err, ErrClosed) {
		e.mu.Lock()
		e.atClose = left
		e.mu.Unlock()
	}
	return errors.Join(e.queue.Close(), closeModules(e.modules))
}
