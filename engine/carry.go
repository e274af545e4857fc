package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/internal/store"
)

// ErrSameQueue means that both queues are the same one, perhaps under different names.
var ErrSameQueue = errors.New("they are the same queue")

// MoveTo moves all deliveries to another queue and keeps their ids, states and attempts. Other processes may use both
// queues meanwhile. After an error or a kill, call MoveTo again: it continues where it stopped. rename maps a
// webhook's identity in this queue to its identity in the other. The error is ErrSameQueue if the other is this one.
func (d *Deliveries) MoveTo(ctx context.Context, to *Deliveries, rename func(webhook string) string) (Carried, error) {
	source, err := d.queue.Durable()
	if err != nil {
		return Carried{}, err
	}
	target, err := to.queue.Durable()
	if err != nil {
		return Carried{}, err
	}
	if same, err := source.Is(ctx, target); err != nil || same {
		return Carried{}, cmp.Or(err, ErrSameQueue)
	}
	return store.Carry(ctx, source, target, rename)
}

// Renames returns a function that maps a webhook's identity in one queue to its identity in another. Between a file and
// a database identities differ: in a file they begin with the webhook's file, in a database with the namespace. Renames
// then gives the configuration's webhooks the identities of the database.
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
		case !config.IsDatabase(to), slices.Contains(inDatabase, webhook): // the latter comes from a spill file
			return webhook
		}
		return cfg.Queue.Shared(webhook)
	}, nil
}

func identitiesOf(cfg *config.Config) (list []string) {
	for i := range cfg.Webhooks {
		list = append(list, cfg.Webhooks[i].Identity)
	}
	return list
}
