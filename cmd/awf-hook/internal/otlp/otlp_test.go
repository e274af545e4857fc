package otlp

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/trace"
	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	wire "go.opentelemetry.io/proto/slim/otlp/trace/v1"
	"google.golang.org/protobuf/encoding/protojson"
)

// env is an environment.
func env(vars ...string) func(string) string {
	return func(name string) string {
		for _, v := range vars {
			if value, is := strings.CutPrefix(v, name+"="); is {
				return value
			}
		}
		return ""
	}
}

func sample() *trace.Span {
	accepted := trace.Parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "a=1")
	return &trace.Span{
		Context: accepted.Next(), Parent: accepted.Span, Link: accepted, Name: "send oncall", Kind: trace.Client,
		Began: time.Unix(1_800_000_000, 5), Ended: time.Unix(1_800_000_001, 7), Failed: "503 Service Unavailable",
		Attributes: []trace.Attribute{{Key: "server.port", Value: 443}, {Key: "resend", Value: 0}, {Key: "empty", Value: ""},
			{Key: "bad", Value: "a\xff\x00é"}},
	}
}

// read decodes a request with the collector's own protocol types. OTLP's JSON mapping has ids in hexadecimal, protobuf's
// in base64.
func read(t *testing.T, body []byte) *collector.ExportTraceServiceRequest {
	t.Helper()
	var whole any
	if err := json.Unmarshal(body, &whole); err != nil {
		t.Fatal(err)
	}
	var convert func(v any)
	convert = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				convert(e)
			}
		case map[string]any:
			for key, e := range v {
				if id, isText := e.(string); isText && (key == "traceId" || key == "spanId" || key == "parentSpanId") {
					raw, err := hex.DecodeString(id)
					if err != nil {
						t.Errorf("%s: %v", key, err)
					}
					v[key] = base64.StdEncoding.EncodeToString(raw)
				}
				convert(e)
			}
		}
	}
	convert(whole)
	converted, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	var req collector.ExportTraceServiceRequest
	if err := (protojson.UnmarshalOptions{DiscardUnknown: false}).Unmarshal(converted, &req); err != nil {
		t.Fatalf("the collector's types refuse %s: %v", body, err)
	}
	return &req
}

