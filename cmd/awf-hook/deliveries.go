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

// queueFlags say which queue a command opens.
type queueFlags struct {
	configFlags
	queue string
	json  bool
}

func (q *queueFlags) add(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	flags.StringVarP(&q.file, "config", "c", "", "read this configuration `FILE` instead of the global and project settings")
	flags.StringVar(&q.queue, "queue", "", "the queue's `FILE` (default: the configuration's, else the state folder's)")
	flags.BoolVar(&q.json, "json", false, "print JSON, an object on each line")
}

// filterFlags select deliveries.
type filterFlags struct {
	state, webhook, workflow, event, since string
	before                                 int64
	limit                                  int
}

func (f *filterFlags) add(cmd *cobra.Command, states string) {
	if states != "" {
		cmd.Flags().StringVar(&f.state, "state", "", "only those in this `STATE`: "+states)
	}
	cmd.Flags().StringVar(&f.webhook, "webhook", "", "only those of the webhook of this `NAME`")
	cmd.Flags().StringVar(&f.workflow, "workflow", "", "only those of the workflow of this `NAME`")
	cmd.Flags().StringVar(&f.event, "event", "", "only those of this `TYPE` of event")
	cmd.Flags().StringVar(&f.since, "since", "", "only those accepted since a `TIME` like 2026-11-24T00:00:00Z, or within a duration like 1h or 7d")
}

// filter returns the filter of the flags.
func (f *filterFlags) filter() (engine.Filter, error) {
	filter := engine.Filter{Webhook: f.webhook, Workflow: f.workflow, Event: f.event, Before: f.before, Limit: f.limit, State: delivery.State(f.state)}
	if f.state != "" && !slices.Contains(delivery.States, filter.State) {
		return filter, fmt.Errorf("--state: want one of %v, got %q", delivery.States, f.state)
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
		Short: "Show and change the queue: list, show, replay, delete, move, send",
		Long: `deliveries shows and changes the queue. Without a subcommand it lists.
A delivery that awf-hook has given up is a dead letter: show tells why, replay makes it due again with the same id,
and the next run, exec or deliveries send delivers it.
Wherever a command takes an ID, the beginning of one is enough.`,
	}
	where.add(cmd)
	list := c.listDeliveries(&where)
	cmd.RunE = list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, c.showDelivery(&where), c.replayDeliveries(&where), c.deleteDeliveries(&where), c.moveDeliveries(&where), c.sendDeliveries(&where))
	return cmd
}

// openedQueue is a queue that a command shows or changes.
type openedQueue struct {
	*engine.Deliveries
	config *config.Config
	broken bool // the configuration has mistakes, so that nothing of it may be shown
}

// withQueue opens the queue that the flags name and calls do.
func (c *command) withQueue(where *queueFlags, do func(ctx context.Context, q openedQueue) error) error {
	cfg, err := where.search().Load()
	if cfg == nil { // its mistakes do not matter here
		return &exitError{exitConfig, err}
	}
	file := queueFile(where.search(), cfg, where.queue)
	if _, err := os.Stat(file); err != nil {
		return failure(fmt.Errorf("no queue at %s", file))
	}
	deliveries, openErr := engine.OpenDeliveries(file)
	if openErr != nil {
		return failure(openErr)
	}
	err = do(context.Background(), openedQueue{deliveries, cfg, err != nil})
	if exit := (*exitError)(nil); err != nil && !errors.As(err, &exit) {
		err = failure(err)
	}
	if closed := deliveries.Close(); err == nil && closed != nil {
		err = failure(closed)
	}
	return err
}

// checkWebhook says which webhook may be meant by a name that neither the queue nor the configuration has. "" is no name.
func (q openedQueue) checkWebhook(ctx context.Context, name string) error {
	lanes, err := q.Webhooks(ctx)
	if err != nil || name == "" {
		return err
	}
	var names []string
	for _, l := range lanes {
		names = append(names, l.Webhook)
	}
	for _, w := range q.config.Webhooks {
		if !q.broken {
			names = append(names, w.Identity)
		}
	}
	for _, identity := range names {
		names = append(names, identity[strings.LastIndexByte(identity, '#')+1:])
	}
	if slices.Contains(names, name) {
		return nil
	}
	return unknownName("webhook", name, slices.DeleteFunc(names, func(name string) bool { return strings.Contains(name, "#") }))
}

// find returns the delivery whose id begins like this.
func (q openedQueue) find(ctx context.Context, id string) (engine.Item, error) {
	items, err := q.List(ctx, engine.Filter{ID: id})
	switch {
	case err != nil:
		return engine.Item{}, err
	case len(items) == 0 || id == "":
		return engine.Item{}, fmt.Errorf("%s: %w", id, engine.ErrUnknown)
	case len(items) > 1:
		return engine.Item{}, fmt.Errorf("%s: the ids of %d deliveries begin so: give more of it", id, len(items))
	}
	return items[0], nil
}

