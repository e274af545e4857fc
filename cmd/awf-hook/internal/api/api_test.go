package api_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// queues are one queue, used in this process and through a client of its API. Each answer to the client is checked
// against the document.
type queues struct {
	local  api.Local
	client *api.Client
	url    string
	config *config.Config
}

// fill makes a queue with a dead letter of each of three events, a delivered delivery, and one that waits.
func fill(t *testing.T) *queues {
	t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, "no such <field>")
		}
	}))
	t.Cleanup(receiver.Close)
	yaml := `webhooks:
  - {name: bad, url: "` + receiver.URL + `/bad", events: [step_*], secret: whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}
  - name: good
    url: "` + receiver.URL + `/good"
    events: [workflow_start]
    transform: {map: {token: '="t" + with.key'}, with: {key: "${KEY}"}}
  - {name: away, url: "http://127.0.0.1:1/", events: [workflow_end]}
  - {name: quiet, url: "http://127.0.0.1:1/", events: [workflow_cancel]}`
	cfg, err := config.Parse("/etc/awf-hook.yaml", []byte(yaml), func(string) (string, bool) { return "sesame-open-it", true })
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "queue.db")
	eng, err := engine.Open(cfg, engine.Options{Queue: file})
	if err != nil {
		t.Fatal(err)
	}
	running := make(chan error, 1)
	go func() { running <- eng.Run(context.Background()) }()
	for i, typ := range []string{"step_start", "step_start", "step_complete", "workflow_start", "workflow_end"} {
		ev := event.Event{ID: string(rune('a' + i)), Type: typ, WorkflowID: "run-1", WorkflowName: "deploy", Timestamp: time.Now(),
			Payload: []byte(`{}`)}
		if err := eng.Submit(context.Background(), ev); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer stop()
	_ = eng.Drain(ctx) // one delivery waits for its next attempt
	if err := eng.Close(); err != nil {
		t.Fatal(err)
	}
	<-running
	deliveries, err := engine.OpenDeliveries(file, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = deliveries.Close() })
	q := &queues{local: api.Local{Deliveries: deliveries, Config: func() *config.Config { return cfg }}}
	handler := api.New(q.local, slog.New(slog.DiscardHandler))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Who{Name: "tester", Role: access.Operate})))
	}))
	t.Cleanup(server.Close)
	if q.client, err = api.Dial(server.URL, "token"); err != nil {
		t.Fatal(err)
	}
	q.url, q.config = server.URL, cfg
	return q
}

func TestClientSeesWhatTheQueueHolds(t *testing.T) {
	q := fill(t)
	ctx := context.Background()
	for _, f := range []engine.Filter{
		{}, {State: delivery.IsDead}, {Webhook: "bad", Limit: 2}, {Event: "workflow_start"},
		{Workflow: "deploy", Since: time.Now().Add(-time.Hour)},
		{State: delivery.IsDelivered}, {Text: "BAD"}, {Run: "run-1", Until: time.Now()}, {Reason: "400 Bad Request"},
		{ID: "msg_", Before: 3}, {Workflow: "none"},
	} {
		want, err := q.local.List(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		got, err := q.client.List(ctx, f)
		if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal), cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("%+v: %v (-local +client)\n%s", f, err, diff)
		}
	}
	all, err := q.client.List(ctx, engine.Filter{})
	if err != nil || len(all) != 5 {
		t.Fatalf("%d deliveries, %v, want 5", len(all), err)
	}
	for _, it := range all {
		want, err := q.local.Show(ctx, it.ID)
		if err != nil {
			t.Fatal(err)
		}
		got, err := q.client.Show(ctx, it.ID)
		if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" || err != nil {
			t.Errorf("%s: %v (-local +client)\n%s", it.ID, err, diff)
		}
		if strings.Contains(string(got.Body), "sesame") {
			t.Errorf("%s: the body has a secret: %s", it.ID, got.Body)
		}
	}
	if _, err := q.client.Show(ctx, "msg_none"); !errors.Is(err, engine.ErrUnknown) {
		t.Errorf("an unknown delivery: %v", err)
	}
	want, _ := q.local.Webhooks(ctx)
	got, err := q.client.Webhooks(ctx)
	if diff := cmp.Diff(want, got, cmp.Comparer(time.Time.Equal)); diff != "" || err != nil || len(got) != 3 {
		t.Errorf("%v (-local +client)\n%s", err, diff)
	}
}

