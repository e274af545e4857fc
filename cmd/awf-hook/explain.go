package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/spf13/cobra"
)

// maxShown is how much of a value explain shows, in bytes.
const maxShown = 200

func (c *command) explainCommand() *cobra.Command {
	var flags previewFlags
	cmd := &cobra.Command{
		Use:   "explain [EVENTS…]",
		Short: "Show why events are sent or not: each part of filters and transforms with its value",
		Long: `explain reads events from files or stdin, and shows for each webhook what becomes of them and why: the value of each part of
the filter, what the event lacks, the input and output of each step of the transform, and the time and fuel it takes.
explain sends and keeps nothing.`,
		Example: "  awf-hook explain -c awf-hook.yaml events.jsonl",
		RunE:    func(_ *cobra.Command, files []string) error { return c.explain(files, flags) },
	}
	flags.add(cmd)
	return cmd
}

func (c *command) explain(files []string, flags previewFlags) error {
	eng, err := c.openDry(flags.configFlags)
	if err != nil {
		return err
	}
	defer eng.Close()
	events, err := c.readEvents(files)
	if err != nil {
		return failure(err)
	}
	var fuel fuelTable
	for _, ev := range events {
		var b bytes.Buffer
		list := eventList{previewFlags: flags, b: &b, ev: ev}
		for _, x := range eng.Explain(context.Background(), ev, ev.Timestamp) {
			switch {
			case !list.shows(&x.Preview):
			case flags.json:
				encode(&b, &x)
			default:
				explainText(&b, &x)
				fuel.add(&x)
			}
		}
		list.end()
		if _, err := c.out.Write(b.Bytes()); err != nil {
			return failure(err)
		}
	}
	if _, err := c.out.Write(fuel.text()); err != nil {
		return failure(err)
	}
	return nil
}

// fuelTable is what the modules used for the events that are explained.
type fuelTable struct {
	steps []string // in the order in which they ran first
	used  map[string][]fuelUse
}

// fuelUse is what a module used for an event, and could use.
type fuelUse struct{ fuel, limit int64 }

func (t *fuelTable) add(x *engine.Explanation) {
	for i, s := range x.Steps {
		if s.FuelLimit == 0 {
			continue
		}
		step := fmt.Sprintf("%s, step %d", plain(x.Webhook), i+1)
		if t.used[step] == nil {
			t.steps = append(t.steps, step)
		}
		if t.used == nil {
			t.used = map[string][]fuelUse{}
		}
		t.used[step] = append(t.used[step], fuelUse{s.Fuel, s.FuelLimit})
	}
}

// text says of each module that ran for several events what the median used, and what the one that came nearest to its limit.
func (t *fuelTable) text() []byte {
	var b bytes.Buffer
	for _, step := range t.steps {
		used := t.used[step]
		if len(used) < 2 {
			continue
		}
		slices.SortFunc(used, func(a, b fuelUse) int { return cmp.Compare(a.fuel, b.fuel) })
		worst := slices.MaxFunc(used, func(a, b fuelUse) int {
			return cmp.Compare(float64(a.fuel)/float64(a.limit), float64(b.fuel)/float64(b.limit))
		})
		fmt.Fprintf(&b, "fuel of %s, %d events: median %d, worst %d of %d\n", step, len(used), used[len(used)/2].fuel, worst.fuel, worst.limit)
	}
	return b.Bytes()
}

func explainText(b *bytes.Buffer, x *engine.Explanation) {
	fmt.Fprintf(b, "  %s (%s): %s, %v\n", plain(x.Webhook), x.Place, choice(x.Choice), x.Took.Round(100*time.Nanosecond))
	fmt.Fprintf(b, "    events    %s\n", strings.Join(x.Events, ", "))
	if f := x.Filter; f != nil {
		fmt.Fprintf(b, "    filter    %s (%v)\n", outcomeOf(f), f.Took.Round(100*time.Nanosecond))
		explainParts(b, f, "      ")
	}
	for i, s := range x.Steps {
		fmt.Fprintf(b, "    step %d    %s (%s)\n      in      %s\n", i+1, s.Kind, cost(&s), shown(string(s.In)))
		for _, e := range s.Expressions {
			fmt.Fprintf(b, "      %s = %s\n", plain(cmp.Or(e.Path, "the whole")), outcomeOf(e))
			explainParts(b, e, "        ")
		}
		for _, what := range s.Left {
			fmt.Fprintf(b, "      %s\n", plain(what))
		}
		switch {
		case s.Dropped:
			fmt.Fprintf(b, "      out     nothing\n")
		case s.Failure != "":
			fmt.Fprintf(b, "      failed  %s\n", plain(s.Failure))
		default:
			fmt.Fprintf(b, "      out     %s\n", shown(string(s.Out)))
		}
	}
	if x.Why != "" && x.Choice != engine.FilteredOut {
		fmt.Fprintf(b, "    why       %s\n", plain(x.Why))
	}
}

// cost is what a step took: time, and fuel if it is a module.
func cost(s *engine.StepTrace) string {
	text := s.Took.Round(100 * time.Nanosecond).String()
	if s.FuelLimit > 0 {
		text += fmt.Sprintf(", fuel %d of %d", s.Fuel, s.FuelLimit)
	}
	return text
}

// explainParts shows the parts of an expression with their values, those within others indented.
func explainParts(b io.Writer, t *expression.Trace, indent string) {
	for _, p := range t.Parts() {
		const width = 46
		source := strings.Repeat("  ", p.Depth) + oneLine(p.Source)
		note := ""
		switch {
		case p.Times == 0 && t.Err != nil:
			note = "no value"
		case p.Times == 0:
			note = "not needed"
		case p.Missing():
			note = "missing"
		default:
			note = valueText(p.Value)
		}
		if p.Loop && p.Times > 1 {
			note += fmt.Sprintf("  (the last of %d)", p.Times)
		}
		fmt.Fprintf(b, "%s%-*s  %s\n", indent, width, source, note)
	}
}

// oneLine is an expression's text on one line.
func oneLine(s string) string { return harmless(strings.Join(strings.Fields(s), " ")) }

func outcomeOf(t *expression.Trace) string {
	if t.Err != nil {
		return "failed: " + t.Err.Error()
	}
	if t.Value == nil {
		return "nothing"
	}
	return valueText(t.Value)
}

func valueText(v any) string {
	text, err := expression.AppendJSON(nil, v)
	if err != nil {
		return err.Error()
	}
	return shown(string(text))
}

// shown cuts a text to what a person reads.
func shown(s string) string {
	if len(s) > maxShown {
		s = strings.ToValidUTF8(s[:maxShown], "") + "…"
	}
	return harmless(strings.ReplaceAll(s, "\n", " "))
}
