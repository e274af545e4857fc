package filters_test

import (
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/filters"
)

// The error about an unknown type names the type that was probably meant.
func TestUnlikelyGlobs(t *testing.T) {
	for glob, want := range map[string]string{
		"workflow_end": "", "workflow_*": "", "*": "", "*_error": "", "step_?????": "", "tool_*": "", "step_retry": "", "step_r*": "",
		"workflow_failed":    "workflow_error?",
		"workflow_started":   "workflow_start?",
		"workflow_completed": "workflow_end, workflow_error or workflow_cancel?",
		"workflow-error":     "workflow_error?",
		"Workflow_Error":     "workflow_error?",
		"WORKFLOW_*":         "workflow_start, workflow_end, workflow_error or workflow_cancel?",
		"step_completed":     "step_complete?",
		"step_failed":        "step_complete?",
		"workfow_error":      "workflow_error?",
		"workflow":           "workflow_start, workflow_end, workflow_error or workflow_cancel?",
		"message":            "message_user or message_assistant?",
		"error":              "workflow_error or step_complete?",
		"failed":             "workflow_error or step_complete?",
		"success":            "workflow_end?",
		"workflow_fialed":    "workflow_error?",
		"deploy_done":        "this type",
	} {
		why := filters.Unlikely(filters.Glob(glob))
		if (why == "") != (want == "") || !strings.HasSuffix(why, want) {
			t.Errorf("%s: %q, want %q", glob, why, want)
		}
	}
	for name, want := range map[string]string{
		"workflow.started":   "want workflow_start for AWF's workflow.started",
		"workflow.completed": "want workflow_end, workflow_error or workflow_cancel for AWF's workflow.completed",
		"workflow.cancelled": "want workflow_cancel for AWF's workflow.cancelled",
		"step.started":       "want step_start for AWF's step.started",
		"step.completed":     "want step_complete for AWF's step.completed",
		"step.failed":        "want step_complete for AWF's step.failed",

		"step_*,workflow_*":           "[workflow_end, step_*]",
		"workflow_error|workflow_end": "[workflow_end, step_*]",
		"!step_*":                     `not (event startsWith "step_")`,
	} {
		if _, err := filters.ParseGlob(name); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}
