package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/spf13/cobra"
)

// queueFlags say which queue a command opens.
type queueFlags struct {
	configFlags
	queue  string
	server string
	json   bool
}

func (q *queueFlags) add(cmd *cobra.Command) {
	flags := cmd.PersistentFlags()
	q.addFileFlag(flags)
	addQueueFlag(flags, &q.queue)
	flags.StringVar(&q.server, "server", "",
		"the queue of the awf-hook serve at this `URL`, instead of a queue of this machine; its token is $AWF_HOOK_TOKEN")
	flags.BoolVar(&q.json, "json", false, "print JSON, an object on each line")
}

// filterFlags select deliveries.
type filterFlags struct {
	engine.Filter
	since string
}

func (f *filterFlags) add(cmd *cobra.Command, states string) {
	flags := cmd.Flags()
	flags.StringVar((*string)(&f.State), "state", "", "only those in this `STATE`: "+states)
	flags.StringVar(&f.Webhook, "webhook", "", "only those of the webhook of this `NAME`")
	flags.StringVar(&f.Workflow, "workflow", "", "only those of the workflow of this `NAME`")
	flags.StringVar(&f.Event, "event", "", "only those of this `TYPE` of event")
	flags.StringVar(&f.Run, "run", "", "only those of the workflow run with this `ID`")
	flags.StringVar(&f.Source, "source", "", "only those of events that a server got with the token of this `NAME`")
	flags.StringVar(&f.Text, "text", "", "only those with this `TEXT` in an id or in their reason")
	flags.StringVar(&f.since, "since", "",
		"only those accepted since a `TIME` like 2026-11-24T00:00:00Z, or within a duration like 1h or 7d")
}

// filter returns the filter of the flags.
func (f *filterFlags) filter() (filter engine.Filter, err error) {
	if filter = f.Filter; filter.State != "" && !slices.Contains(delivery.States, filter.State) {
		return filter, unknownState(filter.State, api.StateNames()...)
	}
	filter.Since, err = sinceTime(f.since)
	return filter, err
}

// sinceTime reads the value of --since: a time in the past, or a duration before now; the zero time without one.
func sinceTime(text string) (time.Time, error) {
	at, err := api.ParseTime(text)
	switch {
	case err != nil:
		return at, fmt.Errorf("--since: %w", err)
	case at.After(time.Now()):
		return at, fmt.Errorf("--since: %s is in the future", text)
	}
	return at, nil
}

func (c *command) deliveriesCommand() *cobra.Command {
	var where queueFlags
	cmd := &cobra.Command{
		Use: "deliveries",
	}
	where.add(cmd)
	list := c.listDeliveries(&where)
	cmd.RunE = list.RunE
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, c.showDelivery(&where), c.replayDeliveries(&where), c.deleteDeliveries(&where),
		c.moveDeliveries(&where), c.sendDeliveries(&where),
		c.backupDeliveries(&where))
	return cmd
}

// openedQueue is a queue that a command shows or changes.
type openedQueue struct {
	api.Queue
	deliveries *engine.Deliveries // nil for a server's queue
	file       string             // or the server's address
	config     *config.Config     // nil for a server's queue
	flags      *configFlags       // that found the configuration
	mistakes   error              // in the configuration; if there are any, nothing in it may be shown
}

// onServer reports whether the queue is a server's, which has its own configuration.
func (q openedQueue) onServer() bool { return q.deliveries == nil }

