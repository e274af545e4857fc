package view

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
)

const (
	maxOrderCall = 64 << 10
	maxDraftCall = 48 << 20 // includes a module in base64
)

// Routes returns the JSON API's calls for a desk, besides those of its queue.
func (d *Desk) Routes() []api.Route {
	routes := []api.Route{
		{Pattern: "GET /v1/overview", Do: func(r *http.Request) (any, error) { return d.Overview(r.Context()) }},
		{Pattern: "GET /v1/runs/{id}", Do: func(r *http.Request) (any, error) { return d.RunOf(r.Context(), r.PathValue("id")) }},
		{Pattern: "GET /v1/events/{id}", Do: d.callEvent},
		{Pattern: "GET /v1/plan", Do: d.callPlan},
		{Pattern: "GET /v1/bulks", Do: func(*http.Request) (any, error) { return BulksAnswer{d.Bulks()}, nil }},
		{Pattern: "POST /v1/bulks", Do: d.callBegin},
		{Pattern: "POST /v1/bulks/{id}/cancel", Do: d.callCancel},
		{Pattern: "POST /v1/try", Do: d.callTry},
	}
	for i, route := range routes {
		routes[i].Do = func(r *http.Request) (any, error) {
			answer, err := route.Do(r)
			if errors.Is(err, ErrRefused) || errors.Is(err, ErrBusy) {
				err = api.Bad(err)
			}
			return answer, err
		}
	}
	return routes
}

// EventAnswer is the answer of GET /v1/events/ID: an event, and each webhook's result for it now, with the reason.
type EventAnswer struct {
	At       time.Time            `json:"at"`
	Fate     engine.Fate          `json:"fate"`
	Envelope string               `json:"envelope"` // a line that awf-hook reads, with secrets masked
	Webhooks []engine.Explanation `json:"webhooks"`
}

func (d *Desk) callEvent(r *http.Request) (any, error) {
	seen, err := d.Event(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return EventAnswer{seen.At, seen.Fate, d.Envelope(&seen.Event), d.Why(r.Context(), &seen.Event)}, nil
}

// order decodes an order: what to do, how fast, and with which deliveries.
func order(what, pace string, retransform bool, filter url.Values) (o Order, err error) {
	o = Order{What: what, Change: engine.Change{Retransform: retransform}}
	if pace != "" {
		if o.Pace, err = strconv.Atoi(pace); err != nil {
			return o, api.Bad(fmt.Errorf("pace: want a number, got %q", pace))
		}
	}
	if o.Filter, err = api.ParseCall(filter); err != nil {
		return o, api.Bad(err)
	}
	return o, nil
}

func (d *Desk) callPlan(r *http.Request) (any, error) {
	query := r.URL.Query()
	what, pace := query.Get("what"), query.Get("pace")
	query.Del("what")
	query.Del("pace")
	o, err := order(what, pace, false, query)
	if err != nil {
		return nil, err
	}
	return d.Plan(r.Context(), o)
}

// BulksAnswer is the answer of GET /v1/bulks.
type BulksAnswer struct {
	Bulks []Bulk `json:"bulks"`
}

// BulkCall is an order, with the number of deliveries that its plan counted.
type BulkCall struct {
	What        string            `json:"what"` // "replay" or "delete"
	Filter      map[string]string `json:"filter"`
	Count       int               `json:"count"`
	Pace        int               `json:"pace,omitzero"`
	Retransform bool              `json:"retransform,omitzero"`
}

func (d *Desk) callBegin(r *http.Request) (any, error) {
	var call BulkCall
	if err := api.Read(r, maxOrderCall, &call); err != nil {
		return nil, err
	}
	filter := url.Values{}
	for name, value := range call.Filter {
		filter.Set(name, value)
	}
	o, err := order(call.What, strconv.Itoa(call.Pace), call.Retransform, filter)
	if err != nil {
		return nil, err
	}
	return d.Begin(r.Context(), o, call.Count)
}

func (d *Desk) callCancel(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, unknown{fmt.Sprintf("%.40q: no such bulk", r.PathValue("id"))}
	}
	err = d.Cancel(r.Context(), id)
	return BulksAnswer{d.Bulks()}, err
}

func (d *Desk) callTry(r *http.Request) (any, error) {
	var draft Draft
	if err := api.Read(r, maxDraftCall, &draft); err != nil {
		return nil, err
	}
	return d.Try(r.Context(), draft)
}
