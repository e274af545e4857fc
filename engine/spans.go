package engine

import (
	"errors"
	"strconv"
	"time"

	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/trace"
	"github.com/awf-project/awf-hook/transforms"
)

// beginSpan begins the span of an event's acceptance and makes it the parent of the event's deliveries. It returns
// nil if nobody records spans.
func (e *Engine) beginSpan(ev *event.Event) *trace.Span {
	if ev.Trace.IsZero() {
		ev.Trace = e.opts.Trace
	}
	if e.opts.Observer.Span == nil {
		return nil
	}
	return trace.Begin(&ev.Trace, "accept", trace.Producer)
}

// endSpan ends the span of an event's acceptance.
func (e *Engine) endSpan(entry *delivery.Entry) {
	span := entry.Span
	if span == nil || !span.IsSampled() {
		return
	}
	span.Ended = time.Now()
	span.Attributes = append(eventFacts(entry.Event), trace.Attribute{Key: "awf_hook.deliveries", Value: len(entry.Wants)})
	e.opts.Observer.Span(span)
}

// eventFacts returns the span attributes of an event.
func eventFacts(ev *event.Event) []trace.Attribute {
	return []trace.Attribute{
		{Key: "awf_hook.event.id", Value: ev.ID}, {Key: "awf_hook.event.type", Value: ev.Type},
		{Key: "awf_hook.workflow.id", Value: ev.WorkflowID}, {Key: "awf_hook.workflow.name", Value: ev.WorkflowName},
	}
}

// span begins a span of a delivery. The event may have been accepted hours ago, so the span links to the acceptance
// and is not its child.
func (w *webhook) span(ev *event.Event, d *delivery.Delivery, name string) *trace.Span {
	return &trace.Span{
		Link: ev.Trace, Name: name + " " + w.Name,
		Attributes: append(eventFacts(ev),
			trace.Attribute{Key: "awf_hook.webhook", Value: w.Name}, trace.Attribute{Key: "awf_hook.delivery.id", Value: d.ID}),
	}
}

// recordTransform records a run of the webhook's transform.
func (w *webhook) recordTransform(ev *event.Event, d *delivery.Delivery, began time.Time, err error) {
	if w.record == nil || !ev.Trace.IsSampled() {
		return
	}
	span := w.span(ev, d, "transform")
	span.Context, span.Kind, span.Began, span.Ended = ev.Trace.Next(), trace.Internal, began, time.Now()
	if err != nil && !errors.Is(err, transforms.ErrDrop) {
		span.Failed = w.masker.Text(err.Error())
	}
	w.record(span)
}

// recordSend records an attempt.
func (w *webhook) recordSend(ev *event.Event, d *delivery.Delivery, a *delivery.Attempt) {
	if w.record == nil || !d.Trace.IsSampled() {
		return
	}
	span := w.span(ev, d, "send")
	span.Context, span.Kind, span.Began, span.Ended = d.Trace, trace.Client, a.At, a.At.Add(a.Took)
	add := func(key string, value any) {
		span.Attributes = append(span.Attributes, trace.Attribute{Key: key, Value: value})
	}
	method, host, port := w.sender.Target()
	add("http.request.method", method)
	add("server.address", host)
	add("server.port", port)
	add("url.full", w.URL.String()) // without its path and query, which may be credentials
	add("http.request.resend_count", a.Number-1)
	add("awf_hook.outcome", a.Outcome.String())
	if a.Status > 0 {
		add("http.response.status_code", a.Status)
	}
	if a.Outcome != delivery.Delivered {
		span.Failed = a.Reason
		add("error.type", errorType(a))
	}
	w.record(span)
}

// errorType returns the class of an attempt's failure: the status, else whose fault it is.
func errorType(a *delivery.Attempt) string {
	if a.Status > 0 {
		return strconv.Itoa(a.Status)
	}
	return a.Blame.String()
}
