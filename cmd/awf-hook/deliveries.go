package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/spf13/cobra"
)

// queueFlags say which queue is meant.
type queueFlags struct {
	config, queue string
	json          bool
}

func (q *queueFlags) add(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVarP(&q.config, "config", "c", "", "a configuration `FILE` to read instead of the global and the project's settings")
	cmd.PersistentFlags().StringVar(&q.queue, "queue", "", "the queue's `FILE` (default what the configuration says, else the state folder's)")
	cmd.PersistentFlags().BoolVar(&q.json, "json", false, "print JSON, an object on each line")
}

// filterFlags select deliveries.
type filterFlags struct {
	state, webhook, workflow, event, since string
	before                                 int64
	limit                                  int
}

func (f *filterFlags) add(cmd *cobra.Command, states bool) {
	if states {
		cmd.Flags().StringVar(&f.state, "state", "", "only those that are `STATE`: due, in_flight, delivered, dead or dropped")
	}
	cmd.Flags().StringVar(&f.webhook, "webhook", "", "only those of the webhook of this `NAME`")
	cmd.Flags().StringVar(&f.workflow, "workflow", "", "only those of the workflow of this `NAME`")
	cmd.Flags().StringVar(&f.event, "event", "", "only those of this `TYPE` of event")
	cmd.Flags().StringVar(&f.since, "since", "", "only those accepted since a `TIME` like 2026-11-24T00:00:00Z, or in the last while, like 1h or 7d")
}

// filter is what the flags and an id select.
func (f *filterFlags) filter(ids []string) (engine.Filter, error) {
	filter := engine.Filter{Webhook: f.webhook, Workflow: f.workflow, Event: f.event, Before: f.before, Limit: f.limit, State: delivery.State(f.state)}
	if f.state != "" && !slices.Contains(delivery.States, filter.State) {
		return filter, fmt.Errorf("--state: want one of %v, got %q", delivery.States, f.state)
	}
	if len(ids) > 0 {
		filter.ID = ids[0]
	}
	if f.since == "" {
		return filter, nil
	}
	if age, err := config.ParseDuration(f.since); err == nil {
		filter.Since = time.Now().Add(-age)
		return filter, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if at, err := time.Parse(layout, f.since); err == nil {
			filter.Since = at
			return filter, nil
		}
	}
	return filter, fmt.Errorf("--since: want a time or a duration like 1h or 7d, got %q", f.since)
}

func (c *command) deliveriesCommand() *cobra.Command {
	var where queueFlags
	cmd := &cobra.Command{
		Use:   "deliveries",
		Short: "Look at the queue: what is due, in flight, delivered, dead; replay and delete",
		Long: `deliveries shows and changes the queue. Without a subcommand it lists.
A delivery that was given up is a dead letter: show tells why, replay makes it due again with the same id,
and the next run, exec or deliveries send delivers it.`,
		Args: cobra.NoArgs,
	}
	where.add(cmd)
	list := c.listDeliveries(&where)
	cmd.RunE = list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, c.showDelivery(&where), c.replayDeliveries(&where), c.deleteDeliveries(&where), c.sendDeliveries(&where))
	return cmd
}

// withQueue opens the queue that the flags mean and does something with it.
func (c *command) withQueue(where *queueFlags, do func(*engine.Deliveries, *config.Config) error) error {
	search := config.Search{File: where.config, Env: os.LookupEnv}
	cfg, err := search.Load()
	if cfg == nil { // its mistakes are no matter here
		return &exitError{exitConfig, err}
	}
	file := queueFile(search, cfg, where.queue)
	if _, err := os.Stat(file); err != nil {
		return failure(fmt.Errorf("no queue at %s", file))
	}
	deliveries, err := engine.OpenDeliveries(file)
	if err != nil {
		return failure(err)
	}
	err = do(deliveries, cfg)
	if exit := (*exitError)(nil); err != nil && !errors.As(err, &exit) {
		err = failure(err)
	}
	if closed := deliveries.Close(); err == nil && closed != nil {
		err = failure(closed)
	}
	return err
}

func (c *command) listDeliveries(where *queueFlags) *cobra.Command {
	var flags filterFlags
	cmd := &cobra.Command{Use: "list", Short: "List deliveries, the newest first", Args: cobra.NoArgs, RunE: func(*cobra.Command, []string) error {
		filter, err := flags.filter(nil)
		if err != nil {
			return err
		}
		return c.withQueue(where, func(d *engine.Deliveries, _ *config.Config) error {
			items, err := d.List(context.Background(), filter)
			if err != nil {
				return err
			}
			c.printItems(items, where.json)
			if len(items) == flags.limit && flags.limit > 0 && !where.json {
				fmt.Fprintf(c.out, "more: --before %d\n", items[len(items)-1].Seq)
			}
			return nil
		})
	}}
	flags.add(cmd, true)
	cmd.Flags().IntVar(&flags.limit, "limit", 50, "how many at most; 0 for all")
	cmd.Flags().Int64Var(&flags.before, "before", 0, "the next page: only those before this `NUMBER`, which a list names at its end")
	return cmd
}

