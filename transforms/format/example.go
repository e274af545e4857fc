package format

import (
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
)

// sample is a format's configuration in the documentation.
type sample struct {
	url    string
	header string // a line of headers, "" for none
	with   []Option
}

const (
	sampleLink = "https://ci.example.com/runs/{{ workflow_id }}"

	sampleKey    = "00000000000000000000000000000000"
	sampleToken  = "glptt-0000000000000000"
	sampleCommit = "0123456789abcdef0123456789abcdef01234567"
)

// variables replaces the samples by the variables that a configuration has.
var variables = strings.NewReplacer(sampleKey, "${PD_ROUTING_KEY}", sampleToken, "${GITLAB_TRIGGER_TOKEN}", sampleCommit, "${GITHUB_SHA}")

// Example returns the configuration of a webhook with the format, and what its receiver gets when a workflow failed.
// Both show variables instead of secrets.
func (r *Receiver) Example() (config string, c delivery.Content) {
	var b strings.Builder
	b.WriteString("webhooks:\n  - name: " + r.Name + "\n    url: " + r.sample.url + "\n")
	if r.sample.header != "" {
		b.WriteString("    headers: {" + r.sample.header + "}\n")
	}
	b.WriteString("    transform:\n      - format: " + r.Name + "\n")
	if len(r.sample.with) > 0 {
		b.WriteString("        with:\n")
	}
	for _, option := range r.sample.with {
		b.WriteString("          " + option.Name + ": " + sampleValue(option.Value) + "\n")
	}
	f, mistakes := r.New(r.sample.with)
	if len(mistakes) > 0 {
		panic(r.Name + ": the example is wrong: " + mistakes[0].Message)
	}
	c, err := f.Content(expression.NewEnv(sampleEvent()), nil)
	if err != nil {
		panic(err) // the examples' expressions cannot fail
	}
	c.Body, c.URLSuffix = []byte(variables.Replace(string(c.Body))), variables.Replace(c.URLSuffix)
	return variables.Replace(b.String()), c
}

// sampleValue returns an option's value as YAML.
func sampleValue(v any) string {
	if list, isList := v.([]string); isList {
		return "[" + sampleValue(list[0]) + "]"
	}
	s := v.(string)
	if strings.ContainsAny(s[:1], "-@!") {
		return `"` + s + `"`
	}
	return s
}

func sampleEvent() *event.Event {
	return &event.Event{
		ID: "019a1f60-7e51-7cc8-9d3b-0f7a52c1a001", Type: event.WorkflowError,
		WorkflowID: "6cf6d88c-6044-4429-b785-d32c4f207071", WorkflowName: "deploy",
		Timestamp: time.Date(2026, 11, 24, 2, 19, 36, 168e6, time.UTC),
		Payload:   []byte(`{"status":"failure","duration":123.4,"exit_code":127,"error":"/bin/bash: line 1: kubectl: command not found"}`),
	}
}
