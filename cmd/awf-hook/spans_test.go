package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/engine/trace"
)

// sentSpan is a span as a collector receives it.
type sentSpan struct {
	TraceID, SpanID, ParentSpanID, Name string
	Kind                                int
	Attributes                          []struct {
		Key   string
		Value struct{ StringValue, IntValue string }
	}
	Links []struct{ TraceID, SpanID string }
}

func (s *sentSpan) value(key string) string {
	for _, a := range s.Attributes {
		if a.Key == key {
			return a.Value.StringValue + a.Value.IntValue
		}
	}
	return ""
}

// collected is a collector of spans.
type collected struct {
	mu    sync.Mutex
	all   []byte
	spans []sentSpan
}

func (c *collected) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var body struct {
		ResourceSpans []struct{ ScopeSpans []struct{ Spans []sentSpan } }
	}
	text, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, text...)
	_ = json.Unmarshal(text, &body)
	for _, resource := range body.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			c.spans = append(c.spans, scope.Spans...)
		}
	}
}

// traced is a receiver that fails once, and records the traces of its requests.
type traced struct {
	mu      sync.Mutex
	parents []string
	states  []string
}

func (r *traced) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parents, r.states = append(r.parents, req.Header.Get("Traceparent")), append(r.states, req.Header.Get("Tracestate"))
	if len(r.parents) == 1 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

const (
	traceID     = "4bf92f3577b34da6a3ce929d0e0e4736"
	givenSpan   = "00f067aa0ba902b7"
	givenParent = "00-" + traceID + "-" + givenSpan + "-01"
	anEvent     = `{"event":"workflow_end","workflow_id":"r","workflow_name":"deploy","timestamp":"2026-03-01T12:00:00Z","payload":{}`
)

// Each request of an event has the event's trace with a new span, and the spans show the event's path.
func TestServeTraces(t *testing.T) {
	collector, receiver := &collected{}, &traced{}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", serve(t, collector))
	t.Setenv("TRACEPARENT", "00-11111111111111111111111111111111-1111111111111111-01") // does not apply to events over HTTP
	config := writeConfig(t, `webhooks: [{name: hook, url: "%s/canary?key=canary", headers: {X-Key: canary-2}, retry: {delay: 20ms},
  transform: {map: '{"a": 1}'}}]`, serve(t, receiver))
	s := startServe(t, "-c", config, "--listen", "127.0.0.1:0", "--queue", filepath.Join(t.TempDir(), "queue.db"))
	req, err := http.NewRequest(http.MethodPost, s.url+"/v1/events", strings.NewReader(anEvent+"}"))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = http.Header{"Content-Type": {"application/json"}, "Traceparent": {givenParent}, "Tracestate": {"a=1", "b=2"}}
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatal(resp, err)
	}
	resp.Body.Close()
	eventually(t, "the event arrives", func() bool {
		receiver.mu.Lock()
		defer receiver.mu.Unlock()
		return len(receiver.parents) == 2
	})
	if code := s.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("exit code %d, said %s", code, s.talk())
	}
	of := map[string][]sentSpan{}
	for _, span := range collector.spans {
		of[span.Name] = append(of[span.Name], span)
		if span.TraceID != traceID {
			t.Errorf("%s is of trace %s, want %s", span.Name, span.TraceID, traceID)
		}
	}
	request, accept, transform, sends := of["POST /v1/events"], of["accept"], of["transform hook"], of["send hook"]
	if len(request) != 1 || len(accept) != 1 || len(transform) != 1 || len(sends) != 2 {
		t.Fatalf("spans %+v, want a request, an acceptance, a transform and two attempts", collector.spans)
	}
	if request[0].ParentSpanID != givenSpan || request[0].Kind != int(trace.Server) ||
		request[0].value("http.response.status_code") != "202" ||
		accept[0].ParentSpanID != request[0].SpanID || accept[0].Kind != int(trace.Producer) || transform[0].Kind != int(trace.Internal) {
		t.Errorf("request %+v, acceptance %+v, transform %+v", request, accept, transform)
	}
	for i, send := range sends {
		if send.Kind != int(trace.Client) || send.ParentSpanID != "" || send.Links[0].SpanID != accept[0].SpanID ||
			send.value("http.request.resend_count") != fmt.Sprint(i) || send.value("http.response.status_code") != []string{"503", "200"}[i] {
			t.Errorf("attempt %d: %+v", i+1, send)
		}
		if want := "00-" + traceID + "-" + send.SpanID + "-01"; receiver.parents[i] != want || receiver.states[i] != "a=1,b=2" {
			t.Errorf("attempt %d brought %s and %s, want %s and a=1,b=2", i+1, receiver.parents[i], receiver.states[i], want)
		}
	}
	if strings.Contains(string(collector.all), "canary") {
		t.Errorf("a secret is in %s", collector.all)
	}
}

// If nobody records spans, requests carry the event's own trace, a command's events belong to its $TRACEPARENT, and no
// trace is made up.
func TestTraceOfACommand(t *testing.T) {
	for name, c := range map[string]struct{ env, line, want string }{
		"none":         {"", anEvent + "}", ""},
		"broken":       {"00-what", anEvent + `,"traceparent":7}`, ""},
		"of the run":   {givenParent, anEvent + "}", traceID},
		"of the event": {"00-11111111111111111111111111111111-1111111111111111-01", anEvent + `,"traceparent":"` + givenParent + `"}`, traceID},
	} {
		receiver := &traced{parents: []string{"no failure"}}
		config := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, receiver))
		cmd := exec.Command("awf-hook", "run", "-c", config, "--queue", "memory:")
		cmd.Env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "TRACEPARENT=") }),
			"TRACEPARENT="+c.env)
		cmd.Stdin = strings.NewReader(c.line + "\n")
		if out, err := cmd.CombinedOutput(); err != nil || len(receiver.parents) != 2 {
			t.Fatalf("%s: %v, %s", name, err, out)
		}
		got := receiver.parents[1]
		if got != "" && strings.HasSuffix(got, "-"+givenSpan+"-01") || (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: sent %q, want a new span of %q", name, got, c.want)
		}
	}
}

// A collector that refuses connections, or never answers, costs two seconds at most.
func TestDeadCollectorIsInNobodysWay(t *testing.T) {
	silent := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	config := writeConfig(t, "webhooks: [{name: hook, url: %q}]", serve(t, &traced{parents: []string{"no failure"}}))
	for _, endpoint := range []string{"http://127.0.0.1:1", silent} {
		cmd := exec.Command("awf-hook", "run", "-c", config, "--queue", "memory:")
		cmd.Env, cmd.Stdin = append(os.Environ(), "OTEL_EXPORTER_OTLP_ENDPOINT="+endpoint), strings.NewReader(anEvent+"}\n")
		began := time.Now()
		out, err := cmd.CombinedOutput()
		if took := time.Since(began); err != nil || took > 4*time.Second || !strings.Contains(string(out), "spans cannot be sent") ||
			!strings.Contains(string(out), "1 delivered") {
			t.Errorf("%s: %v after %v: %s", endpoint, err, took, out)
		}
	}
}

// eventually waits up to ten seconds for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !is(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within ten seconds: %s", what)
		}
	}
}
