package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// Bounds of following. docs/config.md names them.
const (
	learnBytes  = 1 << 20          // read back in a file that is followed from its end, to learn about runs under way
	learnFor    = time.Hour        // a transcript whose last line is older belongs to no run under way
	maxLearned  = 100              // transcripts
	saveEvery   = time.Second      // how often positions are saved
	saveAtLeast = 5 * time.Second  // if there are lines that wait for their run's start for this long, no more are read until none waits
	flushWait   = 10 * time.Second // for the last commit at the end
)

// Follow describes which of AWF's files to follow: audit files and folders of transcripts.
type Follow struct {
	Paths       []string      // a folder holds transcripts; a path that does not exist yet is a file, unless its name lacks ".jsonl"
	State       string        // the folder of awf-hook's state, in which Run saves how far it has read
	FromStart   bool          // without a saved state, read files from their beginning instead of their end
	Storage     string        // where AWF keeps the states of its runs; "" looks beside the paths
	OrphanAfter time.Duration // how long a run may be quiet before it gets an end; 0 means for ever
}

// follower is a running Follow.
type follower struct {
	Follow
	feed    *feed
	audits  []*rotated
	folders []*folder
	states  []*state // by path
	saved   time.Time
	changed time.Time // since when something is unsaved; zero if all is saved
	waits   time.Time // since when some lines wait at all times; zero if none waits
	checked time.Time // for orphans
}

// Run follows until ctx ends. It saves its position only after the events are committed: after a kill some lines are read
// again, and the queue knows their events.
func (f Follow) Run(ctx context.Context, sink Sink) error {
	r := &follower{Follow: f, feed: newFeed(sink)}
	r.feed.joiner.State = newStates(f.storage()...).of
	defer r.close()
	if err := r.begin(time.Now()); err != nil {
		return err
	}
	var p pace
	for {
		p.begin()
		something, err := r.look(ctx)
		if err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-time.After(p.next(something)):
		case <-ctx.Done():
			return r.end(ctx)
		}
	}
}

// storage lists the folders that hold the states of runs.
func (f Follow) storage() (folders []string) {
	if f.Storage != "" {
		return []string{f.Storage}
	}
	for _, path := range f.Paths {
		if folder := filepath.Dir(absolute(path)); !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	return folders
}

// look passes on what is new and saves the position.
func (r *follower) look(ctx context.Context) (something bool, err error) {
	now := time.Now()
	if r.waits.IsZero() || now.Sub(r.waits) < saveAtLeast {
		if something, err = r.round(ctx, now); err != nil {
			return something, err
		}
	}
	r.feed.joiner.Release(time.Now())
	if !something && r.OrphanAfter > 0 && now.Sub(r.checked) > saveEvery {
		r.checked = now
		r.feed.joiner.End(event.Ending{Error: fmt.Sprintf("no line of the run was seen for %v", r.OrphanAfter)}, r.OrphanAfter, now)
	}
	if r.changed.IsZero() && (something || len(r.feed.batch) > 0) {
		r.changed = now
	}
	switch {
	case !r.feed.joiner.Waits():
		r.waits = time.Time{}
	case r.waits.IsZero():
		r.waits = now
	}
	if err := r.feed.commit(ctx); err != nil {
		return something, err
	}
	if !r.changed.IsZero() && now.Sub(r.saved) > saveEvery && !r.feed.joiner.Waits() && r.feed.sink.stored() {
		r.trySave(now)
	}
	return something, nil
}

func (r *follower) round(ctx context.Context, now time.Time) (something bool, err error) {
	var first []*tail
	for _, a := range r.audits {
		for _, t := range a.tails(now) {
			if r.feed.look(t, maxAhead, false) {
				first = append(first, t)
			}
		}
	}
	others := r.feed.lookIn(r.folders, false)
	if err := r.feed.merge(ctx, first, others, false); err != nil {
		return true, err
	}
	for _, t := range append(first, others...) {
		something = true
		if t.more || len(t.ahead) > 0 {
			return true, nil
		}
	}
	for _, a := range r.audits {
		a.seen = now
	}
	for _, d := range r.folders {
		d.seen = now
	}
	return something, nil
}

// end passes on the remaining lines and saves the position.
func (r *follower) end(ctx context.Context) error {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushWait)
	defer cancel()
	for _, t := range r.all() {
		if len(t.ahead) > 0 {
			return nil // interrupted within a round: the next process reads it again
		}
	}
	r.feed.joiner.Flush()
	if err := r.feed.commit(last); err != nil || !r.feed.sink.stored() {
		return err
	}
	return r.save(time.Now())
}

