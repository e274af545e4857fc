package engine

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"

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
	// ErrFull is wrapped by Submit's error when the queue had no room until the context ended.
	ErrFull = store.ErrFull
	// ErrClosed is wrapped by Submit's error after Close.
	ErrClosed = store.ErrClosed
	// ErrNotRun is wrapped by Drain's error where something is to be delivered and nobody called Run.
	ErrNotRun = errors.New("Run was not called")
)

// Memory is the name of a queue that is kept in memory and ends with the process.
const Memory = spill.Memory

// DefaultMaxSize is how large a queue may grow without queue.max_size, in bytes.
const DefaultMaxSize = store.DefaultMaxSize

// Options are the settings that a configuration does not have. The zero value is ready to use.
type Options struct {
	// Queue is a file that processes share, or the URL of a PostgreSQL database that machines share. "" or Memory keeps nothing
	// beyond Close.
	Queue string

	// Spill lists files, or folders (with a final /) for a new one, which take in turn at Close what only memory holds. Without
	// one it is lost.
	Spill []string
	Seal  *Seal // of what goes there; nil leaves it out

	// SpillFolder is where what a database cannot take is kept while it is away, in a file of this process's own. Without it that is
	// in memory alone. With HoldSpilled it is not delivered before the database has it, unless the configuration says so.
	SpillFolder string
	HoldSpilled bool

	Logger      *slog.Logger      // nil logs nothing
	Version     string            // for the User-Agent
	ModuleCache string            // the directory of compiled wasm modules, which must be private to the user; "" keeps none
	Transport   http.RoundTripper // nil uses HTTP over the network
	Random      func() float64    // from 0 to 1, chooses within the jitter of waits; nil is a random number

	// OnOutcome is called with each outcome that is committed, by one goroutine, which waits for it. Nil ignores them.
	OnOutcome func(Outcome)

	Observer Observer // for metrics and traces

	// Trace is what events follow from that do not say so themselves; zero for nothing.
	Trace trace.Context

	// Keeps says whether this process prunes the queue and ends the leases of dead ones now; nil is always. One process of those that share
	// a queue is enough.
	Keeps func() bool

	// Serves says that this process tells others what the queue holds: of those that share a database it is preferred for keeping house.
	Serves bool
}

// Outcome is what a delivery came to: once it is delivered, dead or dropped, and each time it is to be tried again.
type Outcome struct {
	Delivery string            // its id
	Webhook  string            // the webhook's identity
	Event    *event.Event      // as it was accepted
	Outcome  delivery.Outcome  // delivered, retry, dead or dropped
	Attempt  *delivery.Attempt // the last one; nil if none was made
	Reason   string            // why it is dead or dropped
}

// Engine delivers the events that it accepts. Its methods may be called by several goroutines at once.
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
	ran     atomic.Bool  // Run was called
	digest  atomic.Value // of the current configuration's webhooks, for other nodes; a string

	reloading sync.Mutex // held while a configuration takes the place of another
	opening   sync.Mutex // held while lanes are opened
	current   *webhooks  // under opening

	mu      sync.Mutex
	running sync.WaitGroup // add to it under mu only
	atClose *left          // what was left at Close; nil before
}

// Open compiles the webhooks of a configuration and opens the queue. Mistakes in globs and expressions are [config.Errors].
// A queue's file that cannot be used is no error: deliveries are then kept in memory, and the log says so. Open starts nothing.
func Open(cfg *config.Config, opts Options) (*Engine, error) {
	if err := share(cfg, opts.Queue); err != nil {
		return nil, err
	}
	modules := newModules(&opts)
	settings, err := compiler{modules, opts.Logger, cfg.Secrets()}.settings(cfg)
	if err != nil {
		_ = closeModules(modules) // the mistakes say more
		return nil, err
	}
	opts.Queue = cmp.Or(opts.Queue, Memory)
	if opts.Random == nil {
		opts.Random = rand.Float64
	}
	e := &Engine{log: opts.Logger, trouble: lane.NewTrouble(opts.Logger), modules: modules, opts: opts}
	e.digest.Store(cfg.Digest())
	e.queue = spill.Open(store.Options{
		Path: opts.Queue, Name: QueueName(opts.Queue), Namespace: cfg.Queue.Space(), Log: opts.Logger, Serves: opts.Serves,
		Config:  func() string { return e.digest.Load().(string) },
		MaxSize: cfg.Queue.MaxSize, Keep: cfg.Queue.Keep, KeepDead: cfg.Queue.KeepDead,
		SpillFolder: opts.SpillFolder, HoldSpilled: cmp.Or(cfg.Queue.Spill, spillDefault(&opts)) == "keep",
	})
	e.lanes = lane.NewSet(e.timed(), e.log, e.settled)
	e.notices = newNotices()
	e.stopped, e.stop = context.WithCancel(context.Background())
	e.current = &webhooks{}
	e.routes = route.New(e.openAll(cfg, settings))
	return e, nil
}

// Run delivers until ctx ends or Close is called. Then it cancels the attempts in flight and waits for them.
// A second Run returns an error while the first one runs.
func (e *Engine) Run(ctx context.Context) error {
	if !e.mayRun() {
		return nil
	}
	defer e.running.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(e.stopped, cancel)()
	return e.lanes.Run(ctx, func(ctx context.Context) {
		var telling sync.WaitGroup
		telling.Go(func() { e.notices.run(ctx, e) })
		e.keepHouse(ctx)
		telling.Wait()
	})
}

// mayRun counts a Run unless Close was called. Close waits for the Runs that were counted.
func (e *Engine) mayRun() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped.Err() != nil {
		return false
	}
	e.running.Add(1)
	e.ran.Store(true)
	return true
}

// Close ends Run, waits for it, and closes the queue. Close writes what only memory holds into the queue's file
// if it can by now, else to the places of Options.Spill; else that is lost. [Engine.Report] tells.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.stop()
	e.mu.Unlock()
	e.running.Wait()
	e.tellRest()
	e.routes.Close()
	e.lanes.Close()
	e.settleAccounts()
	return errors.Join(e.queue.Close(), closeModules(e.modules))
}
