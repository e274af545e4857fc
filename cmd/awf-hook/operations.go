package main

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/spf13/cobra"
)

func (c *command) operationsCommand() *cobra.Command {
	var where queueFlags
	limit, before := 0, int64(0)
	cmd := &cobra.Command{
		Use:  "operations",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if limit < 1 || limit > 1000 {
				return errors.New("--limit: want 1 to 1000")
			}
			return c.withQueue(&where, func(ctx context.Context, q openedQueue) error {
				ops, err := q.Operations(ctx, before, limit+1)
				if err != nil {
					return err
				}
				ops, next := api.Cut(ops, limit, func(op *engine.Operation) int64 { return op.Seq })
				printList(c.out, ops, where.json, operationRows)
				c.sayMore(next, where.json)
				return nil
			})
		},
	}
	where.add(cmd)
	cmd.Flags().IntVar(&limit, "limit", 50, "print at most this `NUMBER`, up to 1000")
	cmd.Flags().Int64Var(&before, "before", 0, "the next page: only those before this `NUMBER`, which a list names at its end")
	return cmd
}

func operationRows(list []engine.Operation) [][]string {
	rows := [][]string{{"WHEN", "WHO", "WHAT", "COUNT", "OF", "REASON"}}
	for _, op := range list {
		rows = append(rows, []string{op.At.Format(time.RFC3339), op.Who, op.What, strconv.Itoa(op.Count), op.Target, op.Note})
	}
	return rows
}
