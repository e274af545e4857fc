package event

import (
	"container/list"
	"iter"
	"time"
)

// Bounds of the state of runs, which docs/config.md lists.
const (
	maxRuns      = 1000        // the run that was quiet longest is forgotten first
	maxOpenSteps = 10_000      // a step that started beyond them gets no duration
	maxWaiting   = 1000        // events that wait for a later line
	maxWait      = time.Second // how long they wait
	maxDepth     = 64          // depth to which runs that call each other are followed

	maxWaitingBytes = 16 << 20 // of the events that wait
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
	runFacts
	steps map[stepKey]openStep

	resume      resume
	byProgram   bool   // a program resumed the run, so that earlier lines say nothing
	resumedLine string // the first line of the resumed run
	resumedAt   time.Time
}

// runFacts is what [Joiner.Save] saves of a run, besides its steps.
type runFacts struct {
	ID         string    `json:"id"`
	Name       string    `json:"name,omitempty"`
	ParentID   string    `json:"parent_id,omitempty"`
	StartedBy  dialect   `json:"started_by,omitempty"` // foreign before the start
	Started    time.Time `json:"started"`
	Seen       time.Time `json:"seen"`               // when a line of the run or of one below it was last read
	StartID    string    `json:"start_id,omitempty"` // the id of its start's event
	LastID     string    `json:"last_id,omitempty"`  // and of its last line's
	Ended      bool      `json:"ended,omitempty"`
	Live       bool      `json:"live,omitempty"`       // lines were read as they were written, and not only learned
	Nameless   bool      `json:"nameless,omitempty"`   // its events waited for the name in vain
	Transcript bool      `json:"transcript,omitempty"` // lines of its transcript were seen
	Latest     time.Time `json:"latest,omitzero"`      // the latest time of its lines
	LatestID   string    `json:"latest_id,omitempty"`  // and that line's event
	EndType    string    `json:"end_type,omitempty"`   // of the end that it was given
	EndID      string    `json:"end_id,omitempty"`
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
		delete(rs.byID, gone.ID)
	}
	r := &run{runFacts: runFacts{ID: id}}
	rs.byID[id] = rs.recent.PushFront(r)
	return r
}

// open reports whether another run is open, which may be the caller of a run that starts. In a stream, a caller already has transcript
// lines; in files, they may not have been read yet.
func (rs *runs) open(besides *run) bool {
	for e := rs.recent.Front(); e != nil; e = e.Next() {
		r := e.Value.(*run)
		if r != besides && (r.Transcript || rs.files) && r.StartedBy != foreign && !r.Ended {
			return true
		}
	}
	return false
}

// tops returns how many runs began without a caller.
func (rs *runs) tops() (n int) {
	for e := rs.recent.Front(); e != nil; e = e.Next() {
		if r := e.Value.(*run); r.StartedBy != foreign && r.ParentID == "" {
			n++
		}
	}
	return n
}

// endRun forgets the steps that the run left open.
func (rs *runs) endRun(r *run) {
	r.Ended = true
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

// learn notes what a record says about its run, and adds what earlier lines said. It returns what is still missing, and false for a
// second start or end, which is not an event.
func (rs *runs) learn(rec *Record, now time.Time) (*run, need, bool) {
	if rec.dialect == envelope || rec.WorkflowID == "" {
		return nil, needNothing, true
	}
	r := rs.get(rec.WorkflowID)
	if rec.WorkflowName != "" {
		r.Name = rec.WorkflowName
	}
	if rec.parentID != "" {
		r.ParentID = rec.parentID
	}
	if rec.dialect == transcript {
		r.Transcript = true
	}
	if rec.childID != "" {
		rs.get(rec.childID).ParentID = r.ID
	}
	if rec.role == roleStart {
		r.repeats(rec)
	}
	r.note(rec)
	rs.see(r, now)
	switch rec.role {
	case roleStart:
		if r.StartedBy != foreign && r.StartedBy != rec.dialect && !r.Ended {
			return r, needNothing, false
		}
		r.StartedBy, r.Ended = rec.dialect, false
		r.Started, r.StartID = rec.Timestamp, rec.ID
		if rec.repeated {
			return r, needResume, true
		}
		if r.ParentID == "" && !r.Transcript && rs.open(r) {
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
	if rec.dialect == transcript && r.Name == "" && !r.Nameless {
		return r, needName, true
	}
	return r, needNothing, true
}

// learnEnd handles a run's end. A second end is an event only if it is a failure and the first was not, because a step can print a
// line that looks like an end, which must not hide a failure.
func (r *run) learnEnd(rec *Record) (*run, need, bool) {
	if r.Ended {
		if rec.Type != WorkflowError || r.EndType == WorkflowError || r.EndType == "" {
			return r, needNothing, false
		}
		rec.end.contradicts = r.EndID
	}
	r.Ended, r.EndType, r.EndID = true, rec.Type, rec.ID
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
		if r.Latest.Before(rec.resumedBy) { // new lines are the program's
			r.Latest = rec.resumedBy
		}
	case r.StartID != rec.ID:
		return
	}
	rec.repeated, r.resume = true, resumeUndecided
}

// note keeps the run's latest line, and decides by new lines whether the run was resumed.
func (r *run) note(rec *Record) {
	isNew := !rec.Timestamp.Before(r.Latest) && rec.ID != r.LatestID
	switch {
	case r.resume != resumeUndecided || rec.role == roleStart:
	case isNew:
		r.resume, r.resumedLine, r.resumedAt = resumeYes, rec.ID, rec.Timestamp
	case !r.byProgram:
		r.resume = resumeNo
	}
	if isNew && rec.role != roleStart {
		r.Latest, r.LatestID = rec.Timestamp, rec.ID
	}
	r.LastID, r.Live = rec.ID, true
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

// find returns a run that is remembered, or nil.
func (rs *runs) find(id string) *run {
	if e := rs.byID[id]; e != nil {
		return e.Value.(*run)
	}
	return nil
}

// chain yields a run and those above it.
func (rs *runs) chain(r *run) iter.Seq[*run] {
	return func(yield func(*run) bool) {
		for n := 0; r != nil && n <= maxDepth && yield(r); n++ {
			r = rs.find(r.ParentID)
		}
	}
}

// depth returns how many runs are above the run.
func (rs *runs) depth(r *run) int {
	depth := -1
	for range rs.chain(r) {
		depth++
	}
	return depth
}

// see records a sign of life of a run and its callers.
func (rs *runs) see(r *run, now time.Time) {
	for r := range rs.chain(r) {
		r.Seen = now
	}
}

// top returns the id of the topmost run above a run, or its own.
func (rs *runs) top(id string) string {
	for r := range rs.chain(rs.find(id)) {
		id = r.ID
	}
	return id
}

// complete adds what is known about the run to the event.
func (r *run) complete(rec *Record) Event {
	if r != nil {
		rec.WorkflowName = r.Name
		if rec.role == roleStart {
			rec.payload.Text("parent_id", r.ParentID)
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

// left yields the runs that started and did not end.
func (rs *runs) left() iter.Seq[*run] {
	return func(yield func(*run) bool) {
		for e := rs.recent.Back(); e != nil; e = e.Prev() {
			if r := e.Value.(*run); r.StartedBy != foreign && !r.Ended && r.Live && !yield(r) {
				return
			}
		}
	}
}
