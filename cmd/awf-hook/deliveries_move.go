package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/spf13/cobra"
)

func (c *command) moveDeliveries(where *queueFlags) *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:  "move --from OLD --to NEW",
		Args: cobra.NoArgs,
		RunE: c.onQueue(where, func(ctx context.Context, q openedQueue, _ []string) error {
			source, target := from, to // a server finds out itself which webhooks these are
			if !q.onServer() {
				var err error
				if source, target, err = q.resolve(ctx, from, to); err != nil {
					return err
				}
			}
			n, err := q.Move(ctx, source, target)
			if err == nil && where.json {
				encode(c.out, api.CountAnswer{Count: n})
			}
			if err == nil {
				c.sayf("%d moved from %s to %s", n, plain(source), plain(target))
			}
			return err
		}),
	}
	cmd.Flags().StringVar(&from, "from", "", "the webhook's `OLD` name or identity")
	cmd.Flags().StringVar(&to, "to", "", "the webhook's `NEW` name or identity")
	_ = cmd.MarkFlagRequired("from") // the flags exist
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

// resolve returns the identities of a webhook of the queue and one of the configuration, which must have no mistakes.
func (q openedQueue) resolve(ctx context.Context, from, to string) (source, target string, err error) {
	if q.mistakes != nil {
		return "", "", &exitError{exitConfig, q.mistakes}
	}
	lanes, err := q.Webhooks(ctx)
	if err != nil {
		return "", "", err
	}
	var old, current []string
	for i := range lanes {
		old = append(old, lanes[i].Identity())
	}
	for _, w := range q.config.Active() {
		current = append(current, w.Identity)
	}
	if source, err = api.Resolve(from, old); err != nil {
		return "", "", fmt.Errorf("--from: %w", err)
	}
	if target, err = api.Resolve(to, current); errors.Is(err, engine.ErrUnknown) { // a webhook of a definition, which may have any name
		target, err = api.Resolve(to, slices.Collect(maps.Keys(api.Configured(q.config))))
	}
	if err != nil {
		return "", "", fmt.Errorf("--to: %w", err)
	}
	return source, target, nil
}
