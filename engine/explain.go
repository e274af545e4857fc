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

// Explanation is a preview with how it came to be.
type Explanation struct {
	Preview
	Events []string      // the webhook's globs
	Filter *FilterTrace  // nil if there is none, or the type is another one
	Steps  []StepTrace   // of the transform, as far as it came
	Took   time.Duration // of filter and transform, as Run does them
}

// FilterTrace is what a filter's parts came to.
type FilterTrace struct {
	Source string
	*expression.Trace
	Took time.Duration
}

// StepTrace is what a step of a transform was fed and what it made.
type StepTrace struct {
	Kind        string
	In, Out     delivery.Content
	Dropped     bool   // it found nothing to send
	Failure     string // "" if it did not fail
	Took        time.Duration
	Fuel        int64             // that a wasm module used
	Expressions []ExpressionTrace // of a map
}

// ExpressionTrace is what an expression of a map came to.
type ExpressionTrace struct {
	Path   string // "text" or "blocks[].text"; "" for the whole
	Source string
	*expression.Trace
}

// Explain is Preview, with the value of each part of the filter and what each step of the transform was fed and made.
func (e *Engine) Explain(ctx context.Context, ev *event.Event, at time.Time) []Explanation {
	webhooks, err := e.routes.Of(ev.WorkflowName).Webhooks(ctx)
	if err != nil {
		return nil
	}
	all := make([]Explanation, len(webhooks))
	in := expression.NewEnv(ev)
	for i, w := range webhooks {
		all[i] = w.explain(ctx, in, at)
	}
	return all
}

func (w *webhook) explain(ctx context.Context, in *expression.Env, at time.Time) Explanation {
	x := Explanation{Preview: Preview{Webhook: w.Name, Place: w.Place()}}
	for _, g := range w.Events {
		x.Events = append(x.Events, g.Value)
	}
	start := time.Now()
	x.judge(w, in)
	took := time.Since(start)
	if x.Choice == OtherType {
		return x
	}
	if w.Filter.Value != "" {
		x.Filter = &FilterTrace{Source: w.Filter.Value, Took: took}
		x.Filter.Trace, _ = expression.TraceBool(w.Filter.Value, in) // it compiled before
		x.Took = took
	}
	if x.Choice != Sent {
		return x
	}
	content, err := x.transform(ctx, w, in)
	if !x.refuse(w, err) {
		x.request(ctx, w, in.Event(), at, content)
	}
	return x
}

// transform makes the content, and notes each step.
func (x *Explanation) transform(ctx context.Context, w *webhook, in *expression.Env) (delivery.Content, error) {
	if len(w.chain) == 0 {
		return delivery.Content{Body: in.Event().Body()}, nil
	}
	start := time.Now()
	return w.chain.Watch(ctx, in, func(i int, fed delivery.Content, made transforms.Made, err error) {
		took := time.Since(start)
		x.Took += took
		step := w.chain[i]
		x.Steps = append(x.Steps, w.stepTrace(step, in, fed, made, err))
		x.Steps[len(x.Steps)-1].Took = took
		start = time.Now()
	})
}

// stepTrace tells what a step was fed and made, without secrets.
func (w *webhook) stepTrace(s transforms.Named, in *expression.Env, fed delivery.Content, made transforms.Made, err error) StepTrace {
	step := StepTrace{Kind: s.Kind, In: fed, Out: made.Content, Fuel: made.Fuel, Dropped: errors.Is(err, transforms.ErrDrop)}
	step.In.Body, step.Out.Body = w.masker.Body(fed.Body), w.masker.Body(made.Body)
	if err != nil && !step.Dropped {
		step.Failure = w.masker.Text(err.Error())
	}
	if m, isMap := s.Step.(*transforms.Map); isMap {
		for _, e := range m.Expressions() {
			trace, _ := expression.TraceValue(e.Program.Source(), in) // it compiled before
			w.maskTrace(trace)
			step.Expressions = append(step.Expressions, ExpressionTrace{e.Path, e.Program.Source(), trace})
		}
	}
	return step
}
