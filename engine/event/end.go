package event

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/legible"
)

// runEnd holds the parts of a run's end after the duration.
type runEnd struct {
	exitCode    []byte // nil for none
	failure     string
	synthetic   bool
	contradicts string // the id of the run's earlier end

	attempts, tokens int64 // of all its steps
}

// end reads how a run ended, by the name of its event, such as "workflow.completed", and by its status and error. The run was cancelled if
// its status says so, and it succeeded only if nothing says otherwise: if in doubt, it failed.
func (d *decoder) end(r *Record, name string) {
	failure, status := d.optional(keyError), d.optional(keyStatus)
	_, how, _ := strings.Cut(name, ".")
	succeeded := status == "success" || status == "completed"
	switch {
	case status == "cancelled", status == "" && how == "cancelled", !succeeded && saysCancelled(failure):
		r.Type, status = WorkflowCancel, "cancelled"
	case how == "completed" && failure == "" && (succeeded || status == ""):
		r.Type, status = WorkflowEnd, "success"
	default:
		if failure == "" && !slices.Contains([]string{"", "success", "completed", "failure", "failed"}, status) {
			failure = fmt.Sprintf("AWF's status is %q", legible.Shorten(status, maxQuoted))
		}
		r.Type, status = WorkflowError, "failure"
	}
	r.payload.Text("status", status)
	d.duration(r)
	// A failed run's exit code of 0 is AWF's "not given".
	if code := d.value[keyExitCode]; r.Type == WorkflowEnd || r.Type == WorkflowError && string(code) != "0" {
		r.end.exitCode = bytes.Clone(code)
	}
	r.end.failure = failure
}

// saysCancelled reports whether the error of a failed run is AWF's own text of a cancelled one. A command may print such a
// text too, with a newline or other text around it: then the run failed, since one page too many is better than one too few.
func saysCancelled(failure string) bool {
	before, own := strings.CutSuffix(failure, "command execution: context canceled")
	isOwn := own && (before == "" || strings.HasSuffix(before, ": ")) && !strings.ContainsAny(before, "\r\n")
	return failure == "workflow cancelled" || isOwn
}

// duration turns AWF's duration_ms, or the text that plugin events have ("1.5s"), into the body's duration in seconds.
func (d *decoder) duration(r *Record) {
	raw := d.value[keyDurationMS]
	if raw == nil {
		raw = d.value[keyDuration]
		if raw == nil || raw[0] != '"' {
			return
		}
		if took, err := time.ParseDuration(jsonbytes.String(raw)); err == nil && took >= 0 {
			r.step.took = seconds(took)
			r.payload.Raw("duration", r.step.took)
		}
		return
	}
	ms, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		d.fail(keyDurationMS, "want milliseconds, got %s", legible.Shorten(string(raw), maxQuoted))
		return
	}
	r.payload.Raw("duration", strconv.AppendFloat(nil, ms/1000, 'f', -1, 64))
}

// Ending describes the end of a program that left runs open.
type Ending struct {
	Cancelled bool   // by the user: workflow_cancel instead of workflow_error
	Error     string // the text of the event's error
	ExitCode  int    // of a workflow_error; 0 if unknown
}

// End makes an end for each run that is open and was quiet for at least that long, called runs before their callers.
// The ends say "synthetic": true. Their ids follow from the lines of the run, so that reading the same lines again makes the
// same event. Release or flush waiting records first.
func (j *Joiner) End(how Ending, quiet time.Duration, now time.Time) (given int) {
	var open []*run
	for r := range j.runs.left() {
		if quiet == 0 || now.Sub(r.Seen) >= quiet {
			open = append(open, r)
		}
	}
	slices.SortStableFunc(open, func(a, b *run) int {
		if d := j.runs.depth(b) - j.runs.depth(a); d != 0 {
			return d
		}
		return b.Started.Compare(a.Started)
	})
	for _, r := range open {
		r.Ended = true
		end := how.record(r, now)
		r.EndType, r.EndID = end.Type, end.ID
		j.give(r, end)
	}
	return len(open)
}

// record makes the end of a run.
func (how Ending) record(r *run, now time.Time) *Record {
	rec := &Record{role: roleEnd, Event: Event{
		ID: lineID([]byte("end of " + r.StartID + " after " + r.LastID)), Type: WorkflowError,
		WorkflowID: r.ID, WorkflowName: r.Name, Timestamp: now.UTC(),
	}}
	status := "failure"
	if how.Cancelled {
		rec.Type, status = WorkflowCancel, "cancelled"
	} else if how.ExitCode != 0 {
		rec.end.exitCode = strconv.AppendInt(nil, int64(how.ExitCode), 10)
	}
	rec.payload.Text("status", status)
	if took := now.Sub(r.Started); took >= 0 {
		rec.payload.Raw("duration", seconds(took.Round(time.Millisecond)))
	}
	rec.end.failure, rec.end.synthetic = how.Error, true
	return rec
}
