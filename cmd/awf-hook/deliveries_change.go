package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/spf13/cobra"
)

// change says what replay and delete do with the selected deliveries.
type change struct {
	filterFlags
	verb  string // "replay"
	done  string // "replayed"
	not   string // why a delivery that exists was not changed
	all   bool   // no ID and no filter means all
	dry   bool   // list only
	yes   bool   // do not ask
	asks  bool   // a filter needs confirmation
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
		Use:  "replay [ID]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, ids []string) error {
			switch ch.State {
			case "":
				ch.State = delivery.IsDead
			case delivery.IsDelivered:
				ch.asks = true
			case delivery.IsDead:
			default:
				return unknownState(ch.State, string(delivery.IsDead), string(delivery.IsDelivered))
			}
			ch.not = "it is not " + string(ch.State) + ": replay takes dead letters, and with --state delivered also delivered ones"
			return c.changeDeliveries(where, &ch, ids)
		},
	}
	ch.add(cmd, "dead (default) or delivered")
	cmd.Flags().BoolVarP(&ch.yes, "yes", "y", false, "do not ask")
	cmd.Flags().BoolVar(&with.Retransform, "retransform", false, "make their bodies again with the current transforms")
	return cmd
}

func (c *command) deleteDeliveries(where *queueFlags) *cobra.Command {
	ch := change{verb: "delete", done: "deleted", not: "it is in flight"}
	ch.apply = func(ctx context.Context, q openedQueue, f engine.Filter) (int, error) { return q.Delete(ctx, f) }
	cmd := &cobra.Command{
		Use:  "delete [ID]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, ids []string) error { return c.changeDeliveries(where, &ch, ids) },
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
	if err := ch.selected(filter, len(ids) > 0); err != nil {
		return err
	}
	return c.withQueue(where, func(ctx context.Context, q openedQueue) error {
		if len(ids) > 0 {
			item, err := q.find(ctx, ids[0])
			if err != nil {
				return err
			}
			filter.ID = item.ID
		}
		if ch.dry {
			items, err := c.lookThrough(ctx, q, filter)
			if err != nil {
				return err
			}
			printList(c.out, items, where.json, itemRows)
			c.sayf("%d to %s", len(items), ch.verb)
			return nil
		}
		if err := c.confirm(ctx, q, ch, filter); err != nil {
			return err
		}
		done := c.screen.working(strings.TrimSuffix(ch.verb, "e") + "ing")
		n, err := ch.apply(ctx, q, filter)
		done()
		switch {
		case err != nil:
			return err
		case n == 0 && filter.ID != "":
			return fmt.Errorf("%s: %s", filter.ID, ch.not)
		case n == 0:
			c.sayNone(filter)
		}
		if where.json {
			encode(c.out, api.CountAnswer{Count: n})
		}
		if n > 0 {
			c.sayf("%d %s", n, ch.done)
		}
		return nil
	})
}

// selected refuses flags that select nothing, and those that an ID or --all would make useless.
func (ch *change) selected(filter engine.Filter, byID bool) error {
	if ch.verb == "replay" {
		filter.State = "" // it says what replay does, not to which deliveries
	}
	ways := 0
	for _, way := range []bool{byID, filter != (engine.Filter{}), ch.all} {
		if way {
			ways++
		}
	}
	switch {
	case ways > 1:
		return fmt.Errorf("want an ID, flags that say which to %s, or --all: only one of them", ch.verb)
	case ways == 0:
		return fmt.Errorf("want an ID, flags that say which to %s, or --all", ch.verb)
	}
	return nil
}

// confirm asks for confirmation on a terminal. Elsewhere --yes is needed.
func (c *command) confirm(ctx context.Context, q openedQueue, ch *change, filter engine.Filter) error {
	if !ch.asks || ch.yes {
		return nil
	}
	items, err := q.List(ctx, filter)
	if err != nil {
		return err
	}
	question := fmt.Sprintf("%s %d delivered ones", ch.verb, len(items))
	if !isTerminal(c.in) {
		return fmt.Errorf("want --yes to %s", question)
	}
	if !c.ask(question + "?") {
		return errors.New("nothing changed")
	}
	return nil
}
