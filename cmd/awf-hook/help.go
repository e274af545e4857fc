package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/docs"
	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/spf13/cobra"
)

// helpOf returns what a command's help says: what it does in a line, the text and the examples, from its section of docs/commands.md.
func helpOf(path string) (short, text, examples string) {
	_, section, _ := strings.Cut(docs.Commands, "## "+path+"\n") // a search that begins with \n takes ten times as long
	section, _, _ = strings.Cut(section, "\n## ")
	short, section, _ = strings.Cut(section, ".\n\n```\n")
	_, section, _ = strings.Cut(section, "\n```\n\n") // the usage is in the code
	section, _, _ = strings.Cut(section, "\n\n| ")    // so are flags and fields
	text, examples, _ = strings.Cut(section, "\n\n```\n")
	examples, _, _ = strings.Cut(examples, "\n```")
	return strings.TrimSpace(short), strings.TrimSpace(text), examples
}

// otherNames lists words of other tools for a command.
var otherNames = map[string][]string{
	"backtest":          {"simulate", "history"},
	"check":             {"lint", "validate", "verify-config", "config"},
	"run":               {"start", "pipe"},
	"exec":              {"wrap"},
	"follow":            {"tail", "watch"},
	"serve":             {"daemon", "server", "agent"},
	"emit":              {"fire", "publish"},
	"preview":           {"dry-run", "dryrun", "plan", "render"},
	"doctor":            {"diagnose", "status", "debug", "health"},
	"listen":            {"receive", "receiver"},
	"explain":           {"why", "trace"},
	"top":               {"monitor", "dashboard", "stats", "lanes"},
	"deliveries":        {"dead", "dlq", "messages", "logs"},
	"deliveries list":   {"ls", "lst"},
	"deliveries show":   {"get", "describe", "inspect", "cat"},
	"deliveries replay": {"retry", "redrive", "requeue", "resend"},
	"deliveries delete": {"rm", "remove", "purge", "discard"},
	"deliveries move":   {"mv", "rename"},
	"deliveries send":   {"flush", "drain", "deliver"},
	"webhooks list":     {"ls", "lst"},
	"webhooks test":     {"try", "ping"},
	"webhooks enable":   {"resume", "unpause", "open"},
	"webhooks disable":  {"stop", "close"},
	"formats":           {"format"},
	"secret new":        {"generate", "gen", "create", "keygen"},
	"transform new":     {"init", "create"},
	"transform build":   {"compile"},
	"events":            {"types"},
	"init":              {"setup", "new"},
	"demo":              {"example"},
	"operations":        {"audit", "changes"},
}

// localOnly says why a command that inherits --server refuses it.
var localOnly = map[string]string{
	"deliveries backup": "backup copies only a queue of this machine",
	"deliveries send":   "the server sends what is due by itself: deliveries replay makes dead letters due",
	"webhooks test":     "webhooks test sends from this machine, with this machine's configuration",
}

// pathOf returns a command's words after awf-hook.
func pathOf(cmd *cobra.Command) string {
	return strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()), " ")
}

// describe completes a command and those below it: texts and examples of the help, suggestions, checks of arguments and of flags.
func describe(cmd *cobra.Command) {
	path := pathOf(cmd)
	complete(cmd, path)
	cmd.PersistentFlags().VisitAll(onlyOnce)
	cmd.Flags().VisitAll(onlyOnce)
	if isExec(cmd) {
		cmd.Flags().VisitAll(makeLenient)
	}
	cmd.SuggestFor = otherNames[path]
	if path != "" {
		cmd.Short, cmd.Long, cmd.Example = helpOf(path)
	}
	if cmd.HasSubCommands() {
		cmd.Args = onlySubcommands
		if cmd.RunE == nil {
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	} else {
		cmd.Args = checkArguments(cmd.Args)
	}
	for _, sub := range cmd.Commands() {
		describe(sub)
	}
}

// onlySubcommands refuses a word that is not a subcommand. It suggests a subcommand of this command, else of any.
func onlySubcommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return checkValues(cmd)
	}
	err := fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
	same := func(word string, _ []string) string { return word }
	for _, find := range []func(string, []string) string{same, spelling.Nearest} {
		for _, from := range []*cobra.Command{cmd, (&command{}).root()} {
			if near := suggest(from, args[0], find); near != nil {
				return fmt.Errorf("%w: did you mean %s?", err, strings.TrimPrefix(near.CommandPath(), cmd.CommandPath()+" "))
			}
		}
	}
	return err
}

