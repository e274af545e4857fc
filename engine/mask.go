package engine

import (
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/transforms/format"
)

// newMasker makes the masker of what the transforms of the webhooks can read, and of what formats write of their secrets into a body under
// the options' own names. These are the formats whose names are given: other bodies may have such members that are no secrets.
func newMasker(formats []string, webhooks ...config.Webhook) *secret.Masker {
	var values, keys []string
	for i := range webhooks {
		values = append(values, with(&webhooks[i])...)
	}
	for _, name := range formats {
		if kind, known := format.Lookup(name); known {
			keys = append(keys, kind.Secrets()...)
		}
	}
	return secret.NewMasker(values, keys)
}

// formatsOf names the formats of a webhook's steps.
func formatsOf(w *config.Webhook) []string {
	var names []string
	for i := range w.Transform {
		names = append(names, w.Transform[i].Format.Value)
	}
	return names
}

// minKnown is the length from which the value of a variable is masked outside of a transform's options, in bytes.
const minKnown = 5

// with lists the secrets that a webhook's transforms can read: the values of variables, and what a format says is one.
func with(w *config.Webhook) []string {
	var list []string
	for _, known := range w.Known {
		if value := known.Reveal(); len(value) >= minKnown { // of the name of a format, for example
			list = append(list, value)
		}
	}
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
	parts := t.Parts()
	for i := range parts {
		parts[i].Value = w.masker.Value(parts[i].Value)
	}
	if t.Err != nil {
		t.Err = &expression.RunError{Message: w.masker.Text(t.Err.Error())}
	}
}
