package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/rivo/uniseg"
	"github.com/spf13/cobra"
)

// evalFlags say how eval shows values.
type evalFlags struct {
	filter bool
	json   bool
	event  string
}

func (c *command) evalCommand() *cobra.Command {
	var flags evalFlags
	cmd := &cobra.Command{
		Use: "eval [EXPR [EVENTS…]]",
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return c.evalPrompt(flags)
			}
			events, err := c.evalEvents(args[1:], flags.event)
			if err != nil {
				return err
			}
			return c.eval(args[0], events, flags)
		},
	}
	cmd.Flags().BoolVar(&flags.filter, "filter", false, "show whether it matches as a filter, where a missing value is false")
	cmd.Flags().BoolVar(&flags.json, "json", false, "print one JSON object for each event")
	cmd.Flags().StringVar(&flags.event, "event", "", "only events of this `TYPE`")
	return cmd
}

// evalEvents reads the events of the files, or takes the examples, and keeps those of a type.
func (c *command) evalEvents(files []string, typ string) ([]*event.Event, error) {
	var err error
	events := sampleEvents()
	if len(files) > 0 {
		if events, err = c.readEvents(files); err != nil {
			return nil, failure(err)
		}
	}
	if typ != "" {
		events = slices.DeleteFunc(events, func(ev *event.Event) bool { return ev.Type != typ })
	}
	if len(events) == 0 {
		return nil, failure(fmt.Errorf("no event has the type %s%s", plain(typ), meantType(typ)))
	}
	return events, nil
}

// evaluated is an expression's value for an event.
type evaluated struct {
	Event      string            `json:"event"`
	EventID    string            `json:"event_id"`
	WorkflowID string            `json:"workflow_id"`
	Trace      *expression.Trace `json:"expression"`
}

func (c *command) eval(source string, events []*event.Event, flags evalFlags) error {
	program, err := compileFor(source, flags.filter)
	if err != nil {
		return &exitError{exitConfig, err}
	}
	c.evalAll(program, events, flags, false)
	return nil
}

// compileFor compiles an expression of a filter or of a map. Its error shows the place.
func compileFor(source string, filter bool) (*expression.Program, error) {
	compile := expression.CompileValue
	if filter {
		compile = expression.CompileBool
	}
	program, err := compile(source)
	if mistake, is := errors.AsType[*expression.Error](err); is {
		lines := strings.Split(source, "\n")
		line := strings.ReplaceAll(lines[min(mistake.Line, len(lines))-1], "\t", " ")
		before := string([]rune(line)[:min(mistake.Col, utf8.RuneCountInString(line))])
		return nil, fmt.Errorf("%w\n  %s\n  %s^", err, line, pad("", uniseg.StringWidth(before)))
	}
	return program, err
}

// evalAll prints the value for each event, with parts also the values of the expression's parts.
func (c *command) evalAll(program *expression.Program, events []*event.Event, flags evalFlags, parts bool) {
	for _, w := range program.Warnings() {
		c.sayf("warning: %s", w.Message)
	}
	width := minTypeWidth
	for _, ev := range events {
		width = max(width, len(ev.Type))
	}
	for _, ev := range events {
		env := expression.NewEnv(ev)
		env.SetEventBody()
		var trace *expression.Trace
		env.Watch(func(t *expression.Trace) { trace = t })
		_, _ = program.AppendJSON(nil, env) // the trace has the error
		if flags.json {
			encode(c.out, evaluated{ev.Type, ev.ID, ev.WorkflowID, trace})
			continue
		}
		fmt.Fprintf(c.out, "%-*s ", width, plain(ev.Type))
		c.showValue(trace, parts)
	}
}

// minTypeWidth is the width of the column of types.
const minTypeWidth = len("message_assistant ")

func (c *command) showValue(trace *expression.Trace, parts bool) {
	text := outcomeOf(trace)
	var lacks []string
	for _, p := range trace.Parts() {
		if p.Missing() && (p.Depth > 0 || len(trace.Parts()) == 1) && !slices.Contains(lacks, p.Source) {
			lacks = append(lacks, oneLine(p.Source))
		}
	}
	if len(lacks) > 0 {
		text += "  (missing: " + strings.Join(lacks, ", ") + ")"
	}
	fmt.Fprintln(c.out, text)
	if parts {
		var b strings.Builder
		var root branch
		explainParts(&root, trace)
		newPrinter(c.out).tree(&b, &root, "  ")
		fmt.Fprint(c.out, b.String())
	}
}
