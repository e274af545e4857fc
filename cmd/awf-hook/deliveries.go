package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
			items, err := d.List(filter)
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

// itemJSON is a delivery as --json prints it.
type itemJSON struct {
	ID           string     `json:"id"`
	State        string     `json:"state"`
	Webhook      string     `json:"webhook"`
	Event        string     `json:"event"`
	EventID      string     `json:"event_id"`
	WorkflowID   string     `json:"workflow_id,omitempty"`
	WorkflowName string     `json:"workflow_name,omitempty"`
	Accepted     time.Time  `json:"accepted"`
	Due          *time.Time `json:"due,omitempty"`
	Done         *time.Time `json:"done,omitempty"`
	Attempts     int        `json:"attempts"`
	Reason       string     `json:"reason,omitempty"`
	Held         string     `json:"held,omitempty"`
	Seq          int64      `json:"seq"`
}

func newItemJSON(it *engine.Item) itemJSON {
	j := itemJSON{
		ID: it.Delivery.ID, State: string(it.State), Webhook: it.Delivery.Webhook, Event: it.Delivery.Event, EventID: it.Delivery.EventID,
		WorkflowID: it.Event.WorkflowID, WorkflowName: it.Event.WorkflowName, Accepted: it.Accepted, Attempts: it.Delivery.Attempts,
		Reason: it.Reason, Held: it.Held, Seq: it.Seq,
	}
	if it.Done.IsZero() {
		j.Due = &it.Delivery.Due
	} else {
		j.Done = &it.Done
	}
	return j
}

// printItems prints a table that fits 100 columns, or an object for each.
func (c *command) printItems(items []engine.Item, asJSON bool) {
	if asJSON {
		for i := range items {
			text, _ := json.Marshal(newItemJSON(&items[i])) // texts, numbers and times only
			fmt.Fprintf(c.out, "%s\n", text)
		}
		return
	}
	fmt.Fprintf(c.out, "%-30s %-9s %-14s %-16s %-4s %s\n", "ID", "STATE", "WEBHOOK", "EVENT", "TRY", "WHEN / WHY")
	for _, it := range items {
		fmt.Fprintf(c.out, "%-30s %-9s %-14s %-16s %-4d %s\n", it.Delivery.ID, it.State, fit(nameOf(it.Delivery.Webhook), 14), fit(it.Delivery.Event, 16),
			it.Delivery.Attempts, fit(whenWhy(&it), 20))
	}
}

// whenWhy is the last column: when a delivery is due and what holds it back, or why it is dead.
func whenWhy(it *engine.Item) string {
	switch it.State {
	case delivery.Due:
		if it.Held != "" {
			return it.Held
		}
		if wait := time.Until(it.Delivery.Due).Round(time.Second); wait > 0 {
			return "in " + wait.String()
		}
		return "now"
	case delivery.IsDead, delivery.IsDropped:
		return it.Reason
	}
	return ago(it.Done)
}

func ago(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return time.Since(t).Round(time.Second).String() + " ago"
}

// nameOf is a webhook's name, of its identity.
func nameOf(identity string) string {
	return identity[strings.LastIndexByte(identity, '#')+1:]
}

// fit makes a text harmless to a terminal and at most so many characters long.
func fit(text string, n int) string {
	text = plain(text)
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}

func (c *command) showDelivery(where *queueFlags) *cobra.Command {
	return &cobra.Command{Use: "show ID", Short: "Show a delivery: its event, its attempts, its body", Args: cobra.ExactArgs(1), RunE: func(_ *cobra.Command, ids []string) error {
		return c.withQueue(where, func(d *engine.Deliveries, cfg *config.Config) error {
			detail, err := d.Show(ids[0])
			if err != nil {
				return err
			}
			if where.json {
				return c.showJSON(detail, cfg)
			}
			showDetail(c.out, detail, engine.Body(detail, cfg))
			return nil
		})
	}}
}

// attemptJSON is an attempt as --json prints it.
type attemptJSON struct {
	Number     int       `json:"attempt"`
	At         time.Time `json:"at"`
	Took       float64   `json:"took"` // seconds, as those below
	Status     int       `json:"status,omitempty"`
	Outcome    string    `json:"outcome"`
	Reason     string    `json:"reason"`
	Response   string    `json:"response,omitempty"`
	RetryAfter float64   `json:"retry_after,omitempty"`
	Free       bool      `json:"not_counted,omitempty"`
}

