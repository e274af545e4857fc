package main

import (
	"fmt"
	"strings"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/spelling"
)

// effectiveWebhook is a webhook of the effective configuration.
type effectiveWebhook struct {
	Name     string         `json:"webhook"`
	Place    string         `json:"place"`              // file and line
	Workflow string         `json:"workflow,omitempty"` // applies only to this workflow's events
	Values   []config.Value `json:"values"`
}

// effectiveConfig is the configuration after merging.
type effectiveConfig struct {
	Values    []config.Value     `json:"values,omitempty"` // outside the webhooks
	Webhooks  []effectiveWebhook `json:"webhooks"`
	undefined string             // the workflow that the user named, if it has no definition
}

// effective joins the webhooks for all workflows with those for one workflow, or for each. It leaves out files with
// mistakes.
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

// only keeps the webhooks of this name; "" keeps everything.
func (all *effectiveConfig) only(webhook string) (*effectiveConfig, error) {
	if webhook == "" {
		return all, nil
	}
	var names []string
	left := &effectiveConfig{undefined: all.undefined}
	for _, w := range all.Webhooks {
		if names = append(names, w.Name); w.Name == webhook {
			left.Webhooks = append(left.Webhooks, w)
		}
	}
	if len(left.Webhooks) == 0 {
		return nil, spelling.Unknown("webhook", webhook, names)
	}
	return left, nil
}

// printEffective prints the effective configuration and where each value comes from.
func (c *command) printEffective(all *effectiveConfig) {
	if all.undefined != "" {
		c.sayf("no definition of the workflow %s found: only the settings apply", plain(all.undefined))
	}
	c.printValues("", all.Values)
	for _, w := range all.Webhooks {
		fmt.Fprintf(c.out, "\n%s (%s)", plain(w.Name), w.Place)
		if w.Workflow != "" {
			fmt.Fprintf(c.out, ", for the workflow %s alone", plain(w.Workflow))
		}
		fmt.Fprintln(c.out)
		c.printValues("  ", w.Values)
	}
}

func (c *command) printValues(indent string, values []config.Value) {
	width := 20 // of the keys
	for _, v := range values {
		width = max(width, len(v.Key))
	}
	for _, v := range values {
		from := strings.Join(append([]string{v.Place}, v.Variables...), " ")
		fmt.Fprintf(c.out, "%s%s %s %s\n", indent, pad(v.Key, width), pad(plain(v.Text), 40), from)
	}
}

// checkJSON is check's result as --json prints it.
type checkJSON struct {
	Mistakes config.Errors `json:"mistakes"`
	*effectiveConfig
}

// printChecked prints the mistakes, and the effective configuration if shown is not nil, as one JSON object.
func (c *command) printChecked(results []checked, shown *effectiveConfig) {
	report := checkJSON{Mistakes: config.Errors{}, effectiveConfig: shown}
	for _, r := range results {
		if r.other != nil {
			message := strings.TrimPrefix(r.other.Error(), r.file+": ")
			report.Mistakes = append(report.Mistakes, &config.Error{Pos: config.Pos{File: r.file}, Code: "file.read", Message: message})
		}
		report.Mistakes = append(report.Mistakes, r.report()...)
	}
	encodeIndented(c.out, "", "  ", report)
}
