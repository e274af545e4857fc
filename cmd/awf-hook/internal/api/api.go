// Package api is the queue as people see and change it, in this process or in another process's serve.
//
// [Queue] is the interface. [Local] implements it with an engine's queue, [New] makes a handler that serves it over HTTP,
// and [Client] calls such a handler. The command, the page and the API show the same values, which this package defines.
package api

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
)

// Queue is a queue for people. Errors about a delivery that does not exist wrap [engine.ErrUnknown].
type Queue interface {
	// List lists deliveries. The one accepted last comes first.
	List(ctx context.Context, f engine.Filter) ([]Item, error)
	Count(ctx context.Context, f engine.Filter) (engine.Tally, error)
	// Groups counts deliveries by webhook and reason. It returns the n largest groups.
	Groups(ctx context.Context, f engine.Filter, n int) ([]Group, error)
	Show(ctx context.Context, id string) (*Detail, error)
	Webhooks(ctx context.Context) ([]Lane, error)
	// Operations lists up to n operations before the one with the given number, the last one first. 0 starts at the end.
	Operations(ctx context.Context, before int64, n int) ([]engine.Operation, error)

	// The methods below change deliveries or lanes, return how many, and record the operation.

	Replay(ctx context.Context, f engine.Filter, c engine.Change) (int, error)
	Delete(ctx context.Context, f engine.Filter) (int, error)
	Move(ctx context.Context, from, to string) (int, error)
	Enable(ctx context.Context, webhook string) (LaneAnswer, error)
	Disable(ctx context.Context, webhook, reason string) (LaneAnswer, error)
	Pause(ctx context.Context, webhook string, rest time.Duration, reason string) (LaneAnswer, error)
}

// Find returns the delivery whose id begins with the given text, which must be only one.
func Find(ctx context.Context, q Queue, id string) (Item, error) {
	if id == "" {
		return Item{}, engine.ErrUnknown
	}
	items, err := q.List(ctx, engine.Filter{ID: id, Limit: 2})
	switch {
	case err != nil:
		return Item{}, err
	case len(items) == 0:
		return Item{}, fmt.Errorf("%s: %w", id, engine.ErrUnknown)
	case len(items) > 1:
		tally, err := q.Count(ctx, engine.Filter{ID: id})
		if err != nil {
			return Item{}, err
		}
		return Item{}, fmt.Errorf("%s: the ids of %d deliveries begin like that: %w", id, tally.Count, ErrAmbiguous)
	}
	return items[0], nil
}

// ErrAmbiguous means that an id is the beginning of several.
var ErrAmbiguous = errors.New("give a longer one")

// Item is a delivery in a list.
type Item struct {
	ID           string         `json:"id"`
	State        delivery.State `json:"state"`
	Webhook      string         `json:"webhook"`  // its name
	Identity     string         `json:"identity"` // the webhook's
	Event        string         `json:"event"`
	EventID      string         `json:"event_id"`
	WorkflowID   string         `json:"workflow_id,omitempty"`
	WorkflowName string         `json:"workflow_name,omitempty"`
	Source       string         `json:"source,omitempty"`   // the token or signature with which the event was sent to a server
	TraceID      string         `json:"trace_id,omitempty"` // of its trace
	Accepted     time.Time      `json:"accepted"`
	Due          time.Time      `json:"due,omitzero"`
	Done         time.Time      `json:"done,omitzero"`
	Attempts     int            `json:"attempts"`
	Reason       string         `json:"reason,omitempty"`
	Held         string         `json:"held,omitempty"`
	Seq          int64          `json:"seq"`
}

// NewItem makes an item from the engine's.
func NewItem(it *engine.Item) Item {
	i := Item{
		ID: it.Delivery.ID, State: it.State, Webhook: WebhookName(it.Delivery.Webhook), Identity: it.Delivery.Webhook,
		Event: it.Delivery.Event, EventID: it.Delivery.EventID,
		WorkflowID: it.Event.WorkflowID, WorkflowName: it.Event.WorkflowName, Source: it.Event.Source, TraceID: it.Event.Trace.Name(),
		Accepted: it.Accepted, Attempts: it.Delivery.Attempts,
		Reason: it.Reason, Held: it.Held, Seq: it.Seq, Done: it.Done,
	}
	if it.Done.IsZero() {
		i.Due = it.Delivery.Due
	}
	return i
}

// Detail is everything that is known about a delivery, without secrets.
type Detail struct {
	Item
	Timeline []delivery.Attempt `json:"timeline"`
	Body     []byte             `json:"body,omitempty"` // what it sends; missing until transforms have made it
}

// NewDetail makes a detail from the engine's. It masks the secrets of the configuration.
func NewDetail(d *engine.Detail, cfg *config.Config) *Detail {
	return &Detail{NewItem(&d.Item), d.Attempts, engine.Body(d, cfg)}
}

// Group counts the selected deliveries that share a webhook and a reason.
type Group struct {
	Name string `json:"webhook"`
	engine.Group
}

// Lane is a webhook's lane.
type Lane struct {
	Webhook string `json:"webhook"` // its name
	State   string `json:"state"`   // open, failing, resting or closed
	engine.LaneStatus
}

// Identity returns the webhook's identity: FILE#NAME, or NAMESPACE#NAME.
func (l *Lane) Identity() string { return l.LaneStatus.Webhook }

// NewLane makes a lane from the engine's status.
func NewLane(l *engine.LaneStatus) Lane { return Lane{WebhookName(l.Webhook), laneState(l), *l} }

// laneState returns a lane's state in a word.
func laneState(l *engine.LaneStatus) string {
	switch {
	case l.Closed != "":
		return "closed"
	case l.BreakerOpen():
		return "failing"
	case !l.PausedUntil.IsZero():
		return "resting"
	}
	return "open"
}
