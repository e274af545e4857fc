package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/spf13/cobra"
)

func (c *command) queueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "queue",
	}
	cmd.AddCommand(c.moveQueue(), c.checkQueue())
	return cmd
}

func (c *command) moveQueue() *cobra.Command {
	var flags configFlags
	var from, to string
	cmd := &cobra.Command{
		Use:  "move --from QUEUE --to QUEUE",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if to == engine.Memory {
				return errors.New("--to: want a file or a PostgreSQL URL: a queue in memory would end with the move")
			}
			ctx, stop := context.WithCancel(context.Background())
			defer onSignals(stage{end: stop})()
			return c.moveAll(ctx, flags.search(), from, to)
		},
	}
	flags.addFileFlag(cmd.Flags())
	cmd.Flags().StringVar(&from, "from", "", "move deliveries out of this `QUEUE`")
	cmd.Flags().StringVar(&to, "to", "", "move deliveries into this `QUEUE`")
	_ = cmd.MarkFlagRequired("from") // the flags exist
	_ = cmd.MarkFlagRequired("to")
	return cmd
}

var errSame = errors.New("--from and --to are the same queue")

// isSameFile reports whether two paths name the same file, perhaps by a link.
func isSameFile(a, b string) bool {
	first, err := os.Stat(a)
	second, err2 := os.Stat(b)
	return err == nil && err2 == nil && os.SameFile(first, second)
}

func (c *command) moveAll(ctx context.Context, search config.Search, from, to string) error {
	cfg, err := search.Load()
	if err != nil { // the namespace or a webhook's new name may be in doubt
		return &exitError{exitConfig, err}
	}
	rename, err := engine.Renames(cfg, from, to)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	if isSameFile(from, to) {
		return failure(errSame)
	}
	source, err := c.openQueue(from, cfg.Queue.Space())
	if err != nil {
		return err
	}
	defer source.Close()
	c.warnOfNamespaces(ctx, source, from, cfg)
	target, err := engine.OpenDeliveries(to, cfg.Queue.Space(), c.logger())
	if err != nil {
		return failure(err)
	}
	defer target.Close()
	carried, err := source.MoveTo(ctx, target, rename)
	if errors.Is(err, engine.ErrSameQueue) {
		return failure(errSame)
	}
	rest := ""
	if carried.Known > 0 {
		rest = fmt.Sprintf(", %d existed already", carried.Known)
	}
	if carried.Gone > 0 {
		rest += fmt.Sprintf(", %d stay", carried.Gone)
	}
	c.sayf("%d moved from %s to %s%s", carried.Moved, engine.QueueName(from), engine.QueueName(to), rest)
	switch {
	case ctx.Err() != nil:
		return failure(errors.New("stopped: run it again to move the rest"))
	case err != nil:
		return failure(fmt.Errorf("%w: run it again to move the rest", err))
	case carried.InFlight > 0:
		const left = "%d are in flight in %s or wait behind one that is: run it again to move them"
		return failure(fmt.Errorf(left, carried.InFlight, engine.QueueName(from)))
	case carried.Gone > 0:
		const stay = "%d stay in %s and are not sent: %s had them before, and has sent, moved or deleted them. " +
			"To send them all the same, move them to a third queue"
		return failure(fmt.Errorf(stay, carried.Gone, engine.QueueName(from), engine.QueueName(to)))
	}
	return nil
}

func (c *command) checkQueue() *cobra.Command {
	var flags configFlags
	var place string
	var asJSON bool
	cmd := &cobra.Command{
		Use:  "check",
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			cfg, file, err := flags.findQueue(place)
			if cfg == nil {
				return err
			}
			queue, err := c.openQueue(file, "")
			if err != nil {
				return err
			}
			defer queue.Close()
			name, text := engine.QueueName(file), ""
			wrong, err := queue.Check(context.Background())
			if err != nil {
				return failure(fmt.Errorf("%s: %w", name, err))
			}
			for _, what := range wrong {
				text += plain(what) + "\n"
			}
			c.print(asJSON, queueCheckJSON{name, len(wrong) == 0, wrong}, "%s", cmp.Or(text, name+" is consistent\n"))
			if len(wrong) > 0 {
				return failure(fmt.Errorf("%s is not consistent", name))
			}
			return nil
		},
	}
	flags.addFileFlag(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false, "print it as a JSON object")
	addQueueFlag(cmd.Flags(), &place)
	return cmd
}

// queueCheckJSON lists the faults of a queue, as --json prints it.
type queueCheckJSON struct {
	Queue    string   `json:"queue"`
	OK       bool     `json:"ok"`
	Problems []string `json:"problems,omitempty"`
}
