package event

import (
	"container/list"
	"time"
)

// Bounds of the state of runs, which docs/config.md lists.
const (
	maxRuns      = 1000        // the run that was quiet longest is forgotten first
	maxOpenSteps = 10_000      // a step that started beyond them gets no duration
	maxWaiting   = 1000        // events that wait for a later line
	maxWait      = time.Second // how long they wait
	maxDepth     = 64          // depth to which runs that call each other are followed
)

// runs keeps what the lines of a run say about its other lines: the workflow's name, the caller, whether the run ended, and when its
// steps began.
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
	seen       time.Time // when a line of the run or of one below it was last read
	startID    string    // the id of its start's event
	lastID     string    // and of its last line's
	ended      bool
	live       bool // lines were read as they were written, and not only learned
	nameless   bool // its events waited for the name in vain
	transcript bool // lines of its transcript were seen
	steps      map[stepKey]openStep

	endType, endID string // of the end that it was given

	latest      time.Time // the latest time of its lines
	latestID    string    // and that line's event
	resume      resume
	byProgram   bool   // a program resumed the run, so that earlier lines say nothing
	resumedLine string // the first line of the resumed run
	resumedAt   time.Time
}

// resume says what a repeated start line means.
type resume int

const (
	resumeNo        resume = iota // earlier lines are being read again
	resumeUndecided               // the run's next line decides
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

// open reports whether another run is open, which may be the caller of a run that starts. In a stream, a caller already has transcript
// lines; in files, they may not have been read yet.
func (rs *runs) open(besides *run) bool {
	for e := rs.recent.Front(); e != nil; e = e.Next() {
		r := e.Value.(*run)
		if r != besides && (r.transcript || rs.files) && r.startedBy != foreign && !r.ended {
			return true
		}
	}
	return false
}

// tops returns how many runs began without a caller.
func (rs *runs) tops() (n int) {
	for e := rs.recent.Front(); e != nil; e = e.Next() {
		if r := e.Value.(*run); r.startedBy != foreign && r.parentID == "" {
			n++
		}
	}
	return n
}

// endRun forgets the steps that the run left open.
func (rs *runs) endRun(r *run) {
	r.ended = true
	rs.openSteps -= len(r.steps)
	r.steps = nil
}

// need is a set of reasons for which an event waits.
type need int

const (
	needNothing need = 0
	needName    need = 1 << iota // the start of its run, which tells the workflow's name
	needParent                   // the line that tells which run called this one
	needSteps                    // the ends of the run's steps, which may be in another file
	needExit                     // the exit code of the program
	needResume                   // the run's next line, which tells whether the run was resumed
	needState                    // the state file's final content
)

// learn takes note of what a record says about its run, and adds what earlier lines said. It returns what is still missing, and false for
// a second start or end that is no event.
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
	if rec.role == roleStart {
		r.repeats(rec)
	}
	r.note(rec)
	rs.see(r, now)
	switch rec.role {
	case roleStart:
		if r.startedBy != foreign && r.startedBy != rec.dialect && !r.ended {
			return r, needNothing, false
		}
		r.startedBy, r.ended = rec.dialect, false
		r.started, r.startID = rec.Timestamp, rec.ID
		if rec.repeated {
			return r, needResume, true
		}
		if r.parentID == "" && !r.transcript && rs.open(r) {
			return r, needParent, true
		}
	case roleEnd:
		return r.learnEnd(rec)
	case roleStepStart:
		rs.beginStep(r, openStep{rec.step.key, rec.step.name, rec.step.kind, rec.Timestamp, rec.ID, rec.dialect == plugin})
	case roleStepEnd:
		rs.endStep(r, rec)
	case roleSpoken:
		r.speaker(rec)
	}
	if rec.dialect == transcript && r.name == "" && !r.nameless {
		return r, needName, true
	}
	return r, needNothing, true
}

// learnEnd handles a run's end. A second end is an event only if it is a failure and the first was not, because a step can print a
// line that looks like an end, which must not hide a failure.
func (r *run) learnEnd(rec *Record) (*run, need, bool) {
	if r.ended {
		if rec.Type != WorkflowError || r.endType == WorkflowError || r.endType == "" {
			return r, needNothing, false
		}
		rec.end.contradicts = r.endID
	}
	r.ended, r.endType, r.endID = true, rec.Type, rec.ID
	if len(r.steps) > 0 {
		return r, needSteps, true
	}
	return r, needNothing, true
}

// repeats records whether a start line is repeated. A resumed run writes its start line again, byte for byte.
func (r *run) repeats(rec *Record) {
	r.byProgram = !rec.resumedBy.IsZero()
	switch {
	case r.byProgram:
		if r.latest.Before(rec.resumedBy) { // new lines are the program's
			r.latest = rec.resumedBy
		}
	case r.startID != rec.ID:
		return
	}
	rec.repeated, r.resume = true, resumeUndecided
}

// note keeps the run's latest line, and decides by new lines whether the run was resumed.
func (r *run) note(rec *Record) {
	isNew := !rec.Timestamp.Before(r.latest) && rec.ID != r.latestID
	switch {
	case r.resume != resumeUndecided || rec.role == roleStart:
	case isNew:
		r.resume, r.resumedLine, r.resumedAt = resumeYes, rec.ID, rec.Timestamp
	case !r.byProgram:
		r.resume = resumeNo
	}
	if isNew && rec.role != roleStart {
		r.latest, r.latestID = rec.Timestamp, rec.ID
	}
	r.lastID, r.live = rec.ID, true
}

// begin turns a repeated start line into the start of the resumed run. Its id follows from the first line of that run, so that
// every reader of the files makes the same event.
func (r *run) begin(rec *Record) {
	by, at := "line "+r.resumedLine, r.resumedAt
	if r.resume != resumeYes {
		if rec.resumedBy.IsZero() {
			return
		}
		by, at = "program "+rec.resumedBy.UTC().Format(time.RFC3339Nano), rec.resumedBy // no line followed in time
	}
	r.resume = resumeNo
	rec.ID = lineID([]byte("resume of " + rec.ID + " by " + by))
	rec.Timestamp, rec.stamp = at.UTC(), ""
	rec.payload.Raw("resumed", []byte("true"))
}

// see records a sign of life of a run and its callers.
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

// complete adds what is known about the run to the event.
func (r *run) complete(rec *Record) Event {
	if r != nil {
		rec.WorkflowName = r.name
		if rec.role == roleStart {
			rec.payload.Text("parent_id", r.parentID)
		}
		if rec.repeated {
			r.begin(rec)
		}
	}
	if rec.role == roleEnd {
		rec.payload.Raw("exit_code", rec.end.exitCode)
		rec.payload.Text("error", rec.end.failure)
		rec.number("attempts", rec.end.attempts)
		rec.number("tokens", rec.end.tokens)
		rec.payload.Text("contradicts", rec.end.contradicts)
		if rec.end.synthetic {
			rec.payload.Raw("synthetic", []byte("true"))
		}
	}
	rec.Payload = []byte(rec.payload)
	return rec.Event
}
