package filters

import (
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// types lists the event types that AWF is known to write.
var types = event.Types()

// Types lists the event types that AWF is known to write, and those of operator events. Other events may have any type.
func Types() []string { return slices.Concat(types, event.OperatorTypes()) }

// awfNames lists AWF's own names of events, and common variants of them, with the corresponding types.
var awfNames = []struct {
	name  string // with _ instead of the dot
	types []string
}{
	{"workflow_started", []string{event.WorkflowStart}},
	{"workflow_completed", []string{event.WorkflowEnd, event.WorkflowError, event.WorkflowCancel}},
	{"workflow_finished", []string{event.WorkflowEnd, event.WorkflowError, event.WorkflowCancel}},
	{"workflow_success", []string{event.WorkflowEnd}},
	{"workflow_failed", []string{event.WorkflowError}},
	{"workflow_failure", []string{event.WorkflowError}},
	{"workflow_cancelled", []string{event.WorkflowCancel}},
	{"workflow_canceled", []string{event.WorkflowCancel}},
	{"step_started", []string{event.StepStart}},
	{"step_completed", []string{event.StepComplete}},
	{"step_failed", []string{event.StepComplete}},
	{"step_error", []string{event.StepComplete}},
	{"step_end", []string{event.StepComplete}},
	{"step_call_workflow_started", []string{event.StepStart}},
	{"step_call_workflow_completed", []string{event.StepComplete}},
	{"step_call_workflow_failed", []string{event.StepComplete}},
}

// meant lists the types that were probably meant by a name or glob that no event has.
func meant(pattern string) []string {
	plain := strings.NewReplacer(".", "_", "-", "_").Replace(strings.ToLower(pattern))
	if slices.Contains(types, plain) {
		return []string{plain}
	}
	var found []string
	for _, known := range awfNames {
		if Glob(plain).Match(known.name) {
			found = append(found, known.types...)
		}
	}
	for _, typ := range types {
		if Glob(plain).Match(typ) && typ != event.StepRetry { // which AWF does not write
			found = append(found, typ)
		}
	}
	if len(found) > 0 {
		slices.SortFunc(found, func(a, b string) int { return slices.Index(types, a) - slices.Index(types, b) })
		return slices.Compact(found)
	}
	if near := spelling.Nearest(plain, Types()); near != "" {
		return []string{near}
	}
	for _, known := range awfNames {
		if spelling.Nearest(plain, []string{known.name}) != "" {
			return known.types
		}
	}
	return nil
}

// Unlikely says why a glob probably matches nothing: AWF is not known to write such a type. It returns "" for a likely
// glob. Your own events may have any type.
func Unlikely(g Glob) string {
	switch {
	case slices.ContainsFunc(types, g.Match), event.IsOperator(string(g)):
		return ""
	case strings.ContainsAny(string(g), "*?") && slices.ContainsFunc(event.OperatorTypes(), g.Match):
		return "awf-hook's own events must be named whole: " + spelling.Join("or", event.OperatorTypes())
	}
	why := "no event of AWF has this type"
	if names := meant(string(g)); len(names) > 0 {
		return why + ", did you mean " + spelling.Join("or", names) + "?"
	}
	return why
}
