package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/filters"
	"github.com/spf13/cobra"
)

// watchEvery is how often --watch lists.
const watchEvery = 2 * time.Second

// sayNone says that a filter selects nothing. It suggests a type of event, and says where a text was looked for.
func (c *command) sayNone(f engine.Filter) {
	where := ""
	if f.Text != "" {
		where = ": --text looks in the ids of deliveries, events and runs, and in reasons"
	}
	c.sayf("no delivery matches%s", cmp.Or(meantType(f.Event), where))
}

// meantType returns the end of an error about a type of event: the type that was probably meant, "" if there is none.
func meantType(typ string) string {
	glob, err := filters.ParseGlob(typ)
	if err != nil {
		return ""
	}
	if why := filters.Unlikely(glob); strings.Contains(why, "did you mean") {
		return ": " + why
	}
	return ""
}

func (c *command) listDeliveries(where *queueFlags) *cobra.Command {
	var flags filterFlags
	watch := false
	cmd := &cobra.Command{
		Use:  "list",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			filter, err := flags.filter()
			if err == nil && watch && where.json {
				err = errors.New("--watch goes without --json")
			}
			if err != nil {
				return err
			}
			return c.withQueue(where, func(ctx context.Context, q openedQueue) error {
				if watch {
					return c.watchDeliveries(ctx, q, filter)
				}
				return c.list(ctx, q, filter, where.json)
			})
		},
	}
	flags.add(cmd, "due, in_flight, delivered, dead or dropped")
	cmd.Flags().IntVar(&flags.Limit, "limit", 50, "print at most this `NUMBER`; 0 for all")
	cmd.Flags().Int64Var(&flags.Before, "before", 0, "the next page: only those before this `NUMBER`, which a list names at its end")
	cmd.Flags().BoolVar(&watch, "watch", false, "list again every two seconds, until Ctrl-C")
	return cmd
}

// list lists deliveries once.
func (c *command) list(ctx context.Context, q openedQueue, filter engine.Filter, asJSON bool) error {
	page := filter.Limit
	if page > 0 {
		filter.Limit++
	}
	items, err := c.lookThrough(ctx, q, filter)
	if err != nil {
		return err
	}
	items, before := api.Cut(items, cmp.Or(page, len(items)), func(it *api.Item) int64 { return it.Seq })
	if len(items) == 0 && filter != (engine.Filter{Limit: filter.Limit}) {
		c.sayNone(filter)
	}
	printList(c.out, items, asJSON, itemRows)
	if err := c.warnOfOrphans(ctx, q); err != nil {
		return err
	}
	c.sayMore(before, asJSON)
	return nil
}

// sayAfter is how long a list takes before it says that it looks through the queue, where nothing shows progress.
const sayAfter = time.Second

// lookThrough lists deliveries. If that takes long, it says on stderr what it is doing.
func (c *command) lookThrough(ctx context.Context, q openedQueue, filter engine.Filter) ([]api.Item, error) {
	const doing = "looking through the whole queue"
	defer c.screen.working(doing)()
	if c.screen == nil {
		ended := make(chan struct{})
		var saying sync.WaitGroup
		saying.Go(func() {
			select {
			case <-time.After(sayAfter):
				c.sayf(doing)
			case <-ended:
			}
		})
		defer saying.Wait()
		defer close(ended)
	}
	return q.List(ctx, filter)
}

// sayMore says where the next page begins; 0 is nowhere. With --json, stdout has objects only.
func (c *command) sayMore(before int64, asJSON bool) {
	switch {
	case before == 0:
	case asJSON:
		c.sayf("more: --before %d", before)
	default:
		fmt.Fprintf(c.out, "more: --before %d\n", before)
	}
}

// watchDeliveries lists deliveries repeatedly.
func (c *command) watchDeliveries(ctx context.Context, q openedQueue, filter engine.Filter) error {
	return c.watch(ctx, watchEvery, func(ctx context.Context) (string, error) {
		items, err := q.List(ctx, filter)
		return tableText(itemRows(items), terminalWidth(c.out)), err
	})
}
