package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// Carried is what became of the deliveries of a queue that were moved to another one.
type Carried = store.Carried

// MoveTo moves all deliveries to another queue, with their ids, states and attempts. Others may go on to use both queues. After an error,
// or when the process is killed, MoveTo goes on where it was. rename gives the identity in the other queue of a webhook of this one.
func (d *Deliveries) MoveTo(ctx context.Context, to *Deliveries, rename func(webhook string) string) (Carried, error) {
	source, err := d.queue.Durable()
	if err != nil {
		return Carried{}, err
	}
	target, err := to.queue.Durable()
	if err != nil {
		return Carried{}, err
	}
	return store.Carry(ctx, source, target, rename)
}

// Node is a process that uses a queue which machines share.
type Node = delivery.Node

// Nodes lists the processes that use a queue which machines share; none of a file.
func (d *Deliveries) Nodes(ctx context.Context) ([]Node, error) { return d.queue.Nodes(ctx) }

// Blockers says who keeps a database from removing what is dead, so that its claims get slower.
func (d *Deliveries) Blockers(ctx context.Context) ([]string, error) { return d.queue.Blockers(ctx) }

// KeepsHouse reports whether this process is the one that prunes the queue and says what it holds.
func (e *Engine) KeepsHouse() bool { return (e.opts.Keeps == nil || e.opts.Keeps()) && e.queue.Keeps() }

// Check looks whether what the queue holds agrees with itself, and says what does not. It reads all of it.
func (d *Deliveries) Check(ctx context.Context) (wrong []string, err error) {
	queue, err := d.queue.Durable()
	if err != nil {
		return nil, err
	}
	return queue.Check(ctx)
}

// Renames returns how webhooks' identities change between a queue in a file and one in a database: those of the configuration have one in
// each, which belongs to the webhook's file or to the namespace. It changes the configuration to the identities of to.
func Renames(cfg *config.Config, from, to string) (func(webhook string) string, error) {
	if config.IsDatabase(from) == config.IsDatabase(to) {
		return func(webhook string) string { return webhook }, nil
	}
	inFile := identitiesOf(cfg)
	if err := cfg.Share(); err != nil {
		return nil, err
	}
	inDatabase := identitiesOf(cfg)
	names := map[string]string{}
	for i := range inFile {
		if config.IsDatabase(to) {
			names[inFile[i]] = inDatabase[i]
		} else {
			names[inDatabase[i]] = inFile[i]
		}
	}
	return func(webhook string) string {
		name, known := names[webhook]
		switch {
		case known:
			return name
		case slices.Contains(inDatabase, webhook) && config.IsDatabase(to): // of a spill file
			return webhook
		case config.IsDatabase(to):
			return cfg.Queue.Space() + "#" + webhook[strings.LastIndexByte(webhook, '#')+1:]
		}
		return webhook
	}, nil
}

func identitiesOf(cfg *config.Config) (list []string) {
	for i := range cfg.Webhooks {
		list = append(list, cfg.Webhooks[i].Identity)
	}
	return list
}
