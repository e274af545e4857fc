package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/transforms/format"
	"github.com/spf13/cobra"
)

func (c *command) formatsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:  "formats [NAME]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			names := format.Names()
			if len(args) > 0 {
				names = args
			}
			var rows [][]string
			for _, name := range names {
				switch receiver, known := format.Lookup(name); {
				case !known:
					return errors.New(format.Unknown(name))
				case asJSON:
					encode(c.out, formatOf(receiver))
				case len(args) > 0:
					fmt.Fprint(c.out, formatText(receiver))
				default:
					rows = append(rows, []string{name, receiver.Summary})
				}
			}
			if len(rows) > 0 {
				fmt.Fprint(c.out, tableText(rows, 0))
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each format")
	return cmd
}

// formatJSON is a format, as --json prints it.
type formatJSON struct {
	Format  string         `json:"format"`
	Text    string         `json:"text"`
	URL     string         `json:"url"`
	Options []optionJSON   `json:"options"`
	Limits  []format.Limit `json:"limits"`
	Config  string         `json:"config"`
	Body    string         `json:"body"`
}

type optionJSON struct {
	Key     string `json:"key"`
	Accepts string `json:"accepts"`
	Text    string `json:"text"`
}

func formatOf(r *format.Receiver) formatJSON {
	config, content := r.Example()
	f := formatJSON{Format: r.Name, Text: r.Summary, URL: unquote(r.URL), Limits: r.Limits, Config: config, Body: string(content.Body)}
	for _, key := range r.Keys {
		f.Options = append(f.Options, optionJSON{key.Name, unquote(key.Describe()), unquote(key.Is)})
	}
	return f
}

// formatText describes a format for people.
func formatText(receiver *format.Receiver) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\nURL: %s\n\nOptions:\n", receiver.Name, receiver.Summary, unquote(receiver.URL))
	for _, key := range receiver.Keys {
		fmt.Fprintf(&b, "  %s (%s)\n      %s\n", key.Name, unquote(key.Describe()), unquote(key.Is))
	}
	config, content := receiver.Example()
	fmt.Fprintf(&b, "\nExample:\n\n%s\nwhich sends, when a workflow failed:\n\n", config)
	if method := receiver.Policy.Method; method != "" {
		fmt.Fprintf(&b, "by %s\n\n", method)
	}
	if content.URLSuffix != "" {
		fmt.Fprintf(&b, "to the URL and %s\n\n", content.URLSuffix)
	}
	fmt.Fprintf(&b, "%s\n\nLimits:\n", view.Pretty(string(content.Body))) // it may be a form
	var limits [][]string
	for _, limit := range receiver.Limits {
		limits = append(limits, []string{"  " + limit.What, fmt.Sprintf("%d %s", limit.Max, limit.Unit), limit.Source})
	}
	b.WriteString(tableText(limits, 0) + "\nIts answers:\n")
	for _, row := range receiver.Policy.Rows() {
		fmt.Fprintf(&b, "  %s: %s\n", row[0], unquote(row[1]))
	}
	return b.String()
}

// unquote removes backquotes from a text of the documentation.
func unquote(s string) string { return strings.ReplaceAll(s, "`", "") }
