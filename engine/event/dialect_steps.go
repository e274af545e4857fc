package event

import "strings"

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

// stepStatus adds how a step ended.
func (r *Record) stepStatus(failed bool, failure string) {
	status := "success"
	if failed {
		status = "failure"
	}
	r.payload.Text("status", status)
	r.payload.Text("error", failure)
}

// namedStep reads a step in a dialect that gives only its name.
func (d *decoder) namedStep(r *Record, name, kind, typ string) {
	if strings.HasPrefix(typ, "step.call_workflow.") {
		kind = callWorkflow
	}
	r.step = stepMark{key: stepKey{path: name}, name: name, kind: kind}
	r.payload.Text("step", name)
	r.payload.Text("kind", kind)
	r.payload.Text("child_id", r.childID)
	if r.role, r.Type = roleStepStart, StepStart; strings.HasSuffix(typ, ".started") {
		return
	}
	r.role, r.Type = roleStepEnd, StepComplete
	failure := d.optional(keyError)
	r.stepStatus(failure != "" || strings.HasSuffix(typ, ".failed"), failure)
}
