package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
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
		Long: `explain reads events from files or stdin, and shows for each webhook what became of them and why: what each part of the filter
came to, what was missing in the event, what each step of the transform was fed and what it made, and how long that took.
Nothing is sent or kept.`,
		Example: "  awf-hook explain -c awf-hook.yaml events.jsonl",
		RunE:    func(_ *cobra.Command, files []string) error { return c.explain(files, flags) },
	}
	c.searchFlags(cmd, &flags.config, &flags.noProject)
	cmd.Flags().BoolVar(&flags.json, "json", false, "print one JSON object for each event and webhook")
	cmd.Flags().BoolVar(&flags.all, "all", false, "show also webhooks that do not want the type of event")
	return cmd
}

func (c *command) explain(files []string, flags previewFlags) error {
	eng, err := c.openDry(config.Search{File: flags.config, NoProject: flags.noProject, Env: os.LookupEnv})
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
		if !flags.json {
			fmt.Fprintf(&b, "%s\n", eventTitle(ev))
		}
		shown := 0
		explanations := eng.Explain(context.Background(), ev, ev.Timestamp)
		for i := range explanations {
			switch x := &explanations[i]; {
			case flags.json:
				explainJSON(&b, ev, x)
			case x.Verdict != engine.OtherType || flags.all:
				shown++
				explainText(&b, x)
			}
		}
		if !flags.json && shown == 0 {
			fmt.Fprintf(&b, "  no webhook wants it\n")
		}
		if _, err := c.out.Write(b.Bytes()); err != nil {
			return failure(err)
		}
	}
	return nil
}

func explainText(b *bytes.Buffer, x *engine.Explanation) {
	verdict := strings.ReplaceAll(string(x.Verdict), "_", " ")
	fmt.Fprintf(b, "  %s (%s): %s, %v\n", plain(x.Webhook), x.Place, verdict, x.Took.Round(100*time.Nanosecond))
	fmt.Fprintf(b, "    events    %s\n", strings.Join(x.Events, ", "))
	if f := x.Filter; f != nil {
		fmt.Fprintf(b, "    filter    %s (%v)\n", outcomeOf(f.Trace), f.Took.Round(100*time.Nanosecond))
		explainParts(b, f.Trace, "      ")
	}
	for i, s := range x.Steps {
		fmt.Fprintf(b, "    step %d    %s (%s)\n      in      %s\n", i+1, s.Kind, cost(&s), shown(string(s.In.Body)))
		for _, e := range s.Expressions {
			path := e.Path
			if path == "" {
				path = "the whole"
			}
			fmt.Fprintf(b, "      %s = %s\n", plain(path), outcomeOf(e.Trace))
			explainParts(b, e.Trace, "        ")
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
	if x.Why != "" && x.Verdict != engine.FilteredOut {
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
	for _, p := range t.Parts {
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
		Event      string     `json:"event"`
		EventID    string     `json:"event_id"`
		WorkflowID string     `json:"workflow_id"`
		Webhook    string     `json:"webhook"`
		Place      string     `json:"place"`
		Verdict    string     `json:"verdict"`
		Why        string     `json:"why,omitempty"`
		Events     []string   `json:"events"`
		Filter     *traceJSON `json:"filter,omitempty"`
		Steps      []stepJSON `json:"steps,omitempty"`
		TookNS     int64      `json:"took_ns"`
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
	}
)

func explainJSON(b *bytes.Buffer, ev *event.Event, x *engine.Explanation) {
	out := explanationJSON{Event: ev.Type, EventID: ev.ID, WorkflowID: ev.WorkflowID, Webhook: x.Webhook, Place: x.Place,
		Verdict: string(x.Verdict), Why: x.Why, Events: x.Events, TookNS: x.Took.Nanoseconds()}
	if f := x.Filter; f != nil {
		trace := traceOf("", f.Source, f.Trace)
		trace.TookNS = f.Took.Nanoseconds()
		out.Filter = &trace
	}
	for _, s := range x.Steps {
		step := stepJSON{Kind: s.Kind, In: string(s.In.Body), Out: string(s.Out.Body), Error: s.Failure, Dropped: s.Dropped, TookNS: s.Took.Nanoseconds(), Fuel: s.Fuel}
		for _, e := range s.Expressions {
			step.Expressions = append(step.Expressions, traceOf(e.Path, e.Source, e.Trace))
		}
		out.Steps = append(out.Steps, step)
	}
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(out) // texts, numbers and JSON only
}

func traceOf(path, source string, t *expression.Trace) traceJSON {
	out := traceJSON{Path: path, Source: source, Value: valueJSON(t.Value), Parts: []partJSON{}}
	if t.Err != nil {
		out.Error = t.Err.Error()
	}
	for _, p := range t.Parts {
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