func (c *command) showDelivery(where *queueFlags) *cobra.Command {
	return &cobra.Command{Use: "show ID", Short: "Show a delivery: its event, its attempts, its body", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, ids []string) error {
		return c.withQueue(where, func(d *engine.Deliveries, cfg *config.Config) error {
			detail, err := d.Show(context.Background(), ids[0])
			if err != nil {
				return err
			}
			if where.json {
				c.showJSON(detail, cfg)
				return nil
			}
			showDetail(c.out, detail, engine.Body(detail, cfg))
			return nil
		})
	}}
}

func (c *command) replayDeliveries(where *queueFlags) *cobra.Command {
	var flags filterFlags
	var change engine.Change
	var dry bool
	cmd := &cobra.Command{
		Use: "replay [ID]", Short: "Make dead letters due again, with the same ids",
		Long: `replay makes dead letters due again: one by its ID, or those that the flags select. They keep their ids, so that a receiver
knows them again, and get a new budget of attempts. The next run, exec or deliveries send delivers them.`,
		Example: "  awf-hook deliveries replay --webhook oncall --since 1h",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, ids []string) error {
			verb := verb{"to replay", "replayed: awf-hook deliveries send delivers them", "only dead letters are replayed"}
			if dry {
				verb.done = verb.to
			}
			return c.changeDeliveries(where, &flags, ids, verb, func(d *engine.Deliveries, ctx context.Context, f engine.Filter) (int, error) {
				if f.State = delivery.IsDead; dry {
					items, err := d.List(ctx, f)
					c.printItems(items, where.json)
					return len(items), err
				}
				return d.Replay(ctx, f, change)
			})
		},
	}
	flags.add(cmd, false)
	cmd.Flags().BoolVar(&dry, "dry-run", false, "list them only")
	cmd.Flags().BoolVar(&change.Retransform, "retransform", false, "make their bodies anew, by what the transforms are now")
	return cmd
}

func (c *command) deleteDeliveries(where *queueFlags) *cobra.Command {
	var flags filterFlags
	cmd := &cobra.Command{
		Use: "delete [ID]", Short: "Forget deliveries; what is in flight is left",
		Long: "delete forgets one delivery by its ID, or those that the flags select. Their ids stay known: the same event makes no new ones.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, ids []string) error {
			return c.changeDeliveries(where, &flags, ids, verb{"to delete", "deleted", "it is in flight"}, (*engine.Deliveries).Delete)
		},
	}
	flags.add(cmd, true)
	return cmd
}

// verb says what is done with deliveries.
type verb struct {
	to, done string
	not      string // why it is not done with one that is there
}

// changeDeliveries changes what an id or the flags select; one of them must be given.
func (c *command) changeDeliveries(where *queueFlags, flags *filterFlags, ids []string, verb verb, change func(*engine.Deliveries, context.Context, engine.Filter) (int, error)) error {
	filter, err := flags.filter(ids)
	if err != nil {
		return err
	}
	if filter == (engine.Filter{}) {
		return fmt.Errorf("want an ID, or flags that say which %s", verb.to)
	}
	return c.withQueue(where, func(d *engine.Deliveries, _ *config.Config) error {
		n, err := change(d, context.Background(), filter)
		if err == nil && n == 0 && filter.ID != "" {
			if _, err = d.Show(context.Background(), filter.ID); err == nil {
				err = errors.New(verb.not)
			}
			err = fmt.Errorf("%s: %w", filter.ID, err)
		}
		if err == nil {
			fmt.Fprintf(c.err, "awf-hook: %d %s\n", n, verb.done)
		}
		return err
	})
}

func (c *command) sendDeliveries(where *queueFlags) *cobra.Command {
	s := &session{adopts: true}
	cmd := &cobra.Command{
		Use: "send", Short: "Deliver what is due and exit, as run does at its end",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s.file, s.queue, s.json = where.config, where.queue, where.json
			s.ended = now()
			return c.runStream(s, engine.Stream{In: strings.NewReader("")})
		},
	}
	cmd.Flags().DurationVar(&s.drainTimeout, "drain-timeout", 30*time.Second, "how long to go on delivering")
	s.addExitFlags(cmd, "exit with 5 if something is not delivered by --drain-timeout")
	return cmd
}