func timeline(attempts []delivery.Attempt) []attemptJSON {
	list := []attemptJSON{}
	for _, a := range attempts {
		list = append(list, attemptJSON{a.Number, a.At, a.Took.Seconds(), a.Status, a.Outcome.String(), a.Reason, a.Response, a.RetryAfter.Seconds(), a.Free})
	}
	return list
}

func (c *command) showJSON(d *engine.Detail, cfg *config.Config) error {
	shown := struct {
		itemJSON
		Timeline []attemptJSON `json:"timeline"`
		Body     string        `json:"body,omitempty"`
	}{newItemJSON(&d.Item), timeline(d.Attempts), string(engine.Body(d, cfg))}
	text, err := json.Marshal(shown)
	if err == nil {
		_, err = fmt.Fprintf(c.out, "%s\n", text)
	}
	return err
}

func showDetail(out io.Writer, d *engine.Detail, body []byte) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-10s %s\n", name, plain(fmt.Sprintf(format, args...)))
	}
	line("delivery", "%s", d.Delivery.ID)
	line("state", "%s", d.State)
	if d.Reason != "" {
		line("reason", "%s", d.Reason)
	}
	line("webhook", "%s", d.Delivery.Webhook)
	event := d.Event.Type
	for _, more := range [][2]string{{" of ", d.Event.WorkflowName}, {", run ", d.Event.WorkflowID}} {
		if more[1] != "" {
			event += more[0] + more[1]
		}
	}
	line("event", "%s", event)
	line("accepted", "%s", d.Accepted.Format(time.RFC3339))
	if d.State == delivery.Due {
		line("due", "%s (%s)", d.Delivery.Due.Format(time.RFC3339), whenWhy(&d.Item))
	}
	for _, a := range d.Attempts {
		text := fmt.Sprintf("%s  %s after %v", a.At.Format(time.RFC3339), a.Reason, a.Took)
		if a.RetryAfter > 0 {
			text += fmt.Sprintf(", asked for %v", a.RetryAfter)
		}
		if a.Free {
			text += ", not counted"
		}
		line(fmt.Sprintf("attempt %d", a.Number), "%s", text)
		if a.Response != "" {
			line("", "%s", a.Response)
		}
	}
	if body == nil {
		line("body", "not made yet")
		return
	}
	fmt.Fprintf(out, "%-10s %s\n", "body", harmless(string(body)))
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
			return c.changeDeliveries(where, &flags, ids, verb, func(d *engine.Deliveries, f engine.Filter) (int, error) {
				if f.State = delivery.IsDead; dry {
					items, err := d.List(f)
					c.printItems(items, where.json)
					return len(items), err
				}
				return d.Replay(f, change)
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
func (c *command) changeDeliveries(where *queueFlags, flags *filterFlags, ids []string, verb verb, change func(*engine.Deliveries, engine.Filter) (int, error)) error {
	filter, err := flags.filter(ids)
	if err != nil {
		return err
	}
	if filter == (engine.Filter{}) {
		return fmt.Errorf("want an ID, or flags that say which %s", verb.to)
	}
	return c.withQueue(where, func(d *engine.Deliveries, _ *config.Config) error {
		n, err := change(d, filter)
		if err == nil && n == 0 && filter.ID != "" {
			if _, err = d.Show(filter.ID); err == nil {
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
	flags := runFlags{}
	cmd := &cobra.Command{
		Use: "send", Short: "Deliver what is due and exit, as run does at its end",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			c.in = strings.NewReader("")
			flags.config, flags.queue, flags.json = where.config, where.queue, where.json
			return c.runStdin(flags)
		},
	}
	cmd.Flags().DurationVar(&flags.drainTimeout, "drain-timeout", 30*time.Second, "how long to go on delivering")
	cmd.Flags().BoolVar(&flags.wait, "wait-delivered", false, "exit with 5 if something is not delivered by --drain-timeout")
	return cmd
}
