package engine

import (
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/transforms/format"
)

// newMasker makes the masker of what the transforms of the webhooks can read, and of what formats write of their secrets into a body under the
// options' own names, where no configuration tells the values.
func newMasker(webhooks ...config.Webhook) *secret.Masker {
	var values, keys []string
	for i := range webhooks {
		values = append(values, with(&webhooks[i])...)
	}
	for _, name := range format.Names() {
		kind, _ := format.Lookup(name)
		keys = append(keys, kind.Secrets()...)
	}
	return secret.NewMasker(values, keys)
}

// with lists the secrets that a webhook's transforms can read: the values of variables, and what a format says is one.
func with(w *config.Webhook) []string {
	var list []string
	for i := range w.Transform {
		step := &w.Transform[i]
		if step.With == nil {
			continue
		}
		list = append(list, step.With.Secrets()...)
		kind, known := format.Lookup(step.Format.Value)
		if !known {
			continue
		}
		for _, name := range kind.Secrets() {
			if value := step.With.Get(name); value != nil && value.Text.Value != "" {
				list = append(list, value.Text.Value)
			}
		}
	}
	return list
}

// maskTrace masks what the parts of an expression came to.
func (w *compiled) maskTrace(t *expression.Trace) {
	if t == nil {
		return
	}
	t.Value = w.masker.Value(t.Value)
	for i := range t.Parts {
		t.Parts[i].Value = w.masker.Value(t.Parts[i].Value)
	}
	if t.Err != nil {
		t.Err = &expression.RunError{Message: w.masker.Text(t.Err.Error())}
	}
}