func TestClientChangesAndIsRecorded(t *testing.T) {
	q := fill(t)
	ctx := context.Background()
	dead, err := q.client.List(ctx, engine.Filter{State: delivery.IsDead})
	if err != nil || len(dead) != 3 {
		t.Fatalf("%d dead letters, %v", len(dead), err)
	}
	count := func(what string, n int, err error, want int) {
		t.Helper()
		if err != nil || n != want {
			t.Errorf("%s: %d, %v, want %d", what, n, err, want)
		}
	}
	n, err := q.client.Replay(ctx, engine.Filter{ID: dead[0].ID, State: delivery.IsDead}, engine.Change{Retransform: true})
	count("replay", n, err, 1)
	n, err = q.client.Replay(ctx, engine.Filter{ID: dead[0].ID, State: delivery.IsDead}, engine.Change{})
	count("replay again", n, err, 0)
	lanes, err := q.client.Disable(ctx, "good", "moved")
	count("disable", lanes.Count, err, 1)
	lanes, err = q.client.Enable(ctx, "good")
	count("enable", lanes.Count, err, 1)
	lanes, err = q.client.Pause(ctx, "good", time.Minute, "deploy")
	count("pause", lanes.Count, err, 1)
	n, err = q.client.Delete(ctx, engine.Filter{State: delivery.IsDead, Webhook: "bad"})
	count("delete", n, err, 2)
	n, err = q.client.Move(ctx, "/etc/awf-hook.yaml#away", "/etc/awf-hook.yaml#good")
	count("move", n, err, 1)
	ops, err := q.client.Operations(ctx, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, op := range ops {
		said = append(said, op.Who+": "+op.What+" "+op.Target+" "+op.Note)
		if op.At.IsZero() || op.Count == 0 {
			t.Errorf("%+v", op)
		}
	}
	want := []string{
		"tester: move /etc/awf-hook.yaml#away to /etc/awf-hook.yaml#good ", "tester: delete state dead, webhook bad ",
		"tester: pause good for 1m0s: deploy", "tester: enable good ",
		"tester: disable good moved", "tester: replay " + dead[0].ID + " with the current transforms",
	}
	if diff := cmp.Diff(want, said); diff != "" {
		t.Errorf("operations (-want +got)\n%s", diff)
	}
	if page, err := q.client.Operations(ctx, ops[1].Seq, 2); err != nil || len(page) != 2 || page[0].What != "pause" {
		t.Errorf("the second page: %v, %v", page, err)
	}
}

// A misread call would select too much, so a call that is not understood is refused and changes nothing.
func TestBadCallsAreRefused(t *testing.T) {
	q := fill(t)
	for _, call := range []struct{ method, path, body, want string }{
		{"GET", "/v1/deliveries?stat=dead", "", "stat: there is no such parameter"},
		{"GET", "/v1/deliveries?state=ded", "", "state: want one of due, in_flight, delivered, dead, dropped"},
		{"GET", "/v1/deliveries?limit=-1", "", "limit: want 0 or more"},
		{"GET", "/v1/deliveries?limit=x", "", "limit: "},
		{"GET", "/v1/deliveries?since=yesterday", "", "since: "},
		{"GET", "/v1/deliveries?state=dead&state=due", "", "state: want it once"},
		{"GET", "/v1/operations?state=dead", "", "want before and limit alone"},
		{"POST", "/v1/deliveries/delete", `{}`, `want a filter, or "all": true`},
		{"POST", "/v1/deliveries/delete", `{"filter":{}}`, `want a filter, or "all": true`},
		{"POST", "/v1/deliveries/delete", `{"filter":{"state":""}}`, `want a filter, or "all": true`},
		{"POST", "/v1/deliveries/delete", `{"filter":{"Webhook":"bad"}}`, "filter: Webhook: there is no such parameter"},
		{"POST", "/v1/deliveries/delete", `{"filters":{"webhook":"bad"}}`, "filters: unknown field"},
		{"POST", "/v1/deliveries/delete", `{"all":true,"retransform":true}`, "retransform goes with a replay"},
		{"POST", "/v1/deliveries/replay", ``, "the body: empty"},
		{"POST", "/v1/deliveries/replay", `null`, `want a filter, or "all": true`},
		{"POST", "/v1/deliveries/replay", `{"all":true} {"all":false}`, "after top-level value"},
		{"POST", "/v1/deliveries/replay", `{"all":` + strings.Repeat(" ", 70<<10) + `true}`, "the body: "},
		{"POST", "/v1/deliveries/move", `{"from":"a"}`, "want from and to"},
		{"POST", "/v1/deliveries/move", `{"from":"/etc/awf-hook.yaml#awya","to":"/etc/awf-hook.yaml#away"}`, "no webhook"},
		{"GET", "/v1/deliveries/msg_", "", "the ids of 5 deliveries begin like that: give a longer one"},
		{"POST", "/v1/deliveries/delete", `{"filter":{"id":"msg_"}}`, `filter: id: want a whole id, got "msg_"`},
		{"POST", "/v1/deliveries/replay", `{"filter":{"id":"msg_"}}`, `filter: id: want a whole id, got "msg_"`},
		{"GET", "/v1/deliveries?limit=abc", "", `limit: want 0 or more, got "abc"`},
		{"GET", "/v1/deliveries?before=-1", "", `before: want 0 or more, got "-1"`},
		{"GET", "/v1/count?after=99999999999999999999", "", "after: want 0 or more"},
		{"GET", "/v1/groups?since=2030-01-01", "", `since: want a time like 2030-01-31T12:00:00Z, got "2030-01-01"`},
		{"GET", "/v1/deliveries?since=2999-01-01T00:00:00Z", "", "since: want a time in the past"},
		{"GET", "/v1/deliveries?webhook=", "", "webhook: empty"},
		{"POST", "/v1/deliveries/delete", `{"filter":{"webhook":"","state":"dead"}}`, "filter: webhook: empty"},
		{"POST", "/v1/deliveries/delete", `{"filter":{"webhook":"bda"}}`, "no webhook is called bda: did you mean bad?"},
		{"POST", "/v1/deliveries/delete", `{"filter":{"state":"dead"},"all":true}`, `want a filter or "all": true, got both`},
		{"POST", "/v1/deliveries/delete", `{"filter":{"limit":1}}`, "filter.limit: want a string, got a number"},
		{"POST", "/v1/deliveries/delete", `{"filter":[]}`, "filter: want an object, got a list"},
		{"POST", "/v1/deliveries/delete", `{"all":"yes"}`, "all: want true or false, got a string"},
		{"POST", "/v1/deliveries/delete", `[]`, "the body: want an object, got a list"},
		{"POST", "/v1/deliveries/delete", `1.5`, "the body: want an object, got a number"},
		{"POST", "/v1/deliveries/delete", `{"all":`, "the body: it ends in the middle of a value"},
		{"POST", "/v1/deliveries/delete", `{"all":}`, "the body: invalid JSON at byte 8"},
		{"POST", "/v1/webhooks/disable", `{"reason":"x"}`, "want webhook"},
		{"POST", "/v1/webhooks/disable", `{"webhook":"bad","rest":"5m"}`, "rest goes with a pause"},
		{"POST", "/v1/webhooks/enable", `{"webhook":"bad","reason":"mended"}`, "reason goes with disable and pause"},
		{"POST", "/v1/webhooks/disable", `{"webhook":"bad","webhook":"good"}`, "webhook: given twice"},
		{"POST", "/v1/webhooks/disable", `{"webhook":"bad","Webhook":"good"}`, "Webhook: unknown field"},
		{"POST", "/v1/webhooks/disable?webhook=bad", `{"webhook":"good"}`, "this call has no parameters"},
		{"POST", "/v1/deliveries/delete", `{"filter":{"state":"dead","state":"delivered"}}`, "state: given twice"},
		{"POST", "/v1/deliveries/replay", `{"filter":{"state":"in_flight"}}`, "state: want dead, delivered or due, got in_flight"},
		{"POST", "/v1/deliveries/replay", `{"filter":{"state":"dropped"}}`, "state: want dead, delivered or due, got dropped"},
		{"POST", "/v1/deliveries/delete", `{"filter":{"state":"in_flight"}}`, "deliveries in flight cannot be deleted"},
		{"GET", "/v1/deliveries?state=dead;webhook=bad", "", "the query of the address is malformed"},
		{"GET", "/v1/deliveries?state=%zz", "", "the query of the address is malformed"},
		{"GET", "/v1/deliveries?limit=1001", "", "limit: want up to 1000, got 1001"},
		{"GET", "/v1/groups?limit=1001", "", "limit: want up to 1000, got 1001"},
		{"GET", "/v1/count?limit=1", "", "limit: a count has none"},
		{"GET", "/v1/webhooks?state=closed", "", "this call has no parameters"},
		{"GET", "/v1/deliveries/msg_?state=dead", "", "this call has no parameters"},
		{"POST", "/v1/nothing", `{}`, "no such call"},
		{"PUT", "/v1/deliveries", `{}`, "no such call"},
	} {
		status, text := q.call(t, call.method, call.path, call.body)
		for _, word := range []string{"strconv", "Go ", " api.", "json:", "05:04", "EOF"} {
			if strings.Contains(text, word) {
				t.Errorf("%s %s %.50s: answered in the words of Go: %s", call.method, call.path, call.body, text)
			}
		}
		if status/100 != 4 || !strings.Contains(strings.ReplaceAll(text, `\"`, `"`), call.want) {
			t.Errorf("%s %s %.50s: %d %s, want %s", call.method, call.path, call.body, status, text, call.want)
		}
	}
	if left, err := q.local.List(context.Background(), engine.Filter{}); err != nil || len(left) != 5 {
		t.Errorf("%d deliveries are left, %v, want 5", len(left), err)
	}
}

// call makes a call and returns its answer without the line break at its end.
func (q *queues) call(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequest(method, q.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
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
	return resp.StatusCode, strings.TrimSpace(string(text))
}

func TestDialWantsAServer(t *testing.T) {
	for _, address := range []string{"", "hooks", "ftp://hooks.test", "http://", "://", "127.0.0.1:8470", "unix:"} {
		if _, err := api.Dial(address, ""); err == nil {
			t.Errorf("%q is taken", address)
		}
	}
}

// A server that is not an awf-hook serve must not look like an empty queue.
func TestClientKnowsItsServer(t *testing.T) {
	for text, status := range map[string]int{"<html>": 200, `{"webhooks":`: 200, "": 404, `{"error":"nobody"}`: 401, "moved": 302} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, text)
		}))
		client, err := api.Dial(server.URL, "sesame-open-it")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Webhooks(context.Background()); err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("%d %q: %v", status, text, err)
		}
		server.Close()
	}
}

