// Package transforms makes the bodies that webhooks get: a chain of steps, each fed with what the one before it made.
package transforms

import (
	"context"
	"errors"
	"fmt"
	"mime"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// MaxBody is the longest body that a step makes, in bytes.
const MaxBody = 1 << 20

// ErrNotRun says that a module did not run, by no fault of its own: the context ended before its turn came, or there was no memory for it.
var ErrNotRun = errors.New("not run")

// Input is what a step is fed. A step must not change it.
type Input struct {
	Event   *event.Event
	Content delivery.Content // the event's own body at the first step, unless it is a map; then what the step before made
	Values  *expression.Env  // the event as expressions see it
}

// Step is a kind of transform: a map, a format or a wasm module. It is a function of its input,
// and may be used by several goroutines at once. It returns [ErrDrop] where there is nothing to send.
type Step interface {
	Apply(ctx context.Context, in *Input) (Made, error)
}

// Made is what a step made.
type Made struct {
	delivery.Content
	Fuel      int64    // that a wasm module used, even if it failed
	FuelLimit int64    // that it could use for this event
	Left      []string // what a format left out of its message, and why
}

// Named is a step of a chain.
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

// Chain is the steps of a webhook. An empty one sends the event itself.
type Chain []Named

// Apply makes the content of a delivery. It returns [ErrDrop], [ErrNotRun], or an [*Error].
func (c Chain) Apply(ctx context.Context, values *expression.Env) (delivery.Content, error) {
	return c.run(ctx, values, nil, nil)
}

// Timer is told how long a step took. Its error is of what failed.
type Timer func(kind string, took time.Duration, err error)

// Time is Apply, and tells how long each step took.
func (c Chain) Time(ctx context.Context, values *expression.Env, took Timer) (delivery.Content, error) {
	return c.run(ctx, values, nil, took)
}

// Watcher is told what a step was fed and what it made.
type Watcher func(step int, in delivery.Content, out Made, err error)

// Watch is Apply, and tells what each step was fed and what it made.
func (c Chain) Watch(ctx context.Context, values *expression.Env, each Watcher) (delivery.Content, error) {
	return c.run(ctx, values, each, nil)
}

func (c Chain) run(ctx context.Context, values *expression.Env, each Watcher, took Timer) (delivery.Content, error) {
	in := &Input{Event: values.Event(), Values: values}
	values.SetEventBody()
	if _, isMap := first(c).(*Map); !isMap || each != nil { // a map reads it from the values, if at all
		in.Content.Body = values.Event().Body()
	}
	for i, step := range c {
		var began time.Time
		if took != nil {
			began = time.Now()
		}
		if i > 0 {
			values.SetBody(in.Content.Body, IsJSON(in.Content.ContentType), in.Content.Secret)
		}
		values.SetWith(nil, nil) // a map sets its own
		out, err := step.Step.Apply(ctx, in)
		if err == nil && len(out.Body) > MaxBody {
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

// Close ends the modules of the chain's steps; it waits for those that run.
func (c Chain) Close() {
	for _, step := range c {
		if w, isWasm := step.Step.(*Wasm); isWasm && w != nil {
			w.Module.Close()
		}
	}
}

// FuelPercent is the greatest share of its fuel that a module of the chain has used for an event, in percent; 0 without modules.
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

// IsJSON says whether a body of the type is JSON; "" is.
func IsJSON(contentType string) bool {
	if contentType == "" {
		return true
	}
	typ, _, err := mime.ParseMediaType(contentType)
	return err == nil && (typ == "application/json" || strings.HasSuffix(typ, "+json"))
}
