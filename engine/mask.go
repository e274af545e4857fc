package engine

import (
	"encoding/json"
	"reflect"
	"slices"
	"sync"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/transforms"
	"github.com/awf-project/awf-hook/transforms/format"
)

// storedMasker returns a masker for stored bodies. It masks the secrets that the transforms of all webhooks can read.
// It also masks what formats write under the names of their secret options, whose values the configuration may no
// longer have.
func storedMasker(cfg *config.Config) *secret.Masker {
	var values, keys []string
	if cfg != nil {
		for _, s := range cfg.Secrets() {
			values = append(values, s.Reveal())
		}
		given := cfg.All() // what waits for a webhook that is not used any more has its secrets
		for i := range given {
			values = append(values, with(&given[i])...)
		}
		for _, found := range cfg.Workflows.All() {
			for i := range found.Own {
				values = append(values, with(&found.Own[i])...)
			}
		}
	}
	for _, name := range format.Names() {
		receiver, _ := format.Lookup(name)
		keys = append(keys, receiver.Secrets()...)
	}
	return secret.NewMasker(values, keys)
}

// StoredMasker masks, in what a queue holds, the secrets that the transforms of a configuration's webhooks can read, those
// of workflows' own webhooks among them.
type StoredMasker struct {
	mu     sync.Mutex
	masker *secret.Masker
	cfg    *config.Config // whose secrets it masks
	found  []*config.Found
}

// Of returns the masker of a configuration as it is now. It may be called by several goroutines at once.
func (s *StoredMasker) Of(cfg *config.Config) *secret.Masker {
	found := cfg.Workflows.All()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg != cfg || !slices.Equal(s.found, found) {
		s.masker, s.cfg, s.found = storedMasker(cfg), cfg, found
	}
	return s.masker
}

// minKnown is the least length, in bytes, of a variable's value that is masked outside a transform's options.
const minKnown = 5

// with lists the secrets that a webhook's transforms can read: values of variables, and options that a format
// declares secret.
func with(w *config.Webhook) []string {
	var list []string
	for _, known := range w.Known {
		if value := known.Reveal(); len(value) >= minKnown { // not for the name of a format, for example
			list = append(list, value)
		}
	}
	for i := range w.Transform {
		list = append(list, w.Transform[i].Secrets()...)
	}
	return list
}

// secretsIn finds the secret parts of a content's body: what its transforms made from secrets, and the texts of
// secrets.
func (w *compiled) secretsIn(c *delivery.Content) [][2]int {
	return secret.Join(c.Secret, w.masker.Parts(c.Body))
}

// maskContent returns a content's body with secrets masked.
func (w *compiled) maskContent(c *delivery.Content) []byte {
	if c.Body == nil {
		return nil
	}
	return secret.MaskParts(c.Body, w.secretsIn(c))
}

// maskTrace masks the values of an expression's parts.
func (w *compiled) maskTrace(t *expression.Trace) {
	if t == nil {
		return
	}
	t.Value = w.maskValue(t.Value, t.IsSecret())
	parts := t.Parts()
	for i := range parts {
		parts[i].Value = w.maskValue(parts[i].Value, parts[i].Secret)
	}
	if t.Err != nil {
		t.Err = &expression.RunError{Message: w.masker.Text(transforms.Hidden(t.Err, t.IsSecret()).Error())}
	}
}

// maskValue masks the secrets in a value of an expression. nil stays nil, since it cannot be a secret.
func (w *compiled) maskValue(v any, isSecret bool) any {
	if isSecret && v != nil {
		return Masked
	}
	if raw, isRaw := v.(json.RawMessage); isRaw { // decoded, since escapes may hide a secret
		v = jsonbytes.ValueOf(raw)
		if masked := w.masker.Value(v); !reflect.DeepEqual(masked, v) {
			return masked
		}
		return raw
	}
	return w.masker.Value(v)
}
