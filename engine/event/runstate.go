package event

import (
	"encoding/json"
	"strconv"
	"time"
)

// Bounds of reading AWF's state files, which docs/config.md lists.
const (
	// stateWait is how long the end of a step or run waits for AWF to write its state, if AWF writes any. The end of a step waits up
	// to stepWait if AWF saves the state next, and while it holds back no other event.
	stateWait = 250 * time.Millisecond
	stepWait  = 3 * time.Second
	statePoll = 25 * time.Millisecond
	// stateSlack is how much earlier than its event a step may have started according to its state.
	stateSlack = 50 * time.Microsecond
	// maxRetries is the maximum number of step_retry events of a step.
	maxRetries = 100
)

// RunState is the content of AWF's state file about a run that its events lack.
type RunState struct {
	name  string               // the workflow's
	final bool                 // the run is over
	steps map[string]stepState // by name; the latest in a loop
}

// Unwritten is the state of a run whose file AWF has yet to write: it saves the state after each step, not at the start.
var Unwritten = &RunState{}

type stepState struct {
	failed             bool
	exitCode           int64 // 0 for none; if AWF knows none, it writes 0 for a failed step and -1 for a timeout
	attempts, tokens   int64 // 0 if AWF does not count them
	started, completed time.Time
}

// DecodeRunState decodes a state file. It returns an empty state for incomplete JSON, which may be being written, and nil for a
// file of another version or another run. It leaves out a step of another shape.
func DecodeRunState(text []byte, run string) *RunState {
	var file struct {
		WorkflowID     string
		WorkflowName   string
		Status         string
		Version        json.RawMessage
		SchemaVersion  json.RawMessage
		SchemaVersion2 json.RawMessage `json:"schema_version"`
		States         map[string]json.RawMessage
	}
	if !json.Valid(text) {
		return &RunState{}
	}
	if json.Unmarshal(text, &file) != nil || file.WorkflowID != run {
		return nil
	}
	for _, version := range []json.RawMessage{file.Version, file.SchemaVersion, file.SchemaVersion2} {
		if version != nil && string(version) != "1" {
			return nil
		}
	}
	s := &RunState{name: file.WorkflowName, final: file.Status != "running" && file.Status != "pending", steps: map[string]stepState{}}
	for name, text := range file.States {
		var step struct {
			Status                        string
			ExitCode, Attempt, TokensUsed int64
			StartedAt, CompletedAt        time.Time
		}
		if json.Unmarshal(text, &step) == nil {
			s.steps[name] = stepState{
				step.Status == "failed", max(0, step.ExitCode), max(0, step.Attempt), max(0, step.TokensUsed), step.StartedAt, step.CompletedAt,
			}
		}
	}
	return s
}

// of returns the state of the step that a record ends. settled means that waiting longer is useless.
func (s *RunState) of(rec *Record) (step stepState, found, settled bool) {
	step, known := s.steps[rec.step.name]
	switch {
	case rec.step.began.IsZero(), known && step.started.After(rec.Timestamp): // the state is that of a later iteration
		return step, false, true
	case !known, step.started.Before(rec.step.began.Add(-stateSlack)), step.completed.Before(step.started):
		return step, false, s.final
	}
	return step, true, true
}

// state returns the state of the record's run; nil if there is none or the record needs none.
func (j *Joiner) state(rec *Record) *RunState {
	if j.State == nil || rec.WorkflowID == "" || rec.dialect == envelope || rec.role != roleStepEnd && rec.role != roleEnd {
		return nil
	}
	return j.State(rec.WorkflowID)
}

// name takes the workflow's name from the state file if no line said it in time.
func (j *Joiner) name(r *run) {
	if j.State != nil && r.Name == "" {
		if s := j.State(r.ID); s != nil {
			r.Name = s.name
		}
	}
	r.Nameless = r.Name == ""
}

// stateWait returns how long a record waits for its state. AWF saves the states of a loop and of parallel branches at their end.
func (r *run) stateWait(rec *Record) time.Duration {
	if rec.role != roleStepEnd {
		return stateWait
	}
	for _, s := range r.steps {
		if holdsSteps(s.Kind) && s.Kind != callWorkflow {
			return stateWait
		}
	}
	return stepWait
}

// awaitsState reports whether a record goes on waiting for its state.
func (j *Joiner) awaitsState(w *waiting, now time.Time) bool {
	if w.need&needState == 0 || now.Sub(w.since) >= w.state {
		return false
	}
	if !now.Before(w.poll) {
		if j.isStated(w.rec) {
			w.need &^= needState
			return false
		}
		w.poll = now.Add(statePoll)
	}
	j.lookAt(w.poll)
	return true
}

// isStated reports whether the state file is complete with regard to the record.
func (j *Joiner) isStated(rec *Record) bool {
	s := j.state(rec)
	switch {
	case s == nil, s == Unwritten && rec.role == roleEnd: // AWF saves the state before the end
		return true
	case rec.role == roleEnd:
		return s.final
	}
	_, _, settled := s.of(rec)
	return settled
}

// enrich adds data from the state file, and returns the retries of the step that the record ends.
func (j *Joiner) enrich(rec *Record) (retries []*Record) {
	s := j.state(rec)
	switch {
	case s == nil:
	case rec.role == roleEnd:
		s.ofRun(rec)
	default:
		step, found, _ := s.of(rec)
		if !found {
			return nil
		}
		if step.exitCode > 0 || !step.failed && step.attempts > 0 {
			rec.payload.Int("exit_code", step.exitCode)
		}
		rec.number("attempts", step.attempts)
		rec.number("tokens", step.tokens)
		for n := int64(2); n <= min(step.attempts, maxRetries+1); n++ {
			retries = append(retries, rec.retry(n))
		}
	}
	return retries
}

// ofRun adds a run's totals, and the exit code of the step that failed last.
func (s *RunState) ofRun(rec *Record) {
	var last stepState
	for _, step := range s.steps {
		rec.end.attempts += step.attempts
		rec.end.tokens += step.tokens
		if step.failed && step.exitCode > 0 && step.completed.After(last.completed) {
			last = step
		}
	}
	if rec.Type == WorkflowError && rec.end.exitCode == nil && last.exitCode > 0 {
		rec.end.exitCode = strconv.AppendInt(nil, last.exitCode, 10)
	}
}

// retry makes the event of a further attempt, for which AWF writes none.
func (rec *Record) retry(attempt int64) *Record {
	s := openStep{stepKey: rec.step.key, Name: rec.step.name, Kind: rec.step.kind}
	retry := s.record(StepRetry, lineID([]byte("attempt "+strconv.FormatInt(attempt, 10)+" of "+rec.ID)), rec.Timestamp)
	retry.WorkflowID = rec.WorkflowID
	retry.number("attempt", attempt)
	retry.payload.Raw("synthetic", []byte("true"))
	return retry
}

// number adds a number to the payload, unless it is 0.
func (rec *Record) number(name string, n int64) {
	if n != 0 {
		rec.payload.Int(name, n)
	}
}
