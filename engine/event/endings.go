package event

import (
	"iter"
	"slices"
	"strconv"
	"time"
)

// Ending describes the end of a program that left runs open.
type Ending struct {
	Cancelled bool   // by the user: workflow_cancel instead of workflow_error
	Error     string // the text of the event's error
	ExitCode  int    // of a workflow_error; 0 if unknown
}

// End makes an end for each run that is open and was quiet for at least that long, called runs before their callers.
// The ends say "synthetic": true. Their ids follow from the lines of the run, so that reading the same lines again makes the
// same event. Release or flush waiting records first.
func (j *Joiner) End(how Ending, quiet time.Duration, now time.Time) (given int) {
	var open []*run
	for r := range j.runs.left() {
		if quiet == 0 || now.Sub(r.seen) >= quiet {
			open = append(open, r)
		}
	}
	slices.SortStableFunc(open, func(a, b *run) int {
		if d := j.runs.depth(b) - j.runs.depth(a); d != 0 {
			return d
		}
		return b.started.Compare(a.started)
	})
	for _, r := range open {
		r.ended = true
		end := how.record(r, now)
		r.endType, r.endID = end.Type, end.ID
		j.give(r, end)
	}
	return len(open)
}

// record makes the end of a run.
func (how Ending) record(r *run, now time.Time) *Record {
	rec := &Record{role: roleEnd, Event: Event{
		ID: lineID([]byte("end of " + r.startID + " after " + r.lastID)), Type: WorkflowError,
		WorkflowID: r.id, WorkflowName: r.name, Timestamp: now.UTC(),
	}}
	status := "failure"
	if how.Cancelled {
		rec.Type, status = WorkflowCancel, "cancelled"
	} else if how.ExitCode != 0 {
		rec.end.exitCode = strconv.AppendInt(nil, int64(how.ExitCode), 10)
	}
	rec.payload.Text("status", status)
	if took := now.Sub(r.started); took >= 0 {
		rec.payload.Raw("duration", appendSeconds(nil, took.Round(time.Millisecond)))
	}
	rec.end.failure, rec.end.synthetic = how.Error, true
	return rec
}

// left yields the runs that started and did not end.
func (rs *runs) left() iter.Seq[*run] {
	return func(yield func(*run) bool) {
		for e := rs.recent.Back(); e != nil; e = e.Prev() {
			if r := e.Value.(*run); r.startedBy != foreign && !r.ended && r.live && !yield(r) {
				return
			}
		}
	}
}

// depth is how many runs are above the run.
func (rs *runs) depth(r *run) int {
	for depth := range maxDepth {
		caller := rs.byID[r.parentID]
		if caller == nil {
			return depth
		}
		r = caller.Value.(*run)
	}
	return maxDepth
}
