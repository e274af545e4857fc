package engine

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/internal/lane"
	"github.com/awf-project/awf-hook/engine/internal/route"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
	"github.com/awf-project/awf-hook/engine/trace"
	"github.com/awf-project/awf-hook/transforms"
)

var (
	// ErrFull is wrapped by Submit's error if the queue had no room until the context ended.
	ErrFull = store.ErrFull
	// ErrClosed is wrapped by Submit's error after Close.
	ErrClosed = store.ErrClosed
	// ErrNotRun is wrapped by Drain's error if deliveries are left and Run is not running.
	ErrNotRun = errors.New("Run is not running")
)

// Memory, "memory:", names a queue in memory, which ends with the process.
const Memory = spill.Memory

// DefaultMaxSize is the largest size of a queue, in bytes, unless queue.max_size says otherwise: 1 GiB.
const DefaultMaxSize = store.DefaultMaxSize

// Options are settings that a configuration does not have. The zero value is ready to use.
type Options struct {
	// Queue is a file that processes share, or the URL of a PostgreSQL database that machines share. "" or Memory
	// keeps nothing after Close.
	Queue string

	// Spill lists files, or folders with a final /, which get a new file. Close writes deliveries that are only in
	// memory to the first of them that works. A file that exists must be empty or hold events. Without Spill these
	// deliveries are lost.
	Spill []string
	Seal  *Seal // signs what Close writes to Spill; nil signs nothing

	// SpillFolder is where this process keeps events in a file of its own while a database is away. Without it such
	// events are in memory alone. With HoldSpilled they are not delivered until the database has them, unless the
	// configuration says otherwise.
	SpillFolder string
	HoldSpilled bool

	Logger      *slog.Logger      // nil logs nothing
	Version     string            // for the User-Agent
	ModuleCache string            // the folder of compiled wasm modules, private to the user; "" keeps none
	Transport   http.RoundTripper // nil uses HTTP over the network
	Random      func() float64    // from 0 to 1, chooses within the jitter of waits; nil is a random source

	// Patience bounds how long Open and Close each wait for a queue that another process locks; 0 is the queue's own bound, some seconds.
	// When Hurry ends, neither waits any longer, and what is in memory goes to Spill. A nil Hurry never ends.
	Patience time.Duration
	Hurry    context.Context

	// OnOutcome is called with each committed outcome, from one goroutine, which waits for it. Nil ignores outcomes.
	OnOutcome func(Outcome)

	Observer Observer // receives metrics and traces

	// Trace is the parent of events that name none; the zero value means no parent.
	Trace trace.Context

	// Keeps reports whether this process prunes the queue and ends the leases of dead processes now. Nil means
	// always. Of the processes that share a queue, one is enough.
	Keeps func() bool

	// Serves says that this process exports the queue's gauges. Among processes that share a database it is preferred
	// for keeping house.
	Serves bool
}

// Outcome is the outcome of an attempt: delivered, dead or dropped once per delivery, retry any number of times.
type Outcome struct {
	Delivery string            // its id
	Webhook  string            // the webhook's identity
	Event    *event.Event      // as it was accepted
	Outcome  delivery.Outcome  // delivered, retry, dead or dropped
	Attempt  *delivery.Attempt // the last one; nil if none was made
	Reason   string            // why the delivery is dead or dropped
}

// Engine delivers the events that it accepts. It is safe for concurrent use.
type Engine struct {
	log     *slog.Logger
	trouble *lane.Trouble
	queue   *spill.Store
	modules *transforms.Modules
	opts    Options
	routes  *route.Table[*webhook]
	lanes   *lane.Set
	envs    expression.Envs

	stop    context.CancelFunc
	stopped context.Context // done when Close was called
	counts  counts
	notices *notices
	turned  atomic.Int64 // see Turned
	runs    atomic.Bool  // Run runs
	digest  atomic.Value // of the current configuration's webhooks, a string; other nodes compare it

	reloading sync.Mutex // held while one configuration replaces another
	opening   sync.Mutex // held while lanes are opened
	current   *webhooks  // guarded by opening

	mu      sync.Mutex
	running sync.WaitGroup // add to it under mu only
	atClose *left          // what was left at Close; nil before
}

