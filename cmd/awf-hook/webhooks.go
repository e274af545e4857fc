package main

import (
	"context"
	"fmt"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/spf13/cobra"
)

func (c *command) webhooksCommand() *cobra.Command {
	var where queueFlags
	cmd := &cobra.Command{
		Use:   "webhooks",
		Short: "Look at the webhooks' lanes: state, counts, last error; enable and disable",
		Long: `webhooks shows the lane of each webhook that ever had a delivery. A lane rests after failures (its breaker is open: one probe at a
time) or where its receiver asked for it, and is closed by a receiver's 410 or by hand. What is closed keeps its deliveries.
A name that webhooks of several files have means them all; FILE#NAME, as --json prints it, means one.`,
		Args: cobra.NoArgs,
	}
	where.add(cmd)
	list := &cobra.Command{Use: "list", Short: "List the lanes", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		return c.withQueue(&where, func(d *engine.Deliveries, _ *config.Config) error {
			lanes, err := d.Webhooks(context.Background())
			c.printLanes(lanes, where.json)
			return err
		})
	}}
	cmd.RunE = list.RunE
	change := func(use, short string, do func(*engine.Deliveries, context.Context, string) (int, error)) *cobra.Command {
		return &cobra.Command{Use: use + " NAME", Short: short, Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, names []string) error {
			return c.withQueue(&where, func(d *engine.Deliveries, _ *config.Config) error {
				n, err := do(d, context.Background(), names[0])
				if err == nil && n == 0 {
					err = fmt.Errorf("no webhook of the name %s has had a delivery", names[0])
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(c.err, "awf-hook: %s %sd\n", names[0], use)
				if n > 1 {
					fmt.Fprintf(c.err, "awf-hook: these are %d webhooks of %d files: FILE#%s means one\n", n, n, names[0])
				}
				return nil
			})
		}}
	}
	cmd.AddCommand(list, c.tryCommand(&where),
		change("enable", "Open a webhook's lane, and end its rest", (*engine.Deliveries).Enable),
		change("disable", "Close a webhook's lane: its deliveries are kept and wait", (*engine.Deliveries).Disable))
	return cmd
}

// laneState says in a word how a lane is.
func laneState(l *engine.LaneStatus) string {
	switch {
	case l.Closed != "":
		return "closed"
	case l.BreakerOpen():
		return "failing"
	case !l.PausedUntil.IsZero():
		return "resting"
	}
	return "open"
}

// printLanes prints a table that fits 100 columns, or an object for each.
func (c *command) printLanes(lanes []engine.LaneStatus, asJSON bool) {
	if asJSON {
		for i := range lanes {
			l := &lanes[i]
			line := map[string]any{
				"webhook": l.Webhook, "state": laneState(l), "waiting": l.Waiting, "dead": l.Dead, "delivered": l.Delivered, "dropped": l.Dropped,
				"discarded": l.Discarded, "failures": l.Failures, "transform_failures": l.Broken, "bytes": l.Bytes,
			}
			if !l.PausedUntil.IsZero() {
				line["paused_until"] = l.PausedUntil
			}
			if l.Closed != "" {
				line["closed"] = l.Closed
			}
			if l.LastError != "" {
				line["last_error"], line["last_error_at"] = l.LastError, l.LastErrorAt
			}
			encode(c.out, line)
		}
		return
	}
	fmt.Fprintf(c.out, "%-20s %-8s %8s %8s %10s %-9s %s\n", "WEBHOOK", "STATE", "WAITING", "DEAD", "DELIVERED", "RESTS", "LAST ERROR")
	for i := range lanes {
		l := &lanes[i]
		rests := ""
		if !l.PausedUntil.IsZero() {
			rests = time.Until(l.PausedUntil).Round(time.Second).String()
		}
		last := l.LastError
		if l.Closed != "" {
			last = l.Closed
		}
		fmt.Fprintf(c.out, "%-20s %-8s %8d %8d %10d %-9s %s\n", fit(nameOf(l.Webhook), 20), laneState(l), l.Waiting, l.Dead, l.Delivered, rests, fit(last, 31))
	}
}
