package page_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

// paths returns the paths of all views of a site.
func (s *site) paths(t *testing.T) []string {
	t.Helper()
	items, err := s.engine.Queue().List(t.Context(), engine.Filter{Limit: 1, State: delivery.IsDead})
	if err != nil || len(items) == 0 {
		t.Fatal("want a dead letter", err)
	}
	it := &items[0]
	q := url.QueryEscape
	return []string{"/", "/deliveries", "/deliveries?state=dead", "/deliveries?text=x", "/deliveries/" + it.Delivery.ID, "/plan?what=replay",
		"/plan?what=delete&state=dead", "/webhook?id=" + q(it.Delivery.Webhook), "/run?id=" + q(it.Event.WorkflowID),
		"/event?id=" + q(it.Event.ID), "/tail", "/config", "/changes", "/playground", "/playground?delivery=" + it.Delivery.ID,
		"/playground?event=" + q(it.Event.ID), "/nowhere"}
}

// dieOne makes one dead letter for each webhook that wants the event.
func (s *site) dieOne(t *testing.T, ev event.Event, n int) {
	t.Helper()
	s.status.Store(422)
	s.submit(t, ev)
	s.await(t, delivery.IsDead, n)
}

func TestReaderChangesNothing(t *testing.T) {
	s := open(t, standard, "")
	s.dieOne(t, failed("run-1"), 3)
	before := s.taken.Load()
	for _, path := range s.paths(t) {
		resp, body := s.get(t, path, readToken)
		if want := 200; path != "/nowhere" && resp.StatusCode != want {
			t.Errorf("%s: %d, want %d\n%s", path, resp.StatusCode, want, body)
		}
		for _, form := range regexp.MustCompile(`<form[^>]*method="post"[^>]*>`).FindAllString(body, -1) {
			if !strings.Contains(form, `"logout"`) {
				t.Errorf("%s: a reader sees %s", path, form)
			}
		}
		if strings.Contains(body, "Send a test") || strings.Contains(body, "Discard<") {
			t.Errorf("%s: a reader sees a button that changes something", path)
		}
	}
	items, _ := s.engine.Queue().List(t.Context(), engine.Filter{Limit: 1, State: delivery.IsDead})
	id, hook := items[0].Delivery.ID, url.QueryEscape(items[0].Delivery.Webhook)
	for path, body := range map[string]string{
		"/deliveries/" + id: "action=replay", "/plan": "what=replay&filter=&count=3", "/webhook": "action=disable&id=" + hook,
		"/changes": "bulk=1", "/playground": "do=test&webhook=" + hook,
	} {
		if resp, _ := s.ask(t, http.MethodPost, path, readToken, body); resp.StatusCode != http.StatusForbidden {
			t.Errorf("POST %s by a reader: %d, want 403", path, resp.StatusCode)
		}
	}
	// Neither does GET, with any token.
	for _, path := range []string{"/deliveries/" + id + "?action=replay", "/plan?what=replay&count=3&action=begin",
		"/webhook?action=disable&id=" + hook,
		"/changes?bulk=1", "/playground?do=test&filter=&webhook=" + hook} {
		s.get(t, path, operateToken)
	}
	ops, err := s.engine.Queue().Operations(t.Context(), 0, 10)
	if err != nil || len(ops) != 0 || s.taken.Load() != before {
		t.Errorf("%d requests more, operations %v, %v: want no change", s.taken.Load()-before, ops, err)
	}
	s.await(t, delivery.IsDead, 3)
}

// An address that is not understood, or that names what does not exist, does not show everything or nothing.
func TestAddressesAreNotGuessed(t *testing.T) {
	s := open(t, standard, "")
	s.dieOne(t, failed("run-1"), 3)
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/deliveries?webhook=archiv": {404, "no webhook is called archiv: did you mean archive?"}, "/deliveries?webhook=chat": {200, "422"},
		"/deliveries?stat=dead": {400, "stat: there is no such parameter"}, "/deliveries?state=dead;webhook=chat": {400, "is malformed"},
		"/deliveries?state=dead&state=due": {400, "state: want it once"}, "/plan?what=replay&webhook=chat&webhook=archive": {400, "want it once"},
		"/deliveries?before=x": {400, "before: want 0 or more"}, "/changes?before=x": {400, "before: want a number"},
		"/plan?what=replay&id=msg_": {400, "want a whole id"}, "/plan?what=replay&webhook=archiv": {404, "did you mean archive?"},
		"/plan?what=replay&pace=fast": {400, "pace: want a number"}, "/webhook?id=chat": {404, "no webhook has the identity chat"},
		"/deliveries?did=delete&n=1&state=dead": {200, "1 discarded"}, "/nowhere": {404, "there is no such view: /nowhere"},
	} {
		if resp, body := s.get(t, path, operateToken); resp.StatusCode != want.status || !strings.Contains(body, want.text) {
			t.Errorf("%s: %d without %q, want %d\n%s", path, resp.StatusCode, want.text, want.status, body)
		}
	}
}

