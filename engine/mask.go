package engine

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine/expression"
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

// mask hides the values of variables in a body.
func (w *compiled) mask(body []byte) []byte {
	for _, secret := range w.with() {
		quoted := expression.AppendString(nil, secret)
		for _, form := range [][]byte{quoted[1 : len(quoted)-1], []byte(secret)} {
			body = bytes.ReplaceAll(body, form, []byte(Masked))
		}
	}
	return body
}

// maskText hides them in a text, for example an error that quotes a value.
func (w *compiled) maskText(text string) string {
	for _, secret := range w.with() {
		text = strings.ReplaceAll(text, secret, Masked)
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
