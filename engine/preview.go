package engine

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/secret"
	"github.com/awf-project/awf-hook/transforms"
)

// Choice says what a webhook does with an event.
type Choice string

const (
	Sent            Choice = "sent"
	OtherType       Choice = "other_type"       // the webhook's events do not include its type
	FilteredOut     Choice = "filtered_out"     // the filter is false
	FilterFailed    Choice = "filter_failed"    // the filter or order_by fails at run time
	Dropped         Choice = "dropped"          // a transform had nothing to send
	TransformFailed Choice = "transform_failed" // a transform fails at run time
	NotSigned       Choice = "not_signed"       // no request can be made, for example because no secret is valid at the time
)

// Preview is the request that a webhook makes of an event, or the reason why it makes none.
type Preview struct {
	Event      string `json:"event"` // its type
	EventID    string `json:"event_id"`
	WorkflowID string `json:"workflow_id"`
	Webhook    string `json:"webhook"`
	Identity   string `json:"-"`     // the webhook's file and name, FILE#NAME
	Place      string `json:"place"` // the place of its entry: "awf-hook.yaml:3"
	Choice     Choice `json:"choice"`
	Why        string `json:"why,omitempty"` // in words; "" if it is sent

	Method string      `json:"method,omitempty"`
	URL    string      `json:"url,omitempty"`     // scheme and host
	Header http.Header `json:"headers,omitempty"` // with values masked that may be secrets
	Body   []byte      `json:"body,omitempty"`

	header   http.Header // unmasked
	revealed revealed
}

// revealed is a request in which only values of variables, and options that a format declares secret, are masked.
type revealed struct {
	url    string
	header http.Header
}

// Revealed returns the preview with the whole URL and all headers. Values of variables and a format's secret options
// stay masked. Secrets written into the configuration itself are visible: show the result only to the configuration's
// owner.
func (p Preview) Revealed() Preview {
	if p.Choice == Sent {
		p.URL, p.Header = p.revealed.url, p.revealed.header
	}
	return p
}

// Reveal returns a header's unmasked value. Keep it out of logs, errors, files and reports.
func (p *Preview) Reveal(name string) string { return p.header.Get(name) }

// Masked replaces a value that may be a secret.
const Masked = secret.Mask

// Preview runs the event through each webhook of its workflow as Run would, up to the request of a first attempt at
// the given time. It sends nothing and keeps nothing. It returns nil if ctx ends before the webhooks are compiled.
func (e *Engine) Preview(ctx context.Context, ev *event.Event, at time.Time) []Preview {
	var all []Preview
	for _, x := range e.Explain(ctx, ev, at) {
		all = append(all, x.Preview)
	}
	return all
}

// judge decides whether the webhook wants the event.
func (p *Preview) judge(w *webhook, in *expression.Env) {
	match, err := w.filter.Match(in)
	only := in.Event().Webhooks
	switch {
	case only != nil && !slices.Contains(only, w.Identity):
		p.Choice, p.Why = FilteredOut, "the event is for "+strings.Join(only, ", ")+" alone"
	case err != nil:
		p.Choice, p.Why = FilterFailed, w.masker.Text(w.filterError(err).Error())
	case match || only != nil:
		p.Choice = Sent
	case !w.filter.MatchType(in.Event().Type):
		p.Choice, p.Why = OtherType, fmt.Sprintf("%s is not among %s", in.Event().Type, strings.Join(w.globs(), ", "))
	default:
		p.Choice, p.Why = FilteredOut, "the filter is false: "+w.Filter.Value
	}
}

// judgeOrder notes whether order_by fails, which makes a dead letter as a filter that fails does.
func (p *Preview) judgeOrder(w *webhook, in *expression.Env) {
	if _, err := w.orderKey(in); err != nil {
		p.Choice, p.Why = FilterFailed, w.masker.Text(err.Error())
	}
}

func (w *webhook) globs() (list []string) {
	for _, g := range w.Events {
		list = append(list, g.Value)
	}
	return list
}

// request makes the request of the first attempt.
func (p *Preview) request(ctx context.Context, w *webhook, ev *event.Event, at time.Time, content delivery.Content) {
	d := delivery.Delivery{ID: delivery.ID(ev.ID, w.Identity), Webhook: w.Identity, EventID: ev.ID, Event: ev.Type,
		Content: content, Trace: ev.Trace}
	req, err := w.sender.Request(ctx, &d, delivery.Attempt{Number: 1, At: at})
	if err != nil {
		p.Choice, p.Why = NotSigned, err.Error()
		return
	}
	p.Method, p.URL, p.Body = req.Method, w.URL.String(), w.maskContent(&d.Content)
	p.Header, p.header = w.maskHeader(req.Header, isCredential), req.Header
	none := func(string) bool { return false }
	p.revealed = revealed{w.maskVariables(req.URL.String()), w.maskHeader(req.Header, none)}
}

// refuse notes why there is no content. It returns false if there is some.
func (p *Preview) refuse(w *webhook, err error) bool {
	switch {
	case errors.Is(err, transforms.ErrDrop):
		p.Choice, p.Why = Dropped, "the transform came to nothing"
	case err != nil:
		p.Choice, p.Why = TransformFailed, w.masker.Text(err.Error())
	}
	return err != nil
}

// maskHeader copies a request's headers. It masks values of variables, and static headers whose names hides selects.
func (w *webhook) maskHeader(header http.Header, hides func(name string) bool) http.Header {
	static := map[string]bool{"Authorization": true} // also made from the URL's userinfo
	for _, h := range w.Headers {
		static[http.CanonicalHeaderKey(h.Name)] = true
	}
	shown := header.Clone()
	for name, values := range shown {
		if !static[http.CanonicalHeaderKey(name)] {
			continue
		}
		for i, value := range values {
			if hides(name) || w.maskVariables(value) != value {
				values[i] = Masked
			}
		}
	}
	return shown
}

// isCredential reports whether a header's name suggests a credential.
func isCredential(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc([]string{"auth", "token", "key", "secret", "cookie", "password", "credential", "signature"},
		func(word string) bool { return strings.Contains(name, word) })
}

// maskVariables masks the values of variables, however short they are.
func (w *webhook) maskVariables(text string) string {
	masked := w.masker.Text(text)
	for _, known := range w.Known {
		value := known.Reveal()
		for _, form := range []string{value, url.QueryEscape(value), url.PathEscape(value)} {
			if value != "" && strings.Contains(masked, form) {
				return Masked
			}
		}
	}
	return masked
}
