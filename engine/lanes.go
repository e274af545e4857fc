package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
)

// lanes runs the lanes of all webhooks. One may come while the others run.
type lanes struct {
	mu        sync.Mutex
	all       []*lane
	byWebhook map[string]*lane // by identity
	start     func(*lane)      // nil while nothing runs
}

// of returns the lane of a webhook's identity, nil if it is not open.
func (ls *lanes) of(webhook string) *lane {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return ls.byWebhook[webhook]
}

// identities are those of the webhooks that are open.
func (ls *lanes) identities() []string {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return slices.Collect(maps.Keys(ls.byWebhook))
}

// add takes a lane, and starts it if the others run.
func (ls *lanes) add(l *lane) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if ls.byWebhook == nil {
		ls.byWebhook = map[string]*lane{}
	}
	ls.all = slices.DeleteFunc(ls.all, func(old *lane) bool {
		ended := old.isRetired() && old.open.Load() == 0
		if ended {
			old.webhook.close()
		}
		return ended
	})
	ls.all = append(ls.all, l)
	ls.byWebhook[l.webhook.Identity] = l
	if ls.start != nil {
		ls.start(l)
	}
}

// retire ends a lane whose webhook was replaced: it finishes what is in flight and leaves the rest to the lane that took over.
func (ls *lanes) retire(l *lane) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	close(l.retired)
}

// run runs the lanes until ctx ends, and waits for them. It refuses to run them twice.
func (ls *lanes) run(ctx context.Context) error {
	var running sync.WaitGroup
	ls.mu.Lock()
	if ls.start != nil {
		ls.mu.Unlock()
		return errors.New("the engine runs already")
	}
	ls.start = func(l *lane) { running.Go(func() { l.run(ctx) }) }
	for _, l := range ls.all {
		ls.start(l)
	}
	ls.mu.Unlock()

	<-ctx.Done()
	ls.mu.Lock()
	ls.start = nil
	ls.mu.Unlock()
	running.Wait()
	return nil
}

// close closes the lanes' connections.
func (ls *lanes) close() {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, l := range ls.all {
		l.webhook.close()
	}
}
