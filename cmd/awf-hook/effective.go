package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/awf-project/awf-hook/engine/config"
)

// effectiveWebhook is a webhook that holds in the end.
type effectiveWebhook struct {
	Name     string         `json:"name"`
	From     string         `json:"from"`               // file and line
	Workflow string         `json:"workflow,omitempty"` // for whose events alone it holds
	Values   []config.Value `json:"values"`
}

// effectiveConfig is what holds in the end.
type effectiveConfig struct {
	Values    []config.Value     `json:"values,omitempty"` // beside the webhooks
	Webhooks  []effectiveWebhook `json:"webhooks"`
	undefined string             // a workflow that was asked for and has no definition
}

// effective joins what holds for all workflows with what holds for one, or for each one alone.
// What has mistakes does not hold.
func effective(results []checked, workflow string) *effectiveConfig {
	all := &effectiveConfig{Webhooks: []effectiveWebhook{}}
	for _, r := range results {
		switch {
		case !r.good() || workflow != "" && r.workflow != "":
			continue
		case r.workflow == "":
			all.Values = append(all.Values, r.config.Values()...)
		}
		webhooks := r.config.Active()
		if workflow != "" && r.config.Workflows != nil {
			all.undefined = workflow
			if found := r.config.Workflows.Lookup(workflow); found != nil {
				all.undefined = ""
				webhooks = found.Webhooks
			}
		}
		for _, w := range webhooks {
			shown := effectiveWebhook{w.Name, w.Place(), r.workflow, w.Values()}
			if workflow != "" && w.Origin == config.WorkflowFile {
				shown.Workflow = workflow
			}
			all.Webhooks = append(all.Webhooks, shown)
		}
	}
	return all
}

// printEffective prints what holds in the end, and where each value comes from.
func (c *command) printEffective(all *effectiveConfig) {
	if all.undefined != "" {
		fmt.Fprintf(c.err, "awf-hook: no definition of the workflow %s found: the settings alone hold\n", plain(all.undefined))
	}
	c.printValues("", all.Values)
	for _, w := range all.Webhooks {
		fmt.Fprintf(c.out, "\n%s (%s)", plain(w.Name), w.From)
		if w.Workflow != "" {
			fmt.Fprintf(c.out, ", for the workflow %s alone", plain(w.Workflow))
		}
		fmt.Fprintln(c.out)
		c.printValues("  ", w.Values)
	}
}

func (c *command) printValues(indent string, values []config.Value) {
	for _, v := range values {
		from := strings.Join(append([]string{v.Place}, v.Variables...), " ")
		fmt.Fprintf(c.out, "%s%-20s %-40s %s\n", indent, v.Key, plain(v.Text), from)
	}
}

// mistakeJSON is a mistake as --json prints it. Without a line it is not of the file's text.
type mistakeJSON struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Warning bool   `json:"warning,omitempty"`
}

// printReport prints the mistakes, and what holds if that is asked for, as one JSON object.
func (c *command) printReport(results []checked, flags checkFlags) {
	report := struct {
		Mistakes []mistakeJSON `json:"mistakes"`
		*effectiveConfig
	}{Mistakes: []mistakeJSON{}}
	for _, r := range results {
		if r.other != nil {
			message := strings.TrimPrefix(r.other.Error(), r.file+": ")
			report.Mistakes = append(report.Mistakes, mistakeJSON{File: r.file, Message: message})
		}
		for _, m := range r.report() {
			report.Mistakes = append(report.Mistakes, mistakeJSON{m.File, m.Line, m.Col, m.Path, m.Message, m.Warning})
		}
	}
	if flags.print {
		report.effectiveConfig = effective(results, flags.workflow)
	}
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(report) // texts and numbers only
}
