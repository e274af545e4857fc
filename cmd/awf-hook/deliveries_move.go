package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (c *command) moveDeliveries(where *queueFlags) *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "move --from OLD --to NEW",
		Short: "Move deliveries to a webhook's new name or file",
		Long: `move gives the waiting deliveries and dead letters of one webhook to another, for example after you renamed the webhook or its
configuration file. OLD and NEW are FILE#NAME, as deliveries list --json prints it; a NAME is enough if only one webhook has
it. NEW must be a webhook of the configuration, or with --server one that had a delivery.`,
		Example: "  awf-hook deliveries move -c new.yaml --from /etc/old.yaml#oncall --to oncall",
		Args:    cobra.NoArgs,
		RunE: c.onQueue(where, func(ctx context.Context, q openedQueue, _ []string) error {
			lanes, err := q.Webhooks(ctx)
			if err != nil {
				return err
			}
			var old []string
			for i := range lanes {
				old = append(old, lanes[i].Identity())
			}
			current := old
			if !q.onServer() {
				current = nil
				for _, w := range q.config.Active() {
					current = append(current, w.Identity)
				}
			}
			source, err := identityOf(from, old)
			if err != nil {
				return fmt.Errorf("--from: %w", err)
			}
			target, err := identityOf(to, current)
			if err != nil {
				return fmt.Errorf("--to: %w", err)
			}
			n, err := q.Move(ctx, source, target)
			if err == nil && where.json {
				encode(c.out, countJSON{n})
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

// identityOf finds the only webhook with a name.
func identityOf(name string, identities []string) (string, error) {
	var found, names []string
	for _, identity := range identities {
		last := identity[strings.LastIndexByte(identity, '#')+1:]
		if name == identity {
			return identity, nil
		}
		if names = append(names, last); name == last {
			found = append(found, identity)
		}
	}
	switch len(found) {
	case 0:
		return "", unknownName("webhook", name, names)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("%s is the name of %d webhooks: want one of %s", name, len(found), strings.Join(found, ", "))
}
