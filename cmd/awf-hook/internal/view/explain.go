package view

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/legible"
)

// explainTime is how long explaining an event may take.
const explainTime = 10 * time.Second

// Why says what each webhook of an event's workflow makes of the event now, and why. It sends nothing.
func (d *Desk) Why(ctx context.Context, ev *event.Event) []engine.Explanation {
	ctx, cancel := context.WithTimeout(ctx, explainTime)
	defer cancel()
	return d.Engine.Explain(ctx, ev, time.Now())
}

// PartNote says how a part of an expression ended: with a value, which is cut to a length in bytes, or without one. failed is whether the
// expression failed.
func PartNote(p *expression.Part, failed bool, most int) string {
	switch {
	case p.Times == 0 && failed:
		return NoValue
	case p.Times == 0:
		return NotNeeded
	case p.Missing():
		return Missing
	}
	note := ValueText(p.Value, most)
	if p.Loop && p.Times > 1 {
		note += fmt.Sprintf("  (the last of %d)", p.Times)
	}
	return note
}

// Notes on parts without a value.
const (
	NoValue   = "no value"
	NotNeeded = "not needed"
	Missing   = "missing"
)

// ValueText returns a value of an expression as JSON, cut to a length in bytes.
func ValueText(v any, most int) string {
	text, err := expression.AppendJSON(nil, v)
	if err != nil {
		return err.Error()
	}
	return legible.Shorten(string(text), most)
}

// Event returns a recent event, or one that a delivery holds.
func (d *Desk) Event(ctx context.Context, id string) (*EventSeen, error) {
	for _, seen := range d.Seen.Events() {
		if seen.Event.ID == id {
			return &seen, nil
		}
	}
	found, err := d.queue.List(ctx, engine.Filter{Text: id, Limit: maxPage})
	if err != nil {
		return nil, err
	}
	for i := range found {
		if found[i].Event.ID != id {
			continue
		}
		detail, err := d.queue.Show(ctx, found[i].Delivery.ID)
		if err != nil {
			return nil, err
		}
		return &EventSeen{At: found[i].Accepted, Fate: engine.EventAccepted, Event: *detail.Event}, nil
	}
	return nil, api.Unknown(errors.New(id + ": no such event"))
}

// Envelope returns an event as a line that awf-hook reads, with secrets masked.
func (d *Desk) Envelope(ev *event.Event) string { return string(d.mask(ev.Envelope())) }

// Request is the request that a delivery sends. Secrets are masked.
type Request struct {
	Format string // the built-in format that made the body; "" for none
	Method string
	URL    string // scheme and host
	Header http.Header
	Body   string
}

// Request returns the request of a delivery: the stored body, with the rest as the configuration makes it now.
func (d *Desk) Request(ctx context.Context, of *Delivery) Request {
	r := Request{Method: http.MethodPost, Body: string(of.Body), Header: http.Header{"Content-Type": {"application/json"}}}
	w := d.configured()[of.Identity]
	if w == nil {
		return r
	}
	r.URL, r.Format = w.URL.String(), formatOf(w)
	for _, x := range d.Why(ctx, of.Whole) {
		if x.Webhook == w.Name && x.Place == w.Place() && x.Choice == engine.Sent {
			r.Method, r.URL, r.Header = x.Method, x.URL, x.Header
			if r.Body == "" {
				r.Body = string(x.Body)
			}
		}
	}
	return r
}

// Pretty indents JSON. It returns other texts unchanged.
func Pretty(text string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(text), "", "  ") != nil {
		return text
	}
	return b.String()
}

// formatOf returns the built-in format at the end of a webhook's transform.
func formatOf(w *config.Webhook) string {
	if n := len(w.Transform); n > 0 {
		return w.Transform[n-1].Format.Value
	}
	return ""
}

// Configuration is the current configuration, each value with its origin. Secrets are masked.
type Configuration struct {
	Files    []string
	Values   []config.Value
	Webhooks []ConfiguredWebhook
	Warnings []string
}

// ConfiguredWebhook is a webhook of the configuration.
type ConfiguredWebhook struct {
	Name     string
	Identity string
	Place    string
	Workflow bool // from a workflow's definition
	Values   []config.Value
}

// Configuration returns the current configuration.
func (d *Desk) Configuration() *Configuration {
	cfg := d.Engine.Config()
	c := &Configuration{Files: cfg.Files, Values: cfg.Values(), Webhooks: []ConfiguredWebhook{}, Warnings: []string{}}
	for _, flag := range d.Flags {
		isQueue := strings.HasPrefix(flag.Key, "queue.")
		c.Values = slices.DeleteFunc(c.Values, func(v config.Value) bool {
			return v.Key == flag.Key || isQueue && (v.Key == "queue.path" || v.Key == "queue.url")
		})
	}
	c.Values = append(c.Values, d.Flags...)
	for identity, w := range d.configured() {
		c.Webhooks = append(c.Webhooks, ConfiguredWebhook{w.Name, identity, w.Place(), w.Origin == config.WorkflowFile, w.Values()})
	}
	slices.SortFunc(c.Webhooks, func(a, b ConfiguredWebhook) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Identity, b.Identity))
	})
	for _, warning := range slices.Concat(cfg.Warnings, d.Engine.Warnings()) {
		c.Warnings = append(c.Warnings, warning.Error())
	}
	return c
}

// Values lists the values of a configured webhook; nil if it does not exist.
func (d *Desk) Values(identity string) []config.Value {
	if w := d.configured()[identity]; w != nil {
		return w.Values()
	}
	return nil
}
