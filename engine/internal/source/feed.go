package source

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// Bounds of reading many files at once. docs/config.md names them.
const (
	maxBatch  = 1024    // events that are submitted together
	batchSize = 4 << 20 // bytes of these events
	maxAhead  = 1000    // lines of an audit file that are decoded before the transcripts of their runs are looked for
	someAhead = 16      // the same for a transcript
	maxOpen   = 128     // transcripts that are read at once
	maxUnread = 100     // files and folders that are reported as unreadable
)

// The waits between two looks at files: the first after something new, doubled up to the last.
const (
	minPace = 10 * time.Millisecond
	maxPace = 200 * time.Millisecond
)

// restShare limits the processor time that reading takes from a command: after each look the reader rests this many times
// as long as the look took.
const restShare = 9

// pace decides how long to wait before the next look.
type pace struct {
	wait  time.Duration
	share time.Duration // rest at least this many times as long as the last look took
	began time.Time     // of the look
}

// begin notes the start of a look.
func (p *pace) begin() { p.began = time.Now() }

// next returns how long to wait after a look.
func (p *pace) next(something bool) time.Duration {
	if something || p.wait == 0 {
		p.wait = minPace
	} else {
		p.wait = min(2*p.wait, maxPace)
	}
	return max(p.wait, p.share*time.Since(p.began))
}

// Sink receives what is read from files.
type Sink struct {
	Events func(context.Context, []event.Event) error // returns when they are committed, or the context's error
	Stored func() bool                                // whether all that was committed outlives the process or is delivered; nil is true
	Broken func(*event.LineError)                     // receives broken lines of a known dialect; may be nil
	Counts func(event.Counts)                         // receives the counts since the last call; may be nil
	// Trouble receives the result of each check for a problem: a nil error means that there is none. It may be nil.
	Trouble func(what string, err error)
}

func (s Sink) trouble(what string, err error) {
	if s.Trouble != nil {
		s.Trouble(what, err)
	}
}

func (s Sink) stored() bool { return s.Stored == nil || s.Stored() }

// settles waits until all that was committed outlives the process or is delivered. It returns false if ctx ends first.
func (s Sink) settles(ctx context.Context) bool {
	for !s.stored() {
		select {
		case <-time.After(maxPace):
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// feed turns the lines of several files into events.
type feed struct {
	joiner event.Joiner
	sink   Sink
	batch  []event.Event
	size   int // bytes of batch
	counts event.Counts
	unread map[string]bool // files and folders that were reported as unreadable
}

func newFeed(sink Sink) *feed {
	f := &feed{sink: sink, unread: map[string]bool{}}
	f.joiner.Files = true
	f.joiner.Event = func(e event.Event) {
		f.batch = append(f.batch, e)
		f.size += e.Size()
	}
	return f
}

// look opens a file and decodes its new lines. It reads a replaced file from its beginning, unless the old one is held. A
// missing or unreadable file has nothing new.
func (f *feed) look(t *tail, n int, final bool) (something bool) {
	if !t.grown() {
		t.idle++
		return false
	}
	err := t.open()
	if errors.Is(err, errReplaced) && !t.held {
		t.restart()
		err = t.open()
	}
	if err == nil {
		err = t.load(n, final)
	}
	if errors.Is(err, errReplaced) {
		err = nil
	}
	if f.readable(t.path, err); err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.close()
	}
	if len(t.ahead) == 0 {
		t.idle++
		t.rest()
	}
	return len(t.ahead) > 0
}

// readable reports a file or folder that cannot be read, and later that it can be read again. It does not report a missing one.
func (f *feed) readable(path string, err error) {
	if failed, is := errors.AsType[*fs.PathError](err); is {
		err = failed.Err
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if f.unread[path] || err != nil && len(f.unread) < maxUnread {
		f.sink.trouble(path+" cannot be read", err)
		if f.unread[path] = true; err == nil {
			delete(f.unread, path)
		}
	}
}

// lookIn looks at the transcripts in folders, at those that are due or at all, and returns those that have something new.
func (f *feed) lookIn(folders []*folder, all bool) (open []*tail) {
	for _, d := range folders {
		f.readable(d.path, d.discover())
		for _, t := range d.due(all) {
			if len(open) < maxOpen && f.look(t, someAhead, all) {
				open = append(open, t)
			}
		}
	}
	return open
}

// merge passes on the lines of all tails ordered by time; lines of one tail keep their order. It returns when every tail
// is at its end. It returns early when one of first has more lines than were loaded, since those may name further files.
func (f *feed) merge(ctx context.Context, first, others []*tail, final bool) error {
	all := slices.Concat(first, others)
	for {
		var next *tail
		for i, t := range all {
			if len(t.ahead) == 0 {
				if t.file == nil {
					continue
				}
				if i < len(first) {
					if t.more {
						return f.commit(ctx)
					}
					continue
				}
				if t.load(someAhead, final) != nil || len(t.ahead) == 0 {
					t.rest()
					continue
				}
			}
			if next == nil || t.ahead[0].at.Before(next.ahead[0].at) {
				next = t
			}
		}
		if next == nil {
			return f.commit(ctx)
		}
		f.give(next)
		if len(f.batch) >= maxBatch || f.size >= batchSize {
			if err := f.commit(ctx); err != nil {
				return err
			}
		}
	}
}

// give passes the tail's next line to the joiner.
func (f *feed) give(t *tail) {
	p := t.take()
	switch {
	case p.err != nil:
		f.counts.Broken++
		if f.sink.Broken != nil {
			f.sink.Broken(&event.LineError{File: t.path, Line: t.line, Reason: p.err})
		}
	case p.rec == nil:
		f.counts.Passed++
	default:
		if !f.joiner.Add(p.rec, time.Now()) {
			f.counts.Known++
		}
	}
}

// commit submits the batch.
func (f *feed) commit(ctx context.Context) error {
	if f.sink.Counts != nil && f.counts != (event.Counts{}) {
		f.sink.Counts(f.counts)
	}
	f.counts = event.Counts{}
	if len(f.batch) == 0 {
		return nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := f.sink.Events(ctx, f.batch); err != nil {
		return err
	}
	f.batch, f.size = nil, 0 // the queue has the events
	return nil
}
