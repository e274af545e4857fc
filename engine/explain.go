package engine

import (
	"context"
	"errors"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms"
)

// Explanation is a preview with the values that led to it.
type Explanation struct {
	Preview
	Events []string          `json:"events"`          // the webhook's globs
	Filter *expression.Trace `json:"filter,omitzero"` // nil if there is none, or if the event's type does not match
	Steps  []StepTrace       `json:"steps,omitempty"` // of the transform, up to the one that failed or dropped the event
	Took   time.Duration     `json:"took"`            // by filter and transform, which run as in Run
}

// StepTrace holds a transform step's input and output.
type StepTrace struct {
	Kind        string              `json:"kind"`
	In          []byte              `json:"in"`                 // the body that it received
	Out         []byte              `json:"out,omitempty"`      // the body that it made; nil if it dropped the event or failed
	Left        []string            `json:"left_out,omitempty"` // what a format left out of its message, and why
	Dropped     bool                `json:"dropped,omitzero"`   // the step had nothing to send
	Failure     string              `json:"error,omitempty"`    // "" if it succeeded
	Took        time.Duration       `json:"took"`
	Fuel        int64               `json:"fuel,omitzero"`         // used by a wasm module
	FuelLimit   int64               `json:"fuel_limit,omitzero"`   // the most that the module could use for this event
	Expressions []*expression.Trace `json:"expressions,omitempty"` // in the texts of a map and of a format's options
}

// Explain is like Preview, and adds the value of each part of the filter and the input and output of each step of the
// transform.
func (e *Engine) Explain(ctx context.Context, ev *event.Event, at time.Time) []Explanation {
	webhooks, err := e.routes.Of(ev.WorkflowName).Webhooks(ctx)
	if err != nil {
		return nil
	}
	all := make([]Explanation, len(webhooks))
	for i, w := range webhooks {
		all[i] = w.explain(ctx, ev, at)
	}
	return all
}

func (w *webhook) explain(ctx context.Context, ev *event.Event, at time.Time) Explanation {
	x := Explanation{Preview: Preview{
		Event: ev.Type, EventID: ev.ID, WorkflowID: ev.WorkflowID, Webhook: w.Name, Identity: w.Identity, Place: w.Place(),
	}, Events: w.globs()}
	in := expression.NewEnv(ev)
	var traces []*expression.Trace // of the expressions that ran since the last step
	in.Watch(func(t *expression.Trace) { traces = append(traces, t) })
	x.judge(w, in)
	if len(traces) > 0 { // the filter has an expression, and it ran
		x.Filter = traces[0]
		x.Took = x.Filter.Took
	}
	if x.Choice == Sent {
		x.judgeOrder(w, in)
	}
	traces = nil
	if x.Choice != Sent {
		return x
	}
	content, start := delivery.Content{Body: ev.Body()}, time.Now()
	var err error
	if len(w.chain) > 0 {
		content, err = w.chain.Watch(ctx, in, func(i int, fed delivery.Content, made transforms.Made, err error) {
			step := w.stepTrace(&w.chain[i], fed, made, err)
			step.Took = time.Since(start)
			step.Expressions = w.templateTraces(w.chain[i].Step, traces)
			x.Took += step.Took
			x.Steps = append(x.Steps, step)
			start, traces = time.Now(), nil
		})
	}
	if !x.refuse(w, err) {
		x.request(ctx, w, ev, at, content)
	}
	return x
}

// stepTrace returns a step's input and output, with secrets masked.
func (w *webhook) stepTrace(s *transforms.Named, fed delivery.Content, made transforms.Made, err error) StepTrace {
	step := StepTrace{Kind: s.Kind, Fuel: made.Fuel, FuelLimit: made.FuelLimit, Dropped: errors.Is(err, transforms.ErrDrop)}
	step.In, step.Out = w.maskContent(&fed), w.maskContent(&made.Content)
	for _, what := range made.Left {
		step.Left = append(step.Left, w.masker.Text(what))
	}
	if err != nil && !step.Dropped {
		step.Failure = w.masker.Text(err.Error())
	}
	return step
}

// templateTraces returns the values of a step's templates, as far as they ran.
func (w *webhook) templateTraces(s transforms.Step, traces []*expression.Trace) (list []*expression.Trace) {
	for _, trace := range traces {
		w.maskTrace(trace)
	}
	for _, template := range transforms.TemplatesOf(s) {
		if trace := expression.TraceTemplate(template.Path, template.Parts, traces); trace != nil {
			if template.HoldsSecret {
				trace.Hide(Masked)
			}
			list = append(list, trace)
		}
	}
	return list
}
