package main

import (
	"context"

	"github.com/spf13/cobra"
)

func (c *command) backupDeliveries(where *queueFlags) *cobra.Command {
	return &cobra.Command{
		Use:  "backup FILE",
		Args: cobra.ExactArgs(1),
		RunE: c.onQueue(where, func(ctx context.Context, q openedQueue, args []string) error {
			if err := q.deliveries.Backup(ctx, args[0]); err != nil {
				return err
			}
			c.print(where.json, backupJSON{args[0]}, "written to %s\n", args[0])
			return nil
		}),
	}
}

// backupJSON is a new copy of the queue, as --json prints it.
type backupJSON struct {
	Queue string `json:"queue"`
}
