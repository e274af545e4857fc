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
		Use:   "completion SHELL",
		Short: "Print a script that completes awf-hook's commands in a shell",
		Long: `completion prints a script for bash, fish or zsh. With it, Tab completes commands, flags, and the names of webhooks, the ids of
deliveries, states, types of events, formats and languages. A release and the Debian package have these scripts.

  bash   source <(awf-hook completion bash) in ~/.bashrc; it needs the package bash-completion
  fish   awf-hook completion fish > ~/.config/fish/completions/awf-hook.fish
  zsh    awf-hook completion zsh > "${fpath[1]}/_awf-hook"; ~/.zshrc needs: autoload -U compinit; compinit`,
		Example:   "  source <(awf-hook completion bash)",
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

// completedConfig reads the configuration that the command line names so far. It never prints anything.
func completedConfig(cmd *cobra.Command) (config.Search, *config.Config) {
	search := config.Search{Env: os.LookupEnv}
	if flag := cmd.Flag("config"); flag != nil {
		search.File = flag.Value.String()
	}
	cfg, _ := search.Load()
	return search, cfg
}

// webhookNames lists the webhooks in the configuration and in the queue.
func webhookNames(cmd *cobra.Command) (names []string) {
	search, cfg := completedConfig(cmd)
	if cfg == nil {
		return nil
	}
	names = namesOf(activeWebhooks(cfg))
	withCompletedQueue(cmd, search, cfg, func(q *engine.Deliveries) {
		lanes, _ := q.Lanes(context.Background())
		for i := range lanes {
			names = append(names, api.WebhookName(lanes[i].Webhook))
		}
	})
	return names
}

// newestIDs lists the ids of the newest deliveries.
func newestIDs(cmd *cobra.Command) (ids []string) {
	search, cfg := completedConfig(cmd)
	if cfg == nil {
		return nil
	}
	withCompletedQueue(cmd, search, cfg, func(q *engine.Deliveries) {
		items, _ := q.List(context.Background(), engine.Filter{Limit: maxCompleted})
		for i := range items {
			ids = append(ids, items[i].Delivery.ID)
		}
	})
	return ids
}

// withCompletedQueue opens the queue if there is one.
func withCompletedQueue(cmd *cobra.Command, search config.Search, cfg *config.Config, do func(*engine.Deliveries)) {
	named := ""
	if flag := cmd.Flag("queue"); flag != nil {
		named = flag.Value.String()
	}
	file := queueFile(search, cfg, named)
	if _, err := os.Stat(file); err != nil { // opening would create it
		return
	}
	queue, err := engine.OpenDeliveries(file, cfg.Queue.Space())
	if err != nil {
		return
	}
	do(queue)
	_ = queue.Close() // nothing was changed
}
