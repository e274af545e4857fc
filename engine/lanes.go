package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
)

// lanes runs the lanes of all webhooks. One may come while the others run.
type lanes struct {
	mu    sync.Mutex
	all   []*lane
	start func(*lane) // nil while nothing runs
}

// add takes a lane, and starts it if the others run.
func (ls *lanes) add(l *lane) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.all = append(ls.all, l)
	if ls.start != nil {
		ls.start(l)
	}
}

// retire ends a lane whose webhook was replaced: it finishes what is in flight and leaves the rest to its successor.
func (ls *lanes) retire(l, successor *lane) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	ls.all = slices.DeleteFunc(ls.all, func(other *lane) bool { return other == l })
	l.successor.Store(successor)
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
		l.sender.Close()
	}
}
