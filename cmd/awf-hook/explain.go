package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/event"
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
the filter, what the event lacks, the input and output of each step of the transform, and the time it takes.
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
	for _, ev := range events {
		var b bytes.Buffer
		list := eventList{previewFlags: flags, b: &b, ev: ev}
		for _, x := range eng.Explain(context.Background(), ev, ev.Timestamp) {
			switch {
			case !list.shows(&x.Preview):
			case flags.json:
				explainJSON(&b, ev, &x)
			default:
				explainText(&b, &x)
			}
		}
		list.end()
		if _, err := c.out.Write(b.Bytes()); err != nil {
			return failure(err)
		}
	}
	return nil
}

func explainText(b *bytes.Buffer, x *engine.Explanation) {
	fmt.Fprintf(b, "  %s (%s): %s, %v\n", plain(x.Webhook), x.Place, choice(x.Choice), x.Took.Round(100*time.Nanosecond))
	fmt.Fprintf(b, "    events    %s\n", strings.Join(x.Events, ", "))
	if f := x.Filter; f != nil {
		fmt.Fprintf(b, "    filter    %s (%v)\n", outcomeOf(f.Trace), f.Took.Round(100*time.Nanosecond))
		explainParts(b, f.Trace, "      ")
	}
	for i, s := range x.Steps {
		fmt.Fprintf(b, "    step %d    %s (%s)\n      in      %s\n", i+1, s.Kind, cost(&s), shown(string(s.In.Body)))
		for _, e := range s.Expressions {
			fmt.Fprintf(b, "      %s = %s\n", plain(cmp.Or(e.Path, "the whole")), outcomeOf(e.Trace))
			explainParts(b, e.Trace, "        ")
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
			fmt.Fprintf(b, "      out     %s\n", shown(string(s.Out.Body)))
		}
	}
	if x.Why != "" && x.Choice != engine.FilteredOut {
		fmt.Fprintf(b, "    why       %s\n", plain(x.Why))
	}
}

// cost is what a step took: time, and fuel if it is a module.
func cost(s *engine.StepTrace) string {
	text := s.Took.Round(100 * time.Nanosecond).String()
	if s.Fuel > 0 {
		text += fmt.Sprintf(", fuel %d", s.Fuel)
	}
	return text
}

// explainParts shows the parts of an expression with their values, those within others indented.
func explainParts(b *bytes.Buffer, t *expression.Trace, indent string) {
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

// The forms in which --json prints an explanation.
type (
	explanationJSON struct {
		previewJSON
		Events []string   `json:"events"`
		Filter *traceJSON `json:"filter,omitempty"`
		Steps  []stepJSON `json:"steps,omitempty"`
		TookNS int64      `json:"took_ns"`
	}
	traceJSON struct {
		Path   string          `json:"path,omitempty"`
		Source string          `json:"source"`
		Value  json.RawMessage `json:"value"`
		Error  string          `json:"error,omitempty"`
		Parts  []partJSON      `json:"parts"`
		TookNS int64           `json:"took_ns,omitempty"`
	}
	partJSON struct {
		Source  string          `json:"source"`
		Depth   int             `json:"depth"`
		Times   int             `json:"times"`
		Missing bool            `json:"missing,omitempty"`
		Value   json.RawMessage `json:"value,omitempty"`
	}
	stepJSON struct {
		Kind        string      `json:"kind"`
		In          string      `json:"in"`
		Out         string      `json:"out,omitempty"`
		Error       string      `json:"error,omitempty"`
		Dropped     bool        `json:"dropped,omitempty"`
		Expressions []traceJSON `json:"expressions,omitempty"`
		TookNS      int64       `json:"took_ns"`
		Fuel        int64       `json:"fuel,omitempty"`
		Left        []string    `json:"left_out,omitempty"`
	}
)

func explainJSON(b *bytes.Buffer, ev *event.Event, x *engine.Explanation) {
	out := explanationJSON{previewJSON: newPreviewJSON(ev, &x.Preview), Events: x.Events, TookNS: x.Took.Nanoseconds()}
	out.Method, out.URL, out.Header, out.Body = "", "", nil, "" // of the request, which is preview's
	if f := x.Filter; f != nil {
		trace := traceOf("", f.Source, f.Trace)
		trace.TookNS = f.Took.Nanoseconds()
		out.Filter = &trace
	}
	for _, s := range x.Steps {
		step := stepJSON{s.Kind, string(s.In.Body), string(s.Out.Body), s.Failure, s.Dropped, nil, s.Took.Nanoseconds(), s.Fuel, s.Left}
		for _, e := range s.Expressions {
			step.Expressions = append(step.Expressions, traceOf(e.Path, e.Source, e.Trace))
		}
		out.Steps = append(out.Steps, step)
	}
	encode(b, out)
}

func traceOf(path, source string, t *expression.Trace) traceJSON {
	out := traceJSON{Path: path, Source: source, Value: valueJSON(t.Value), Parts: []partJSON{}}
	if t.Err != nil {
		out.Error = t.Err.Error()
	}
	for _, p := range t.Parts() {
		part := partJSON{Source: p.Source, Depth: p.Depth, Times: p.Times, Missing: p.Missing()}
		if p.Times > 0 && p.Value != nil {
			part.Value = valueJSON(p.Value)
		}
		out.Parts = append(out.Parts, part)
	}
	return out
}

// valueJSON is a value as JSON; null if there is none for it.
func valueJSON(v any) json.RawMessage {
	text, err := expression.AppendJSON(nil, v)
	if err != nil {
		return json.RawMessage("null")
	}
	return text
}