func (c *command) listDeliveries(where *queueFlags) *cobra.Command {
	var flags filterFlags
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List deliveries, the newest first",
		Example: "  awf-hook deliveries list --state dead --since 1d",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			filter, err := flags.filter()
			if err != nil {
				return err
			}
			return c.withQueue(where, func(ctx context.Context, q openedQueue) error {
				if err := q.checkWebhook(ctx, filter.Webhook); err != nil {
					return err
				}
				items, err := q.List(ctx, filter)
				if err != nil {
					return err
				}
				c.printItems(items, where.json)
				if len(items) == flags.limit && flags.limit > 0 && !where.json {
					fmt.Fprintf(c.out, "more: --before %d\n", items[len(items)-1].Seq)
				}
				return nil
			})
		},
	}
	flags.add(cmd, "due, in_flight, delivered, dead or dropped")
	cmd.Flags().IntVar(&flags.limit, "limit", 50, "how many at most; 0 for all")
	cmd.Flags().Int64Var(&flags.before, "before", 0, "the next page: only those before this `NUMBER`, which a list names at its end")
	return cmd
}

func (c *command) showDelivery(where *queueFlags) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show a delivery: its event, its attempts, its body",
		Example: "  awf-hook deliveries show msg_5pfak4",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, ids []string) error {
			return c.withQueue(where, func(ctx context.Context, q openedQueue) error {
				item, err := q.find(ctx, ids[0])
				if err != nil {
					return err
				}
				detail, err := q.Show(ctx, item.Delivery.ID)
				switch {
				case err != nil:
					return err
				case where.json:
					c.showJSON(detail, q.config)
				default:
					showDetail(c.out, detail, engine.Body(detail, q.config))
				}
				return nil
			})
		},
	}
}

// change is what replay and delete do with the deliveries that an ID or flags select.
type change struct {
	filterFlags
	verb  string // "replay"
	done  string // "replayed"
	not   string // why it was not done with a delivery that exists
	all   bool   // no ID and no filter means all
	dry   bool   // list only
	yes   bool   // do not ask
	asks  bool   // a filter needs a yes
	apply func(ctx context.Context, q openedQueue, f engine.Filter) (int, error)
}

func (ch *change) add(cmd *cobra.Command, states string) {
	ch.filterFlags.add(cmd, states)
	cmd.Flags().BoolVar(&ch.dry, "dry-run", false, "only list them")
	cmd.Flags().BoolVar(&ch.all, "all", false, "all of them, without a filter")
}

func (c *command) replayDeliveries(where *queueFlags) *cobra.Command {
	var with engine.Change
	ch := change{verb: "replay", done: "replayed: awf-hook deliveries send delivers them"}
	ch.apply = func(ctx context.Context, q openedQueue, f engine.Filter) (int, error) { return q.Replay(ctx, f, with) }
	cmd := &cobra.Command{
		Use:   "replay [ID]",
		Short: "Make dead letters due again, with the same ids",
		Long: `replay makes dead letters due again: the one with the ID, or those that the flags select. They keep their ids, so that a
receiver knows them again, and get a new budget of attempts. The next run, exec or deliveries send delivers them.
With --state delivered it sends again what was delivered, after a question on a terminal or with --yes.`,
		Example: "  awf-hook deliveries replay --webhook oncall --since 1h\n  awf-hook deliveries replay --state delivered --workflow deploy --since 1h",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, ids []string) error {
			switch delivery.State(ch.state) {
			case "":
				ch.state = string(delivery.IsDead)
			case delivery.IsDelivered:
				ch.asks = true
			case delivery.IsDead:
			default:
				return fmt.Errorf("--state: want dead or delivered, got %q", ch.state)
			}
			ch.not = "it is not " + ch.state + ": only dead letters are replayed, and with --state delivered what was delivered"
			return c.changeDeliveries(where, &ch, ids)
		},
	}
	ch.add(cmd, "dead (default) or delivered")
	cmd.Flags().BoolVarP(&ch.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&with.Retransform, "retransform", false, "make their bodies anew with the current transforms")
	return cmd
}

func (c *command) deleteDeliveries(where *queueFlags) *cobra.Command {
	ch := change{verb: "delete", done: "deleted", not: "it is in flight"}
	ch.apply = func(ctx context.Context, q openedQueue, f engine.Filter) (int, error) { return q.Delete(ctx, f) }
	cmd := &cobra.Command{
		Use:   "delete [ID]",
		Short: "Delete deliveries that are not in flight",
		Long: `delete deletes the delivery with the ID, or those that the flags select, but for those in flight. Their ids stay known: the
same event makes no new ones.`,
		Example: "  awf-hook deliveries delete --state dead --webhook old --dry-run",
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(_ *cobra.Command, ids []string) error { return c.changeDeliveries(where, &ch, ids) },
	}
	ch.add(cmd, "due, delivered, dead or dropped")
	return cmd
}

