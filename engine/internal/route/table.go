// Package route says which webhooks hold for a workflow's events: those of the settings, and those of its own definition.
//
// A definition's webhooks are compiled beside the stream of events, and never under a lock: a module may take seconds.
package route

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/awf-project/awf-hook/engine/config"
)

// Options are what a [Table] routes to. W is a compiled webhook.
type Options[W any] struct {
	Settings  []W               // the webhooks of the settings
	Workflows *config.Workflows // finds definitions; nil leaves them out
	Files     []string          // the settings that were read, absolute
	Identity  func(W) string
	// Open compiles a definition's own webhooks and opens those that are enabled. It may take long, and several run at once.
	Open func(ctx context.Context, own []config.Webhook) ([]W, error)
	Log  *slog.Logger
}

// Table knows the webhooks of each workflow. Several goroutines may use it at once.
type Table[W any] struct {
	Options[W]
	ctx       context.Context // of the compilations; ended by Close
	end       context.CancelFunc
	compiling sync.WaitGroup
	slots     chan struct{} // a value for each compilation under way

	mu          sync.Mutex
	definitions map[string]*Route[W] // by the definition's file
	strange     map[string]bool      // identities in the store that are not ours
}

// Route has the webhooks for the events of one workflow.
type Route[W any] struct {
	found    *config.Found
	done     chan struct{} // closed when webhooks is set
	webhooks []W
}

// maxStrange bounds how many webhooks of other configurations are remembered, so that nobody looks for them again.
const maxStrange = 10_000

// New makes a table. It starts nothing.
func New[W any](o Options[W]) *Table[W] {
	t := &Table[W]{Options: o, slots: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))}
	t.ctx, t.end = context.WithCancel(context.Background())
	t.definitions, t.strange = map[string]*Route[W]{}, map[string]bool{}
	return t
}

// Close ends the compilations and waits for them.
func (t *Table[W]) Close() {
	t.end()
	t.compiling.Wait()
}

// Of returns the route of a workflow's events. Its webhooks may still be compiling.
func (t *Table[W]) Of(workflow string) *Route[W] {
	if t.Workflows != nil && workflow != "" {
		if found := t.Workflows.Lookup(workflow); found != nil {
			return t.route(found)
		}
	}
	return ready(t.Settings)
}

func ready[W any](webhooks []W) *Route[W] {
	r := &Route[W]{done: make(chan struct{}), webhooks: webhooks}
	close(r.done)
	return r
}

// Ready returns a channel that is closed when the webhooks are compiled.
func (r *Route[W]) Ready() <-chan struct{} { return r.done }

// IsReady reports whether the webhooks are compiled.
func (r *Route[W]) IsReady() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// Webhooks waits until the webhooks are compiled and returns them. The error is the context's.
func (r *Route[W]) Webhooks(ctx context.Context) ([]W, error) {
	select {
	case <-r.done:
		return r.webhooks, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// route returns the route of a definition, whose compilation it begins where the definition is new or changed.
func (t *Table[W]) route(found *config.Found) *Route[W] {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.definitions[found.File]
	if before != nil && before.found == found {
		return before
	}
	var r *Route[W]
	if found.Err != nil || len(found.Own) == 0 {
		t.complain(found, found.Err)
		r = ready(t.webhooks(found, nil, found.Err))
		r.found = found
	} else {
		r = &Route[W]{found: found, done: make(chan struct{})}
		t.compiling.Go(func() { t.compile(r, before) })
	}
	t.definitions[found.File] = r
	return r
}

// compile opens a definition's webhooks, after those of what the definition said before, which they replace.
func (t *Table[W]) compile(r, before *Route[W]) {
	defer close(r.done)
	if before != nil {
		<-before.done
	}
	t.slots <- struct{}{}
	own, err := t.Open(t.ctx, r.found.Own)
	<-t.slots
	if t.ctx.Err() == nil {
		t.complain(r.found, err)
	}
	r.webhooks = t.webhooks(r.found, own, err)
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, w := range own {
		delete(t.strange, t.Identity(w))
	}
}

// complain says that a definition has mistakes: its own webhooks are off. That harms no other workflow.
func (t *Table[W]) complain(found *config.Found, err error) {
	if err != nil {
		t.Log.Error("the workflow's own webhooks are off", "workflow", found.Name, "err", err)
	}
}

// webhooks lists what holds for a definition, in the configuration's order; err says that its own webhooks are off.
func (t *Table[W]) webhooks(found *config.Found, own []W, err error) []W {
	if err != nil {
		return t.Settings
	}
	byIdentity := map[string]W{}
	for _, w := range slices.Concat(own, t.Settings) {
		byIdentity[t.Identity(w)] = w
	}
	var list []W
	for _, cfg := range found.Webhooks {
		if w, is := byIdentity[cfg.Identity]; is {
			list = append(list, w)
		}
	}
	return list
}

// Adopt begins to open the webhook of an identity that has deliveries in the store, where a workflow's definition has it.
// A webhook that is gone from a file that was read leaves its deliveries where they are: that is said once.
func (t *Table[W]) Adopt(identity string) {
	t.mu.Lock()
	known := t.strange[identity]
	t.mu.Unlock()
	if known || t.opens(identity) {
		return
	}
	t.mu.Lock()
	if len(t.strange) < maxStrange {
		t.strange[identity] = true
	}
	t.mu.Unlock()
	if file, _, _ := strings.Cut(identity, "#"); slices.Contains(t.Files, file) {
		t.Log.Warn("deliveries wait for a webhook that is not in its file any more", "webhook", identity)
	}
}

// opens looks through all definitions for an identity. It reports whether one has it that is not compiled yet.
func (t *Table[W]) opens(identity string) bool {
	if t.Workflows == nil {
		return false
	}
	isOurs := func(w config.Webhook) bool { return w.Identity == identity && w.Enabled }
	for _, found := range t.Workflows.All() {
		if found.Err == nil && slices.ContainsFunc(found.Own, isOurs) && t.Workflows.Lookup(found.Name) == found {
			return !t.route(found).IsReady()
		}
	}
	return false
}
