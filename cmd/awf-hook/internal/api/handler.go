package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

const (
	defaultLimit = 50   // items of a list, unless the query says otherwise
	maxLimit     = 1000 // items of a list
	maxCall      = 64 << 10
)

// handler answers calls.
type handler struct {
	queue Queue
	log   *slog.Logger
}

// New makes a handler of /v1/ for a queue, and for additional routes. The caller authenticates and authorizes requests.
func New(queue Queue, log *slog.Logger, more ...Route) http.Handler {
	h := &handler{queue, log}
	mux := http.NewServeMux()
	for _, route := range slices.Concat(h.routes(), more) {
		mux.HandleFunc(route.Pattern, h.answering(route.Do))
	}
	mux.HandleFunc("GET /v1/openapi.yaml", openAPI)
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusNotFound, failure{"no such call: /v1/openapi.yaml lists them"})
	})
	return mux
}

// Route is a call. Do returns the answer, which is encoded as JSON. Its errors count as the queue's, except for
// [engine.ErrUnknown] and those made with [Bad].
type Route struct {
	Pattern string
	Do      func(r *http.Request) (any, error)
}

func (h *handler) routes() []Route {
	return []Route{
		{"GET /v1/webhooks", h.webhooks},
		{"POST /v1/webhooks/enable", h.enable},
		{"POST /v1/webhooks/disable", h.disable},
		{"POST /v1/webhooks/pause", h.pause},
		{"GET /v1/deliveries", h.list},
		{"GET /v1/deliveries/{id}", h.show},
		{"POST /v1/deliveries/replay", h.replay},
		{"POST /v1/deliveries/delete", h.remove},
		{"POST /v1/deliveries/move", h.move},
		{"GET /v1/count", h.count},
		{"GET /v1/groups", h.groups},
		{"GET /v1/operations", h.operations},
	}
}

// failure is the answer to a failed call.
type failure struct {
	Error string `json:"error"`
}

// badCall is the client's error.
type badCall struct{ error }

func (b badCall) Unwrap() error { return b.error }

// Bad marks an error as the client's.
func Bad(err error) error { return badCall{err} }

func (h *handler) answering(do func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := do(r)
		var bad badCall
		switch {
		case err == nil:
			write(w, http.StatusOK, answer)
		case errors.As(err, &bad):
			write(w, http.StatusBadRequest, failure{err.Error()})
		case errors.Is(err, engine.ErrUnknown):
			write(w, http.StatusNotFound, failure{err.Error()})
		case errors.Is(err, ErrAmbiguous):
			write(w, http.StatusConflict, failure{err.Error()})
		case errors.Is(err, context.Canceled):
		default:
			h.log.Error("a call failed", "call", r.Method+" "+r.URL.Path, "err", err)
			w.Header().Set("Retry-After", "5")
			write(w, http.StatusServiceUnavailable, failure{"the queue does not answer: " + err.Error()})
		}
	}
}

func write(w http.ResponseWriter, status int, value any) {
	text, err := jsonbytes.Print(value, "", "") // as the command prints it
	if err != nil {
		panic(err) // a type that cannot be written is a mistake of this program
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(text, '\n')) // the client may be gone
}

// WebhooksAnswer is the answer of GET /v1/webhooks.
type WebhooksAnswer struct {
	Webhooks []Lane `json:"webhooks"`
}

func (h *handler) webhooks(r *http.Request) (any, error) {
	lanes, err := h.queue.Webhooks(r.Context())
	return WebhooksAnswer{lanes}, err
}

// DeliveriesAnswer is the answer of GET /v1/deliveries.
type DeliveriesAnswer struct {
	Deliveries []Item `json:"deliveries"`
	Before     int64  `json:"before,omitzero"` // value for the next page; missing on the last page
}

func (h *handler) list(r *http.Request) (any, error) {
	filter, err := ParseCall(r.URL.Query())
	if err != nil {
		return nil, badCall{err}
	}
	if filter.Limit == 0 {
		filter.Limit = defaultLimit
	}
	filter.Limit = min(filter.Limit, maxLimit)
	items, err := h.queue.List(r.Context(), filter)
	answer := DeliveriesAnswer{Deliveries: items}
	if len(items) == filter.Limit {
		answer.Before = items[len(items)-1].Seq
	}
	return answer, err
}

func (h *handler) count(r *http.Request) (any, error) {
	filter, err := ParseCall(r.URL.Query())
	if err != nil {
		return nil, badCall{err}
	}
	return h.queue.Count(r.Context(), filter)
}

// GroupsAnswer is the answer of GET /v1/groups.
type GroupsAnswer struct {
	Groups []engine.Group `json:"groups"`
}

func (h *handler) groups(r *http.Request) (any, error) {
	filter, err := ParseCall(r.URL.Query())
	if err != nil {
		return nil, badCall{err}
	}
	n := filter.Limit
	if filter.Limit = 0; n == 0 {
		n = defaultLimit
	}
	groups, err := h.queue.Groups(r.Context(), filter, min(n, maxLimit))
	return GroupsAnswer{groups}, err
}

