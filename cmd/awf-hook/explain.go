package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/spf13/cobra"
)

// maxShown is how much of a value explain shows, in bytes.
const maxShown = 200

func (c *command) explainCommand() *cobra.Command {
	var flags previewFlags
	cmd := &cobra.Command{
		Use:  "explain [EVENTS…]",
		RunE: func(_ *cobra.Command, files []string) error { return c.explain(files, flags) },
	}
	flags.add(cmd)
	cmd.Flags().BoolVar(&flags.time, "time", false, "show how long the filter and each step took")
	return cmd
}

func (c *command) explain(files []string, flags previewFlags) error {
	eng, err := c.openDry(flags.configFlags, flags.webhook)
	if err != nil {
		return err
	}
	defer eng.Close()
	events, err := c.readEvents(files)
	if err != nil {
		return failure(err)
	}
	fuel := fuelTable{used: map[string][]fuelUse{}}
	show := explainer{newPrinter(c.out), flags.time}
	for _, ev := range events {
		var b strings.Builder
		list := eventList{previewFlags: flags, b: &b, ev: ev}
		for _, x := range eng.Explain(context.Background(), ev, ev.Timestamp) {
			switch {
			case !list.shows(&x.Preview):
			case flags.json:
				encode(&b, &x)
			default:
				show.text(&b, &x)
				fuel.add(&x)
			}
		}
		list.end()
		if _, err := io.WriteString(c.out, b.String()); err != nil {
			return failure(err)
		}
	}
	fmt.Fprint(c.out, fuel.text())
	return nil
}

// fuelTable collects the fuel that modules used for the explained events.
type fuelTable struct {
	steps []string // in the order in which they first ran
	used  map[string][]fuelUse
}

// fuelUse is the fuel that a module used for an event, and its limit.
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
		t.used[step] = append(t.used[step], fuelUse{s.Fuel, s.FuelLimit})
	}
}

// text prints, for each module that ran for several events, the median use and the use nearest to the limit.
func (t *fuelTable) text() string {
	var b strings.Builder
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
	return b.String()
}

// explainer writes explanations for people.
type explainer struct {
	*printer
	time bool // show how long things took
}

// took returns a time in brackets; "" if times are not shown.
func (e *explainer) took(d time.Duration) string {
	if !e.time {
		return ""
	}
	return " (" + d.Round(100*time.Nanosecond).String() + ")"
}

func (e *explainer) text(b *strings.Builder, x *engine.Explanation) {
	verdict := e.colour(choiceColours[x.Choice], choice(x.Choice))
	fmt.Fprintf(b, "  %s (%s): %s%s\n", e.colour(bold, plain(x.Webhook)), x.Place, verdict, e.took(x.Took))
	var root branch
	decided := x.Choice == engine.OtherType || x.Choice == engine.Sent && x.Filter == nil
	root.add("events  "+strings.Join(x.Events, ", "), "", "").marked = decided
	if f := x.Filter; f != nil {
		line := root.add("filter  "+outcomeOf(f)+e.took(f.Took), "", "")
		line.marked = f.Err != nil
		explainParts(line, f)
	}
	for i := range x.Steps {
		e.step(&root, i+1, &x.Steps[i])
	}
	if x.Why != "" && x.Choice != engine.FilteredOut {
		root.add("why     "+plain(x.Why), "", "")
	}
	e.tree(b, &root, "  ")
}

func (e *explainer) step(root *branch, n int, s *engine.StepTrace) {
	title := fmt.Sprintf("step %d  %s", n, s.Kind) + e.took(s.Took)
	if s.FuelLimit > 0 {
		title += fmt.Sprintf(", fuel %d of %d", s.Fuel, s.FuelLimit)
	}
	step := root.add(title, "", "")
	step.add("in   "+shown(string(s.In)), "", "")
	for _, x := range s.Expressions {
		explainParts(step.add(plain(cmp.Or(x.Path, "the whole"))+" = "+outcomeOf(x), "", ""), x)
	}
	for _, what := range s.Left {
		step.add(plain(what), "", yellow)
	}
	switch {
	case s.Dropped:
		step.add("out  nothing", "", yellow).marked = true
	case s.Failure != "":
		step.add("failed  "+plain(s.Failure), "", red).marked = true
	default:
		step.add("out  "+shown(string(s.Out)), "", "")
	}
}

// choiceColours colour what a webhook does with an event.
var choiceColours = map[engine.Choice]string{
	engine.Sent: green, engine.OtherType: dim, engine.FilteredOut: yellow, engine.Dropped: yellow,
	engine.FilterFailed: red, engine.TransformFailed: red, engine.NotSigned: red,
}

// explainParts adds the parts of an expression with their values. Nested parts go below the part around them.
func explainParts(root *branch, t *expression.Trace) {
	path := []*branch{root} // the enclosing lines, by depth
	for _, p := range t.Parts() {
		note := view.PartNote(&p, t.Err != nil, maxShown)
		path = path[:min(p.Depth+1, len(path))]
		line := path[len(path)-1].add(oneLine(p.Source), harmless(note), noteColours[note])
		line.marked = p.Decided
		path = append(path, line)
	}
}

// noteColours colour notes on parts without a value. A value is JSON, which is none of them.
var noteColours = map[string]string{view.NoValue: red, view.NotNeeded: dim, view.Missing: yellow}

// oneLine returns an expression's text on one line.
func oneLine(s string) string { return harmless(strings.Join(strings.Fields(s), " ")) }

func outcomeOf(t *expression.Trace) string {
	if t.Err != nil {
		return "failed: " + t.Err.Error()
	}
	if t.Value == nil {
		return "nothing"
	}
	return harmless(view.ValueText(t.Value, maxShown))
}

// shown cuts a text to a length that people read, on one line.
func shown(s string) string {
	return harmless(strings.ReplaceAll(legible.Shorten(s, maxShown), "\n", " "))
}
