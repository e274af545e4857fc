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
	Left        []string          // what a format left out of its message, and why
}

// ExpressionTrace is what an expression of a map came to.
type ExpressionTrace struct {
	Path   string // "text" or "blocks[].text"; "" for the whole
	Source string
	*expression.Trace
}

// Explain is Preview, with the value of each part of the filter and what each step of the transform was fed and made.
func (e *Engine) Explain(ctx context.Context, ev *event.Event, at time.Time) []Explanation {
	previews := e.Preview(ctx, ev, at)
	all := make([]Explanation, len(previews))
	for i, w := range e.routes.of(ev.WorkflowName) {
		if i >= len(all) || previews[i].Webhook != w.Name { // a definition changed meanwhile
			break
		}
		all[i] = w.explain(ctx, ev, previews[i])
	}
	return all
}

func (w *webhook) explain(ctx context.Context, ev *event.Event, p Preview) Explanation {
	x := Explanation{Preview: p}
	for _, g := range w.Events {
		x.Events = append(x.Events, g.Value)
	}
	if p.Verdict == OtherType {
		return x
	}
	in := expression.NewEnv(ev)
	var traces []*expression.Trace // of the expressions that ran since the last step
	in.Watch(func(t *expression.Trace) { traces = append(traces, t) })
	if w.Filter.Value != "" {
		_, _ = w.filter.Match(in)
		x.Filter = &FilterTrace{Source: w.Filter.Value, Trace: traces[0], Took: traces[0].Took}
		x.Took, traces = x.Filter.Took, nil
	}
	if p.Verdict == FilteredOut || p.Verdict == FilterFailed {
		return x
	}
	start := time.Now()
	_, _ = w.chain.Watch(ctx, in, func(i int, fed delivery.Content, made transforms.Made, err error) {
		step := StepTrace{Kind: w.chain[i].Kind, In: fed, Out: made.Content, Fuel: made.Fuel, Took: time.Since(start), Dropped: errors.Is(err, transforms.ErrDrop)}
		step.In.Body, step.Out.Body = w.masker.Body(fed.Body), w.masker.Body(made.Body)
		for _, what := range made.Left {
			step.Left = append(step.Left, w.masker.Text(what))
		}
		if err != nil && !step.Dropped {
			step.Failure = w.masker.Text(err.Error())
		}
		x.Took += step.Took
		if m, isMap := w.chain[i].Step.(*transforms.Map); isMap {
			paths := m.Expressions() // in the order in which they run
			for i, trace := range traces {
				w.maskTrace(trace)
				step.Expressions = append(step.Expressions, ExpressionTrace{paths[i].Path, trace.Source(), trace})
			}
		}
		traces = nil
		x.Steps = append(x.Steps, step)
		start = time.Now()
	})
	return x
}
