package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/docs"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/lazy"
	"github.com/awf-project/awf-hook/engine/spelling"
	"github.com/awf-project/awf-hook/examples"
	"github.com/spf13/cobra"
)

// sampleEvents returns an event of each type that AWF writes, and of awf-hook's operator events.
func sampleEvents() []*event.Event {
	events, _ := collectEvents(nil, "examples", strings.NewReader(examples.Events+examples.OperatorEvents), nil) // a test reads them
	return events
}

// eventJSON is an event as --json prints it: the envelope that awf-hook reads, and sends where no transform makes another body.
type eventJSON struct {
	Event        string         `json:"event"`
	WorkflowID   string         `json:"workflow_id"`
	WorkflowName string         `json:"workflow_name"`
	Timestamp    time.Time      `json:"timestamp"`
	Payload      map[string]any `json:"payload"`
}

// tableRow matches a row of a Markdown table whose first cell is code.
var tableRow = lazy.Regexp("(?m)^\\| `([^`]*)`([^|]*) \\| ([^|]*) \\| ([^|]*) \\|$")

func (c *command) eventsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:  "events [TYPE]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			switch {
			case len(args) > 0 && !slices.Contains(eventTypes(), args[0]):
				return spelling.Unknown("type of event", args[0], eventTypes())
			case asJSON:
				c.printExamples(args)
			case len(args) > 0:
				c.showEvent(args[0])
			default:
				c.listEvents()
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the examples as events, one on each line")
	return cmd
}

func eventTypes() []string {
	var types []string
	for _, ev := range sampleEvents() {
		types = append(types, ev.Type)
	}
	return types
}

// eventRow is a row of docs/delivery.md about a type of event: when it comes, and its payload.
func eventRow(typ string) (when, payload string) {
	heading := "\n## Events\n"
	if event.IsOperator(typ) {
		heading = "\n## Operator events\n"
	}
	_, table, _ := strings.Cut(docs.Delivery, heading)
	table, _, _ = strings.Cut(table, "\n## ")
	for _, row := range tableRow().FindAllStringSubmatch(table, -1) {
		if row[1] == typ || strings.Contains(row[2], "all others") {
			return unquote(strings.TrimSpace(row[3])), unquote(strings.TrimSpace(row[4]))
		}
	}
	return "", ""
}

func (c *command) listEvents() {
	rows := [][]string{{"EVENT", "WHEN", "PAYLOAD"}}
	for _, typ := range eventTypes() {
		when, payload := eventRow(typ)
		rows = append(rows, []string{typ, when, payload})
	}
	printTable(c.out, rows)
}

func (c *command) showEvent(typ string) {
	when, payload := eventRow(typ)
	fmt.Fprintf(c.out, "%s: %s\n\npayload: %s\n\nFor example:\n\n", typ, when, payload)
	for _, ev := range sampleEvents() {
		if ev.Type == typ {
			fmt.Fprintln(c.out, harmless(view.Pretty(string(ev.Body()))))
		}
	}
}

func (c *command) printExamples(types []string) {
	for _, ev := range sampleEvents() {
		if len(types) == 0 || slices.Contains(types, ev.Type) {
			fmt.Fprintf(c.out, "%s\n", ev.Body())
		}
	}
}

// functionRow is a row of the table of functions: an expression, and its value.
var functionRow = lazy.Regexp("(?m)^\\| `(.*)` \\| `(.*)` \\|$")

func (c *command) functionsCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:  "functions [NAME]",
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			rows := [][]string{{"EXPRESSION", "VALUE"}}
			for _, row := range functionRows() {
				if len(args) == 0 || usesFunction(row[0], args[0]) {
					rows = append(rows, row)
				}
			}
			if len(rows) == 1 {
				return spelling.Unknown("function", args[0], functionNames())
			}
			if !asJSON {
				printTable(c.out, rows)
				return nil
			}
			for _, row := range rows[1:] {
				value, err := jsonbytes.Decode([]byte(row[1]))
				if err != nil { // a value of a kind that JSON does not have
					value = row[1]
				}
				encode(c.out, functionJSON{row[0], value})
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object for each example")
	return cmd
}

// functionJSON is an example of a function, as --json prints it.
type functionJSON struct {
	Source string `json:"source"`
	Value  any    `json:"value"`
}

func functionRows() (rows [][]string) {
	_, table, _ := strings.Cut(docs.Config, "\n### Functions\n")
	table, _, _ = strings.Cut(table, "\n## ")
	for _, row := range functionRow().FindAllStringSubmatch(table, -1) {
		rows = append(rows, []string{strings.ReplaceAll(row[1], `\|`, "|"), row[2]})
	}
	return rows
}

func usesFunction(expression, name string) bool {
	return slices.Contains(namesBeforeParentheses(expression), name) || strings.Contains(" "+expression+" ", " "+name+" ")
}

var called = lazy.Regexp(`([A-Za-z][A-Za-z0-9]*)\(`)

func namesBeforeParentheses(expression string) (names []string) {
	for _, m := range called().FindAllStringSubmatch(expression, -1) {
		names = append(names, m[1])
	}
	return names
}

func functionNames() (names []string) {
	for _, row := range functionRows() {
		names = append(names, namesBeforeParentheses(row[0])...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
