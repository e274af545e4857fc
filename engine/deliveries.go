package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
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

// Detail is everything that the queue knows about a delivery.
type Detail = delivery.Detail

// Change says what a replay does besides making deliveries due.
type Change = delivery.Change

// LaneStatus is the queue's record of a webhook's lane.
type LaneStatus = delivery.LaneStatus

// Standing counts the waiting deliveries of a lane by their state.
type Standing = delivery.Standing

// Tally counts the deliveries that a filter selects.
type Tally = delivery.Tally

// Group counts the selected deliveries that share a webhook and a reason.
type Group = delivery.Group

// Carried reports how many deliveries moved from one queue to another.
type Carried = delivery.Carried

// Node is a process that uses a shared queue.
type Node = delivery.Node

// Operation is a change that somebody made to the queue, for the record.
type Operation = delivery.Operation

// ErrUnknown means that the delivery does not exist.
var ErrUnknown = store.ErrUnknown

// MaxPause is the longest pause: 24 hours.
const MaxPause = store.MaxWait

// Deliveries gives people access to a queue: they list it and change it. Engines may deliver from it meanwhile.
type Deliveries struct {
	queue *spill.Store
	tell  func(ctx context.Context) // tells the engine in this process of a change; nil without an engine
}

// Queue returns the engine's queue, for people to list and change while Run delivers from it. Do not close it:
// Engine.Close does.
func (e *Engine) Queue() *Deliveries { return &Deliveries{e.queue, e.lookAround} }

// QueueName returns a queue's file, or a database's URL without user and password, which is safe to show.
func QueueName(queue string) string {
	if config.IsDatabase(queue) {
		return config.DatabaseName(queue)
	}
	return queue
}

// QueueEngine returns what stores the queue: sqlite, postgres or memory.
func (e *Engine) QueueEngine() string {
	switch {
	case config.IsDatabase(e.opts.Queue):
		return "postgres"
	case e.opts.Queue == Memory:
		return "memory"
	}
	return "sqlite"
}

// OpenDeliveries opens a queue, which is a file or the URL of a PostgreSQL database, and makes it if it does not exist. It
// returns an error if the queue cannot be used. A file on a full disk or a read-only file system can be read. In a
// database the result is limited to the webhooks of a namespace, unless namespace is "". log gets a warning if the queue
// seems to have lost deliveries, which only the first to open it can see; nil logs nothing.
func OpenDeliveries(queue, namespace string, log *slog.Logger) (*Deliveries, error) {
	if queue == "" {
		return nil, errors.New("no queue given: want a file, or the URL of a PostgreSQL database")
	}
	q := spill.Open(context.Background(), store.Options{
		Path: queue, Name: QueueName(queue), Namespace: namespace, ForPeople: true, Log: log,
	})
	if err := q.Broken(); err != nil {
		_ = q.Close()
		return nil, fmt.Errorf("%s: %w", QueueName(queue), err)
	}
	return &Deliveries{queue: q}, nil
}

// List lists deliveries. The one accepted last comes first.
func (d *Deliveries) List(ctx context.Context, f Filter) ([]Item, error) { return d.queue.List(ctx, f) }

// Count counts the deliveries that a filter selects and ignores its Limit.
func (d *Deliveries) Count(ctx context.Context, f Filter) (Tally, error) {
	return d.queue.Count(ctx, f)
}

// Groups groups the deliveries that a filter selects by webhook and reason, and ignores its Limit. It returns the n
// largest groups.
func (d *Deliveries) Groups(ctx context.Context, f Filter, n int) ([]Group, error) {
	return d.queue.Groups(ctx, f, n)
}

// Oldest returns, by webhook, when its oldest waiting delivery was accepted.
func (d *Deliveries) Oldest(ctx context.Context) (map[string]time.Time, error) {
	return d.queue.Oldest(ctx)
}

// Show returns everything about a delivery. The error is ErrUnknown if it does not exist.
func (d *Deliveries) Show(ctx context.Context, id string) (*Detail, error) {
	return d.queue.Show(ctx, id)
}

// Replay makes the dead letters that a filter selects due again, with the same ids and a new budget of attempts. It
// returns how many. If the filter's state is Due, Replay makes waiting deliveries due at once, and they keep their
// budget.
func (d *Deliveries) Replay(ctx context.Context, f Filter, c Change) (int, error) {
	n, err := d.queue.Replay(ctx, f, c)
	return d.told(ctx, n, err)
}

// told tells the engine in this process of a change of n deliveries or lanes.
func (d *Deliveries) told(ctx context.Context, n int, err error) (int, error) {
	if d.tell != nil && n > 0 {
		d.tell(ctx)
	}
	return n, err
}

