package event

import (
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// role is what an event means for its run.
type role int

const (
	roleOther role = iota
	roleStart
	roleEnd
	roleStepStart
	roleStepEnd
	roleSpoken // a message or a tool's use, within a step
)

// Record is one decoded line: the event, and what ties it to the other events of its run.
// Its payload is not complete before a [Joiner] gave the event.
type Record struct {
	Event
	dialect  dialect
	role     role
	parentID string           // the run that called this one
	childID  string           // the run that this step calls
	payload  jsonbytes.Object // becomes Event.Payload when the record is complete
	step     stepMark
	end      runEnd

	anonymous bool      // its id is new
	given     string    // the id that its writer gave it
	sealed    sealed    // of an envelope
	repeated  bool      // a start line that was read before, so that it may begin a resumed run
	resumedBy time.Time // of a start line of before: when the program began that resumes the run
}

// sealed is what an envelope's seal is about.
type sealed struct {
	text   []byte // all that stands before it
	mark   string
	source string // as the envelope has it
}

// Given is the id that the event's writer gave it; "" if it gave none.
func (rec *Record) Given() string { return rec.given }

// From says that the record does not come from stdin: an id that was given to it is one of this source's own.
func (rec *Record) From(source string) {
	if rec.given != "" {
		rec.ID = OwnID(rec.given, source)
	}
}

// Unseal gives an envelope of awf-hook's own the id and the source that it has, if valid says that the seal is one of the text before it.
func (rec *Record) Unseal(valid func(text []byte, mark string) bool) {
	if rec.sealed.mark != "" && valid != nil && valid(rec.sealed.text, rec.sealed.mark) {
		rec.ID, rec.Source = rec.given, rec.sealed.source
	}
	rec.sealed = sealed{}
}

// runEnd holds what stands behind the duration in a run's end.
type runEnd struct {
	exitCode    []byte // nil where none was given
	failure     string
	synthetic   bool
	contradicts string // the id of the end that the run was given before

	attempts, tokens int64 // of all its steps
}

// stepMark says which step a record is of.
type stepMark struct {
	key        stepKey
	name, kind string
	said       bool      // of a message: it names its step itself
	result     []byte    // of its end
	took       []byte    // of its end: how long it took, where its writer said
	began      time.Time // of its end: when it started; zero if that is not known
}

// stepKey pairs a step's end with its start, within a run.
type stepKey struct{ path, iteration string }
