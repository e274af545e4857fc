package main

import (
	"cmp"
	"context"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

func (c *command) sendDeliveries(where *queueFlags) *cobra.Command {
	s := &session{adopts: true, needsQueue: true}
	hurry := false
	cmd := &cobra.Command{
		Use:  "send",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s.configFlags, s.queue, s.json = where.configFlags, where.queue, where.json
			s.ended = now()
			if !s.json || hurry {
				if err := c.beforeSend(where, hurry); err != nil {
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

// beforeSend says what is not sent and, in a hurry, makes all waiting deliveries due.
func (c *command) beforeSend(where *queueFlags, hurry bool) error {
	err := c.withQueue(where, func(ctx context.Context, q openedQueue) error {
		if !where.json {
			c.sayElsewhere(ctx, q)
		}
		if !hurry || q.mistakes != nil { // the sender says what is wrong with the configuration
			return nil
		}
		n, err := q.deliveries.Hurry(ctx, q.config)
		if err == nil {
			c.sayf("%d made due", n)
		}
		return err
	})
	if !hurry { // the sender says what is wrong with the queue
		return nil
	}
	return err
}

// sayElsewhere says which deliveries are not sent because they wait for webhooks of other files, which exist but were not read.
func (c *command) sayElsewhere(ctx context.Context, q openedQueue) {
	lanes, _ := q.deliveries.Lanes(ctx) // the sender meets the same error
	waiting, own := map[string]int{}, slices.Clone(q.config.Files)
	for _, found := range q.config.Workflows.All() {
		own = append(own, found.File)
	}
	for i := range lanes {
		if file, _ := config.SplitIdentity(lanes[i].Webhook); lanes[i].Waiting > 0 && !isNamespace(file) {
			waiting[file] += lanes[i].Waiting
		}
	}
	for _, file := range own {
		if full, err := filepath.Abs(file); err == nil {
			delete(waiting, full)
		}
	}
	for _, file := range slices.Sorted(maps.Keys(waiting)) {
		_, err := os.Stat(file)
		if server := config.ServerOf(file); server != "" || err == nil { // the report says which files are gone
			c.sayf("not sent: %d waiting for webhooks of %s: %s", waiting[file], plain(cmp.Or(server, file)),
				q.flags.otherSender(file, q.config, q.file))
		}
	}
}
