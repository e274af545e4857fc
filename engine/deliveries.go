package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
	"github.com/awf-project/awf-hook/engine/internal/store/spill"
	"github.com/awf-project/awf-hook/engine/secret"
)

// Filter selects deliveries. Its zero value selects all.
type Filter = delivery.Filter

// Item is a delivery in a list.
type Item = delivery.Item

// Detail is all that is known of a delivery.
type Detail = delivery.Detail

// Change is what a replay does beside making deliveries due.
type Change = delivery.Change

// LaneStatus is what the queue knows of a webhook's lane.
type LaneStatus = delivery.LaneStatus

// Standing tells the deliveries of a lane that wait apart.
type Standing = delivery.Standing

// ErrUnknown says that there is no such delivery.
var ErrUnknown = store.ErrUnknown

// Tally counts deliveries that a filter selects.
type Tally = delivery.Tally

// Group is what a filter selects of one webhook and one reason.
type Group = delivery.Group

// Deliveries is a queue for people to look at and change. Others may deliver from it meanwhile.
type Deliveries struct {
	queue *spill.Store
	tell  func(ctx context.Context) // tells an engine in this process that something may be due; nil for none
}

// Queue is the engine's queue, for people to look at and change while Run delivers from it. Close it by Engine.Close alone.
func (e *Engine) Queue() *Deliveries { return &Deliveries{e.queue, e.lookAround} }

// Config is the configuration that holds.
func (e *Engine) Config() *config.Config {
	e.opening.Lock()
	defer e.opening.Unlock()
	return e.current.config
}

// QueueName is what people may be told of a queue's place: a database's URL without user and password.
func QueueName(queue string) string {
	if config.IsDatabase(queue) {
		return config.DatabaseName(queue)
	}
	return queue
}

// OpenDeliveries opens the queue of a file or of a PostgreSQL URL. One that cannot be used is an error here.
func OpenDeliveries(file string) (*Deliveries, error) {
	q := spill.Open(store.Options{Path: file, Name: QueueName(file)})
	if err := q.Broken(); err != nil {
		_ = q.Close()
		return nil, fmt.Errorf("%s: %w", QueueName(file), err)
	}
	return &Deliveries{queue: q}, nil
}

// List lists deliveries, those accepted last first.
func (d *Deliveries) List(ctx context.Context, f Filter) ([]Item, error) { return d.queue.List(ctx, f) }

// Count counts what a filter selects, whatever its Limit.
func (d *Deliveries) Count(ctx context.Context, f Filter) (Tally, error) {
	return d.queue.Count(ctx, f)
}

// Groups puts what a filter selects into groups by webhook and reason, whatever its Limit. It returns the n largest.
func (d *Deliveries) Groups(ctx context.Context, f Filter, n int) ([]Group, error) {
	return d.queue.Groups(ctx, f, n)
}

// Oldest says by webhook when the oldest delivery that waits was accepted.
func (d *Deliveries) Oldest(ctx context.Context) (map[string]time.Time, error) {
	return d.queue.Oldest(ctx)
}

// Show returns a delivery whole. The error is ErrUnknown if there is none.
func (d *Deliveries) Show(ctx context.Context, id string) (*Detail, error) {
	return d.queue.Show(ctx, id)
}

// Replay makes the dead letters of a filter due again, with a new budget of attempts and the same ids. It returns how many.
// With the state Due it makes due at once what waits, which keeps its budget.
func (d *Deliveries) Replay(ctx context.Context, f Filter, c Change) (int, error) {
	n, err := d.queue.Replay(ctx, f, c)
	return d.told(ctx, n, err)
}

// told has an engine in this process look at what n changes made due.
func (d *Deliveries) told(ctx context.Context, n int, err error) (int, error) {
	if d.tell != nil && n > 0 {
		d.tell(ctx)
	}
	return n, err
}

// Hurry makes due at once what waits for the active webhooks of a configuration, and returns how many deliveries. They keep their budget of
// attempts, and their lanes their rests.
func (d *Deliveries) Hurry(ctx context.Context, cfg *config.Config) (hurried int, err error) {
	_, _, webhooks := identities(cfg)
	for _, webhook := range webhooks {
		n, err := d.queue.Replay(ctx, Filter{State: delivery.Due, Webhook: webhook}, Change{})
		if hurried += n; err != nil {
			return hurried, err
		}
	}
	return hurried, nil
}

// Delete forgets the deliveries of a filter that are not in flight, and returns how many. Their ids stay known.
func (d *Deliveries) Delete(ctx context.Context, f Filter) (int, error) {
	return d.queue.Delete(ctx, f)
}

// Move hands the deliveries of one webhook's identity to another, and returns how many.
func (d *Deliveries) Move(ctx context.Context, from, to string) (int, error) {
	return d.queue.Move(ctx, from, to)
}

// Backup writes the queue as it is now into a new file, while others use it.
func (d *Deliveries) Backup(ctx context.Context, path string) error { return d.queue.Backup(ctx, path) }

// Webhooks lists the lanes of all webhooks that ever had a delivery.
func (d *Deliveries) Webhooks(ctx context.Context) ([]LaneStatus, error) { return d.queue.Lanes(ctx) }

// Enable opens the lanes of a webhook, by its name or identity, and ends their pause. It returns how many there are.
func (d *Deliveries) Enable(ctx context.Context, webhook string) (int, error) {
	n, err := d.queue.Enable(ctx, webhook)
	return d.told(ctx, n, err)
}

// Disable closes them for a reason: what is accepted for them is kept.
func (d *Deliveries) Disable(ctx context.Context, webhook, reason string) (int, error) {
	return d.queue.Disable(ctx, webhook, reason)
}

// MaxPause is the longest pause.
const MaxPause = store.MaxWait

// Pause lets the lanes of a webhook rest, for MaxPause at most. A rest that lasts longer stays. It returns how many there are.
func (d *Deliveries) Pause(ctx context.Context, webhook string, rest time.Duration) (int, error) {
	return d.queue.Pause(ctx, webhook, rest)
}

// Close closes the queue.
func (d *Deliveries) Close() error { return d.queue.Close() }

// Body is what a delivery sends or would send, as far as it is known, with the secrets of the configuration masked, and also
// without one those
// that it had when the body was made, and a receiver's key; nil if its transforms have not made it.
func Body(d *Detail, cfg *config.Config) []byte {
	var body []byte
	switch {
	case d.Content != nil:
		body = secret.MaskSpans(d.Content.Body, d.Content.Secret)
	case d.State == delivery.IsDelivered || len(d.Attempts) > 0:
		body = d.Event.Body()
	}
	return storedMasker(cfg).Body(body)
}

// Operation is a change that somebody made to the queue, for the record.
type Operation = delivery.Operation

// Record keeps in the queue who changed it and what they did. The time is the queue's.
func (d *Deliveries) Record(ctx context.Context, op Operation) error { return d.queue.Record(ctx, op) }

// Operations lists up to n operations before the one with the number given, the last first. 0 begins at the end.
func (d *Deliveries) Operations(ctx context.Context, before int64, n int) ([]Operation, error) {
	return d.queue.Operations(ctx, before, n)
}