// The document has each call and each field, and each answer matches it.
func TestDocumentIsTrue(t *testing.T) {
	q := fill(t)
	resp, err := http.Get(q.url + "/v1/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]any{
		"Item": api.Item{}, "Detail": api.Detail{}, "Lane": api.Lane{}, "Attempt": delivery.Attempt{}, "Operation": engine.Operation{},
		"Selection": api.Selection{}, "Handover": api.Handover{}, "LaneCall": api.LaneCall{}, "CountAnswer": api.CountAnswer{},
		"LaneAnswer":     api.LaneAnswer{},
		"WebhooksAnswer": api.WebhooksAnswer{}, "DeliveriesAnswer": api.DeliveriesAnswer{}, "OperationsAnswer": api.OperationsAnswer{},
		"Tally": engine.Tally{}, "Group": api.Group{}, "GroupsAnswer": api.GroupsAnswer{},
		"Explanation": engine.Explanation{}, "StepTrace": engine.StepTrace{},
	} {
		var has []string
		for field := range doc.Components.Schemas[name].Value.Properties {
			has = append(has, field)
		}
		slices.Sort(has)
		if diff := cmp.Diff(fields(reflect.TypeOf(value)), has); diff != "" {
			t.Errorf("%s (-the program's +the document's)\n%s", name, diff)
		}
	}
	path := doc.Paths.Find("/v1/deliveries")
	documented := slices.Concat(path.Parameters, path.Get.Parameters)
	full := engine.Filter{ID: "a", State: "due", Webhook: "b", Workflow: "c", Event: "d", Run: "e", Source: "h", Text: "f", Reason: "g",
		Since: time.Now(),
		Until: time.Now(), Before: 1, After: 1, Limit: 1}
	if n, has := reflect.TypeOf(full).NumField(), len(api.Query(full)); n != has {
		t.Errorf("a filter has %d fields, and its query %d parameters", n, has)
	}
	for name := range api.Query(full) {
		if documented.GetByInAndName("query", name) == nil {
			t.Errorf("the parameter %s is not in the document", name)
		}
	}
	doc.Servers = openapi3.Servers{{URL: q.url}}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	dead, err := q.local.List(context.Background(), engine.Filter{State: delivery.IsDead})
	if err != nil {
		t.Fatal(err)
	}
	delivered, err := q.local.List(context.Background(), engine.Filter{State: delivery.IsDelivered})
	if err != nil {
		t.Fatal(err)
	}
	waits, err := q.local.List(context.Background(), engine.Filter{State: delivery.Due})
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	for _, call := range []struct{ method, path, body string }{
		{"GET", "/v1/webhooks", ""}, {"GET", "/v1/deliveries", ""}, {"GET", "/v1/deliveries?state=dead&limit=1", ""},
		{"GET", "/v1/deliveries?state=x", ""},
		{"GET", "/v1/deliveries/" + dead[0].ID, ""}, {"GET", "/v1/deliveries/" + delivered[0].ID, ""},
		{"GET", "/v1/deliveries/" + waits[0].ID, ""},
		{"GET", "/v1/deliveries/msg_none", ""},
		{"POST", "/v1/deliveries/replay", `{"filter":{"id":"` + dead[0].ID + `"}}`},
		{"POST", "/v1/deliveries/delete", `{"filter":{"state":"dead"}}`},
		{"POST", "/v1/deliveries/move", `{"from":"/etc/awf-hook.yaml#bad","to":"/etc/awf-hook.yaml#good"}`},
		{"POST", "/v1/webhooks/disable", `{"webhook":"bad","reason":"moved"}`}, {"POST", "/v1/webhooks/enable", `{"webhook":"bad"}`},
		{"POST", "/v1/webhooks/pause", `{"webhook":"bad","reason":"deploy","rest":"5m"}`}, {"POST", "/v1/webhooks/pause", `{"webhook":"bad"}`},
		{"GET", "/v1/count?state=dead", ""}, {"GET", "/v1/groups?state=dead", ""}, {"GET", "/v1/groups?state=dropped", ""},
		{"GET", "/v1/operations?limit=2", ""}, {"GET", "/v1/operations", ""},
	} {
		pattern := check(t, router, q.url, call.method, call.path, call.body)
		called[call.method+" "+pattern] = true
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if slices.Contains(operation.Tags, "page") { // the test of package view covers them
				continue
			}
			if !called[method+" "+path] {
				t.Errorf("%s %s was not called", method, path)
			}
		}
	}
}

