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

// spoken adds to a message or a tool's use, where its payload does not have them, what AWF says beside it: where it belongs.
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

// stepStatus writes how a step ended.
func (r *Record) stepStatus(failed bool, failure string) {
	status := "success"
	if failed {
		status = "failure"
	}
	r.payload.Text("status", status)
	r.payload.Text("error", failure)
}

// namedStep reads a step of which the dialect gives the name alone.
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