// Hurry makes waiting deliveries of the configuration's active webhooks due at once, and returns how many. They keep
// their budget of attempts. Paused lanes stay paused.
func (d *Deliveries) Hurry(ctx context.Context, cfg *config.Config) (hurried int, err error) {
	for _, w := range cfg.ActiveAnywhere() {
		n, err := d.Replay(ctx, Filter{State: delivery.Due, Webhook: w.Identity}, Change{})
		if hurried += n; err != nil {
			return hurried, err
		}
	}
	return hurried, nil
}

// Delete deletes the deliveries that a filter selects, except those in flight, and returns how many. Their ids stay
// known.
func (d *Deliveries) Delete(ctx context.Context, f Filter) (int, error) {
	return d.queue.Delete(ctx, f)
}

// Move gives the deliveries of one webhook's identity to another, and returns how many.
func (d *Deliveries) Move(ctx context.Context, from, to string) (int, error) {
	n, err := d.queue.Move(ctx, from, to)
	return d.told(ctx, n, err)
}

// Backup writes a copy of the queue into a new file. Other processes may use the queue meanwhile.
func (d *Deliveries) Backup(ctx context.Context, path string) error { return d.queue.Backup(ctx, path) }

// Lanes lists the lanes of all webhooks that ever had a delivery.
func (d *Deliveries) Lanes(ctx context.Context) ([]LaneStatus, error) { return d.queue.Lanes(ctx) }

// Standing counts, by the identity of a webhook, the waiting deliveries of its lane by their state.
func (d *Deliveries) Standing(ctx context.Context) (map[string]Standing, error) {
	return d.queue.Standing(ctx)
}

// Namespaces lists the namespaces of the webhooks that ever had a delivery in a database.
func (d *Deliveries) Namespaces(ctx context.Context) ([]string, error) {
	lanes, err := d.queue.Lanes(ctx)
	var names []string
	for i := range lanes {
		names = append(names, store.NamespaceOf(lanes[i].Webhook))
	}
	slices.Sort(names)
	return slices.Compact(names), err
}

// Enable opens the lanes of a webhook and ends their pause. webhook is a name or an identity. It returns the number
// of lanes.
func (d *Deliveries) Enable(ctx context.Context, webhook string) (int, error) {
	n, err := d.queue.ChangeLanes(ctx, webhook, store.Enable)
	return d.told(ctx, n, err)
}

// Disable closes the lanes of a webhook for a reason. New deliveries are still accepted and kept. Engines of other
// processes begin no more attempts after two seconds.
func (d *Deliveries) Disable(ctx context.Context, webhook, reason string) (int, error) {
	n, err := d.queue.ChangeLanes(ctx, webhook, store.Disable(reason))
	return d.told(ctx, n, err)
}

// Pause pauses the lanes of a webhook, for MaxPause at most. It never shortens a pause. It returns the number of
// lanes. Engines of other processes begin no more attempts after two seconds.
func (d *Deliveries) Pause(ctx context.Context, webhook string, length time.Duration) (int, error) {
	n, err := d.queue.ChangeLanes(ctx, webhook, store.Pause(length))
	return d.told(ctx, n, err)
}

// Close closes the queue that [OpenDeliveries] opened.
func (d *Deliveries) Close() error { return d.queue.Close() }

// Body returns the body that a delivery sends, or nil if its transforms have not made it yet. Body masks the secrets
// of the configuration, those that the body was made with, and a receiver's key. A nil configuration has no secrets.
func Body(d *Detail, cfg *config.Config) []byte {
	var body []byte
	switch {
	case d.Content != nil:
		body = secret.MaskParts(d.Content.Body, d.Content.Secret)
	case d.State == delivery.IsDelivered || len(d.Attempts) > 0:
		body = d.Event.Body()
	}
	return storedMasker(cfg).Body(body)
}

// Record writes to the queue who changed it and how. The queue's clock sets the time.
func (d *Deliveries) Record(ctx context.Context, op Operation) error { return d.queue.Record(ctx, op) }

// Operations lists up to n operations before the one with the given number, the last one first. 0 starts at the end.
func (d *Deliveries) Operations(ctx context.Context, before int64, n int) ([]Operation, error) {
	return d.queue.Operations(ctx, before, n)
}

// Nodes lists the processes that use a shared queue. It returns none for a file.
func (d *Deliveries) Nodes(ctx context.Context) ([]Node, error) { return d.queue.Nodes(ctx) }

// Blockers names the sessions that keep a database from removing dead rows, which slows its claims.
func (d *Deliveries) Blockers(ctx context.Context) ([]string, error) { return d.queue.Blockers(ctx) }

// Check reads the whole queue and reports its inconsistencies.
func (d *Deliveries) Check(ctx context.Context) (wrong []string, err error) {
	queue, err := d.queue.Durable()
	if err != nil {
		return nil, err
	}
	return queue.Check(ctx)
}
