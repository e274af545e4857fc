package view

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/engine"
)

// maxDraftCall is the largest draft, in bytes, with a module in base64. The server lets a little more through.
const maxDraftCall = 32 << 20

// Handler makes a handler of the JSON API: the calls of the queue and of the desk.
func (d *Desk) Handler() http.Handler {
	return api.New(d.api, d.Log,
		api.Route{Pattern: "GET /v1/overview", Do: func(r *http.Request) (any, error) { return d.Overview(r.Context()) }},
		api.Route{Pattern: "GET /v1/runs/{id}", Do: func(r *http.Request) (any, error) { return d.RunOf(r.Context(), r.PathValue("id")) }},
		api.Route{Pattern: "GET /v1/events/{id}", Do: d.callEvent},
		api.Route{Pattern: "GET /v1/plan", Do: d.callPlan, Query: true},
		api.Route{Pattern: "GET /v1/bulks", Do: func(*http.Request) (any, error) { return BulksAnswer{d.Bulks()}, nil }},
		api.Posted("POST /v1/bulks", api.MaxCall, d.callBegin),
		api.Route{Pattern: "POST /v1/bulks/{id}/cancel", Do: d.callCancel},
		api.Posted("POST /v1/try", maxDraftCall, func(ctx context.Context, f Draft) (any, error) { return d.Try(ctx, f) }),
	)
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

func (d *Desk) callPlan(r *http.Request) (any, error) {
	query, err := api.Values(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	pace, err := api.Number("pace", query.Get("pace"))
	if err != nil {
		return nil, err
	}
	o := Order{What: query.Get("what"), Pace: int(pace)}
	query.Del("what")
	query.Del("pace")
	if o.Filter, err = api.ParseCall(query); err != nil {
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

func (d *Desk) callBegin(ctx context.Context, call BulkCall) (any, error) {
	filter := url.Values{}
	for name, value := range call.Filter {
		filter.Set(name, value)
	}
	o := Order{What: call.What, Change: engine.Change{Retransform: call.Retransform}, Pace: call.Pace}
	var err error
	if o.Filter, err = api.ParseCall(filter); err != nil {
		return nil, err
	}
	return d.Begin(ctx, o, call.Count)
}

func (d *Desk) callCancel(r *http.Request) (any, error) {
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		return nil, api.Unknown(fmt.Errorf("%.40q: no such bulk", r.PathValue("id")))
	}
	err = d.Cancel(r.Context(), id)
	return BulksAnswer{d.Bulks()}, err
}
