// Package route finds the webhooks for a workflow's events: those of the settings and those of its own definition.
//
// [Table.Of] returns a route. A definition's webhooks are compiled on a goroutine of their own, and never under a lock,
// since a module may take seconds.
package route

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/awf-project/awf-hook/engine/config"
)

// Options are the webhooks that a [Table] routes to. W is a compiled webhook.
type Options[W any] struct {
	Settings  []W               // the webhooks of the settings
	Workflows *config.Workflows // finds definitions; nil has none
	Files     []string          // the settings that were read, absolute
	Identity  func(W) string
	// Open compiles a definition's own webhooks and opens those that are enabled. It may take long, and several calls run
	// at once.
	Open func(ctx context.Context, own []config.Webhook) ([]W, error)
	Log  *slog.Logger
}

// Table knows the webhooks of each workflow. It is safe for concurrent use.
type Table[W any] struct {
	ctx       context.Context // of the compilations; Close ends it
	end       context.CancelFunc
	compiling sync.WaitGroup
	slots     chan struct{} // one value for each compilation under way
	current   atomic.Pointer[snapshot[W]]
}

// snapshot is the routing of one configuration. A compilation ends under the snapshot under which it began.
type snapshot[W any] struct {
	Options[W]
	table    *Table[W]
	settings *Route[W] // of the workflows without a definition

	mu          sync.Mutex
	definitions map[string]*Route[W] // by the definition's file
	strange     map[string]int       // identities in the store that are not ours, with the version of the definitions

	saying   sync.Mutex
	mistakes map[string]error // the mistakes of definitions, by file
}

// Route holds the webhooks for the events of one workflow.
type Route[W any] struct {
	found    *config.Found
	done     chan struct{} // closed when the fields below are set
	webhooks []W
	isGood   bool // the definition, or the one that was kept in its place, has no mistakes
}

// maxStrange is the most webhooks of other configurations that are remembered, so that nobody looks for them again.
const maxStrange = 10_000

// New makes a table. It starts nothing.
func New[W any](o Options[W]) *Table[W] {
	t := &Table[W]{slots: make(chan struct{}, max(2, runtime.GOMAXPROCS(0)))}
	t.ctx, t.end = context.WithCancel(context.Background())
	t.Swap(o)
	return t
}

// Swap replaces the options for later events. Definitions are read and compiled again when their workflows run.
func (t *Table[W]) Swap(o Options[W]) {
	t.current.Store(&snapshot[W]{
		Options: o, table: t, settings: ready(o.Settings), definitions: map[string]*Route[W]{}, strange: map[string]int{},
		mistakes: map[string]error{},
	})
}

// Mistakes returns the mistakes of the definitions that were looked up and still exist, sorted by file.
func (t *Table[W]) Mistakes() (list []error) {
	s := t.current.Load()
	s.saying.Lock()
	defer s.saying.Unlock()
	maps.DeleteFunc(s.mistakes, func(file string, _ error) bool {
		_, err := os.Lstat(file)
		return errors.Is(err, fs.ErrNotExist)
	})
	for _, file := range slices.Sorted(maps.Keys(s.mistakes)) {
		list = append(list, s.mistakes[file])
	}
	return list
}

// Close ends the compilations and waits for them.
func (t *Table[W]) Close() {
	t.end()
	t.compiling.Wait()
}

