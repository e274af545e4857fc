package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/engine/trace"
)

// beginSpan reads a request's trace context and begins its span. It returns nil if nobody records spans.
func (in *intake) beginSpan() *trace.Span {
	h := in.request.Header
	if given := h.Values("Traceparent"); len(given) == 1 { // with two, nobody knows which one is right
		in.trace = trace.Parse(given[0], strings.Join(h.Values("Tracestate"), ","))
	}
	if in.server.Span == nil {
		return nil
	}
	return trace.Begin(&in.trace, "POST /v1/events", trace.Server)
}

// endSpan ends the span with the answer to the request.
func (in *intake) endSpan(span *trace.Span, refused *problem) {
	if span == nil || !span.IsSampled() {
		return
	}
	status, scheme := http.StatusAccepted, "http"
	if refused != nil {
		status = refused.status
	}
	if in.request.TLS != nil {
		scheme = "https"
	}
	span.Ended = time.Now()
	span.Attributes = []trace.Attribute{
		{Key: "http.request.method", Value: http.MethodPost}, {Key: "http.route", Value: "/v1/events"}, {Key: "url.path", Value: "/v1/events"},
		{Key: "url.scheme", Value: scheme}, {Key: "http.response.status_code", Value: status},
		{Key: "awf_hook.source", Value: in.source}, {Key: "awf_hook.events", Value: len(in.parsed)},
	}
	if status >= http.StatusInternalServerError { // a client's mistake is not an error of the server
		span.Failed = refused.text
		span.Attributes = append(span.Attributes, trace.Attribute{Key: "error.type", Value: strconv.Itoa(status)})
	}
	in.server.Span(span)
}

// mark notes in the events who sent them, and their trace.
func (in *intake) mark() {
	for i := range in.parsed {
		p := &in.parsed[i]
		p.event.Source = in.source
		if p.event.Trace.IsZero() {
			p.event.Trace = in.trace
		}
	}
}
