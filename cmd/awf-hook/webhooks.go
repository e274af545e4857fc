package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/spf13/cobra"
)

func (c *command) webhooksCommand() *cobra.Command {
	var where queueFlags
	cmd := &cobra.Command{
		Use: "webhooks",
	}
	where.add(cmd)
	list := &cobra.Command{
		Use:  "list",
		Args: cobra.NoArgs,
		RunE: c.onQueue(&where, func(ctx context.Context, q openedQueue, _ []string) error {
			lanes, err := q.Webhooks(ctx)
			if err != nil {
				return err
			}
			printList(c.out, lanes, where.json, laneRows)
			if q.onServer() {
				return nil
			}
			if err := c.warnOfOrphans(ctx, q); err != nil {
				return err
			}
			return c.sayDifferences(ctx, q.deliveries)
		}),
	}
	cmd.RunE = list.RunE
	cmd.AddCommand(list, c.tryCommand(&where),
		c.laneCommand(&where, "enable", api.Queue.Enable),
		c.laneCommand(&where, "disable", func(q api.Queue, ctx context.Context, webhook string) (api.LaneAnswer, error) {
			return q.Disable(ctx, webhook, "disabled by hand")
		}),
		c.pauseCommand(&where))
	return cmd
}

func (c *command) pauseCommand(where *queueFlags) *cobra.Command {
	rest, reason := "", ""
	cmd := c.laneCommand(where, "pause", func(q api.Queue, ctx context.Context, webhook string) (api.LaneAnswer, error) {
		d, _ := api.ParseRest(rest) // PreRunE checked it
		return q.Pause(ctx, webhook, d, reason)
	})
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if _, err := api.ParseRest(rest); err != nil {
			return fmt.Errorf("--for: %w", err)
		}
		return nil
	}
	cmd.Flags().StringVar(&rest, "for", "1h", "how long the lane rests, as a `DURATION`; webhooks enable ends it")
	cmd.Flags().StringVar(&reason, "reason", "", "why, for awf-hook operations")
	return cmd
}

// laneChange changes the lanes of a webhook.
type laneChange func(q api.Queue, ctx context.Context, webhook string) (api.LaneAnswer, error)

// laneCommand makes a command that changes the lanes of a webhook.
func (c *command) laneCommand(where *queueFlags, verb string, do laneChange) *cobra.Command {
	return &cobra.Command{
		Use:  verb + " NAME",
		Args: cobra.ExactArgs(1),
		RunE: c.onQueue(where, func(ctx context.Context, q openedQueue, names []string) error {
			answer, err := do(q.Queue, ctx, names[0])
			if err != nil {
				return err
			}
			if where.json {
				encode(c.out, answer)
			}
			c.sayf("%s %sd", plain(names[0]), verb)
			if n := answer.Count; n > 1 {
				c.sayf("these are %d webhooks of %d files: FILE#%s means one", n, n, names[0])
			}
			for _, identity := range answer.Unreached {
				c.sayf("%s has had no delivery yet and is not %sd", plain(identity), verb)
			}
			return c.warnOfOrphans(ctx, q)
		}),
	}
}

// sayDifferences says which processes of a shared queue have different webhooks.
func (c *command) sayDifferences(ctx context.Context, queue *engine.Deliveries) error {
	nodes, err := queue.Nodes(ctx)
	different := delivery.Configurations(nodes)
	if len(different) < 2 {
		return err
	}
	c.sayf("the configurations of the processes that share the queue differ:")
	for _, of := range different {
		c.sayf("  %s: %s", of.Digest, plain(strings.Join(of.Nodes, ", ")))
	}
	return err
}

// laneRows returns the rows of a table of lanes.
func laneRows(lanes []api.Lane) [][]string {
	const fuel = 6 // its column, shown if a lane has a module
	rows := [][]string{{"WEBHOOK", "STATE", "WAITING", "DEAD", "DELIVERED", "RESTS", "FUEL", "LAST ERROR"}}
	ranModule := false
	name := api.NameOf(lanes, (*api.Lane).Identity)
	for i := range lanes {
		l := &lanes[i]
		rests := ""
		if !l.PausedUntil.IsZero() {
			rests = time.Until(l.PausedUntil).Round(time.Second).String()
		}
		used := ""
		if l.FuelPercent > 0 {
			ranModule, used = true, strconv.Itoa(l.FuelPercent)+" %"
		}
		rows = append(rows, []string{name(l.Identity()), l.State, strconv.Itoa(l.Waiting), strconv.Itoa(l.Dead), fmt.Sprint(l.Delivered),
			rests, used, cmp.Or(l.Closed, l.LastError)})
	}
	if !ranModule {
		for i := range rows {
			rows[i] = slices.Delete(rows[i], fuel, fuel+1)
		}
	}
	return rows
}

func namesOf(webhooks []config.Webhook) (names []string) {
	for i := range webhooks {
		names = append(names, webhooks[i].Name)
	}
	return names
}
