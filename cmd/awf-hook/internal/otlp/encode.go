package otlp

import (
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/awf-project/awf-hook/engine/legible"
	"github.com/awf-project/awf-hook/engine/trace"
)

// The parts of an ExportTraceServiceRequest that we use, in OTLP's JSON mapping: ids in hexadecimal, 64-bit numbers as
// texts.
type (
	exportRequest struct {
		ResourceSpans [1]resourceSpans `json:"resourceSpans"`
	}
	resourceSpans struct {
		Resource struct {
			Attributes []attribute `json:"attributes"`
		} `json:"resource"`
		ScopeSpans [1]scopeSpans `json:"scopeSpans"`
	}
	scopeSpans struct {
		Scope struct {
			Name    string `json:"name"`
			Version string `json:"version"`
		} `json:"scope"`
		Spans []span `json:"spans"`
	}
	span struct {
		link
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
		Key   string            `json:"key"`
		Value map[string]string `json:"value"` // its only key is the value's type
	}
)

const (
	statusError = 2
	maxText     = 1000 // bytes of a text in a span
)

// encode encodes the body of a request.
func (s *Settings) encode(spans []*trace.Span) ([]byte, error) {
	var of resourceSpans
	for _, key := range slices.Sorted(maps.Keys(s.resource)) {
		of.Resource.Attributes = append(of.Resource.Attributes, text(key, s.resource[key]))
	}
	scope := &of.ScopeSpans[0]
	scope.Scope.Name, scope.Scope.Version = "github.com/awf-project/awf-hook", s.version
	for _, sp := range spans {
		scope.Spans = append(scope.Spans, encodeSpan(sp))
	}
	return json.Marshal(exportRequest{[1]resourceSpans{of}})
}

func encodeSpan(sp *trace.Span) span {
	made := span{
		link: linkTo(sp.Context), Flags: uint32(sp.Flags), Name: legible.Cut(sp.Name, maxText), Kind: int(sp.Kind),
		Began: nanoseconds(sp.Began), Ended: nanoseconds(sp.Ended),
	}
	if sp.Parent != [8]byte{} {
		made.Parent = hex.EncodeToString(sp.Parent[:])
	}
	for _, a := range sp.Attributes {
		switch v := a.Value.(type) {
		case int:
			made.Attributes = append(made.Attributes, attribute{a.Key, map[string]string{"intValue": strconv.Itoa(v)}})
		case string:
			if v != "" {
				made.Attributes = append(made.Attributes, text(a.Key, v))
			}
		}
	}
	if !sp.Link.IsZero() {
		made.Links = []link{linkTo(sp.Link)}
	}
	if sp.Failed != "" {
		made.Status = &status{statusError, legible.Cut(sp.Failed, maxText)}
	}
	return made
}

func linkTo(c trace.Context) link { return link{c.Name(), hex.EncodeToString(c.Span[:]), c.State} }

func text(key, s string) attribute {
	return attribute{key, map[string]string{"stringValue": legible.Cut(s, maxText)}}
}

func nanoseconds(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }
