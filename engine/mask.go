package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/transforms"
	"github.com/awf-project/awf-hook/transforms/format"
)

// with lists the secrets that the webhook's transforms can read: the values of variables, and what a format says is one.
func (w *compiled) with() []string {
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

// maskKeys hides what formats write of their secrets into a body, under the options' own names, where no configuration tells them.
func maskKeys(body []byte) []byte {
	for _, name := range format.Names() {
		kind, _ := format.Lookup(name)
		for _, key := range kind.Secrets() {
			pattern := regexp.MustCompile(`("` + regexp.QuoteMeta(key) + `"\s*:\s*)"(?:[^"\\]|\\.)*"`)
			body = pattern.ReplaceAll(body, []byte(`${1}"`+Masked+`"`))
		}
	}
	return body
}

// minLine is how long a line of a secret is, in bytes, that is hidden for itself.
const minLine = 8

// forms lists the texts in which the values of variables may appear, longer ones first: as they are, as a JSON string has them, which a
// module may read, on one line, as its log lines and failures have them, and each of their lines.
func (w *compiled) forms() []string {
	var list []string
	add := func(text string) {
		if text != "" {
			list = append(list, text)
		}
	}
	for _, secret := range w.with() {
		add(secret)
		quoted := expression.AppendString(nil, secret)
		add(string(quoted[1 : len(quoted)-1]))
		if escaped, err := json.Marshal(secret); err == nil {
			add(string(escaped[1 : len(escaped)-1]))
		}
		add(transforms.OneLine(secret))
		for line := range strings.Lines(secret) {
			if line = transforms.OneLine(line); len(line) >= minLine {
				add(line)
			}
		}
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) })
	return slices.Compact(list)
}

// mask hides the values of variables in a body.
func (w *compiled) mask(body []byte) []byte {
	for _, form := range w.forms() {
		body = bytes.ReplaceAll(body, []byte(form), []byte(Masked))
	}
	return body
}

// maskText hides them in a text, for example an error that quotes a value.
func (w *compiled) maskText(text string) string {
	for _, form := range w.forms() {
		text = strings.ReplaceAll(text, form, Masked)
	}
	return text
}

// maskTrace hides them in what the parts of an expression came to.
func (w *compiled) maskTrace(t *expression.Trace) {
	if len(w.with()) == 0 || t == nil {
		return
	}
	t.Value = w.maskValue(t.Value)
	for i := range t.Parts {
		t.Parts[i].Value = w.maskValue(t.Parts[i].Value)
	}
	if t.Err != nil {
		t.Err = &expression.RunError{Message: w.maskText(t.Err.Error())}
	}
}

func (w *compiled) maskValue(v any) any {
	switch v := v.(type) {
	case string:
		return w.maskText(v)
	case []any:
		v = slices.Clone(v)
		for i := range v {
			v[i] = w.maskValue(v[i])
		}
		return v
	case map[string]any:
		m := make(map[string]any, len(v))
		for key, inner := range v {
			m[key] = w.maskValue(inner)
		}
		return m
	}
	return v
}

// logger hides them in what a module logs, and names the webhook.
func (w *compiled) logger(log *slog.Logger) *slog.Logger {
	return slog.New(&maskingHandler{log.Handler(), w.maskText}).With("webhook", w.Name)
}

// maskingHandler hides secrets in the texts of a log's lines.
type maskingHandler struct {
	slog.Handler
	mask func(string) string
}

func (h *maskingHandler) Handle(ctx context.Context, r slog.Record) error {
	masked := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a.Value.Kind() == slog.KindString {
			a.Value = slog.StringValue(h.mask(a.Value.String()))
		}
		masked.AddAttrs(a)
		return true
	})
	return h.Handler.Handle(ctx, masked)
}

func (h *maskingHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &maskingHandler{h.Handler.WithAttrs(attrs), h.mask}
}

func (h *maskingHandler) WithGroup(name string) slog.Handler {
	return &maskingHandler{h.Handler.WithGroup(name), h.mask}
}
