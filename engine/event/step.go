package event

import (
	"slices"
	"strings"
	"time"
)

// stepMark names the step of a record.
type stepMark struct {
	key        stepKey
	name, kind string
	said       bool      // of a message that names its step
	result     []byte    // of its end
	took       []byte    // of its end: the duration as its writer gave it; nil if it did not
	began      time.Time // of its end: the time of its start; zero if unknown
}

// stepKey pairs a step's end with its start, within a run.
type stepKey struct {
	Path      string `json:"path"`
	Iteration string `json:"iteration,omitempty"`
}

func (d *decoder) transcriptStep(r *Record, inner *decoder) {
	path := d.optional(keyPath)
	r.step = stepMark{
		key:  stepKey{path, string(d.value[keyIteration])},
		name: inner.optional(keyName), kind: inner.optional(keyKind),
	}
	r.payload.Text("step", r.step.name)
	r.payload.Text("kind", r.step.kind)
	r.payload.Text("path", path)
	r.payload.Raw("iteration", d.value[keyIteration])
	r.payload.Text("child_id", r.childID)
}

// spoken adds the place of a message or a tool call, which AWF writes beside the payload, unless the payload has it.
func (d *decoder) spoken(r *Record, inner *decoder) {
	r.role = roleSpoken
	r.step.key = stepKey{d.optional(keyPath), string(d.value[keyIteration])}
	r.step.said = inner.value[keyStep] != nil
	for _, add := range []struct {
		key  int
		name string
	}{{keyPath, "path"}, {keyIteration, "iteration"}, {keyParentRunID, "parent_id"}, {keySeq, "seq"}} {
		if inner.value[add.key] == nil {
			r.payload.Raw(add.name, d.value[add.key])
		}
	}
}

// stepStatus reads how a step ended, by the name of its event and by its error.
func (d *decoder) stepStatus(r *Record, name string) {
	failure, status := d.optional(keyError), "success"
	if failure != "" || strings.HasSuffix(name, ".failed") {
		status = "failure"
	}
	r.payload.Text("status", status)
	r.payload.Text("error", failure)
}

// step reads a step in a dialect that gives only its name.
func (d *decoder) step(r *Record, name, kind, typ string) {
	if strings.HasPrefix(typ, "step.call_workflow.") {
		kind = callWorkflow
	}
	r.step = stepMark{key: stepKey{Path: name}, name: name, kind: kind}
	r.payload.Text("step", name)
	r.payload.Text("kind", kind)
	r.payload.Text("child_id", r.childID)
	if r.Type = StepStart; r.role == roleStepEnd {
		r.Type = StepComplete
		d.stepStatus(r, typ)
		d.duration(r)
	}
}

// openStep is a step that started and has not ended.
type openStep struct {
	stepKey
	Name  string    `json:"name,omitempty"`
	Kind  string    `json:"kind,omitempty"`
	At    time.Time `json:"at"`
	ID    string    `json:"id,omitempty"`    // of its start's event
	Lossy bool      `json:"lossy,omitempty"` // its dialect may not write its end
}

// callWorkflow is the kind of a step that calls another run.
const callWorkflow = "call_workflow"

// holdsSteps reports whether a step of the kind contains other steps and writes no messages itself.
func holdsSteps(kind string) bool {
	return slices.Contains([]string{"parallel", "for_each", "while", "loop", callWorkflow}, kind)
}

// beginStep records the start of a step. A step without a name cannot be matched with its end.
func (rs *runs) beginStep(r *run, s openStep) {
	if s.Path == "" && s.Name == "" {
		return
	}
	if _, again := r.steps[s.stepKey]; !again {
		if rs.openSteps == maxOpenSteps {
			return
		}
		rs.openSteps++
	}
	if r.steps == nil {
		r.steps = make(map[stepKey]openStep)
	}
	r.steps[s.stepKey] = s
}

// endStep adds the step's duration to its end, if its start is known and the clock was not set back.
func (rs *runs) endStep(r *run, rec *Record) {
	if s, known := r.steps[rec.step.key]; known {
		rs.openSteps--
		delete(r.steps, rec.step.key)
		rec.step.began = s.At
		took := rec.Timestamp.Sub(s.At)
		measured := took > 0 || took == 0 && rec.stamp != "" // events that were received together have no times of their own
		if measured && rec.step.took == nil {
			rec.payload.Raw("duration", seconds(took))
		}
	}
	rec.payload.Raw("result", rec.step.result)
}

// cut makes ends for the steps that the run's end cut off, latest first.
func (r *run) cut(end *Record) []*Record {
	open := make([]openStep, 0, len(r.steps))
	for _, s := range r.steps {
		if !s.Lossy {
			open = append(open, s)
		}
	}
	slices.SortFunc(open, func(a, b openStep) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(b.ID, a.ID)
	})
	ends := make([]*Record, len(open))
	for i, s := range open {
		rec := s.record(StepComplete, lineID([]byte("end of step "+s.ID)), end.Timestamp)
		rec.WorkflowID = r.ID
		rec.payload.Text("status", "cancelled")
		if took := end.Timestamp.Sub(s.At); took >= 0 {
			rec.payload.Raw("duration", seconds(took))
		}
		rec.payload.Raw("synthetic", []byte("true"))
		ends[i] = rec
	}
	return ends
}

// record makes awf-hook's own event about a step.
func (s openStep) record(typ, id string, at time.Time) *Record {
	rec := &Record{Event: Event{ID: id, Type: typ, Timestamp: at.UTC()}}
	rec.payload.Text("step", s.Name)
	rec.payload.Text("kind", s.Kind)
	if s.Iteration != "" { // a transcript's; other dialects write only the name
		rec.payload.Text("path", s.Path)
		rec.payload.Raw("iteration", []byte(s.Iteration))
	}
	return rec
}

// speaker adds the step of a message or a tool call: the step that AWF names, else the only possible one.
func (r *run) speaker(rec *Record) {
	if rec.step.said {
		return
	}
	if s, named := r.steps[rec.step.key]; named && rec.step.key.Path != r.Name { // messages have the workflow's name as their path
		rec.payload.Text("step", s.Name)
		return
	}
	var agents, others []string
	for _, s := range r.steps {
		switch {
		case s.Kind == "agent":
			agents = append(agents, s.Name)
		case !holdsSteps(s.Kind):
			others = append(others, s.Name)
		}
	}
	if len(agents) == 0 {
		agents = others
	}
	if len(agents) == 1 {
		rec.payload.Text("step", agents[0])
		rec.payload.Raw("step_inferred", []byte("true"))
	}
}
