package view_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/access"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Each call is in the document, and its answer matches it.
func TestRoutesAreDocumented(t *testing.T) {
	d := open(t, `webhooks: [{name: hook, url: "${RECEIVER}", events: [step_complete], filter: 'payload.status == "success"',
  transform: [{map: '{text: event + " " + payload.none, whole: payload}'}, {format: slack}]}]`)
	d.status.Store(400)
	d.submit(t, 1, event.StepComplete)
	d.submit(t, 2, event.StepStart) // no webhook wants these
	until(t, "dead", func() bool { return d.count(t, delivery.IsDead) == 1 })
	unwanted := d.Seen.Events()[0].Event.ID
	sent := d.Seen.Events()[len(d.Seen.Events())-1].Event.ID
	handler := d.Handler()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler.ServeHTTP(w, r.WithContext(access.With(r.Context(), access.Who{Name: "tester", Role: access.Operate})))
	}))
	t.Cleanup(server.Close)
	resp, err := http.Get(server.URL + "/v1/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: server.URL}}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	for _, call := range []struct {
		method, path, body string
		status             int
		has                string
	}{
		{"GET", "/v1/overview", "", 200, `"webhook":"hook"`},
		{"GET", "/v1/runs/run-0", "", 200, `"workflow_name":"deploy"`},
		{"GET", "/v1/runs/none", "", 404, "no such"},
		{"GET", "/v1/events/" + url.PathEscape(unwanted), "", 200, `"step_complete"`},
		{"GET", "/v1/events/" + url.PathEscape(sent), "", 200, `"expressions"`},
		{"GET", "/v1/events/none", "", 404, "no such"},
		{"GET", "/v1/plan?what=replay&webhook=hook", "", 200, `"count":1`},
		{"GET", "/v1/plan?what=burn", "", 400, "want replay or delete"},
		{"GET", "/v1/plan?what=replay&pace=x", "", 400, "pace: want a number"},
		{"GET", "/v1/plan?what=replay&hook=x", "", 400, "hook: there is no such parameter"},
		{"GET", "/v1/plan?what=replay&webhook=hok", "", 404, "no webhook is called hok: did you mean hook?"},
		{"GET", "/v1/plan?what=replay&id=msg_", "", 400, "id: want a whole id"},
		{"GET", "/v1/plan?what=replay&state=in_flight", "", 400, "state: want dead or delivered, got in_flight"},
		{"GET", "/v1/plan?what=replay&limit=1", "", 400, "limit: want none"},
		{"GET", "/v1/plan?what=replay&what=delete", "", 400, "what: want it once"},
		{"GET", "/v1/overview?webhook=hook", "", 400, "no parameters"},
		{"POST", "/v1/bulks", `{"what":"replay","filter":{"id":"msg_"},"count":1}`, 400, "id: want a whole id"},
		{"POST", "/v1/bulks", `{"what":"delete","filter":{"id":"msg_","state":"dead"},"count":1}`, 400, "id: want a whole id"},
		{"POST", "/v1/bulks", `{"what":"delete","filter":{"state":"dead"},"count":1,"retransform":true}`, 400, "retransform goes with a replay"},
		{"POST", "/v1/bulks", `{"what":"replay","filter":{"webhook":"hok"},"count":0}`, 404, "did you mean hook?"},
		{"POST", "/v1/bulks", `{"what":"replay","filter":{"webhook":"hook"},"count":7}`, 409, "look at the plan again"},
		{"POST", "/v1/bulks", `{"what":"replay","filter":{"webhook":"hook"},"count":1,"pace":1}`, 200, `"total":1`},
		{"POST", "/v1/bulks/99/cancel", "", 404, "bulk 99 does not run"},
		{"GET", "/v1/bulks", "", 200, `"who":"tester"`},
		{"POST", "/v1/try", `{"identity":"none"}`, 404, "choose a webhook"},
		{"POST", "/v1/try", `{}`, 404, "no such webhook"},
		{"GET", "/v1/runs/none", "", 404, "none: no such run"},
		{"GET", "/v1/events/none", "", 404, "none: no such event"},
		{"POST", "/v1/bulks/x/cancel", "", 404, "no such bulk"},
		{"POST", "/v1/try", `{"identity":"` + d.Configuration().Webhooks[0].Identity + `","filter":"payload.status =","event":"{}"}`, 200,
			`"in":"filter"`},
		{"POST", "/v1/try", `{"no":"draft"}`, 400, "no: unknown field"},
		{"POST", "/v1/try", `{"module":"!"}`, 400, "module: want a string of base64"},
		{"POST", "/v1/bulks", `{"count":1.5}`, 400, "count: want a whole number, got a number"},
	} {
		req, err := http.NewRequest(call.method, server.URL+call.path, strings.NewReader(call.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		route, parameters, err := router.FindRoute(req)
		if err != nil {
			t.Fatalf("%s %s: %v", call.method, call.path, err)
		}
		called[call.method+" "+route.Path] = true
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != call.status || !strings.Contains(string(answer), call.has) {
			t.Errorf("%s %s: %d %s, %v, want %d with %q", call.method, call.path, resp.StatusCode, answer, err, call.status, call.has)
		}
		input := &openapi3filter.RequestValidationInput{Request: req, PathParams: parameters, Route: route, QueryParams: url.Values{}}
		err = openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
			RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header, Body: io.NopCloser(strings.NewReader(string(answer))),
		})
		if err != nil {
			t.Errorf("%s %s: %v", call.method, call.path, err)
		}
	}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			if slices.Contains(operation.Tags, "page") && !called[method+" "+path] {
				t.Errorf("%s %s was not called", method, path)
			}
		}
	}
}