// withQueue opens the queue that the flags name and calls do.
func (c *command) withQueue(where *queueFlags, do func(ctx context.Context, q openedQueue) error) error {
	ctx := access.With(context.Background(), access.Who{Name: userName()})
	if where.server != "" {
		return withServer(ctx, where, do)
	}
	cfg, file, err := where.findQueue(where.queue)
	if cfg == nil {
		return err
	}
	if config.IsDatabase(file) {
		if err := cfg.Share(); err != nil {
			return &exitError{exitConfig, err}
		}
	}
	waiting := c.screen.working("waiting for the queue")
	deliveries, openErr := c.openQueue(file, cfg.Queue.Space())
	waiting()
	if openErr != nil {
		return openErr
	}
	c.warnOfNamespaces(ctx, deliveries, file, cfg)
	local := api.Local{Deliveries: deliveries, Config: func() *config.Config { return cfg }, Broken: err != nil}
	err = inQueue(do(ctx, openedQueue{local, deliveries, file, cfg, &where.configFlags, err}))
	if closed := deliveries.Close(); err == nil && closed != nil {
		err = failure(closed)
	}
	return err
}

// onQueue returns a command's function that needs the queue and the command's arguments.
func (c *command) onQueue(where *queueFlags, do func(ctx context.Context, q openedQueue, args []string) error,
) func(*cobra.Command, []string) error {
	return func(_ *cobra.Command, args []string) error {
		return c.withQueue(where, func(ctx context.Context, q openedQueue) error { return do(ctx, q, args) })
	}
}

// findQueue finds the queue of a command that needs little else of the configuration. flag may name its place. If a mistake leaves the
// place in doubt, findQueue returns it without a configuration; any other mistake comes with the configuration.
func (f *configFlags) findQueue(flag string) (cfg *config.Config, place string, err error) {
	cfg, err = f.search().Load()
	if cfg == nil {
		return nil, "", &exitError{exitConfig, err}
	}
	place = queueFile(f.search(), cfg, flag)
	if flag != "" && !config.IsDatabase(flag) {
		return cfg, place, err
	}
	mistakes, _ := errors.AsType[config.Errors](err)
	for _, m := range mistakes {
		if hidesQueue(m.Path) {
			return nil, "", &exitError{exitConfig, mistakes}
		}
	}
	return cfg, place, err
}

// hidesQueue reports whether a mistake at a path leaves the queue's place in doubt: the user may have meant the queue's settings.
func hidesQueue(path string) bool {
	top := path[:strings.IndexAny(path+".", ".[")]
	key := path[strings.LastIndexByte(path, '.')+1:]
	return !slices.Contains([]string{"webhooks", "tests", "network", "serve"}, top) || spelling.Nearest(key, []string{"queue"}) != ""
}

// maxNamespaces is how many namespaces a warning names.
const maxNamespaces = 3

// warnOfNamespaces says on stderr that a database has deliveries of other namespaces only, if the configuration chooses none.
func (c *command) warnOfNamespaces(ctx context.Context, deliveries *engine.Deliveries, file string, cfg *config.Config) {
	if !config.IsDatabase(file) || cfg.Queue.Namespace != "" {
		return
	}
	if own, err := deliveries.Namespaces(ctx); err != nil || len(own) > 0 { // the command meets the same error
		return
	}
	all, err := engine.OpenDeliveries(file, "", c.logger())
	if err != nil {
		return
	}
	defer all.Close()
	names, err := all.Namespaces(ctx)
	if err != nil || len(names) == 0 {
		return
	}
	more := ""
	if left := len(names) - maxNamespaces; left > 0 {
		names, more = names[:maxNamespaces], fmt.Sprintf(" and %d more", left)
	}
	c.sayf("%s has nothing of the namespace %s but has %s%s: choose one with queue.namespace in a configuration (-c FILE)",
		engine.QueueName(file), cfg.Queue.Space(), plain(strings.Join(names, ", ")), more)
}

var errInMemory = errors.New("the queue is in memory and ends with each process: it holds nothing from before")

// openQueue opens a queue that exists. A place of "" means that none is known.
func (c *command) openQueue(place, namespace string) (*engine.Deliveries, error) {
	if place == "" {
		return nil, failure(errors.New("there is no place for a queue: set HOME, queue.path or --queue"))
	}
	if place == engine.Memory {
		return nil, failure(errInMemory)
	}
	if !config.IsDatabase(place) && hasNoQueue(place) { // a database reports by itself that it does not exist
		return nil, failure(fmt.Errorf("no queue at %s", plain(place)))
	}
	queue, err := engine.OpenDeliveries(place, namespace, c.logger())
	if err != nil {
		return nil, failure(err)
	}
	return queue, nil
}

