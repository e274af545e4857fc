package main

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/author"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
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

// flagCompletions complete the values of flags, by name, in every command, or by the command's path and the name.
var flagCompletions = map[string]completer{
	"webhook":                webhookNames,
	"deliveries move --from": webhookNames,
	"deliveries move --to":   webhookNames,
	"state":                  func(*cobra.Command) []string { return api.StateNames() },
	"event":                  func(*cobra.Command) []string { return eventTypes() },
	"sample":                 func(*cobra.Command) []string { return eventTypes() },
	"scheme":                 words("awf", "custom", "github", "standard"),
	"hash":                   words("sha256", "sha512"),
	"encoding":               words("base64", "hex"),
	"log-format":             words("json", "text"),
	"log-level":              words("debug", "error", "info", "warn"),
	"lang":                   func(*cobra.Command) []string { return author.Names() },
	"isolation":              words("event", "instance"),
}

// words makes a completer of fixed words.
func words(list ...string) completer {
	return func(*cobra.Command) []string { return slices.Clone(list) }
}

// ofFiles are the words by which a help names values that are files or folders: the shell completes those.
var ofFiles = []string{"FILE", "DIR", "PATH", "FOLDER", "QUEUE", "MODULE", "EVENTS", "TESTS", "AUDIT", "COMMAND"}

// namesFile reports whether a help names a value that is a file or a folder.
func namesFile(usage string) bool {
	return slices.ContainsFunc(ofFiles, func(word string) bool { return strings.Contains(usage, word) })
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
	add := func(f *pflag.Flag) {
		list := flagCompletions[path+" --"+f.Name]
		if list == nil {
			list = flagCompletions[f.Name]
		}
		if name, _ := pflag.UnquoteUsage(f); list == nil && !namesFile(name) {
			list = words()
		}
		if list != nil {
			_ = cmd.RegisterFlagCompletionFunc(f.Name, completing(list)) // the flag exists
		}
	}
	cmd.Flags().VisitAll(add)
	cmd.PersistentFlags().VisitAll(add)
	list := argumentCompletions[path]
	hasOwn := cmd.ValidArgs != nil || cmd.ValidArgsFunction != nil
	if _, arguments, _ := strings.Cut(cmd.Use, " "); list == nil && !hasOwn && !namesFile(arguments) {
		list = words()
	}
	if list != nil {
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
	withCompleted(cmd, func(ctx context.Context, cfg *config.Config, queue api.Queue) {
		if cfg != nil {
			names = namesOf(cfg.ActiveAnywhere())
		}
		if queue != nil {
			lanes, _ := queue.Webhooks(ctx)
			for i := range lanes {
				names = append(names, lanes[i].Webhook)
			}
		}
	})
	return names
}

// newestIDs lists the ids of the newest deliveries.
func newestIDs(cmd *cobra.Command) (ids []string) {
	withCompleted(cmd, func(ctx context.Context, _ *config.Config, queue api.Queue) {
		if queue != nil {
			items, _ := queue.List(ctx, engine.Filter{Limit: maxCompleted})
			for i := range items {
				ids = append(ids, items[i].ID)
			}
		}
	})
	return ids
}

// completionTimeout is how long a shell waits for a server's names.
const completionTimeout = 2 * time.Second

// withCompleted calls do with the configuration and the queue that the command line names so far: a server's, or a file's. Either
// is nil if there is none. It never prints anything.
func withCompleted(cmd *cobra.Command, do func(context.Context, *config.Config, api.Queue)) {
	named := func(name string) string {
		if flag := cmd.Flag(name); flag != nil {
			return flag.Value.String()
		}
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), completionTimeout)
	defer cancel()
	if server := named("server"); server != "" {
		if client, err := api.Dial(server, os.Getenv("AWF_HOOK_TOKEN")); err == nil {
			do(ctx, nil, client)
		}
		return
	}
	search := config.Search{File: named("config"), Env: os.LookupEnv}
	cfg, _ := search.Load()
	if cfg == nil {
		return
	}
	file := queueFile(search, cfg, named("queue"))
	if _, err := os.Stat(file + "-wal"); err == nil { // opening would make a missing log, after which nobody would hear that it was missing
		if queue, err := engine.OpenDeliveries(file, cfg.Queue.Space(), nil); err == nil {
			defer queue.Close()
			do(ctx, cfg, api.Local{Deliveries: queue, Config: func() *config.Config { return cfg }})
			return
		}
	}
	do(ctx, cfg, nil)
}
