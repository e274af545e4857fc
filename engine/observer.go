package engine

import (
	"context"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/trace"
	"github.com/awf-project/awf-hook/transforms"
)

// Observer holds functions that the engine calls for metrics. Several goroutines call them, and they must return at
// once. Nil functions are not called.
type Observer struct {
	// Event is called for each submitted event, except by Commit, which returns each event's fate to its caller.
	Event func(ev *event.Event, fate Fate)
	// Accepted is called for each new delivery.
	Accepted func(webhook string)
	// Settled is called with each stored outcome of a delivery's attempt, of the transform before it, or of a filter that failed.
	Settled func(webhook string, st *delivery.Settlement)
	// Transformed is called for each step of a webhook's transform that ran: map, format, wasm or js. The reason is one of
	// [FailureReasons], or "" if the step did not fail.
	Transformed func(webhook, kind string, took time.Duration, reason string)
	// Stored is called for each operation of the queue, accept, claim or settle, with the queue's engine: see
	// [Engine.QueueEngine].
	Stored func(engine, operation string, took time.Duration)
	// Span is called for each span that ended. If it is set, an event without a trace begins one.
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

// observed runs an operation of the queue and reports it to the observer.
func (e *Engine) observed(operation string, do func() error) error {
	observe := e.opts.Observer.Stored
	if observe == nil {
		return do()
	}
	began := time.Now()
	err := do()
	observe(e.QueueEngine(), operation, time.Since(began))
	return err
}

// timed returns the queue as the lanes use it: with each operation observed.
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

// FailureReasons lists the reasons for which a step of a kind can fail.
func FailureReasons(kind string) []string { return transforms.Reasons(kind) }
