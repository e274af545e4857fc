package main

import (
	"fmt"
	"strings"

	"github.com/awf-project/awf-hook/engine/config"
)

// effectiveWebhook is a webhook of the effective configuration.
type effectiveWebhook struct {
	Name     string         `json:"name"`
	From     string         `json:"from"`               // file and line
	Workflow string         `json:"workflow,omitempty"` // it applies to this workflow's events alone
	Values   []config.Value `json:"values"`
}

// effectiveConfig is the configuration after merging.
type effectiveConfig struct {
	Values    []config.Value     `json:"values,omitempty"` // beside the webhooks
	Webhooks  []effectiveWebhook `json:"webhooks"`
	undefined string             // the workflow that the user named, if it has no definition
}

// effective joins the webhooks for all workflows with those for one workflow, or for each. It leaves out files with mistakes.
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

// printEffective prints the effective configuration and where each value comes from.
func (c *command) printEffective(all *effectiveConfig) {
	if all.undefined != "" {
		fmt.Fprintf(c.err, "awf-hook: no definition of the workflow %s found: only the settings apply\n", plain(all.undefined))
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

// mistakeJSON is a mistake as --json prints it. It has no line if the file is missing or cannot be read.
type mistakeJSON struct {
	File    string `json:"file,omitempty"`
	Line    int    `json:"line,omitempty"`
	Column  int    `json:"column,omitempty"`
	Code    string `json:"code"` // of [config.Codes]
	Path    string `json:"path,omitempty"`
	Message string `json:"message"`
	Warning bool   `json:"warning,omitempty"`
}

// printReport prints the mistakes, and the effective configuration with --print, as one JSON object.
func (c *command) printReport(results []checked, flags checkFlags) {
	report := struct {
		Mistakes []mistakeJSON `json:"mistakes"`
		*effectiveConfig
	}{Mistakes: []mistakeJSON{}}
	for _, r := range results {
		if r.other != nil {
			message := strings.TrimPrefix(r.other.Error(), r.file+": ")
			report.Mistakes = append(report.Mistakes, mistakeJSON{File: r.file, Code: "file.read", Message: message})
		}
		for _, m := range r.report() {
			report.Mistakes = append(report.Mistakes, mistakeJSON{m.File, m.Line, m.Col, m.Code, m.Path, m.Message, m.Warning})
		}
	}
	if flags.print {
		report.effectiveConfig = effective(results, flags.workflow)
	}
	encodeIndented(c.out, "", "  ", report)
}