func TestRequestsAreTheCollectors(t *testing.T) {
	s, err := Read(env("OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318", "OTEL_RESOURCE_ATTRIBUTES=a=b%20c,service.name=x",
		"OTEL_SERVICE_NAME=hook"), "1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	body, err := s.encode([]*trace.Span{want})
	if err != nil {
		t.Fatal(err)
	}
	of := read(t, body).ResourceSpans[0]
	attributes := map[string]string{}
	for _, a := range of.Resource.Attributes {
		attributes[a.Key] += a.Value.GetStringValue()
	}
	if attributes["service.name"] != "hook" || attributes["a"] != "b c" || attributes["service.version"] != "1.2.3" {
		t.Errorf("resource %v", attributes)
	}
	got := of.ScopeSpans[0].Spans[0]
	if !bytes.Equal(got.TraceId, want.ID[:]) || !bytes.Equal(got.SpanId, want.Context.Span[:]) ||
		!bytes.Equal(got.ParentSpanId, want.Parent[:]) ||
		got.TraceState != "a=1" || got.Kind != wire.Span_SPAN_KIND_CLIENT || got.Flags != 1 || got.Name != "send oncall" ||
		got.StartTimeUnixNano != uint64(want.Began.UnixNano()) || got.EndTimeUnixNano != uint64(want.Ended.UnixNano()) ||
		got.Status.Code != wire.Status_STATUS_CODE_ERROR || got.Status.Message != want.Failed {
		t.Errorf("span %v, want %+v", got, want)
	}
	if l := got.Links[0]; !bytes.Equal(l.TraceId, want.Link.ID[:]) || !bytes.Equal(l.SpanId, want.Link.Span[:]) || l.TraceState != "a=1" {
		t.Errorf("link %v, want %+v", l, want.Link)
	}
	if len(got.Attributes) != 3 || got.Attributes[0].Value.GetIntValue() != 443 || got.Attributes[1].Value.GetIntValue() != 0 ||
		got.Attributes[2].Value.GetStringValue() != "a\x00é" {
		t.Errorf("attributes %v", got.Attributes)
	}
	for kind, want := range map[trace.Kind]wire.Span_SpanKind{
		trace.Internal: wire.Span_SPAN_KIND_INTERNAL, trace.Server: wire.Span_SPAN_KIND_SERVER, trace.Producer: wire.Span_SPAN_KIND_PRODUCER,
	} {
		body, err := s.encode([]*trace.Span{{Kind: kind, Context: trace.New(), Name: "n", Began: time.Now(), Ended: time.Now()}})
		if err != nil {
			t.Fatal(err)
		}
		if got := read(t, body).ResourceSpans[0].ScopeSpans[0].Spans[0].Kind; got != want {
			t.Errorf("kind %v, want %v", got, want)
		}
	}
}

func TestRead(t *testing.T) {
	for _, c := range []struct {
		env            []string
		endpoint, fail string
	}{
		{nil, "", ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c:4318"}, "http://c:4318/v1/traces", ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=https://c/otlp/"}, "https://c/otlp/v1/traces", ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://d/x"}, "http://d/x", ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_SDK_DISABLED=TRUE"}, "", ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_TRACES_EXPORTER=none"}, "", ""},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, "", "PROTOCOL"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=1s"}, "", "TIMEOUT"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=user:canary@c:4318"}, "", "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=ftp://c"}, "", "OTEL_EXPORTER_OTLP_ENDPOINT"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_EXPORTER_OTLP_HEADERS==canary"}, "", "HEADERS"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=http://c", "OTEL_EXPORTER_OTLP_HEADERS=a=b%0d%0acanary"}, "", "HEADERS"},
	} {
		s, err := Read(env(c.env...), "v")
		got := ""
		if s != nil {
			got = s.endpoint
		}
		if got != c.endpoint || (err != nil) != (c.fail != "") ||
			err != nil && (!strings.Contains(err.Error(), c.fail) || strings.Contains(err.Error(), "canary")) {
			t.Errorf("Read(%q) = %q, %v, want %q, an error about %q", c.env, got, err, c.endpoint, c.fail)
		}
	}
}

// Whatever the collector does, a span never waits, and each one is counted.
func TestCollectorsThatFail(t *testing.T) {
	const spans = maxSpans + 500
	for name, answer := range map[string]struct {
		handler       http.HandlerFunc
		sent, dropped int64
		says          string
	}{
		"good": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") }, maxSpans, 500, "spans were dropped"},
		"partial": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"partialSuccess":{"rejectedSpans":"10"}}`)
		}, maxSpans - 40, 540, "spans were dropped"},
		"refuses": {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusBadRequest) }, 0, spans, "400 Bad Request"},
		"busy": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) }, 0, spans,
			"503 Service Unavailable"},
		"redirects": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusTemporaryRedirect)
		},
			0, spans, "307 Temporary Redirect"},
		"resets": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, 0, spans, "spans cannot be sent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(answer.handler)
			defer server.Close()
			s, err := Read(env("OTEL_EXPORTER_OTLP_ENDPOINT="+strings.Replace(server.URL, "://", "://user:canary@", 1)+"/canary"), "v")
			if err != nil {
				t.Fatal(err)
			}
			var sent, dropped atomic.Int64
			var said bytes.Buffer
			e := New(s, slog.New(slog.NewTextHandler(&said, nil)), func(outcome string, n int) {
				map[string]*atomic.Int64{"sent": &sent, "dropped": &dropped}[outcome].Add(int64(n))
			})
			for range spans {
				e.Span(sample())
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			began := time.Now()
			e.Run(ctx)
			if sent.Load() != answer.sent || dropped.Load() != answer.dropped {
				t.Errorf("%d sent and %d dropped, want %d and %d", sent.Load(), dropped.Load(), answer.sent, answer.dropped)
			}
			if took := time.Since(began); took > 5*lastWait { // a busy machine may take seconds
				t.Errorf("the end took %v, want %v at most", took, lastWait)
			}
			if !strings.Contains(said.String(), answer.says) || strings.Contains(said.String(), "canary") {
				t.Errorf("said %s, want %q and no secret", said.String(), answer.says)
			}
		})
	}
}

// The end does not cut off a request that is under way.
func TestEndLetsARequestFinish(t *testing.T) {
	t.Parallel()
	came, finish := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(came)
		<-finish
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	s, err := Read(env("OTEL_EXPORTER_OTLP_ENDPOINT="+server.URL), "v")
	if err != nil {
		t.Fatal(err)
	}
	var counted []string
	e := New(s, slog.New(slog.DiscardHandler), func(outcome string, _ int) { counted = append(counted, outcome) })
	e.Span(sample())
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { e.Run(ctx); close(ran) }()
	<-came
	cancel()
	time.Sleep(50 * time.Millisecond) // for a request that the end would cut off
	close(finish)
	if <-ran; !slices.Equal(counted, []string{"sent"}) {
		t.Errorf("counted %v, want it sent", counted)
	}
}
