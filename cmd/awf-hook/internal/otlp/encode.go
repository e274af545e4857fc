package otlp

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/awf-project/awf-hook/engine/trace"
)

// The parts of an ExportTraceServiceRequest that we use, in OTLP's JSON mapping: ids in hexadecimal, 64-bit numbers as
// texts.
type (
	exportRequest struct {
		ResourceSpans []resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource   resourceOf   `json:"resource"`
		ScopeSpans []scopeSpans `json:"scopeSpans"`
	}
	resourceOf struct {
		Attributes []attribute `json:"attributes"`
	}
	scopeSpans struct {
		Scope scope  `json:"scope"`
		Spans []span `json:"spans"`
	}
	scope struct {
		Name    string `json:"name"`
		Version string `json:"version"`
	}
	span struct {
		TraceID    string      `json:"traceId"`
		SpanID     string      `json:"spanId"`
		TraceState string      `json:"traceState,omitempty"`
		Parent     string      `json:"parentSpanId,omitempty"`
		Flags      uint32      `json:"flags"`
		Name       string      `json:"name"`
		Kind       int         `json:"kind"`
		Began      string      `json:"startTimeUnixNano"`
		Ended      string      `json:"endTimeUnixNano"`
		Attributes []attribute `json:"attributes,omitempty"`
		Links      []link      `json:"links,omitempty"`
		Status     *status     `json:"status,omitempty"`
	}
	link struct {
		TraceID    string `json:"traceId"`
		SpanID     string `json:"spanId"`
		TraceState string `json:"traceState,omitempty"`
	}
	status struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	attribute struct {
		Key   string `json:"key"`
		Value value  `json:"value"`
	}
	value struct {
		Text   *string `json:"stringValue,omitempty"`
		Number *string `json:"intValue,omitempty"`
	}
)

const (
	statusError = 2
	maxText     = 1000 // bytes of a text in a span
)

// encode encodes the body of a request.
func (s *Settings) encode(spans []*trace.Span) ([]byte, error) {
	list := make([]span, len(spans))
	for i, sp := range spans {
		list[i] = encodeSpan(sp)
	}
	var resource []attribute
	for _, pair := range s.resource {
		resource = append(resource, text(pair[0], pair[1]))
	}
	return json.Marshal(exportRequest{[]resourceSpans{{
		resourceOf{resource}, []scopeSpans{{scope{"github.com/awf-project/awf-hook", s.version}, list}},
	}}})
}

func encodeSpan(sp *trace.Span) span {
	made := span{
		TraceID: sp.Context.Name(), SpanID: hex.EncodeToString(sp.Context.Span[:]), TraceState: sp.State,
		Flags: uint32(sp.Flags), Name: cut(sp.Name), Kind: int(sp.Kind), Began: nanoseconds(sp.Began), Ended: nanoseconds(sp.Ended),
	}
	if sp.Parent != [8]byte{} {
		made.Parent = hex.EncodeToString(sp.Parent[:])
	}
	for _, a := range sp.Attributes {
		switch v := a.Value.(type) {
		case int:
			number := strconv.Itoa(v)
			made.Attributes = append(made.Attributes, attribute{a.Key, value{Number: &number}})
		case string:
			if v != "" {
				made.Attributes = append(made.Attributes, text(a.Key, v))
			}
		}
	}
	if l := sp.Link; !l.IsZero() {
		made.Links = []link{{l.Name(), hex.EncodeToString(l.Span[:]), l.State}}
	}
	if sp.Failed != "" {
		made.Status = &status{statusError, cut(sp.Failed)}
	}
	return made
}

func text(key, s string) attribute {
	s = cut(s)
	return attribute{key, value{Text: &s}}
}

// cut cuts a text to maxText bytes of valid UTF-8.
func cut(s string) string {
	if len(s) <= maxText && utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s[:min(len(s), maxText)], "")
}

func nanoseconds(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