// Open compiles the webhooks of a configuration and opens the queue. Mistakes in globs and expressions are
// [config.Errors]. A queue that cannot be used is not an error: the engine then keeps deliveries in memory and logs why, and
// [Engine.Ready] returns the reason. Open starts nothing.
func Open(cfg *config.Config, opts Options) (*Engine, error) {
	if err := prepare(cfg, opts.Queue); err != nil {
		return nil, err
	}
	modules := newModules(&opts)
	settings, err := compiler{modules, opts.Logger, cfg.Secrets()}.settings(cfg)
	if err != nil {
		_ = closeModules(modules) // the mistakes matter more
		return nil, err
	}
	opts.Queue = cmp.Or(opts.Queue, Memory)
	if opts.Random == nil {
		opts.Random = rand.Float64
	}
	e := &Engine{log: opts.Logger, trouble: lane.NewTrouble(opts.Logger), modules: modules, opts: opts}
	e.digest.Store(cfg.Digest())
	opening, opened := opts.patient(minPatience, 0)
	defer opened()
	e.queue = spill.Open(opening, store.Options{
		Path: opts.Queue, Name: QueueName(opts.Queue), Namespace: cfg.Queue.Space(), Log: opts.Logger, Serves: opts.Serves,
		Config:  func() string { return e.digest.Load().(string) },
		MaxSize: cfg.Queue.MaxSize, Keep: cfg.Queue.Keep, KeepDead: cfg.Queue.KeepDead,
		SpillFolder: opts.SpillFolder, HoldSpilled: cfg.Queue.Spill == "keep" || cfg.Queue.Spill == "" && opts.HoldSpilled,
	})
	e.lanes = lane.NewSet(e.timed(), e.log, e.settled)
	e.notices = newNotices()
	e.stopped, e.stop = context.WithCancel(context.Background())
	e.current = &webhooks{}
	e.routes = route.New(e.openAll(cfg, settings))
	return e, nil
}

// minPatience is the least that Open waits for a locked queue: a short Patience must not cut off the store.
const minPatience = 5 * time.Second

// patient returns a context for the wait for a locked queue. It ends with Hurry, and after Patience, but not before least and not after
// most. Without Patience it ends after most. A most of 0 means no bound.
func (o *Options) patient(least, most time.Duration) (context.Context, context.CancelFunc) {
	ctx, limit := o.Hurry, most
	if ctx == nil {
		ctx = context.Background()
	}
	if o.Patience > 0 {
		limit = min(max(o.Patience, least), cmp.Or(most, math.MaxInt64))
	}
	if limit == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, limit)
}

// Run delivers until ctx ends or Close is called. Then it cancels the attempts in flight and waits for them. While
// one Run runs, a second one returns an error.
func (e *Engine) Run(ctx context.Context) error {
	if !e.enter() {
		return nil
	}
	defer e.running.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.stopped, cancel)()
	return e.lanes.Run(ctx, func(ctx context.Context) {
		e.runs.Store(true)
		defer e.runs.Store(false)
		var telling sync.WaitGroup
		telling.Go(func() { e.notices.run(ctx, e) })
		e.keepHouse(ctx)
		telling.Wait()
	})
}

// enter registers a call that Close waits for until running.Done. It returns false after Close.
func (e *Engine) enter() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped.Err() != nil {
		return false
	}
	e.running.Add(1)
	return true
}

// Close ends Run, waits for it, and closes the queue. It writes deliveries that are only in memory to the queue's
// file, else to Options.Spill. If neither works they are lost, and [Engine.Report] says so.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.stop()
	e.mu.Unlock()
	e.running.Wait()
	e.tellRest()
	e.routes.Close()
	e.lanes.Close()
	e.storeLeft()
	return errors.Join(e.queue.Close(), closeModules(e.modules))
}