// Every view shows text from strangers as text.
func TestHostileTextIsText(t *testing.T) {
	const evil = `<img src=x onerror=alert(1)>"'</script><svg/onload=alert(2)>{{.}}javascript:alert(3)`
	s := open(t, standard+`    transform:
      map: "{\"text\": workflow_name, \"blocks\": [{\"type\": \"header\", \"text\": {\"text\": workflow_name}}]}"
`, "")
	answer := `{"error":` + fmt.Sprintf("%q", evil) + `}` + evil
	s.answer.Store(&answer)
	ev := newEvent("workflow_error", "run"+evil, "deploy"+evil,
		fmt.Sprintf(`{"status":%q,"step":%q,"error":%q,"duration":1}`, evil, evil, evil))
	ev.ID = "id" + evil
	s.dieOne(t, ev, 3)
	id := url.QueryEscape(evil)
	paths := append(s.paths(t),
		"/deliveries?text="+id+"&workflow="+id+"&event="+id+"&reason="+id+"&since="+id, "/deliveries?text="+id+"&workflow="+id,
		"/plan?what="+id, "/webhook?id="+id, "/run?id="+id, "/playground?filter="+id+"&transform="+id+"&event="+id+"&events="+id+"&webhook="+id,
		"/?did="+id+"&n="+id, "/deliveries/"+url.PathEscape(evil))
	for _, path := range paths {
		_, body := s.get(t, path, operateToken)
		for _, bad := range []string{"<img src=x", "</script><svg", "<svg/onload", `href="javascript:`, "ZgotmplZ"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %q", path, bad)
			}
		}
	}
	if _, body := s.get(t, "/deliveries?state=dead", operateToken); !strings.Contains(body, "deploy&lt;img") {
		t.Error("the workflow's name is not shown")
	}
}

// No view shows a secret.
func TestSecretsAreMasked(t *testing.T) {
	s := open(t, standard, "")
	s.dieOne(t, failed("run-1"), 3)
	items, err := s.engine.Queue().List(t.Context(), engine.Filter{State: delivery.IsDead})
	if err != nil {
		t.Fatal(err)
	}
	paths := s.paths(t)
	for i := range items {
		paths = append(paths, "/deliveries/"+items[i].Delivery.ID, "/playground?delivery="+items[i].Delivery.ID,
			"/webhook?id="+url.QueryEscape(items[i].Delivery.Webhook), "/playground?webhook="+url.QueryEscape(items[i].Delivery.Webhook))
	}
	for _, path := range paths {
		_, body := s.get(t, path, operateToken)
		for _, secret := range []string{routingKey, "c2VjcmV0LXNlY3JldC1zZWNyZXQ", "/services/T0"} {
			if strings.Contains(body, secret) {
				t.Errorf("%s holds the secret %s", path, secret)
			}
		}
	}
}

func (s *site) play(t *testing.T, hook string, fields ...string) string {
	t.Helper()
	form := url.Values{"webhook": {hook}, "events": {"*"}, "filter": {""}, "transform": {""},
		"event": {`{"event":"workflow_error","workflow_id":"r","workflow_name":"deploy",
  "timestamp":"2026-03-01T12:00:00Z","payload":{"duration":3}}`}}
	for i := 0; i+1 < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	resp, body := s.ask(t, http.MethodPost, "/playground", operateToken, form.Encode(), "X-Fragment: 1")
	if resp.StatusCode != 200 {
		t.Fatalf("%d: %s", resp.StatusCode, body)
	}
	return body
}

func (s *site) hook(t *testing.T, name string) string {
	t.Helper()
	for _, w := range s.engine.Config().Webhooks {
		if w.Name == name {
			return w.Identity
		}
	}
	t.Fatal(name)
	return ""
}

func TestPlaygroundShowsMistakesAtTheirPlaces(t *testing.T) {
	s := open(t, standard, "")
	hook := s.hook(t, "archive")
	for _, tt := range []struct{ name, field, text, want string }{
		{"filter", "filter", "payload.duration >\n  workflow_nam", "<b>filter, line 2, column 3:</b>"},
		{"transform's key", "transform", "format: slack\nwiht: {}", "<b>transform, line 2, column 1:</b>"},
		{"map", "transform", "map: {a: \"{{payload.duration +}}\"}", "<b>transform, line 1, column"},
		{"YAML", "transform", "{format: slack", "<b>transform"},
		{"glob", "events", "workflow_[", "<b>events:</b>"},
		{"event", "event", `{"event": `, "<b>event:</b>"},
		{"good", "filter", "payload.duration > 2", `state good">sent`},
		{"filtered out", "filter", "payload.duration > 3", "filtered out"},
	} {
		body := s.play(t, hook, tt.field, tt.text)
		if !strings.Contains(body, tt.want) {
			t.Errorf("%s: want %s in\n%s", tt.name, tt.want, body[strings.Index(body, `id="result"`):])
		}
	}
}

