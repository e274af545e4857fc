package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
)

func (c *command) backupDeliveries(where *queueFlags) *cobra.Command {
	return &cobra.Command{
		Use:   "backup FILE",
		Short: "Copy the queue while others use it",
		Args:  cobra.ExactArgs(1),
		RunE: c.onQueue(where, func(ctx context.Context, q openedQueue, args []string) error {
			if q.onServer() {
				return errors.New("--server: backup copies only a queue of this machine")
			}
			if err := q.deliveries.Backup(ctx, args[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.out, "written to %s\n", args[0])
			return nil
		}),
	}
}
