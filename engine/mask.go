package engine

import (
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/transforms/format"
)

// newMasker makes the masker of what the webhook's transforms can read.
func newMasker(w *config.Webhook) *secret.Masker { return secret.NewMasker(with(w), nil) }

// storedMasker makes the masker of stored bodies: of what the transforms of all webhooks can read, and of what formats write of their secrets
// under the options' own names, where no configuration tells the values.
func storedMasker(cfg *config.Config) *secret.Masker {
	var values, keys []string
	if cfg != nil {
		for i := range cfg.Webhooks {
			values = append(values, with(&cfg.Webhooks[i])...)
		}
	}
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		keys = append(keys, receiver.Secrets()...)
	}
	return secret.NewMasker(values, keys)
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
