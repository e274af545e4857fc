package engine

import (
	"context"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
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
	// Transformed is a run of a step of a webhook's transform: map, format, wasm or js. reason is the word for its failure, one of
	// [FailureReasons]; "" if it did not fail.
	Transformed func(webhook, kind string, took time.Duration, reason string)
	// Stored is an operation of the queue, accept, claim or settle, and its engine: see [Engine.QueueEngine].
	Stored func(engine, operation string, took time.Duration)
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
	observe(e.QueueEngine(), operation, time.Since(began))
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

// FailureReasons lists the words for why a step of a kind fails.
func FailureReasons(kind string) []string { return transforms.Reasons(kind) }

// Standing says by the identity of a webhook how what waits in its lane stands.
func (e *Engine) Standing(ctx context.Context) (map[string]delivery.Standing, error) {
	return e.queue.Standing(ctx)
}

// QueueEngine is what keeps the queue: sqlite, postgres or memory.
func (e *Engine) QueueEngine() string {
	switch {
	case config.IsDatabase(e.opts.Queue):
		return "postgres"
	case e.opts.Queue == Memory:
		return "memory"
	}
	return "sqlite"
}
