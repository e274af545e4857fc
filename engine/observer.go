package engine

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/trace"
	"github.com/awf-project/awf-hook/transforms"
)

// Observer is told what happens, for metrics. Several goroutines call its functions, which must return at once; nil ones are not called.
type Observer struct {
	// Event is an event that was accepted, but for those of Commit, whose caller knows what became of them.
	Event func(ev *event.Event, fate Fate)
	// Accepted is a new delivery.
	Accepted func(webhook string)
	// Settled is the outcome of a delivery's attempt, or of the transform before it. It is stored.
	Settled func(webhook string, st *delivery.Settlement)
	// Transformed is a run of a webhook's transform; its error is as of [transforms.Chain.Apply].
	Transformed func(webhook string, took time.Duration, err error)
	// Stored is an operation of the queue: accept, claim or settle.
	Stored func(operation string, took time.Duration, err error)
	// Span is a span that ended. With it, events that are of no trace begin one.
	Span func(*trace.Span)
}

func (e *Engine) observeSettled(st *delivery.Settlement) {
	if observe := e.opts.Observer.Settled; observe != nil && !st.GivenBack {
		if name, ours := e.lanes.Name(st.Claim.Delivery.Webhook); ours {
			observe(name, st)
		}
	}
}

func (e *Engine) observeAccepted(identity string) {
	if observe := e.opts.Observer.Accepted; observe != nil {
		if name, ours := e.lanes.Name(identity); ours {
			observe(name)
		}
	}
}

// observed does an operation of the queue.
func (e *Engine) observed(operation string, do func() error) error {
	observe := e.opts.Observer.Stored
	if observe == nil {
		return do()
	}
	began := time.Now()
	err := do()
	observe(operation, time.Since(began), err)
	return err
}

// timed is the queue as the lanes use it.
func (e *Engine) timed() store.Store { return &timed{e.queue, e} }

type timed struct {
	store.Store
	engine *Engine
}

func (t *timed) Claim(ctx context.Context, l delivery.Lane, n int) (claims []*delivery.Claim, next time.Duration, err error) {
	err = t.engine.observed("claim", func() error {
		claims, next, err = t.Store.Claim(ctx, l, n)
		return err
	})
	return claims, next, err
}

func (t *timed) Settle(ctx context.Context, settlements []delivery.Settlement) (lost []*delivery.Claim, err error) {
	err = t.engine.observed("settle", func() error {
		lost, err = t.Store.Settle(ctx, settlements)
		return err
	})
	return lost, err
}

// Lanes lists the lanes of all webhooks that ever had a delivery in the queue.
func (e *Engine) Lanes(ctx context.Context) ([]LaneStatus, error) { return e.queue.Lanes(ctx) }

// Name is the name of a webhook's identity: as the configuration has it, else what follows the file.
func (e *Engine) Name(identity string) string {
	if name, ours := e.lanes.Name(identity); ours {
		return name
	}
	return identity[strings.LastIndexByte(identity, '#')+1:]
}

// Webhooks lists the names of the webhooks of the configuration that holds, definitions' only as far as their workflows ran.
func (e *Engine) Webhooks() []string { return e.lanes.Names() }

// FailedStep is the kind of the step whose own failure an error of [Observer.Transformed] is: "map", "format" or "wasm". It is "" for a
// decision to send nothing, and for a module that could not be run now.
func FailedStep(err error) string {
	if failure := (*transforms.Error)(nil); errors.As(err, &failure) {
		return failure.Kind
	}
	return ""
}