func (r *follower) all() []*tail {
	var all []*tail
	for _, a := range r.audits {
		all = append(append(all, a.current), a.old...)
	}
	for _, d := range r.folders {
		all = append(all, d.order...)
	}
	return all
}

func (r *follower) close() {
	for _, t := range r.all() {
		t.close()
	}
	for _, s := range r.states {
		s.close()
	}
}

// begin continues each path where it was left, or starts at its end.
func (r *follower) begin(now time.Time) error {
	if r.State == "" {
		return errNoState
	}
	for _, path := range r.Paths {
		s, err := openState(filepath.Join(r.State, "follow"), absolute(path))
		if err != nil {
			return err
		}
		r.states = append(r.states, s)
		if s.Runs != nil {
			if err := r.feed.joiner.Restore(s.Runs); err != nil {
				return fmt.Errorf("%s: %w", s.file, err)
			}
		}
		if isFolder(path) {
			s.folder = r.beginFolder(s, now)
			r.folders = append(r.folders, s.folder)
		} else {
			s.audit = r.beginFile(s, now)
			r.audits = append(r.audits, s.audit)
		}
	}
	if slices.ContainsFunc(r.states, func(s *state) bool { return !s.existed }) {
		return r.save(now) // without it the next process would begin at the files' ends again
	}
	r.trySave(now)
	return nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return !strings.HasSuffix(path, ".jsonl")
	}
	return info.IsDir()
}

func (r *follower) beginFile(s *state, now time.Time) *rotated {
	a := newRotated(s.Path)
	switch {
	case s.Current != nil:
		a.restore(*s.Current, s.Old, s.Seen, now)
	case s.existed: // its saved state could not be read
	default:
		if a.begin(now); !r.FromStart {
			r.skip(a.current, true)
		}
	}
	return a
}

func (r *follower) beginFolder(s *state, now time.Time) *folder {
	d := newFolder(s.Path, time.Time{}, true)
	positions := map[string]position{}
	for _, at := range s.Transcripts {
		positions[at.Path] = at
	}
	if d.seen = s.Seen; !s.existed && !r.FromStart {
		d.seen = now
	}
	learned := 0
	_ = d.discover() // the first look at it says what is wrong
	for _, t := range d.order {
		info, err := os.Stat(t.path)
		if err != nil {
			continue
		}
		if now.Sub(info.ModTime()) > learnFor {
			t.idle = coldAfter
		}
		at, known := positions[t.path]
		switch {
		case known:
			*t = *at.tail(t.path)
			t.held, t.moved = false, true
		case s.existed && info.ModTime().Before(s.Seen.Add(-clockSlack)):
			t.offset, t.read = info.Size(), info.Size() // was read before
		case !s.existed && !r.FromStart:
			underway := now.Sub(info.ModTime()) < learnFor && learned < maxLearned
			if r.skip(t, underway); underway {
				learned++
				t.moved = true
			}
		}
	}
	return d
}

// skip starts at a file's end. If learn is set, it reads the last lines before the end for what they say about runs under
// way.
func (r *follower) skip(t *tail, learn bool) {
	if t.open() != nil {
		return
	}
	defer t.close()
	info, err := t.file.Stat()
	if err != nil {
		return
	}
	text := make([]byte, min(info.Size(), learnBytes))
	n, err := t.file.ReadAt(text, info.Size()-int64(len(text)))
	if err != nil && !errors.Is(err, io.EOF) {
		return
	}
	text = text[:n]
	whole := bytes.LastIndexByte(text, '\n') + 1
	t.offset = info.Size() - int64(len(text)) + int64(whole)
	t.head, _ = headOf(t.file, t.offset)
	if !learn {
		return
	}
	for rec := range records(text[:whole]) {
		r.feed.joiner.Learn(rec)
	}
}
