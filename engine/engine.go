package engine

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/internal/lane"
	"github.com/awf-project/awf-hook/engine/internal/route"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
	"github.com/awf-project/awf-hook/transforms"
)

var (
	// ErrFull is wrapped by Submit's error when the queue had no room until the context ended.
	ErrFull = store.ErrFull
	// ErrClosed is wrapped by Submit's error after Close.
	ErrClosed = store.ErrClosed
)

// Memory is the name of a queue that is kept in memory and ends with the process.
const Memory = spill.Memory

// Options are the settings that a configuration does not have. The zero value is ready to use.
type Options struct {
	Queue       string            // the queue's file, shared by any number of processes; "" or Memory keeps nothing beyond Close
	Spill       []string          // files, or folders (with a final /) for a new one, that take in turn at Close what only memory holds; none: it is lost
	Logger      *slog.Logger      // nil logs nothing
	Version     string            // for the User-Agent
	ModuleCache string            // the directory of compiled wasm modules, which must be private to the user; "" keeps none
	Transport   http.RoundTripper // nil uses HTTP over the network
	Random      func() float64    // from 0 to 1, chooses within the jitter of waits; nil is a random number
}

// Engine delivers the events that it accepts. Its methods may be called by several goroutines at once.
type Engine struct {
	log     *slog.Logger
	trouble *lane.Trouble
	queue   *spill.Store
	modules *transforms.Modules
	routes  *route.Table[*webhook]
	lanes   *lane.Set
	file    string   // the queue's; Memory for none
	spillTo []string // see Options.Spill

	stop    context.CancelFunc
	stopped context.Context // done when Close was called
	counts  counts

	mu      sync.Mutex
	running sync.WaitGroup // add to it under mu only
	atClose *left          // what was left at Close; nil before
}

// Open compiles the webhooks of a configuration and opens the queue. Mistakes in globs and expressions are [config.Errors].
// A queue's file that cannot be used is no error: deliveries are then kept in memory, and the log says so. Open starts nothing.
func Open(cfg *config.Config, opts Options) (*Engine, error) {
	modules := newModules(&opts)
	webhooks, mistakes := compiler{modules, opts.Logger}.all(context.Background(), cfg.Active())
	_, others := compiler{nil, opts.Logger}.all(context.Background(), cfg.Inactive()) // webhooks that are switched off are checked too
	if mistakes = append(mistakes, others...); len(mistakes) > 0 {
		closeChains(webhooks)
		_ = closeModules(modules) // the mistakes say more
		mistakes.Sort()
		return nil, mistakes
	}
	opts.Queue = cmp.Or(opts.Queue, Memory)
	if opts.Random == nil {
		opts.Random = rand.Float64
	}
	e := &Engine{
		log: opts.Logger, trouble: lane.NewTrouble(opts.Logger), modules: modules, file: opts.Queue, spillTo: opts.Spill,
		queue: spill.Open(store.Options{
			Path: opts.Queue, MaxSize: cfg.Queue.MaxSize, Keep: cfg.Queue.Keep, KeepDead: cfg.Queue.KeepDead, Log: opts.Logger,
		}),
	}
	e.lanes = lane.NewSet(e.queue, e.log, e.counts.settled)
	e.stopped, e.stop = context.WithCancel(context.Background())
	e.routes = newRoutes(e.lanes, cfg, webhooks, compiler{modules, opts.Logger}, &opts)
	return e, nil
}

// newRoutes opens the lanes of the settings' webhooks now, and those of a definition when its workflow runs.
func newRoutes(lanes *lane.Set, cfg *config.Config, settings []compiled, c compiler, opts *Options) *route.Table[*webhook] {
	open := func(c compiled) *webhook {
		w := newWebhook(c, opts, cfg.Allow)
		lanes.Add(w.lane())
		return w
	}
	o := route.Options[*webhook]{
		Workflows: cfg.Workflows, Log: opts.Logger,
		Identity: func(w *webhook) string { return w.Identity },
		Open: func(ctx context.Context, own []config.Webhook) (list []*webhook, err error) {
			all, mistakes := c.all(ctx, own)
			if len(mistakes) > 0 {
				closeChains(all)
				return nil, mistakes
			}
			for i := range all {
				if !all[i].Enabled {
					all[i].chain.Close()
					continue
				}
				list = append(list, open(all[i]))
			}
			return list, nil
		},
	}
	for _, c := range settings {
		o.Settings = append(o.Settings, open(c))
	}
	for _, file := range cfg.Files {
		if abs, err := filepath.Abs(file); err == nil {
			o.Files = append(o.Files, abs)
		}
	}
	return route.New(o)
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
	return e.lanes.Run(ctx, e.keepHouse)
}

// mayRun counts a Run unless Close was called. Close waits for the Runs that were counted.
func (e *Engine) mayRun() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.stopped.Err() != nil {
		return false
	}
	e.running.Add(1)
	return true
}

// Close ends Run, waits for it, and closes the queue. Close writes what only memory holds into the queue's file
// if it can by now, else to the places of Options.Spill; else that is lost. [Engine.Report] tells.
func (e *Engine) Close() error {
	e.mu.Lock()
	e.stop()
	e.mu.Unlock()
	e.running.Wait()
	e.routes.Close()
	e.lanes.Close()
	err := e.settleAccounts()
	return errors.Join(err, e.queue.Close(), closeModules(e.modules))
}
