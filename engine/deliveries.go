package engine

import (
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/queue"
)

// Filter selects deliveries; its zero value selects all.
type Filter = queue.Filter

// Item is a delivery in a list.
type Item = queue.Item

// Detail is all that is known of a delivery.
type Detail = queue.Detail

// Change is what a replay does beside making deliveries due.
type Change = queue.Change

// LaneItem is a webhook's lane in a list.
type LaneItem = queue.LaneItem

// ErrUnknown says that there is no such delivery.
var ErrUnknown = queue.ErrUnknown

// Deliveries is a queue that is looked at and changed by hand. Others may deliver from it meanwhile.
type Deliveries struct{ queue *queue.Queue }

// OpenDeliveries opens a queue's file. A file that cannot be used is an error here.
func OpenDeliveries(file string) (*Deliveries, error) {
	q := queue.Open(queue.Options{Path: file})
	if err := q.Broken(); err != nil {
		_ = q.Close()
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return &Deliveries{q}, nil
}

// List lists deliveries, those that were accepted last first.
func (d *Deliveries) List(f Filter) ([]Item, error) { return d.queue.List(time.Now(), f) }

// Show returns a delivery whole; ErrUnknown if there is none.
func (d *Deliveries) Show(id string) (*Detail, error) { return d.queue.Show(time.Now(), id) }

// Replay makes the dead letters of a filter due again, with a new budget of attempts and the same ids. It says how many.
func (d *Deliveries) Replay(f Filter, c Change) (int, error) {
	return d.queue.Replay(time.Now(), f, c)
}

// Delete forgets the deliveries of a filter that are not in flight, and says how many. Their ids stay known.
func (d *Deliveries) Delete(f Filter) (int, error) { return d.queue.Delete(time.Now(), f) }

// Webhooks lists the lanes of all webhooks that ever had a delivery.
func (d *Deliveries) Webhooks() ([]LaneItem, error) { return d.queue.Lanes(time.Now()) }

// Enable opens the lanes of a webhook, by its name or identity, and ends their rest. It says how many there are.
func (d *Deliveries) Enable(webhook string) (int, error) { return d.queue.Enable(webhook) }

// Disable closes them: what is accepted for them is kept.
func (d *Deliveries) Disable(webhook string) (int, error) {
	return d.queue.Disable(webhook, "disabled by hand")
}

// Close closes the queue.
func (d *Deliveries) Close() error { return d.queue.Close() }

// Body is what a delivery sends or would send, as far as it is known, with the secrets of the configuration masked, and a receiver's key also
// without one; nil if its transforms have not made it.
func Body(d *Detail, cfg *config.Config) []byte {
	var body []byte
	switch {
	case d.Content != nil:
		body = d.Content.Body
	case d.State == delivery.IsDelivered || len(d.Attempts) > 0:
		body = d.Event.Body()
	}
	return storedMasker(cfg).Body(body)
}
