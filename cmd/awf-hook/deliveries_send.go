package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/awf-project/awf-hook/engine"
)

func (c *command) sendDeliveries(where *queueFlags) *cobra.Command {
	s := &session{adopts: true, needsQueue: true}
	hurry := false
	cmd := &cobra.Command{
		Use:   "send",
		Short: "Deliver what is due and exit, as run does at its end",
		Long: `send delivers what is due and exits, as run does at its end. With --now all waiting deliveries are due, even if their next
attempt is later or a wrong clock stored its time. A receiver that asked for a pause still gets it: awf-hook webhooks enable
ends the pause.`,
		Example: "  awf-hook deliveries send -c awf-hook.yaml\n  awf-hook deliveries send --now",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if where.server != "" {
				return errors.New("--server: the server sends what is due by itself: deliveries replay makes dead letters due")
			}
			s.configFlags, s.queue, s.json = where.configFlags, where.queue, where.json
			s.ended = now()
			if hurry {
				if err := c.hurry(where); err != nil {
					return err
				}
			}
			return c.runStream(s, engine.Stream{In: strings.NewReader("")})
		},
	}
	s.addSpillFlag(cmd)
	cmd.Flags().BoolVar(&hurry, "now", false, "make all waiting deliveries due at once")
	cmd.Flags().DurationVar(&s.drainTimeout, "drain-timeout", 30*time.Second, "how long to go on delivering")
	s.addExitFlags(cmd, "exit with 5 if something is not delivered by --drain-timeout")
	return cmd
}

// hurry makes waiting deliveries due.
func (c *command) hurry(where *queueFlags) error {
	return c.withQueue(where, func(ctx context.Context, q openedQueue) error {
		if q.broken { // the sender says why
			return nil
		}
		n, err := q.deliveries.Hurry(ctx, q.config)
		if err == nil {
			fmt.Fprintf(c.err, "awf-hook: %d made due\n", n)
		}
		return err
	})
}
