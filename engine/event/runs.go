package event

import (
	"container/list"
	"time"
)

// Bounds of what is remembered of runs. They stand in docs/config.md.
const (
	maxRuns      = 1000        // the run that was quiet longest is forgotten first
	maxOpenSteps = 10_000      // a step that started beyond them gets no duration
	maxWaiting   = 1000        // events that wait for what a later line tells
	maxWait      = time.Second // how long they wait
	maxDepth     = 64          // of runs that call each other, as far as it matters
)

// runs remembers what the lines of one run tell about each other:
// the workflow's name, the caller, whether the run ended, when its steps began.
type runs struct {
	files     bool                     // see Joiner.Files
	byID      map[string]*list.Element // of *run
	recent    list.List                // most recent first
	openSteps int
}

type run struct {
	id, name   string
	parentID   string
	startedBy  dialect // foreign before the start
	started    time.Time
	seen       time.Time // when a line of it or of a run below it was read last
	startID    string    // the id of its start's event
	lastID     string    // and of its last line's
	ended      bool
	live       bool // lines of it were read since they were written, not only learned
	nameless   bool // its events waited for a name in vain
	transcript bool // lines of its transcript were seen
	steps      map[stepKey]time.Time

	latest    time.Time // the latest time of its lines
	latestID  string    // and that line's event
	resume    resume
	resumedAt time.Time
}

// resume says whether a start line that was repeated means that the run was resumed.
type resume int

const (
	resumeNo        resume = iota // the lines before are read once more
	resumeUndecided               // the run's next line will tell
	resumeYes
)

func (rs *runs) get(id string) *run {
	if e := rs.byID[id]; e != nil {
		rs.recent.MoveToFront(e)
		return e.Value.(*run)
	}
	if rs.byID == nil {
		rs.byID = make(map[string]*list.Element)
	}
	if len(rs.byID) == maxRuns {
		oldest := rs.recent.Back()
		gone := rs.recent.Remove(oldest).(*run)
		rs.openSteps -= len(gone.steps)
		delete(rs.byID, gone.id)
	}
	r := &run{id: id}
	rs.byID[id] = rs.recent.PushFront(r)
	return r
}

// open says whether another run with a transcript has begun and not ended: it may be the caller of a run that starts.
func (rs *runs) open(besides *run) bool {
	for e := rs.recent.Front(); e != nil; e = e.Next() {
		r := e.Value.(*run)
		if r != besides && r.transcript && r.startedBy != foreign && !r.ended {
			return true
		}
	}
	return false
}

func (rs *runs) beginStep(r *run, key stepKey, at time.Time) {
	if _, again := r.steps[key]; !again {
		if rs.openSteps == maxOpenSteps {
			return
		}
		rs.openSteps++
	}
	if r.steps == nil {
		r.steps = make(map[stepKey]time.Time)
	}
	r.steps[key] = at
}

// endStep returns how long the step took, false if its start is not known or the clock was set back since.
func (rs *runs) endStep(r *run, key stepKey, at time.Time) (time.Duration, bool) {
	began, known := r.steps[key]
	if !known {
		return 0, false
	}
	rs.openSteps--
	delete(r.steps, key)
	took := at.Sub(began)
	return took, took >= 0
}

// endRun forgets the steps that the run left open.
func (rs *runs) endRun(r *run) {
	r.ended = true
	rs.openSteps -= len(r.steps)
	r.steps = nil
}

// need is what an event waits for before it can be given. They may be joined.
type need int

const (
	needNothing need = 0
	needName    need = 1 << iota // the start of its run, which tells the workflow's name
	needParent                   // the line that tells which run called this one
	needSteps                    // the ends of the run's steps, which stand in another file
	needExit                     // the exit code of the program
	needResume                   // the run's next line, which tells whether the run was resumed
)

