package event

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// end reads how a run ended: workflow_end, workflow_error or workflow_cancel.
func (d *decoder) end(r *Record, status string) {
	failure := d.optional(keyError)
	switch status {
	case "success", "completed":
		r.Type, status = WorkflowEnd, "success"
	case "failure", "failed":
		r.Type, status = WorkflowError, "failure"
		if saysCancelled(failure) {
			r.Type, status = WorkflowCancel, "cancelled"
		}
	case "cancelled":
		r.Type = WorkflowCancel
	default:
		d.fail(keyStatus, "want success, failure or cancelled, got %q", shorten(status))
		return
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
// text too, with a newline or other text around it: then the run failed, since a page too many is better than one too few.
func saysCancelled(failure string) bool {
	before, own := strings.CutSuffix(failure, "command execution: context canceled")
	isOwn := own && (before == "" || strings.HasSuffix(before, ": ")) && !strings.ContainsAny(before, "\r\n")
	return failure == "workflow cancelled" || isOwn
}

// endStatus is how a run ended where the type of its event says it, "workflow.completed", and a status may say it better.
// What says in one place that it ended or was cancelled, and in another that it failed, failed.
func (d *decoder) endStatus(typ string) string {
	_, status, _ := strings.Cut(typ, ".")
	given := d.optional(keyStatus)
	switch {
	case given == "cancelled", given == "" && status == "cancelled":
		return "cancelled"
	case status != "completed":
	case given == "" && d.optional(keyError) == "", given == "completed", given == "success":
		return "success"
	}
	return "failed"
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
			r.step.took = appendSeconds(nil, took)
			r.payload.Raw("duration", r.step.took)
		}
		return
	}
	ms, err := strconv.ParseFloat(string(raw), 64)
	if err != nil {
		d.fail(keyDurationMS, "want milliseconds, got %s", shorten(string(raw)))
		return
	}
	r.payload.Raw("duration", strconv.AppendFloat(nil, ms/1000, 'f', -1, 64))
}