// hasNoQueue reports whether there is neither a queue's file at a place nor the log of one that was there.
func hasNoQueue(place string) bool {
	_, err := os.Lstat(place)
	log, noLog := os.Stat(place + "-wal")
	return errors.Is(err, fs.ErrNotExist) && (noLog != nil || log.Size() == 0)
}

// withServer calls do with the queue of a server.
func withServer(ctx context.Context, where *queueFlags, do func(ctx context.Context, q openedQueue) error) error {
	if where.queue != "" || where.file != "" {
		return errors.New("--server: the server has its own queue and configuration: leave out --queue and --config")
	}
	client, err := api.Dial(where.server, os.Getenv("AWF_HOOK_TOKEN"))
	if err != nil {
		return fmt.Errorf("--server: %w", err)
	}
	return inQueue(do(ctx, openedQueue{Queue: client, file: where.server}))
}

// inQueue makes an error without an exit code a failure: it comes from the queue, not from the arguments.
func inQueue(err error) error {
	if _, coded := errors.AsType[*exitError](err); err == nil || coded {
		return err
	}
	return failure(err)
}

// userName returns the name of the command's user.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}

// find returns the delivery whose id begins with the given text.
func (q openedQueue) find(ctx context.Context, id string) (api.Item, error) {
	item, err := api.Find(ctx, q, id)
	if errors.Is(err, engine.ErrUnknown) {
		return item, fmt.Errorf("%s: %w%s", plain(id), engine.ErrUnknown, q.suggest(ctx, id))
	}
	return item, err
}

// maxSuggested is how many of the newest deliveries are searched for one that an unknown id may mean.
const maxSuggested = 1000

// suggest names the delivery that an unknown id may mean, or says where to find ids.
func (q openedQueue) suggest(ctx context.Context, id string) string {
	items, err := q.List(ctx, engine.Filter{Limit: maxSuggested})
	if err != nil || len(items) == 0 {
		return ": the queue is empty"
	}
	var ids, found []string
	for i := range items {
		ids = append(ids, items[i].ID)
		if len(id) >= 4 && strings.Contains(ids[i], strings.ToLower(id)) {
			found = append(found, ids[i])
		}
	}
	near := spelling.Nearest(id, ids)
	if len(found) == 1 {
		near = found[0]
	}
	if near == "" {
		return ": awf-hook deliveries list shows them"
	}
	return ": did you mean " + near + "?"
}

// unknownState returns the error for a value of --state that is none of the states.
func unknownState(given delivery.State, states ...string) error {
	return fmt.Errorf("--state: %w", spelling.Unknown("state", string(given), states))
}

// warnOfOrphans says on stderr which deliveries nobody delivers under the current configuration.
func (c *command) warnOfOrphans(ctx context.Context, q openedQueue) error {
	if q.onServer() || q.mistakes != nil { // a configuration with mistakes may lack any webhook
		return nil
	}
	lanes, err := q.deliveries.Lanes(ctx)
	if err != nil {
		return err
	}
	sayOrphans(c.sayf, q.flags.search(), engine.Orphans(lanes, q.config), q.file)
	return nil
}

func (c *command) showDelivery(where *queueFlags) *cobra.Command {
	return &cobra.Command{
		Use:  "show ID",
		Args: cobra.ExactArgs(1),
		RunE: c.onQueue(where, func(ctx context.Context, q openedQueue, ids []string) error {
			item, err := q.find(ctx, ids[0])
			if err != nil {
				return err
			}
			detail, err := q.Show(ctx, item.ID)
			switch {
			case err != nil:
				return err
			case where.json:
				encode(c.out, detail)
			default:
				showDetail(c.out, detail)
			}
			return nil
		}),
	}
}
