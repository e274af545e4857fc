package event

import (
	"slices"
	"strconv"
	"time"
)

// Joiner makes events of the records of runs. It fills in what other records of a run tell: the workflow's name, the caller,
// durations. An event waits for at most a second for the record that tells what it lacks.
// Its memory is bounded, however many runs there are. The zero value is ready once Event is set. It is not safe for concurrent use.
type Joiner struct {
	Event func(Event) // called with each event, in order

	// Files says that the records of a run come from several files: a called run's start may be read before its caller's lines.
	Files bool

	// State returns what AWF's state file knows of a run, nil for nothing. It is called often. It may be nil.
	State func(run string) *RunState

	// HoldEnds makes the end of a failed run without an exit code wait for [Joiner.SetExit], unless another run called it.
	HoldEnds bool

	runs    runs
	waiting []waiting
	poll    time.Time // when the state file of the first that waits is to be looked at again; zero for never
}

// waiting is a record that is not complete.
type waiting struct {
	rec   *Record
	run   *run
	need  need
	until time.Time
	state time.Time // until when it waits for a state file
}

// Order is where the record belongs among those of other files. Audit lines carry whole milliseconds, cut off:
// a start goes before what happened in its millisecond, an end behind it.
func (rec *Record) Order() time.Time {
	if rec.dialect == audit && rec.role == roleEnd {
		return rec.Timestamp.Truncate(time.Millisecond).Add(time.Millisecond - 1)
	}
	return rec.Timestamp
}

// Starts says whether the record is the start of a run.
func (rec *Record) Starts() bool { return rec.role == roleStart }

// Resumed makes the start line of a run that began before the start of the run that a program resumed.
func (rec *Record) Resumed(programBegan time.Time) {
	rec.resumedBy = programBegan
}

// Anonymous says whether the line had no id and got a new one, since an equal line may be another event.
func (rec *Record) Anonymous() bool { return rec.dialect == envelope && rec.anonymous }

// SetLine notes where the record stands among those that are read together. [Event.Line] tells it of the event.
func (rec *Record) SetLine(n int) { rec.line = n }

// SetID gives the record another id.
func (rec *Record) SetID(id string) { rec.ID = id }

// Add takes a record. It returns false for a second start or end of a run that is no event.
func (j *Joiner) Add(rec *Record, now time.Time) (isEvent bool) {
	j.runs.files = j.Files
	run, need, isEvent := j.runs.learn(rec, now)
	if !isEvent {
		j.Release(now)
		return false
	}
	if j.HoldEnds && rec.role == roleEnd && rec.Type == WorkflowError && rec.end.exitCode == nil && run.parentID == "" {
		need |= needExit
	}
	if rec.role == roleStart {
		j.drop(needExit)
	}
	if !j.isStated(rec) {
		need |= needState
	}
	if need == needNothing && len(j.waiting) == 0 {
		j.give(run, rec)
		return true
	}
	j.waiting = slices.Insert(j.waiting, j.place(rec, run), waiting{rec, run, need, now.Add(maxWait), now.Add(stateWait)})
	j.Release(now)
	return true
}

// place is where the record goes among those that wait: a start before its run's steps, a step before its run's end.
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

// drop lets nothing wait for a need any more.
func (j *Joiner) drop(n need) {
	for i := range j.waiting {
		j.waiting[i].need &^= n
	}
}

// SetExit tells the exit code of the program that wrote the records, for the end that waits for it. If there were several runs that no
// other one called, it is a shell's and not theirs.
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

// Release gives the events at the front that wait no longer.
func (j *Joiner) Release(now time.Time) {
	given := 0
	j.poll = time.Time{}
	for _, w := range j.waiting {
		if w.need&needState != 0 && now.Before(w.state) && !j.isStated(w.rec) {
			j.poll = now.Add(statePoll)
			if len(j.waiting)-given <= maxWaiting {
				break
			}
		}
		told := w.told()
		if !told && now.Before(w.until) && len(j.waiting)-given <= maxWaiting {
			break
		}
		if !told && w.need&needName != 0 {
			j.name(w.run)
		}
		j.give(w.run, w.rec)
		given++
	}
	j.waiting = slices.Delete(j.waiting, 0, given)
}

func (w waiting) told() bool {
	switch {
	case w.need&needName != 0 && w.run.name == "" && !w.run.nameless,
		w.need&needParent != 0 && w.run.parentID == "" && !w.run.transcript, // whose lines name the caller, if there is one
		w.need&needSteps != 0 && len(w.run.steps) > 0,
		w.need&needResume != 0 && w.run.resume == resumeUndecided,
		w.need&needExit != 0:
		return false
	}
	return true
}

// Flush gives all events that wait, as they are.
func (j *Joiner) Flush() {
	for _, w := range j.waiting {
		j.give(w.run, w.rec)
	}
	j.waiting = nil
}

// Waits says whether events wait.
func (j *Joiner) Waits() bool { return len(j.waiting) > 0 }

// Due is when the next event waits no longer, or the next run is an orphan by the given time; false if there is neither.
func (j *Joiner) Due(orphanAfter time.Duration) (time.Time, bool) {
	var due time.Time
	if len(j.waiting) > 0 {
		due = j.waiting[0].until
		if !j.poll.IsZero() && j.poll.Before(due) {
			due = j.poll
		}
	}
	if orphanAfter > 0 {
		for r := range j.runs.left() {
			if at := r.seen.Add(orphanAfter); due.IsZero() || at.Before(due) {
				due = at
			}
		}
	}
	return due, !due.IsZero()
}

func (j *Joiner) give(run *run, rec *Record) {
	if run != nil && run.ended && rec.role == roleEnd {
		j.endRun(run, rec)
	}
	for _, retry := range j.enrich(rec) {
		j.Event(run.complete(retry))
	}
	j.Event(run.complete(rec))
}

// endRun gives the ends of the steps that a run's end cut off.
func (j *Joiner) endRun(run *run, end *Record) {
	for _, step := range run.cut(end) {
		j.Event(run.complete(step))
	}
	j.runs.endRun(run)
}