// check makes a call, checks it and its answer against the document, and returns its path there.
func check(t *testing.T, router routers.Router, base, method, path, body string) string {
	t.Helper()
	req, err := http.NewRequest(method, base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	route, parameters, err := router.FindRoute(req)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	input := &openapi3filter.RequestValidationInput{Request: req, PathParams: parameters, Route: route, QueryParams: url.Values{}}
	err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header, Body: resp.Body,
	})
	if err != nil {
		t.Errorf("%s %s: %v", method, path, err)
	}
	return route.Path
}

// fields lists the names that a type has in JSON.
func fields(typ reflect.Type) (names []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			names = append(names, fields(f.Type)...)
		case name != "-" && f.IsExported():
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// A call that may work soon says when to send it again.
func TestBusyCallsSayWhenToTryAgain(t *testing.T) {
	for _, tt := range []struct {
		err    error
		status int
		after  string
	}{
		{api.ErrBusy, http.StatusTooManyRequests, "5"},
		{errors.New("the disk is full"), http.StatusServiceUnavailable, "5"},
		{api.ErrRefused, http.StatusConflict, ""},
	} {
		busy := api.Route{Pattern: "GET /v1/busy", Do: func(*http.Request) (any, error) { return nil, tt.err }}
		w := httptest.NewRecorder()
		api.New(api.Local{}, slog.New(slog.DiscardHandler), busy).ServeHTTP(w, httptest.NewRequest("GET", "/v1/busy", nil))
		if after := w.Header().Get("Retry-After"); w.Code != tt.status || after != tt.after {
			t.Errorf("%v: %d, Retry-After %q, want %d and %q", tt.err, w.Code, after, tt.status, tt.after)
		}
	}
}
