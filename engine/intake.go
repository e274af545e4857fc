package engine

import (
	"errors"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/queue"
)

// Bounds of an intake. They stand in docs/config.md.
const (
	maxIntake      = 1024    // events that wait to be accepted
	maxIntakeBytes = 4 << 20 // of them
	// roomWait is how long a stream waits for room before an event is refused.
	// After a refusal it does not wait again until there was room: the workflow behind the pipe must not be held up.
	roomWait = time.Second
	// stuckWait is how long it waits for a queue that says neither yes nor no. One that is only slow sets the stream's pace.
	stuckWait = 10 * time.Second
)

// intake accepts a stream's events behind the back of who reads it: the disk's time is not the stream's.
// It takes all that waits in one transaction.
type intake struct {
	engine  *Engine
	done    sync.WaitGroup
	patient bool // for who adds

	mu      sync.Mutex
	changed *sync.Cond
	waiting []*queue.Entry
	bytes   int  // of waiting
	closed  bool // no more come
	refuses bool // the queue was full, and nothing was accepted since
}

func (e *Engine) openIntake() *intake {
	in := &intake{engine: e, patient: true}
	in.changed = sync.NewCond(&in.mu)
	in.done.Go(in.run)
	return in
}

// close waits until all that was added is accepted or refused.
func (in *intake) close() {
	in.mu.Lock()
	in.closed = true
	in.changed.Broadcast()
	in.mu.Unlock()
	in.done.Wait()
}

// add routes an event and leaves its acceptance to run. It waits for the queue as stuckWait says. One goroutine adds.
func (in *intake) add(ev event.Event) {
	entry := in.engine.entry(&ev)
	if len(entry.Wants) == 0 {
		in.engine.counts.events.Add(1)
		return
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.isFull() && in.patient {
		timer := time.AfterFunc(stuckWait, func() {
			in.mu.Lock()
			defer in.mu.Unlock()
			in.patient = false
			in.changed.Broadcast()
		})
		for in.isFull() && in.patient {
			in.changed.Wait()
		}
		timer.Stop()
	}
	if in.isFull() {
		in.refuse(entry, ErrFull)
		return
	}
	in.patient = true
	in.waiting = append(in.waiting, entry)
	in.bytes += ev.Size()
	in.changed.Broadcast()
}

// isFull says whether nothing more may be added. Under mu.
func (in *intake) isFull() bool { return len(in.waiting) >= maxIntake || in.bytes >= maxIntakeBytes }

// run accepts what was added until there is no more.
func (in *intake) run() {
	for {
		in.mu.Lock()
		for len(in.waiting) == 0 && !in.closed {
			in.changed.Wait()
		}
		batch := in.waiting
		in.waiting, in.bytes = nil, 0
		in.changed.Broadcast()
		in.mu.Unlock()
		if len(batch) == 0 {
			return
		}
		in.accept(batch)
	}
}

// accept accepts a batch. When there is no room for all it takes them one by one, and waits for room once.
func (in *intake) accept(batch []*queue.Entry) {
	err := in.engine.accept(batch)
	if err == nil {
		in.refuses = false
		return
	}
	for _, entry := range batch {
		err := in.engine.accept([]*queue.Entry{entry})
		for deadline := time.Now().Add(roomWait); errors.Is(err, ErrFull) && !in.refuses && time.Now().Before(deadline); {
			time.Sleep(roomPoll)
			err = in.engine.accept([]*queue.Entry{entry})
		}
		in.refuses = errors.Is(err, ErrFull)
		if err != nil {
			in.refuse(entry, err)
		}
	}
}

// refuse counts an event that found no room.
func (in *intake) refuse(entry *queue.Entry, err error) {
	e, ev := in.engine, entry.Event
	if !errors.Is(err, ErrFull) {
		e.log.Error("event not accepted", "event", ev.Type, "workflow_id", ev.WorkflowID, "err", err)
	} else {
		e.log.Debug("event refused", "event", ev.Type, "workflow_id", ev.WorkflowID, "err", err)
	}
	e.counts.refused.Add(1)
}
