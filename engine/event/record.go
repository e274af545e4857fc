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
	step     stepEnd
	end      runEnd

	anonymous    bool   // its id is new
	resumedAfter string // of a start line that was repeated: what tells this time from others; "" for other lines
	resumedAt    time.Time
}

// runEnd holds what stands behind the duration in a run's end.
type runEnd struct {
	exitCode  []byte // nil where none was given
	failure   string
	synthetic bool
}

// stepEnd holds what stands behind the duration in a step's payload.
type stepEnd struct {
	key    stepKey
	result []byte
}

// stepKey pairs a step's end with its start, within a run.
type stepKey struct{ path, iteration string }