// A draft reaches no file, no variable and no receiver.
func TestPlaygroundReachesNothing(t *testing.T) {
	t.Setenv("PLAYGROUND_SECRET", "the-value-of-a-variable")
	s := open(t, standard, "")
	for _, transform := range []string{
		"wasm: /etc/passwd", "wasm: ../../../../etc/passwd", "wasm: /proc/self/environ", "wasm: module.wasm",
		"format: slack\nsecret_file: /etc/passwd", "format: slack\n    secret_file: /etc/passwd", "wasm: " + s.queue,
		"map: {a: \"{{with.k}}\"}\nwith: {k: \"${PLAYGROUND_SECRET}\"}", "map: {a: \"{{with.k}}\"}\nwith: {k: \"${PD_ROUTING_KEY}\"}",
		"format: slack\n---\nqueue: {path: /tmp/x}", "\tformat: slack", "format: slack\r\n    url: http://169.254.169.254/",
	} {
		body := s.play(t, s.hook(t, "oncall"), "transform", transform)
		for _, bad := range []string{"root:x:", "the-value-of-a-variable", routingKey} {
			if strings.Contains(body, bad) {
				t.Errorf("%s shows %q", transform, bad)
			}
		}
	}
	if n := s.taken.Load(); n != 0 {
		t.Errorf("%d requests were sent", n)
	}
	body := s.play(t, s.hook(t, "archive"), "do", "test")
	if s.taken.Load() != 1 || !strings.Contains(body, "delivered") {
		t.Errorf("a test: %d requests, and\n%s", s.taken.Load(), body)
	}
	ops, err := s.engine.Queue().Operations(t.Context(), 0, 10)
	if err != nil || len(ops) != 1 || ops[0].What != "test" || ops[0].Who != "anna" {
		t.Errorf("operations %v, %v, want the test", ops, err)
	}
}

// A test's event has the mark of a test once, also if it is the event of an earlier test.
func TestPlaygroundMarksTests(t *testing.T) {
	s := open(t, standard, "")
	for payload, want := range map[string]string{
		`{"duration":3}`: `"payload":{"duration":3,"test":true}}`, `{ }`: `"payload":{ "test":true}}`,
		`{"test":true}`: `"payload":{"test":true}}`, `{"test": true,"n":1.50}`: `"payload":{"test": true,"n":1.50}}`,
	} {
		s.play(t, s.hook(t, "archive"), "do", "test", "event", `{"event":"workflow_error","workflow_id":"r","workflow_name":"deploy",`+
			`"timestamp":"2026-03-01T12:00:00Z","payload":`+payload+`}`)
		if got := *s.last.Load(); !strings.HasSuffix(got, want) {
			t.Errorf("%s is sent as %s, want %s at its end", payload, got, want)
		}
	}
}

func TestPlaygroundBacktests(t *testing.T) {
	s := open(t, standard, "")
	for i := range 5 {
		s.submit(t, newEvent("workflow_end", fmt.Sprint("run-", i), "deploy", fmt.Sprintf(`{"duration":%d}`, i)))
	}
	body := s.play(t, s.hook(t, "archive"), "do", "backtest", "filter", "payload.duration >= 2", "transform", "map: {took: payload.duration}")
	const want = "<b>3</b> sent, 0 failed; as configured 5. Only now 0, only before 2, other bodies 3."
	if !strings.Contains(body, "5 events since") || !strings.Contains(body, want) {
		t.Errorf("want 3 of 5 in\n%s", body[strings.Index(body, "Backtest</h2>"):])
	}
}

func TestStreamsAreBounded(t *testing.T) {
	s := open(t, standard, "")
	stream := func() *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+readToken)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	var all []*http.Response
	for i := range 33 {
		resp := stream()
		all = append(all, resp)
		if want := map[bool]int{true: 200, false: 503}[i < 32]; resp.StatusCode != want {
			t.Fatalf("stream %d: %d, want %d", i+1, resp.StatusCode, want)
		}
	}
	buffer := make([]byte, 4096)
	if n, err := all[0].Body.Read(buffer); err != nil || !strings.Contains(string(buffer[:n]), "event: open") {
		t.Errorf("%q, %v", buffer[:n], err)
	}
	s.submit(t, failed("run-1"))
	n, err := all[0].Body.Read(buffer)
	if said := string(buffer[:n]); err != nil || !strings.Contains(said, "event: changed") || strings.Contains(said, "deploy") {
		t.Errorf("%q, %v, want a signal and nothing else", said, err)
	}
	for _, resp := range all {
		resp.Body.Close()
	}
	until(t, "room for another stream", func() bool {
		resp := stream()
		defer resp.Body.Close()
		return resp.StatusCode == 200
	})
}

// The whole page is small: a view with everything that it loads.
func TestPageIsSmall(t *testing.T) {
	s := open(t, standard, "")
	scene(t, s)
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	for _, path := range append(s.paths(t), "/assets/page.css", "/assets/page.js", "/assets/icon.svg") {
		_, body := s.get(t, path, operateToken)
		_, _ = z.Write([]byte(body))
		if strings.Contains(body, "http://www.w3.org/2000/svg") && path != "/assets/icon.svg" {
			t.Errorf("%s names an external resource", path)
		}
	}
	_ = z.Close()
	if packed.Len() > 100<<10 {
		t.Errorf("all views together have %d bytes, want at most 100 KiB", packed.Len())
	}
	t.Logf("%d bytes", packed.Len())
}