// changeDeliveries changes the deliveries that an ID or the flags select.
func (c *command) changeDeliveries(where *queueFlags, ch *change, ids []string) error {
	filter, err := ch.filter()
	if err != nil {
		return err
	}
	given := filter
	if given.State == delivery.IsDead && ch.verb == "replay" {
		given.State = "" // by default
	}
	if len(ids) == 0 && given == (engine.Filter{}) && !ch.all {
		return fmt.Errorf("want an ID, flags that say which to %s, or --all", ch.verb)
	}
	if where.json && !ch.dry {
		return errors.New("--json goes with --dry-run")
	}
	return c.withQueue(where, func(ctx context.Context, q openedQueue) error {
		if err := q.checkWebhook(ctx, filter.Webhook); err != nil {
			return err
		}
		if len(ids) > 0 {
			item, err := q.find(ctx, ids[0])
			if err != nil {
				return err
			}
			filter.ID = item.Delivery.ID
		}
		if ch.dry {
			items, err := q.List(ctx, filter)
			c.printItems(items, where.json)
			if err == nil {
				fmt.Fprintf(c.err, "awf-hook: %d to %s\n", len(items), ch.verb)
			}
			return err
		}
		if err := c.confirm(ctx, q, ch, filter); err != nil {
			return err
		}
		n, err := ch.apply(ctx, q, filter)
		switch {
		case err != nil:
			return err
		case n == 0 && filter.ID != "":
			return fmt.Errorf("%s: %s", filter.ID, ch.not)
		}
		fmt.Fprintf(c.err, "awf-hook: %d %s\n", n, ch.done)
		return nil
	})
}

// confirm asks on a terminal whether to do what needs a yes. Elsewhere that needs --yes.
func (c *command) confirm(ctx context.Context, q openedQueue, ch *change, filter engine.Filter) error {
	if !ch.asks || ch.yes {
		return nil
	}
	items, err := q.List(ctx, filter)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("%s what was delivered, %d in all", ch.verb, len(items))
	if !isTerminal(c.in) {
		return fmt.Errorf("want --yes to %s", question)
	}
	if !c.ask(question + "?") {
		return errors.New("nothing changed")
	}
	return nil
}

func (c *command) moveDeliveries(where *queueFlags) *cobra.Command {
	var from, to string
	cmd := &cobra.Command{
		Use:   "move --from OLD --to NEW",
		Short: "Hand over deliveries after a webhook or its file was renamed",
		Long: `move hands the waiting deliveries and dead letters of one webhook to another, after the webhook or its configuration file got
a new name or place. OLD and NEW are FILE#NAME, as deliveries list --json prints it; a NAME alone is enough if one webhook
has it. NEW must be a webhook of the configuration.`,
		Example: "  awf-hook deliveries move -c new.yaml --from /etc/old.yaml#oncall --to oncall",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return c.withQueue(where, func(ctx context.Context, q openedQueue) error {
				lanes, err := q.Webhooks(ctx)
				if err != nil {
					return err
				}
				var old, current []string
				for _, l := range lanes {
					old = append(old, l.Webhook)
				}
				for _, w := range q.config.Active() {
					current = append(current, w.Identity)
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
				if err == nil {
					fmt.Fprintf(c.err, "awf-hook: %d moved from %s to %s\n", n, plain(source), plain(target))
				}
				return err
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the webhook's `OLD` name or identity")
	cmd.Flags().StringVar(&to, "to", "", "the webhook's `NEW` name or identity")
	_ = cmd.MarkFlagRequired("from") // they exist
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

// identityOf finds the one webhook that is called like this.
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

func (c *command) sendDeliveries(where *queueFlags) *cobra.Command {
	s := &session{adopts: true}
	cmd := &cobra.Command{
		Use:     "send",
		Short:   "Deliver what is due and exit, as run does at its end",
		Example: "  awf-hook deliveries send -c awf-hook.yaml",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s.configFlags, s.queue, s.json = where.configFlags, where.queue, where.json
			s.ended = now()
			return c.runStream(s, engine.Stream{In: strings.NewReader("")})
		},
	}
	s.addSpillFlag(cmd)
	cmd.Flags().DurationVar(&s.drainTimeout, "drain-timeout", 30*time.Second, "how long to go on delivering")
	s.addExitFlags(cmd, "exit with 5 if something is not delivered by --drain-timeout")
	return cmd
}
