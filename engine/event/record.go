package event

import (
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// role is the meaning of an event for its run.
type role int

const (
	roleOther role = iota
	roleStart
	roleEnd
	roleStepStart
	roleStepEnd
	roleSpoken // a message or a tool's use, within a step
)

// Record is a decoded line: the event, and its links to other events of the run. Its payload is complete when a [Joiner] passes on the
// event.
type Record struct {
	Event
	dialect  dialect
	role     role
	parentID string           // the run that called this one
	childID  string           // the run that this step calls
	payload  jsonbytes.Object // becomes Event.Payload when the record is complete
	step     stepMark
	end      runEnd

	anonymous bool      // its line had no id
	given     string    // the id that its writer gave it
	sealed    sealed    // of an envelope
	repeated  bool      // a start line that was read before, so that it may begin a resumed run
	resumedBy time.Time // of an earlier start line: when the program that resumes the run began
}

// sealed is an envelope's seal and the text that it covers.
type sealed struct {
	text   []byte // the text before the seal
	mark   string
	source string // as the envelope has it
}

// Given returns the id that the event's writer gave it, "" for none.
func (rec *Record) Given() string { return rec.given }

// From sets the source of a record that does not come from stdin. An id from its writer then belongs to this source.
func (rec *Record) From(source string) {
	if rec.given != "" {
		rec.ID = OwnID(rec.given, source)
	}
}

// unseal restores the id and the source of awf-hook's own envelope if valid accepts the seal for the text before it.
func (rec *Record) unseal(valid func(text []byte, mark string) bool) {
	if rec.sealed.mark != "" && valid != nil && valid(rec.sealed.text, rec.sealed.mark) {
		rec.ID, rec.Source = rec.given, rec.sealed.source
	}
	rec.sealed = sealed{}
}

// Order returns the time that orders records of several files. Audit lines have truncated milliseconds: a start sorts
// before everything in its millisecond, an end after it.
func (rec *Record) Order() time.Time {
	if rec.dialect == audit && rec.role == roleEnd {
		return rec.Timestamp.Truncate(time.Millisecond).Add(time.Millisecond - 1)
	}
	return rec.Timestamp
}

// Starts reports whether the record is the start of a run.
func (rec *Record) Starts() bool { return rec.role == roleStart }

// Ends reports whether the record is the end of a run.
func (rec *Record) Ends() bool { return rec.role == roleEnd }

// Resumed marks the start line of an earlier run as the start of the run that a program resumed.
func (rec *Record) Resumed(programBegan time.Time) {
	rec.resumedBy = programBegan
}

// Anonymous reports whether the line had no id and got a new one, since an equal line may be another event.
func (rec *Record) Anonymous() bool { return rec.dialect == envelope && rec.anonymous }

// SetLine numbers the record among those that are read together. [Event.Line] returns the number.
func (rec *Record) SetLine(n int) { rec.line = n }

// SetID gives the record another id.
func (rec *Record) SetID(id string) { rec.ID = id }
