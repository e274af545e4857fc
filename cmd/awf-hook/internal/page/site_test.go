package page_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/page"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/server"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// site is a serve with a page, and a receiver behind its webhooks.
type site struct {
	*server.Server
	url    string
	engine *engine.Engine
	desk   *view.Desk
	queue  string
	status atomic.Int64 // the receiver's answer
	answer atomic.Pointer[string]
	taken  atomic.Int64                  // requests that it got
	last   atomic.Pointer[string]        // the body of the last one
	hold   atomic.Pointer[chan struct{}] // answers wait until it is closed
}

const (
	readToken    = "a-token-that-reads"
	operateToken = "a-token-that-operates"
	routingKey   = "0123456789abcdef0123456789abcdef"
)

// standard is the default configuration of a site.
const standard = `webhooks:
  - name: oncall
    url: ${RECEIVER}/v2/enqueue
    events: [workflow_error]
    transform: {format: pagerduty, with: {routing_key: "${PD_ROUTING_KEY}"}}
  - name: chat
    url: ${RECEIVER}/services/T0/B0/x
    events: [workflow_*]
    filter: workflow_name startsWith "deploy" and (payload.duration ?? 0) >= 0
    transform: {format: slack}
    rate: 100/s
  - name: archive
    url: ${RECEIVER}/archive
    events: ["*"]
    order_by: workflow_id
    headers: {X-Team: platform}
    secret: ${WEBHOOK_SECRET}
`

// open starts a server. Clients have the rights of tokens: none, or those of readToken and operateToken.
func open(t *testing.T, yaml, queue string) *site {
	t.Helper()
	s := &site{queue: queue}
	if s.queue == "" {
		t.Chdir(t.TempDir())
		s.queue = "queue.db"
	}
	s.status.Store(200)
	receiver := httptest.NewServer(http.HandlerFunc(s.receive))
	t.Cleanup(receiver.Close)
	variables := map[string]string{"RECEIVER": receiver.URL, "PD_ROUTING_KEY": routingKey,
		"WEBHOOK_SECRET": "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="}
	cfg, err := config.Parse("/etc/awf-hook.yaml", []byte(yaml), func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := view.NewSeen()
	s.engine, err = engine.Open(cfg, engine.Options{Queue: s.queue, Observer: seen.Observer(engine.Observer{})})
	if err != nil {
		t.Fatal(err)
	}
	s.desk = view.New(view.Options{Engine: s.engine, Seen: seen, Version: "test", Stale: func() string { return s.Stale() }})
	people := page.New(s.desk)
	s.Server = server.New(server.Options{
		Commit: s.engine.Commit, Ready: s.engine.Ready, API: s.desk.Handler(), Page: people, Login: people.Login,
		Took: func(_ string, ev *event.Event, fate engine.Fate) { seen.Event(ev, fate) },
	}, s.access(access.Operate))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.url = "http://" + ln.Addr().String()
	s.run(t, ln)
	return s
}

// access admits the two tokens, up to a role on the page.
func (s *site) access(most access.Role) server.Access {
	return server.Access{Page: most, Tokens: []server.Token{
		{Name: "ben", SHA256: sha256.Sum256([]byte(readToken)), Role: access.Read},
		{Name: "anna", SHA256: sha256.Sum256([]byte(operateToken)), Role: access.Operate},
	}}
}

func (s *site) run(t *testing.T, ln net.Listener) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = s.engine.Run(ctx) })
	running.Go(func() { s.desk.Run(ctx) })
	running.Go(func() { _ = s.Run(ctx, ln, nil) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
		_ = s.engine.Close()
	})
}

func (s *site) receive(w http.ResponseWriter, r *http.Request) {
	s.taken.Add(1)
	text, _ := io.ReadAll(r.Body)
	body := string(text)
	s.last.Store(&body)
	if hold := s.hold.Load(); hold != nil {
		<-*hold
	}
	status := int(s.status.Load())
	if status == 200 && strings.HasPrefix(r.URL.Path, "/v2/") {
		status = 202
	}
	w.WriteHeader(status)
	if text := s.answer.Load(); text != nil {
		fmt.Fprint(w, *text)
	}
}

func (s *site) submit(t *testing.T, events ...event.Event) {
	t.Helper()
	for _, ev := range events {
		if err := s.engine.Submit(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
	}
}

func newEvent(typ, run, workflow, payload string) event.Event {
	return event.Event{Type: typ, WorkflowID: run, WorkflowName: workflow, Timestamp: time.Now().UTC(), Payload: []byte(payload)}
}

// failed is the end of a run that failed.
func failed(run string) event.Event {
	return newEvent(event.WorkflowError, run, "deploy-shop",
		`{"status":"failure","duration":4.2,"exit_code":1,"error":"step \"migrate\" failed: exit status 1"}`)
}

func (s *site) await(t *testing.T, state delivery.State, n int) {
	t.Helper()
	var tally engine.Tally
	defer func() {
		if t.Failed() {
			t.Logf("%d are %s", tally.Count, state)
		}
	}()
	until(t, fmt.Sprint(n, " ", state), func() (is bool) {
		var err error
		tally, err = s.engine.Queue().Count(t.Context(), engine.Filter{State: state})
		return err == nil && tally.Count == n
	})
}

func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// get requests a path with a token, and returns the answer and its body.
func (s *site) get(t *testing.T, path, token string, header ...string) (*http.Response, string) {
	t.Helper()
	return s.ask(t, http.MethodGet, path, token, "", header...)
}

func (s *site) ask(t *testing.T, method, path, token, body string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "text/html")
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for _, h := range header {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// scene fills a site with something of everything.
func scene(t *testing.T, s *site) {
	t.Helper()
	for i := range 6 {
		run := fmt.Sprintf("3f2c9a%02d-8f1e-4c07-9b7a-5d8f7a1c2b3d", i)
		s.submit(t, newEvent(event.WorkflowStart, run, "deploy-shop", `{"user":"anna","inputs":{"branch":"main"}}`),
			newEvent(event.StepComplete, run, "deploy-shop", `{"step":"build","status":"success","duration":1.4}`),
			newEvent(event.StepComplete, run, "deploy-shop", `{"step":"migrate","status":"failure","duration":2.1,"error":"exit status 1"}`))
		if i%2 == 0 {
			s.submit(t, newEvent(event.WorkflowEnd, run, "deploy-shop", `{"status":"success","duration":3.9,"exit_code":0}`))
		} else {
			s.submit(t, failed(run))
		}
	}
	s.await(t, delivery.IsDelivered, 24+12+3)
	s.status.Store(422)
	answer := `{"error":"invalid_payload","detail":"field <b>text</b> is too long"}`
	s.answer.Store(&answer)
	s.submit(t, failed("9d1e0c77-11aa-4b6f-8c5d-0e2f4a6b8c0d"))
	s.await(t, delivery.IsDead, 3)
	s.status.Store(503)
	s.answer.Store(nil)
	s.submit(t, newEvent(event.WorkflowEnd, "77c0ffee-0000-4000-8000-000000000001", "deploy-shop",
		`{"status":"success","duration":61,"exit_code":0}`))
	s.await(t, delivery.Due, 2)
}
