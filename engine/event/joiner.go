package event

import (
	"slices"
	"strconv"
	"time"
)

// Joiner turns records of runs into events. It fills in what other records of the run say: the workflow's name, the caller,
// durations. An event waits at most a second for such a record, and holds back all that follow. A step's end that waits for its state
// file holds back only its run, its callers and the runs that they call.
// Memory is bounded, however many runs there are. The zero value is ready once Event is set. A Joiner is not safe for concurrent use.
type Joiner struct {
	Event func(Event) // called with each event, in order

	// Files means that the records of a run come from several files, so that a called run's start may come before its caller's lines.
	Files bool

	// State returns the content of AWF's state file for a run, [Unwritten] if AWF has yet to write it, and nil for none. It is called
	// often. State may be nil.
	State func(run string) *RunState

	// HoldEnds makes the end of a failed run without an exit code wait for [Joiner.SetExit], unless another run called it.
	HoldEnds bool

	runs    runs
	waiting []waiting
	due     time.Time       // when to look again at those that wait
	held    map[string]bool // families in which a record waits for its state, and the others behind it
	stopped bool            // a record waits for another one, and all others behind it
}

// waiting is an incomplete record.
type waiting struct {
	rec    *Record
	run    *run
	family string // the run that none called
	need   need
	since  time.Time
	state  time.Duration // how long it waits for its state file
	poll   time.Time     // when the file is read again
}

// Add takes a record. It returns false if the record is a second start or end of a run, and so not an event.
func (j *Joiner) Add(rec *Record, now time.Time) (isEvent bool) {
	j.runs.files = j.Files
	run, need, isEvent := j.runs.learn(rec, now)
	if !isEvent {
		j.Release(now)
		return false
	}
	if j.HoldEnds && rec.role == roleEnd && rec.Type == WorkflowError && rec.end.exitCode == nil && run.ParentID == "" {
		need |= needExit
	}
	if rec.role == roleStart {
		j.drop(needExit)
	}
	w := waiting{rec: rec, run: run, need: need, since: now}
	if !j.isStated(rec) {
		w.need |= needState
		w.poll, w.state = now.Add(statePoll), run.stateWait(rec)
	}
	if w.need == needNothing && len(j.waiting) == 0 {
		j.give(run, rec)
		return true
	}
	w.family = j.runs.top(rec.WorkflowID)
	at := j.place(rec, run)
	for i := at - 1; i >= 0; i-- {
		if before := &j.waiting[i]; before.family == w.family { // it holds up those before it already
			before.state = min(before.state, stateWait)
			break
		}
	}
	j.waiting = slices.Insert(j.waiting, at, w)
	for len(j.waiting) > maxWaiting || j.bytes() > maxWaitingBytes {
		j.pass(j.waiting[0])
		j.waiting = slices.Delete(j.waiting, 0, 1)
	}
	if j.stopped || !j.held[w.family] || !now.Before(j.due) {
		j.Release(now)
	}
	return true
}

// place returns the record's position among those that wait: a start before its run's steps, a step before its run's end.
func (j *Joiner) place(rec *Record, run *run) int {
	at := -1
	switch {
	case rec.role == roleStart:
		at = slices.IndexFunc(j.waiting, func(w waiting) bool { return w.run == run })
	case rec.dialect == transcript:
		at = slices.IndexFunc(j.waiting, func(w waiting) bool { return w.run == run && w.rec.role == roleEnd })
	}
	if at < 0 {
		return len(j.waiting)
	}
	return at
}

// bytes returns the approximate size of the records that wait.
func (j *Joiner) bytes() (n int) {
	for i := range j.waiting {
		rec := j.waiting[i].rec
		n += len(rec.payload) + len(rec.step.result) + len(rec.end.failure)
	}
	return n
}

// drop makes no record wait for a need any longer.
func (j *Joiner) drop(n need) {
	for i := range j.waiting {
		j.waiting[i].need &^= n
	}
}

// SetExit sets the exit code of the program that wrote the records, for the end that waits for it. With several runs at the top the
// code is a shell's, and no run gets it.
func (j *Joiner) SetExit(code int) {
	if j.runs.tops() > 1 {
		code = 0
	}
	for i := len(j.waiting) - 1; i >= 0; i-- {
		if w := j.waiting[i]; w.need&needExit != 0 && code != 0 {
			w.rec.end.exitCode = strconv.AppendInt(nil, int64(code), 10)
			break
		}
	}
	j.HoldEnds = false
	j.drop(needExit)
}

// Release passes on the events that need not wait longer.
func (j *Joiner) Release(now time.Time) {
	j.due, j.stopped, j.held = time.Time{}, false, map[string]bool{}
	kept := j.waiting[:0]
	for i := range j.waiting {
		w := j.waiting[i]
		if until := w.since.Add(maxWait); !w.told() && now.Before(until) {
			j.stopped = true
			j.lookAt(until)
			kept = append(kept, j.waiting[i:]...)
			break
		}
		if j.held[w.family] || j.awaitsState(&w, now) {
			j.held[w.family] = true
			kept = append(kept, w)
			continue
		}
		j.pass(w)
	}
	clear(j.waiting[len(kept):])
	j.waiting = kept
}

// pass passes on an event that waits no longer.
func (j *Joiner) pass(w waiting) {
	if w.need&needName != 0 && !w.told() {
		j.name(w.run)
	}
	j.give(w.run, w.rec)
}

// lookAt makes Due return a time, unless it returns an earlier one.
func (j *Joiner) lookAt(at time.Time) {
	if j.due.IsZero() || at.Before(j.due) {
		j.due = at
	}
}

func (w waiting) told() bool {
	switch {
	case w.need&needName != 0 && w.run.Name == "" && !w.run.Nameless,
		w.need&needParent != 0 && w.run.ParentID == "" && !w.run.Transcript, // whose lines name the caller, if there is one
		w.need&needSteps != 0 && len(w.run.steps) > 0,
		w.need&needResume != 0 && w.run.resume == resumeUndecided,
		w.need&needExit != 0:
		return false
	}
	return true
}

// Flush passes on all waiting events as they are.
func (j *Joiner) Flush() {
	for _, w := range j.waiting {
		j.give(w.run, w.rec)
	}
	j.waiting = nil
}

// Waits reports whether events are waiting.
func (j *Joiner) Waits() bool { return len(j.waiting) > 0 }

// Due returns when the next event stops waiting, or when the next run becomes an orphan; false if there is neither.
func (j *Joiner) Due(orphanAfter time.Duration) (time.Time, bool) {
	var due time.Time
	if len(j.waiting) > 0 {
		due = j.due
	}
	if orphanAfter > 0 {
		for r := range j.runs.left() {
			if at := r.Seen.Add(orphanAfter); due.IsZero() || at.Before(due) {
				due = at
			}
		}
	}
	return due, !due.IsZero()
}

func (j *Joiner) give(run *run, rec *Record) {
	if run != nil && run.Ended && rec.role == roleEnd {
		j.endRun(run, rec)
	}
	for _, retry := range j.enrich(rec) {
		j.Event(run.complete(retry))
	}
	j.Event(run.complete(rec))
}

// endRun passes on the ends of the steps that a run's end cut off.
func (j *Joiner) endRun(run *run, end *Record) {
	for _, step := range run.cut(end) {
		j.Event(run.complete(step))
	}
	j.runs.endRun(run)
}