// Of returns the route of a workflow's events. Its webhooks may still be compiling.
func (t *Table[W]) Of(workflow string) *Route[W] {
	s := t.current.Load()
	if workflow != "" {
		if found := s.Workflows.Lookup(workflow); found != nil {
			return s.route(found)
		}
	}
	return s.settings
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

// route returns the route of a definition, or of the one that applies in its place. It starts a compilation if that definition is new or
// changed.
func (s *snapshot[W]) route(found *config.Found) *Route[W] {
	found = s.holding(found)
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.definitions[found.File]
	if before != nil && before.found == found {
		return before
	}
	var r *Route[W]
	if before == nil && (found.Err != nil || len(found.Own) == 0) {
		s.complain(found, found.Err, false)
		r = ready(s.webhooks(found, nil, found.Err))
		r.found, r.isGood = found, found.Err == nil
	} else {
		r = &Route[W]{found: found, done: make(chan struct{})}
		s.table.compiling.Go(func() { s.compile(r, before) })
	}
	s.definitions[found.File] = r
	return r
}

// compile opens a definition's webhooks, after those that they replace. If it has mistakes, the definition before it still holds.
func (s *snapshot[W]) compile(r, before *Route[W]) {
	defer close(r.done)
	if before != nil {
		<-before.done
	}
	own, err := []W(nil), r.found.Err
	if err == nil && len(r.found.Own) > 0 {
		s.table.slots <- struct{}{}
		own, err = s.Open(s.table.ctx, r.found.Own)
		<-s.table.slots
	}
	kept := err != nil && before != nil && before.isGood
	if s.table.ctx.Err() == nil {
		s.complain(r.found, err, kept)
	}
	if kept {
		r.webhooks, r.isGood = before.webhooks, true
		return
	}
	r.webhooks, r.isGood = s.webhooks(r.found, own, err), err == nil
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range own {
		delete(s.strange, s.Identity(w))
	}
}

// holding returns the definition whose webhooks apply: the one that was found, or the user's own in its place. It logs once why a project's
// definition does not apply.
func (s *snapshot[W]) holding(found *config.Found) *config.Found {
	if found.Instead == nil {
		return found
	}
	s.saying.Lock()
	defer s.saying.Unlock()
	if _, said := s.mistakes[found.File]; found.Err != nil && !said {
		s.mistakes[found.File] = found.Err
		s.Log.Warn("the workflow's definition in your own folder applies, not the project's", "workflow", found.Name, "err", found.Err)
	}
	return found.Instead
}

// complain logs that a definition has mistakes: its own webhooks are off, or those of the definition before it are kept. Other workflows
// are not affected.
func (s *snapshot[W]) complain(found *config.Found, err error, kept bool) {
	s.saying.Lock()
	defer s.saying.Unlock()
	if err == nil {
		delete(s.mistakes, found.File)
		return
	}
	s.mistakes[found.File] = err
	text := "the workflow's own webhooks are off"
	if kept {
		text = "the workflow's definition was not loaded: its old webhooks still apply"
	}
	s.Log.Error(text, "workflow", found.Name, "err", err)
}

// webhooks lists the webhooks of a definition, in the configuration's order. err says that the definition's own webhooks
// are off.
func (s *snapshot[W]) webhooks(found *config.Found, own []W, err error) []W {
	if err != nil {
		return s.Settings
	}
	byIdentity := map[string]W{}
	for _, w := range slices.Concat(own, s.Settings) {
		byIdentity[s.Identity(w)] = w
	}
	var list []W
	for _, cfg := range found.Webhooks {
		if w, is := byIdentity[cfg.Identity]; is {
			list = append(list, w)
		}
	}
	return list
}

// Adopt starts to open the webhook of an identity that has deliveries in the store, if a workflow's definition has it. If
// none has it, Adopt looks again once definitions change. If the webhook's file no longer has it, Adopt logs that once. It reports
// whether the webhook is being opened.
func (t *Table[W]) Adopt(identity string) (opens bool) { return t.current.Load().adopt(identity) }

func (s *snapshot[W]) adopt(identity string) bool {
	version := s.Workflows.Version()
	s.mu.Lock()
	asked, known := s.strange[identity]
	s.mu.Unlock()
	if known && asked == version {
		return false
	}
	if s.opens(identity) {
		return true
	}
	s.mu.Lock()
	if known || len(s.strange) < maxStrange {
		s.strange[identity] = version
	}
	s.mu.Unlock()
	if known {
		return false
	}
	if file, _ := config.SplitIdentity(identity); slices.Contains(s.Files, file) {
		s.Log.Warn("deliveries wait for a webhook that is gone or not used", "webhook", identity)
	}
	return false
}

// opens looks for an identity in all definitions. It reports whether one of them has it and is not compiled yet.
func (s *snapshot[W]) opens(identity string) bool {
	isOurs := func(w config.Webhook) bool { return w.Identity == identity && w.Enabled }
	for _, found := range s.Workflows.All() {
		if found.Err != nil || !slices.ContainsFunc(found.Own, isOurs) {
			continue
		}
		// another definition may have the workflow's name, and still leave this one's webhooks active
		if holder := s.Workflows.Lookup(found.Name); holder != nil && slices.ContainsFunc(holder.Webhooks, isOurs) {
			return !s.route(holder).IsReady()
		}
	}
	return false
}
