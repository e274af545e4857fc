package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/event"
)

// Bounds of trails. docs/config.md names them.
const (
	maxTrails = 10_000             // trails that one adoption looks at, the oldest first
	keepTrail = time.Hour          // how long after its last line a settled trail is kept; with a run that has no end, as an abandoned one
	maxBefore = 4 << 20            // bytes that are read for starts of runs, in a settled trail or at the end of AWF's own audit file
	maxOrphan = 24 * time.Hour     // how long after its last line the program may still be running
	dropTrail = 7 * 24 * time.Hour // how long it waits for lines, for its copy or for its settings
	lastTrail = 4 * dropTrail      // how long a trail is read at all: the queue knows what it accepted for 30 days
	maxEnded  = 1000               // runs that are remembered, to name those whose steps were not seen
)

// read passes on the events of a trail and of the transcripts of its runs. child is nil if another process started the
// program.
func (t *trail) read(ctx context.Context, sink Sink, child *Child) error {
	r := &reading{
		trail:   t,
		feed:    newFeed(sink),
		audit:   &tail{path: t.path, held: true, file: t.again()},
		folders: t.folders(),
	}
	states := newStates(t.Storage, filepath.Dir(t.Transcripts))
	states.live = child != nil
	r.feed.joiner.State, r.feed.joiner.HoldEnds = states.of, child != nil
	defer r.close()
	if child == nil {
		return r.all(ctx)
	}
	p := pace{share: restShare}
	for {
		p.begin()
		over := false
		select {
		case <-child.exited:
			over = true
		default:
		}
		something, err := r.round(ctx, over)
		if err != nil {
			return err
		}
		if over {
			if something {
				continue
			}
			break
		}
		select {
		case <-time.After(p.next(something)):
		case <-child.exited:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	r.feed.joiner.SetExit(child.exit.Code)
	if err := r.end(ctx, child.exit.ending()); err != nil {
		return err
	}
	child.read = r.audit.offset
	child.notes = append(r.replaced(), r.unseen(child.process.Args)...)
	return nil
}

// replaced says that the command removed, replaced or truncated its audit file.
func (r *reading) replaced() []string {
	at, err := os.Stat(r.trail.path)
	own, ownErr := r.trail.file.Stat()
	if ownErr != nil || err == nil && os.SameFile(at, own) && !errors.Is(r.audit.open(), errReplaced) {
		return nil
	}
	return []string{"the command removed, replaced or truncated the file in its AWF_AUDIT_LOG: what it wrote there afterwards was not seen"}
}

// folders returns the folders that may hold the transcripts of the trail's runs.
func (t *trail) folders() []*folder {
	folders := []*folder{newFolder(t.Transcripts, t.Started, false)}
	if other := filepath.Join(t.Storage, "transcripts"); t.Storage != "" && other != t.Transcripts {
		folders = append(folders, newFolder(other, t.Started, false))
	}
	return folders
}

// unseen says what could not be seen of a command's runs.
func (r *reading) unseen(args []string) (notes []string) {
	if r.audit.offset == 0 {
		if why := whyNothing(args); why != "" {
			return []string{why}
		}
	}
	for _, run := range r.ended {
		if !slices.ContainsFunc(r.folders, func(d *folder) bool { return d.found[run] }) {
			return []string{fmt.Sprintf("no transcript of run %s was found in %s: its steps were not seen", run, r.folders[0].path)}
		}
	}
	return nil
}

// whyNothing says why nothing was seen of a command that runs a workflow with AWF, perhaps within a shell's command. It returns "" for
// other commands.
func whyNothing(args []string) string {
	words := strings.Fields(strings.Join(args, " "))
	awf := slices.IndexFunc(words, func(word string) bool { return filepath.Base(word) == "awf" })
	has := func(flags ...string) bool {
		return slices.ContainsFunc(words[awf+1:], func(word string) bool {
			flag, _, _ := strings.Cut(word, "=")
			return slices.Contains(flags, flag)
		})
	}
	switch {
	case awf < 0:
	case has("--interactive", "--step", "acp-serve"):
		return "AWF writes no events with --interactive, --step or acp-serve: nothing of this command was seen"
	case has("run", "resume") && !has("--dry-run", "--help", "-h"):
		return "no event of the command was seen: AWF began no run, or a wrapper such as sudo, ssh or env -i hid AWF_AUDIT_LOG from it"
	}
	return ""
}

// reading is the state of reading one trail.
type reading struct {
	trail   *trail
	starts  map[string]bool // the ids of starts that AWF's own audit file had before the program began; nil before it is read
	feed    *feed
	audit   *tail
	folders []*folder
	ended   []string // runs with steps that ended in success
}

func (r *reading) close() {
	r.audit.close()
	for _, d := range r.folders {
		for _, t := range d.order {
			t.close()
		}
	}
}

// round passes on what is new. It reads the audit file first: whatever AWF wrote to a transcript before an audit line is
// then there.
func (r *reading) round(ctx context.Context, last bool) (something bool, err error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	something = r.feed.look(r.audit, maxAhead, last)
	for _, p := range r.audit.ahead {
		switch {
		case p.rec == nil || !p.rec.Starts() && !p.rec.Ends():
			continue
		case p.rec.Starts() && r.begunBefore(p.rec):
			p.rec.Resumed(r.trail.Started)
		case p.rec.Type == event.WorkflowEnd && len(r.ended) < maxEnded:
			r.ended = append(r.ended, p.rec.WorkflowID)
		}
		for _, d := range r.folders {
			d.want(p.rec.WorkflowID) // also at an end, whose start may be lost
		}
	}
	open := r.feed.lookIn(r.folders, last)
	something = something || len(open) > 0
	if err := r.feed.merge(ctx, []*tail{r.audit}, open, last); err != nil {
		return something, err
	}
	r.feed.joiner.Release(time.Now())
	return something, r.feed.commit(ctx)
}

// begunBefore reports whether a start line is older than the program, which then resumes that run. AWF's own audit file has the line;
// without such a file its time tells, which AWF cuts to milliseconds.
func (r *reading) begunBefore(start *event.Record) bool {
	if r.trail.Target == "" || !r.trail.outlives() {
		return start.Timestamp.Before(r.trail.Started.Truncate(time.Millisecond))
	}
	if r.starts == nil {
		r.starts = map[string]bool{}
		for rec := range records(r.trail.targetBefore()) {
			if rec.Starts() {
				r.starts[rec.ID] = true
			}
		}
	}
	return r.starts[start.ID]
}

// end passes on the remaining lines, and the missing ends.
func (r *reading) end(ctx context.Context, how event.Ending) error {
	r.feed.joiner.Flush()
	r.feed.joiner.End(how, 0, time.Now())
	return r.feed.commit(ctx)
}

// all reads what another process left. If the program has ended, open runs get their ends; else the trail stays for a
// later process. If the trail was settled, they got them from its owner, and what came since is from a process that the
// program left running.
func (r *reading) all(ctx context.Context) error {
	t := r.trail
	settled := t.done >= 0
	goesOn := settled || t.runs()
	for {
		something, err := r.round(ctx, !goesOn)
		if err != nil {
			return err
		}
		if !something {
			break
		}
	}
	_, copied := t.copyLines(!goesOn)
	if goesOn {
		r.feed.joiner.Flush()
		if err := r.feed.commit(ctx); err != nil || !settled {
			return err
		}
	} else if err := r.end(ctx, event.Ending{Error: "the program ended before the run, and nobody saw how"}); err != nil {
		return err
	}
	if copied != nil && t.quiet() <= dropTrail || !r.feed.sink.settles(ctx) {
		return nil // a later process tries again
	}
	return t.finish(r.audit.offset)
}

// runs reports whether the program that writes the trail is still running.
func (t *trail) runs() bool {
	return t.quiet() < maxOrphan && t.alive()
}

// Adopt passes on the events that dead processes of the same origin left in trails, and removes settled trails.
func (p Places) Adopt(ctx context.Context, origin string, sink Sink) error {
	for _, place := range p {
		if place.check() != nil {
			continue // it does not exist, or is not ours
		}
		names, _ := fs.Glob(os.DirFS(place.folder), "*"+trailSuffix) // the pattern is good
		for _, name := range names[:min(len(names), maxTrails)] {
			if err := adopt(ctx, filepath.Join(place.folder, name), origin, sink); err != nil || ctx.Err() != nil {
				return err
			}
		}
	}
	return nil
}

const removed = "events of a command were never accepted, and are removed"

func adopt(ctx context.Context, path, origin string, sink Sink) error {
	t, err := takeTrail(path)
	switch {
	case errors.Is(err, errTaken):
		return nil
	case err != nil: // a crash or a full disk left no readable state
		if info, statErr := os.Lstat(path); statErr == nil && time.Since(info.ModTime()) > dropTrail {
			if info.Size() > 0 {
				sink.trouble(removed, err)
			}
			removeTrail(path)
		}
		return nil
	}
	defer t.close()
	info, err := t.file.Stat()
	if err != nil {
		return nil
	}
	quiet := time.Since(info.ModTime())
	switch {
	case max(t.done, 0) == info.Size():
		if quiet > dropTrail || quiet > keepTrail && !t.alive() && !t.leftRun() {
			t.remove()
		}
		return nil
	case t.Origin != origin && quiet <= dropTrail:
		return nil
	case t.Origin != origin, quiet > lastTrail:
		sink.trouble(removed, fmt.Errorf(
			"no awf-hook with its settings took them in time; its last line is from %s", info.ModTime().Format(time.DateOnly)))
		t.remove()
		return nil
	}
	if !t.outlives() {
		t.Target = "" // its reader is gone too
	}
	if err := t.recopied(); err != nil {
		return nil
	}
	return t.read(ctx, sink, nil)
}