func (h *handler) show(r *http.Request) (any, error) {
	found, err := Find(r.Context(), h.queue, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return h.queue.Show(r.Context(), found.ID)
}

// Selection says which deliveries a call changes.
type Selection struct {
	Filter map[string]string `json:"filter"` // parameters as in GET /v1/deliveries
	All    bool              `json:"all,omitzero"`

	Retransform bool `json:"retransform,omitzero"` // for a replay: make the bodies again
}

// CountAnswer says how many deliveries or lanes a call changed.
type CountAnswer struct {
	Count int `json:"count"`
}

// selection decodes which deliveries are meant. A request for all of them must say so, and nothing about it is guessed.
func (h *handler) selection(r *http.Request) (s Selection, f engine.Filter, err error) {
	if err := Read(r, maxCall, &s); err != nil {
		return s, f, err
	}
	query := map[string][]string{}
	for name, value := range s.Filter {
		query[name] = []string{value}
	}
	if f, err = ParseQuery(query); err != nil {
		return s, f, badCall{fmt.Errorf("filter: %w", err)}
	}
	switch {
	case f == (engine.Filter{}) && !s.All:
		return s, f, badCall{errors.New(`want a filter, or "all": true`)}
	case s.All && len(s.Filter) > 0:
		return s, f, badCall{errors.New(`want a filter or "all": true, got both`)}
	case f.ID != "" && len(f.ID) != len(delivery.ID("", "")):
		return s, f, badCall{fmt.Errorf("filter: id: want a whole id, got %.40q", f.ID)}
	}
	if err = refuseEmpty(query); err != nil {
		return s, f, badCall{fmt.Errorf("filter: %w", err)}
	}
	return s, f, h.checkWebhook(r.Context(), f.Webhook)
}

// checkWebhook returns an error if no webhook with the name or the identity has had a delivery. It accepts "".
func (h *handler) checkWebhook(ctx context.Context, called string) error {
	if called == "" {
		return nil
	}
	lanes, err := h.queue.Webhooks(ctx)
	if err != nil {
		return err
	}
	for i := range lanes {
		if lanes[i].Webhook == called || lanes[i].Identity() == called {
			return nil
		}
	}
	return badCall{fmt.Errorf("no webhook %.100q has had a delivery", called)}
}

func (h *handler) replay(r *http.Request) (any, error) {
	s, filter, err := h.selection(r)
	if err != nil {
		return nil, err
	}
	n, err := h.queue.Replay(r.Context(), filter, engine.Change{Retransform: s.Retransform})
	return CountAnswer{n}, err
}

func (h *handler) remove(r *http.Request) (any, error) {
	s, filter, err := h.selection(r)
	switch {
	case err != nil:
		return nil, err
	case s.Retransform:
		return nil, badCall{errors.New("retransform goes with a replay")}
	}
	n, err := h.queue.Delete(r.Context(), filter)
	return CountAnswer{n}, err
}

// Handover says which webhook's deliveries go to which other webhook. Both are identities.
type Handover struct {
	From string `json:"from"`
	To   string `json:"to"`
}

func (h *handler) move(r *http.Request) (any, error) {
	var given Handover
	if err := Read(r, maxCall, &given); err != nil {
		return nil, err
	}
	if given.From == "" || given.To == "" {
		return nil, badCall{errors.New("want from and to, the identities of two webhooks")}
	}
	if err := h.checkWebhook(r.Context(), given.From); err != nil {
		return nil, err
	}
	n, err := h.queue.Move(r.Context(), given.From, given.To)
	return CountAnswer{n}, err
}

// LaneCall says which webhook's lanes to open, close or pause.
type LaneCall struct {
	Webhook string `json:"webhook"` // its name, or its identity
	Reason  string `json:"reason,omitempty"`
	Rest    string `json:"rest,omitempty"` // the length of a pause: "30m", "2h"
}

func (h *handler) enable(r *http.Request) (any, error) {
	given, err := laneCall(r)
	if err != nil {
		return nil, err
	}
	n, err := h.queue.Enable(r.Context(), given.Webhook)
	return CountAnswer{n}, err
}

func (h *handler) disable(r *http.Request) (any, error) {
	given, err := laneCall(r)
	if err != nil {
		return nil, err
	}
	n, err := h.queue.Disable(r.Context(), given.Webhook, given.Reason)
	return CountAnswer{n}, err
}

func (h *handler) pause(r *http.Request) (any, error) {
	given, err := laneCall(r)
	if err != nil {
		return nil, err
	}
	rest, err := config.ParseDuration(given.Rest)
	if err != nil || rest <= 0 || rest > engine.MaxPause {
		return nil, badCall{fmt.Errorf("rest: want a duration up to %v, like 30m", engine.MaxPause)}
	}
	n, err := h.queue.Pause(r.Context(), given.Webhook, rest, given.Reason)
	return CountAnswer{n}, err
}

func laneCall(r *http.Request) (given LaneCall, err error) {
	if err := Read(r, maxCall, &given); err != nil {
		return given, err
	}
	if given.Webhook == "" {
		return given, badCall{errors.New("want webhook, its name or its identity")}
	}
	return given, nil
}

// OperationsAnswer is the answer of GET /v1/operations.
type OperationsAnswer struct {
	Operations []engine.Operation `json:"operations"`
	Before     int64              `json:"before,omitzero"` // value for the next page; missing on the last page
}

func (h *handler) operations(r *http.Request) (any, error) {
	filter, err := ParseCall(r.URL.Query())
	if err != nil {
		return nil, badCall{err}
	}
	before, limit := filter.Before, filter.Limit
	if filter.Before, filter.Limit = 0, 0; filter != (engine.Filter{}) {
		return nil, badCall{errors.New("want before and limit alone")}
	}
	if limit == 0 {
		limit = defaultLimit
	}
	limit = min(limit, maxLimit)
	ops, err := h.queue.Operations(r.Context(), before, limit)
	answer := OperationsAnswer{Operations: ops}
	if len(ops) == limit {
		answer.Before = ops[limit-1].Seq
	}
	return answer, err
}
