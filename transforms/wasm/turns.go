package wasm

import (
	"context"
	"slices"
	"sync"
	"time"
)

// turns bounds how many guests run at a time and shares their time among modules. A slot that becomes free goes to the
// waiting module that has run for the shortest time, so a module with many calls in flight delays another one by about the
// length of one call. A module that was idle cannot save up time.
type turns struct {
	mu      sync.Mutex
	free    int           // slots; above 0 only while nobody waits
	now     time.Duration // what the module that last got a slot had used by then
	waiting []*line       // modules with calls that wait
}

// line holds the calls of one module.
type line struct {
	used  time.Duration   // how long its calls have run, at least turns.now when it was last idle
	open  int             // calls that run or wait
	calls []chan struct{} // those that wait, oldest first; closed when a call gets its slot
}

// enter waits until a call of the module may run, or until ctx ends. If it returns nil, the caller must call leave.
func (t *turns) enter(ctx context.Context, l *line) error {
	t.mu.Lock()
	if l.open == 0 {
		l.used = max(l.used, t.now)
	}
	l.open++
	if t.free > 0 {
		t.free--
		t.now = max(t.now, l.used)
		t.mu.Unlock()
		return nil
	}
	slot := make(chan struct{})
	if len(l.calls) == 0 {
		t.waiting = append(t.waiting, l)
	}
	l.calls = append(l.calls, slot)
	t.mu.Unlock()
	select {
	case <-slot:
		return nil
	case <-ctx.Done():
		t.abandon(l, slot)
		return ctx.Err()
	}
}

// leave ends a call that ran for the given time, and gives its slot to the next.
func (t *turns) leave(l *line, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.used += took
	l.open--
	t.pass()
}

// abandon ends a call that no longer wants its slot, which it may just have been given.
func (t *turns) abandon(l *line, slot chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l.open--
	i := slices.Index(l.calls, slot)
	if i < 0 {
		t.pass()
		return
	}
	t.take(l, i)
}

// pass gives a free slot to the module that has used the least time.
func (t *turns) pass() {
	if len(t.waiting) == 0 {
		t.free++
		return
	}
	next := slices.MinFunc(t.waiting, func(a, b *line) int { return int(a.used - b.used) })
	t.now = max(t.now, next.used)
	close(t.take(next, 0))
}

// take removes a waiting call from its line, and an empty line from those that wait.
func (t *turns) take(l *line, i int) chan struct{} {
	slot := l.calls[i]
	l.calls = slices.Delete(l.calls, i, i+1)
	if len(l.calls) == 0 {
		at := slices.Index(t.waiting, l)
		t.waiting = slices.Delete(t.waiting, at, at+1)
	}
	return slot
}
