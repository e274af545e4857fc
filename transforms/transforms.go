// Package transforms makes the bodies that webhooks send.
//
// A [Compiler] compiles a webhook's steps into a [Chain], and [Chain.Apply] makes the body of an event: each step transforms the output
// of the one before it. A step may drop the event; see [ErrDrop]. The caller must close each chain, and then its [Modules].
package transforms

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

// maxBody is the length of the longest body that a step may make, in bytes.
const maxBody = 1 << 20

// ErrNotRun says that a module could not run, through no fault of its own: the context ended before its turn came, or there was no
// memory for it.
var ErrNotRun = errors.New("not run")

// Input is the input of a step, which the step must not change.
type Input struct {
	Event   *event.Event
	Content delivery.Content // the previous step's output, or the event's body; empty for a first map
	Values  *expression.Env  // the event as expressions see it
}

// Step is a transform: a [Map], a [Format] or a [Wasm] module. Its output depends on its input alone, and several goroutines may use it
// at once. It returns [ErrDrop] if there is nothing to send.
type Step interface {
	Apply(ctx context.Context, in *Input) (Made, error)
}

// Made is the output of a step.
type Made struct {
	delivery.Content
	Fuel      int64    // used by a wasm module, even if it failed
	FuelLimit int64    // the most that it could use for this event
	Left      []string // what a format left out of its message, and why
}

// Named is a step with its kind.
type Named struct {
	Kind string // "map"
	Step Step
}

// Error says which step of a chain failed, and why.
type Error struct {
	Number int // from 1
	Kind   string
	Err    error
}

func (e *Error) Error() string { return fmt.Sprintf("transform %d, %s: %v", e.Number, e.Kind, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// Chain holds the steps of a webhook. An empty chain sends the event itself.
type Chain []Named

// Apply makes the content of a delivery. It returns [ErrDrop], [ErrNotRun], or an [*Error].
func (c Chain) Apply(ctx context.Context, values *expression.Env) (delivery.Content, error) {
	return c.run(ctx, values, nil, nil)
}

// Timer receives how long a step took, and the error with which it failed.
type Timer func(kind string, took time.Duration, err error)

// Time is like [Chain.Apply], and calls took after each step.
func (c Chain) Time(ctx context.Context, values *expression.Env, took Timer) (delivery.Content, error) {
	return c.run(ctx, values, nil, took)
}

// Watcher receives the input and the output of a step.
type Watcher func(step int, in delivery.Content, out Made, err error)

// Watch is like [Chain.Apply], and calls each after each step.
func (c Chain) Watch(ctx context.Context, values *expression.Env, each Watcher) (delivery.Content, error) {
	return c.run(ctx, values, each, nil)
}

func (c Chain) run(ctx context.Context, values *expression.Env, each Watcher, took Timer) (delivery.Content, error) {
	in := &Input{Event: values.Event(), Values: values}
	values.SetEventBody()
	if _, isMap := first(c).(*Map); !isMap || each != nil { // a map reads the body from the values
		in.Content.Body = values.Event().Body()
	}
	for i, step := range c {
		var began time.Time
		if took != nil {
			began = time.Now()
		}
		if i > 0 {
			values.SetBody(in.Content.Body, jsonbytes.IsType(in.Content.ContentType), in.Content.Secret)
		}
		values.SetWith(nil, nil) // a map sets its own
		out, err := step.Step.Apply(ctx, in)
		if err == nil && len(out.Body) > maxBody {
			err = overMaxBody("body")
		}
		if took != nil {
			took(step.Kind, time.Since(began), err)
		}
		if each != nil {
			each(i, in.Content, out, err)
		}
		switch {
		case errors.Is(err, ErrDrop), errors.Is(err, ErrNotRun):
			return delivery.Content{}, err
		case err != nil:
			return delivery.Content{}, &Error{i + 1, step.Kind, err}
		}
		in.Content = out.Content
	}
	return in.Content, nil
}

// Close closes the modules of the chain. It waits for those that are running.
func (c Chain) Close() {
	for _, step := range c {
		if w, isWasm := step.Step.(*Wasm); isWasm && w != nil {
			w.Module.Close()
		}
	}
}

// FuelPercent returns the greatest share of its fuel that a module of the chain has used for an event, in percent. It is 0 without
// modules.
func (c Chain) FuelPercent() int {
	percent := 0
	for _, step := range c {
		if w, isWasm := step.Step.(*Wasm); isWasm {
			percent = max(percent, w.Module.FuelPercent())
		}
	}
	return percent
}

func first(c Chain) Step {
	if len(c) == 0 {
		return nil
	}
	return c[0].Step
}
