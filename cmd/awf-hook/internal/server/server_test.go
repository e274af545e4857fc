package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

const (
	ciToken = "ci-token-0123456789"
	secret  = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// node is a server with a real engine behind it, on a listener of its own.
type node struct {
	*server.Server
	url      string
	queue    string
	mu       sync.Mutex
	received []map[string]any // requests that its webhook's receiver got
}

func start(t *testing.T, access server.Access) *node {
	t.Helper()
	return startWith(t, access, func(*server.Options) {})
}

// startWith starts a server with changed options.
func startWith(t *testing.T, access server.Access, change func(*server.Options)) *node {
	t.Helper()
	n := &node{queue: filepath.Join(t.TempDir(), "queue.db")}
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		n.received = append(n.received, body)
	}))
	t.Cleanup(receiver.Close)
	yaml := "webhooks: [{name: all, url: '" + receiver.URL + "', events: ['*'], filter: 'workflow_name != \"nobody\"'}]"
	cfg, err := config.Parse("/etc/awf-hook.yaml", []byte(yaml), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	eng, err := engine.Open(cfg, engine.Options{Queue: n.queue})
	if err != nil {
		t.Fatal(err)
	}
	options := server.Options{Commit: eng.Commit, Differs: eng.Differs, Ready: eng.Ready}
	change(&options)
	n.Server = server.New(options, access)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.url = "http://" + ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = eng.Run(ctx) })
	running.Go(func() {
		if err := n.Run(ctx, ln, nil); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
		_ = eng.Close()
	})
	return n
}

// post sends a body with headers ("Name: value") and returns the answer, its body as JSON.
func (n *node) post(t *testing.T, path, body string, headers ...string) (*http.Response, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, n.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Add(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if len(text) > 0 && json.Unmarshal(text, &got) != nil {
		t.Fatalf("%d %q is not a JSON object", resp.StatusCode, text)
	}
	return resp, got
}

// bodies waits for n requests at the receiver and returns their bodies.
func (n *node) bodies(t *testing.T, count int) []map[string]any {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n.mu.Lock()
		got := slices.Clone(n.received)
		n.mu.Unlock()
		if len(got) >= count {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d requests came, want %d", len(got), count)
		}
	}
}

func envelope(id, name string) string {
	if id != "" {
		id = fmt.Sprintf(`"id":%q,`, id)
	}
	return fmt.Sprintf(`{%s"event":"workflow_end","workflow_id":"r1","workflow_name":%q,"timestamp":"2026-03-01T12:00:00Z",`+
		`"payload":{"n":1.50}}`, id, name)
}

// fates returns the fates in a receipt, in order.
func fates(got map[string]any) string {
	var list []string
	results, _ := got["results"].([]any)
	for _, r := range results {
		list = append(list, fmt.Sprint(r.(map[string]any)["fate"]))
	}
	return strings.Join(list, " ")
}

const (
	asJSON  = "Content-Type: application/json"
	asLines = "Content-Type: application/x-ndjson"
	asCloud = "Content-Type: application/cloudevents+json; charset=UTF-8"
	asBatch = "Content-Type: application/cloudevents-batch+json"
)

// Events in each form that the intake reads.
const (
	auditStart = `{"event_id":"x","event":"workflow.started","execution_id":"e1","timestamp":"2026-03-01T12:00:00Z",` +
		`"workflow_name":"deploy"}`
	auditEnd = `{"event":"workflow.completed","execution_id":"e1","timestamp":"2026-03-01T12:00:01Z",` +
		`"workflow_name":"deploy","status":"success","duration_ms":1000}`
	transcript = `{"run_id":"e1","seq":1,"type":"step.started","timestamp":"2026-03-01T12:00:00.5Z",` +
		`"path":"build","payload":{"name":"build","kind":"command"}}`
	plugin     = `{"type":"workflow.completed","source":"core","metadata":{"workflow_id":"p1","workflow_name":"deploy"}}`
	serverSent = `data: {"kind":"workflow.started","run_id":"s1"}`
	cloud      = `{"specversion":"1.0","id":"1","source":"/x","type":"deploy.done","subject":"deploy",` +
		`"time":"2026-03-01T12:00:00Z","data":{"a":1}}`
	cloudNumber = `{"specversion":"1.0","id":"2","source":"/x","type":"deploy.done","subject":"deploy","data":7}`
)