// learn takes from a record what it tells about its run, fills in what other lines told before,
// and says what is still missing. It says false for a second start or end, which is not an event.
func (rs *runs) learn(rec *Record, now time.Time) (*run, need, bool) {
	if rec.dialect == envelope || rec.WorkflowID == "" {
		return nil, needNothing, true
	}
	r := rs.get(rec.WorkflowID)
	if rec.WorkflowName != "" {
		r.name = rec.WorkflowName
	}
	if rec.parentID != "" {
		r.parentID = rec.parentID
	}
	if rec.dialect == transcript {
		r.transcript = true
	}
	if rec.childID != "" {
		rs.get(rec.childID).parentID = r.id
	}
	repeated := rec.role == roleStart && r.repeats(rec)
	r.note(rec)
	rs.see(r, now)
	switch rec.role {
	case roleStart:
		if r.startedBy != foreign && r.startedBy != rec.dialect && !r.ended {
			return r, needNothing, false
		}
		r.startedBy, r.ended = rec.dialect, false
		r.started, r.startID = rec.Timestamp, rec.ID
		if repeated {
			return r, needResume, true
		}
		if r.parentID == "" && rs.open(r) {
			return r, needParent, true
		}
	case roleEnd:
		return rs.learnEnd(r, rec)
	case roleStepStart:
		rs.beginStep(r, rec.step.key, rec.Timestamp)
	case roleStepEnd:
		if took, known := rs.endStep(r, rec.step.key, rec.Timestamp); known {
			rec.payload.Raw("duration", appendSeconds(nil, took))
		}
		rec.payload.Raw("result", rec.step.result)
	}
	if rec.dialect == transcript && r.name == "" && !r.nameless {
		return r, needName, true
	}
	return r, needNothing, true
}

func (rs *runs) learnEnd(r *run, rec *Record) (*run, need, bool) {
	if r.ended {
		return r, needNothing, false
	}
	r.ended = true
	if rs.files && r.transcript && len(r.steps) > 0 {
		return r, needSteps, true // forgotten when it is given
	}
	rs.endRun(r)
	return r, needNothing, true
}

// repeats reports whether a start is that of a run that began before: a resumed run repeats its start line byte for byte.
func (r *run) repeats(rec *Record) bool {
	if rec.resumedAfter != "" {
		r.resume, r.resumedAt = resumeYes, rec.resumedAt
		return true
	}
	if r.startID != rec.ID {
		return false
	}
	r.resume, rec.resumedAfter = resumeUndecided, "line "+r.latestID
	return true
}

// note keeps the run's latest line, and decides whether the run was resumed: its lines are new then.
func (r *run) note(rec *Record) {
	isNew := !rec.Timestamp.Before(r.latest) && rec.ID != r.latestID
	if r.resume == resumeUndecided && rec.ID != r.startID {
		if r.resume = resumeNo; isNew {
			r.resume, r.resumedAt = resumeYes, rec.Timestamp
		}
	}
	if isNew && rec.role != roleStart {
		r.latest, r.latestID = rec.Timestamp, rec.ID
	}
	r.lastID, r.live = rec.ID, true
}

// begin makes of a start line that was repeated the start of the run that was resumed.
func (r *run) begin(rec *Record) {
	if r.resume != resumeYes {
		return
	}
	r.resume = resumeNo
	rec.ID = lineID([]byte("resume of " + rec.ID + " after " + rec.resumedAfter))
	rec.Timestamp, rec.stamp = r.resumedAt.UTC(), ""
	rec.payload.Raw("resumed", []byte("true"))
}

// see notes a sign of life of a run and of those that called it.
func (rs *runs) see(r *run, now time.Time) {
	for range maxDepth {
		r.seen = now
		caller := rs.byID[r.parentID]
		if caller == nil {
			return
		}
		r = caller.Value.(*run)
	}
}

// complete puts into the event what its run knows by now.
func (r *run) complete(rec *Record) Event {
	if r != nil {
		rec.WorkflowName = r.name
		if rec.role == roleStart {
			rec.payload.Text("parent_id", r.parentID)
		}
		if rec.resumedAfter != "" {
			r.begin(rec)
		}
	}
	if rec.role == roleEnd {
		rec.payload.Raw("exit_code", rec.end.exitCode)
		rec.payload.Text("error", rec.end.failure)
		if rec.end.synthetic {
			rec.payload.Raw("synthetic", []byte("true"))
		}
	}
	rec.Payload = []byte(rec.payload)
	return rec.Event
}