// suggest returns the subcommand that a word means, by its name or by another tool's name for it; nil if there is none. find picks the
// word from a list. Subcommands of from come before those further below.
func suggest(from *cobra.Command, word string, find func(string, []string) string) *cobra.Command {
	level := from.Commands()
	for len(level) > 0 {
		byName, byWord := map[string]*cobra.Command{}, map[string]*cobra.Command{}
		var below []*cobra.Command
		for _, sub := range level {
			if !sub.IsAvailableCommand() {
				continue
			}
			byName[sub.Name()] = sub
			for _, other := range sub.SuggestFor {
				byWord[other] = sub
			}
			below = append(below, sub.Commands()...)
		}
		for _, by := range []map[string]*cobra.Command{byName, byWord} {
			if meant := by[find(word, slices.Sorted(maps.Keys(by)))]; meant != nil {
				return meant
			}
		}
		level = below
	}
	return nil
}

// helpCommand is cobra's own, but fails for commands that do not exist.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "help [COMMAND]",
		Short:   "Help about any command",
		Long:    "help prints the help of a command.",
		Example: "  awf-hook help deliveries replay",
		ValidArgsFunction: func(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			if of, rest, err := cmd.Root().Find(args); err == nil && len(rest) == 0 {
				for _, sub := range of.Commands() {
					if sub.IsAvailableCommand() {
						names = append(names, sub.Name())
					}
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(cmd *cobra.Command, words []string) error {
			of := cmd.Root()
			for _, word := range words {
				i := slices.IndexFunc(of.Commands(), func(sub *cobra.Command) bool { return sub.Name() == word })
				if i < 0 {
					return onlySubcommands(of, []string{word})
				}
				of = of.Commands()[i]
			}
			return of.Help()
		},
	}
}

// writtenWidth is the width for which the texts of docs/commands.md are broken into lines.
const writtenWidth = 120

// fitHelp makes help break its lines between words on a terminal that is narrower than its texts.
func fitHelp(root *cobra.Command) {
	whole := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		out := cmd.OutOrStdout()
		width := terminalWidth(out)
		if width == 0 || width >= writtenWidth {
			whole(cmd, args)
			return
		}
		var b strings.Builder
		cmd.SetOut(&b)
		whole(cmd, args)
		cmd.SetOut(out)
		_, _ = io.WriteString(out, fit(b.String(), width))
	})
}

// paragraphs returns the lines of a help, with those of a paragraph joined.
func paragraphs(text string) (lines []string) {
	joins := false // the last line went on
	for line := range strings.SplitSeq(text, "\n") {
		written := line
		word, _, _ := strings.Cut(line, " ")
		if joins && word != "" {
			line = lines[len(lines)-1] + " " + line
			lines = lines[:len(lines)-1]
		}
		lines = append(lines, line)
		joins = word != "" && len(written) > writtenWidth*3/4
	}
	return lines
}

// fit breaks the lines of a help. It leaves examples as they are: they are there to be copied.
func fit(text string, width int) string {
	var b strings.Builder
	for i, line := range paragraphs(text) {
		if i > 0 {
			b.WriteByte('\n')
		}
		breakLine(&b, line, width)
	}
	return b.String()
}

// breakLine writes a line of a help, broken at a width. The pieces of a text in a column stand below each other.
func breakLine(b *strings.Builder, line string, width int) {
	begin := len(line) - len(strings.TrimLeft(line, " "))
	between := strings.LastIndex(line, "  ")
	if begin > 0 && between < begin { // an example
		b.WriteString(line)
		return
	}
	indent := 0
	if between >= 0 {
		indent = min(between+2, width/2)
	}
	for len(line) > width {
		at := strings.LastIndexByte(line[:width+1], ' ')
		if strings.TrimSpace(line[:max(at, 0)]) == "" { // the first word is longer
			if at = strings.IndexByte(line[width:], ' ') + width; at < width {
				break
			}
		}
		b.WriteString(strings.TrimRight(line[:at], " ") + "\n")
		line = strings.Repeat(" ", indent) + strings.TrimLeft(line[at:], " ")
	}
	b.WriteString(line)
}
