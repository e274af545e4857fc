package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/awf-project/awf-hook/engine/file"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (c *command) manCommand() *cobra.Command {
	return &cobra.Command{
		Use:  "man DIR",
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, folders []string) error {
			if info, err := os.Stat(folders[0]); err != nil || !info.IsDir() {
				return failure(fmt.Errorf("%s: no such folder", plain(folders[0])))
			}
			return writePages(cmd.Root(), folders[0])
		},
	}
}

// writePages writes the man page of a command and of each command below it.
func writePages(cmd *cobra.Command, folder string) error {
	name := filepath.Join(folder, pageName(cmd)+".1")
	if err := file.Write(name, []byte(manPage(cmd)), 0o644); err != nil {
		return failure(fmt.Errorf("%s: %w", name, err))
	}
	for _, sub := range cmd.Commands() {
		if !sub.IsAvailableCommand() {
			continue
		}
		if err := writePages(sub, folder); err != nil {
			return err
		}
	}
	return nil
}

func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage returns a command's man page.
func manPage(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH \"%s\" 1 \"\" \"awf-hook\" \"awf-hook\"\n.nh\n.ad l\n", strings.ToUpper(pageName(cmd)))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n", roff(pageName(cmd)), roff(cmd.Short), roff(cmd.UseLine()))
	b.WriteString(".SH DESCRIPTION\n")
	lines := paragraphs(strings.TrimSpace(cmd.Long))
	for i, line := range lines {
		switch {
		case line == "":
			b.WriteString(".PP\n")
			continue
		case i > 0 && lines[i-1] != "":
			b.WriteString(".br\n")
		}
		b.WriteString(roff(line) + "\n")
	}
	flags := func(title string, set *pflag.FlagSet) {
		if set.HasAvailableFlags() {
			fmt.Fprintf(&b, ".SH %s\n", title)
			set.VisitAll(func(f *pflag.Flag) { b.WriteString(roffFlag(f)) })
		}
	}
	flags("OPTIONS", cmd.NonInheritedFlags())
	flags("OPTIONS OF ALL COMMANDS", cmd.InheritedFlags())
	if cmd.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(cmd.Example))
	}
	var also []string
	if cmd.HasParent() {
		also = append(also, pageName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			also = append(also, pageName(sub))
		}
	}
	for i, name := range also {
		also[i] = fmt.Sprintf(".BR %s (1)", roff(name))
	}
	if len(also) > 0 {
		fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", strings.Join(also, "\n"))
	}
	return b.String()
}

func roffFlag(f *pflag.Flag) string {
	if f.Hidden {
		return ""
	}
	kind, usage := pflag.UnquoteUsage(f)
	name := "--" + f.Name
	if f.Shorthand != "" {
		name = "-" + f.Shorthand + ", " + name
	}
	return fmt.Sprintf(".TP\n.B %s\n%s\n", roff(strings.TrimSpace(name+" "+kind)), roff(usage))
}

// roff escapes what has a meaning in man pages: backslashes, hyphens of options, and dots and quotes that begin a line.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
