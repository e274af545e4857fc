package main

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/author"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/spf13/cobra"
)

// maxCompleted is how many delivery ids are offered to a shell.
const maxCompleted = 100

func (c *command) completionCommand() *cobra.Command {
	shells := map[string]func(*cobra.Command) error{
		"bash": func(root *cobra.Command) error { return root.GenBashCompletionV2(c.out, true) },
		"fish": func(root *cobra.Command) error { return root.GenFishCompletion(c.out, true) },
		"zsh":  func(root *cobra.Command) error { return root.GenZshCompletion(c.out) },
	}
	names := slices.Sorted(maps.Keys(shells))
	return &cobra.Command{
		Use:       "completion SHELL",
		Short:     "Print a script that completes awf-hook's commands in a shell",
		Args:      cobra.ExactArgs(1),
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			write, known := shells[args[0]]
			if !known {
				return spelling.Unknown("shell", args[0], names)
			}
			return write(cmd.Root())
		},
	}
}

// completer lists possible words at a place of the command line.
type completer func(cmd *cobra.Command) []string

// flagCompletions complete the values of flags, by name, in every command.
var flagCompletions = map[string]completer{
	"webhook":    webhookNames,
	"from":       webhookNames,
	"to":         webhookNames,
	"state":      func(*cobra.Command) []string { return api.StateNames() },
	"event":      func(*cobra.Command) []string { return eventTypes() },
	"sample":     func(*cobra.Command) []string { return eventTypes() },
	"scheme":     func(*cobra.Command) []string { return []string{"awf", "custom", "github", "standard"} },
	"log-format": func(*cobra.Command) []string { return []string{"json", "text"} },
	"log-level":  func(*cobra.Command) []string { return []string{"debug", "error", "info", "warn"} },
	"lang":       func(*cobra.Command) []string { return author.Names() },
	"isolation":  func(*cobra.Command) []string { return []string{"event", "instance"} },
}

// argumentCompletions complete the first argument, by the command's path.
var argumentCompletions = map[string]completer{
	"deliveries show":   newestIDs,
	"deliveries replay": newestIDs,
	"deliveries delete": newestIDs,
	"webhooks test":     webhookNames,
	"webhooks enable":   webhookNames,
	"webhooks disable":  webhookNames,
	"webhooks pause":    webhookNames,
	"events":            func(*cobra.Command) []string { return eventTypes() },
	"functions":         func(*cobra.Command) []string { return functionNames() },
	"formats":           func(*cobra.Command) []string { return format.Names() },
}

// complete adds the completions of a command.
func complete(cmd *cobra.Command, path string) {
	for name, list := range flagCompletions {
		if cmd.Flags().Lookup(name) != nil || cmd.PersistentFlags().Lookup(name) != nil {
			_ = cmd.RegisterFlagCompletionFunc(name, completing(list)) // the flag exists
		}
	}
	if list, known := argumentCompletions[path]; known {
		first := completing(list)
		cmd.ValidArgs = nil
		cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return first(cmd, args, typed)
		}
	}
}

func completing(list completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		names := slices.DeleteFunc(list(cmd), func(name string) bool { return !strings.HasPrefix(name, typed) || plain(name) != name })
		slices.Sort(names)
		return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
	}
}

// webhookNames lists the webhooks in the configuration and in the queue.
func webhookNames(cmd *cobra.Command) (names []string) {
	cfg, queue := completedQueue(cmd)
	if cfg != nil {
		names = namesOf(cfg.ActiveAnywhere())
	}
	if queue != nil {
		defer queue.Close()
		lanes, _ := queue.Lanes(context.Background())
		for i := range lanes {
			names = append(names, api.WebhookName(lanes[i].Webhook))
		}
	}
	return names
}

// newestIDs lists the ids of the newest deliveries.
func newestIDs(cmd *cobra.Command) (ids []string) {
	if _, queue := completedQueue(cmd); queue != nil {
		defer queue.Close()
		items, _ := queue.List(context.Background(), engine.Filter{Limit: maxCompleted})
		for i := range items {
			ids = append(ids, items[i].Delivery.ID)
		}
	}
	return ids
}

// completedQueue reads the configuration that the command line names so far, and opens its queue's file; nil for what there is not. It
// never prints anything.
func completedQueue(cmd *cobra.Command) (*config.Config, *engine.Deliveries) {
	named := func(name string) string {
		if flag := cmd.Flag(name); flag != nil {
			return flag.Value.String()
		}
		return ""
	}
	search := config.Search{File: named("config"), Env: os.LookupEnv}
	cfg, _ := search.Load()
	if cfg == nil {
		return nil, nil
	}
	file := queueFile(search, cfg, named("queue"))
	if _, err := os.Stat(file); err != nil { // opening would create it
		return cfg, nil
	}
	queue, _ := engine.OpenDeliveries(file, cfg.Queue.Space())
	return cfg, queue
}
