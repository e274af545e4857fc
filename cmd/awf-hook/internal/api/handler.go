package api

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/jsonbytes"
)

const (
	defaultLimit = 50       // items of a list, unless the query says otherwise
	maxLimit     = 1000     // items of a list
	MaxCall      = 64 << 10 // bytes of an ordinary call
)

// New makes a handler of /v1/ for a queue, and for additional routes. The caller authenticates and authorizes requests.
func New(queue Queue, log *slog.Logger, more ...Route) http.Handler {
	mux := http.NewServeMux()
	for _, route := range slices.Concat(lists(queue), changes(queue), more) {
		mux.HandleFunc(route.Pattern, route.answering(log))
	}
	mux.HandleFunc("GET /v1/openapi.yaml", openAPI)
	mux.HandleFunc("/v1/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusNotFound, failure{"no such call: /v1/openapi.yaml lists them"})
	})
	return mux
}

// Route is a call. Do returns the answer, which is encoded as JSON. Errors whose [Status] is 0 count as the queue's.
type Route struct {
	Pattern string
	Do      func(r *http.Request) (any, error)
	Query   bool // Do reads the query; for other routes there must be none
}

// ErrRefused is wrapped by errors that say why the queue does not allow a change now.
var ErrRefused = errors.New("refused")

// ErrBusy means that too many clients try something out at once.
var ErrBusy = errors.New("too many people try something out at the moment: try again in a few seconds")

// failure is the answer to a failed call.
type failure struct {
	Error string `json:"error"`
}

// badCall is the client's error.
type badCall struct{ error }

func (b badCall) Unwrap() error { return b.error }

// Bad marks an error as the client's.
func Bad(err error) error { return badCall{err} }

// Status returns the HTTP status of an error that is the client's, and 0 for other errors.
func Status(err error) int {
	switch {
	case errors.As(err, new(badCall)):
		return http.StatusBadRequest
	case errors.Is(err, engine.ErrUnknown):
		return http.StatusNotFound
	case errors.Is(err, ErrAmbiguous), errors.Is(err, ErrRefused):
		return http.StatusConflict
	case errors.Is(err, ErrBusy):
		return http.StatusTooManyRequests
	}
	return 0
}

func (route Route) answering(log *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var answer any
		var err error
		if r.URL.RawQuery != "" && !route.Query {
			err = Bad(errors.New("this call has no parameters in its address"))
		} else {
			answer, err = route.Do(r)
		}
		switch status := Status(err); {
		case err == nil:
			write(w, http.StatusOK, answer)
		case status != 0:
			SetRetryAfter(w, status)
			write(w, status, failure{err.Error()})
		case errors.Is(err, context.Canceled):
		default:
			log.Error("a call failed", "call", r.Method+" "+r.URL.Path, "err", err)
			SetRetryAfter(w, http.StatusServiceUnavailable)
			write(w, http.StatusServiceUnavailable, failure{"the queue does not answer: " + err.Error()})
		}
	}
}

// Root returns the address of the server's root relative to that of a request, as a browser sees it: a proxy may serve all of it under a
// path of its own.
func Root(r *http.Request) string {
	return cmp.Or(strings.Repeat("../", max(0, strings.Count(r.URL.EscapedPath(), "/")-1)), "./")
}

// SeeOther leads a browser to a path of this server. [http.Redirect] would lead it out of a proxy's path.
func SeeOther(w http.ResponseWriter, r *http.Request, path string) {
	w.Header().Set("Location", Root(r)+strings.TrimPrefix(path, "/"))
	w.WriteHeader(http.StatusSeeOther)
}

// SetRetryAfter says when to try again if a status means that it helps.
func SetRetryAfter(w http.ResponseWriter, status int) {
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
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

// Cut returns the first page of a list that was asked for one item more than a page. before is the number of the page's last item,
// where the next page begins; 0 on the last page.
func Cut[T any](list []T, page int, number func(*T) int64) (cut []T, before int64) {
	if len(list) <= page {
		return list, 0
	}
	return list[:page], number(&list[page-1])
}

// Answers of calls that list.
type (
	WebhooksAnswer struct {
		Webhooks []Lane `json:"webhooks"`
	}
	DeliveriesAnswer struct {
		Deliveries []Item `json:"deliveries"`
		Before     int64  `json:"before,omitzero"` // value for the next page; missing on the last page
	}
	GroupsAnswer struct {
		Groups []Group `json:"groups"`
	}
	OperationsAnswer struct {
		Operations []engine.Operation `json:"operations"`
		Before     int64              `json:"before,omitzero"` // value for the next page; missing on the last page
	}
)

// CountAnswer says how many deliveries a call changed.
type CountAnswer struct {
	Count int `json:"count"`
}

// LaneAnswer says which lanes a call changed.
type LaneAnswer struct {
	Count     int      `json:"count"`
	Unreached []string `json:"unreached,omitempty"` // webhooks of the name, as FILE#NAME, that stay open: without a delivery they have no lane
}

// lists are the calls that list and count what a queue has.
func lists(q Queue) []Route {
	return []Route{
		{Pattern: "GET /v1/webhooks", Do: func(r *http.Request) (any, error) {
			lanes, err := q.Webhooks(r.Context())
			return WebhooksAnswer{lanes}, err
		}},
		{Pattern: "GET /v1/deliveries/{id}", Do: func(r *http.Request) (any, error) {
			found, err := Find(r.Context(), q, r.PathValue("id"))
			if err != nil {
				return nil, err
			}
			return q.Show(r.Context(), found.ID)
		}},
		filtered("GET /v1/deliveries", func(ctx context.Context, f engine.Filter) (any, error) {
			page := f.Limit
			f.Limit++
			items, err := q.List(ctx, f)
			items, before := Cut(items, page, func(it *Item) int64 { return it.Seq })
			return DeliveriesAnswer{items, before}, err
		}),
		filtered("GET /v1/groups", func(ctx context.Context, f engine.Filter) (any, error) {
			n := f.Limit
			f.Limit = 0
			groups, err := q.Groups(ctx, f, n)
			return GroupsAnswer{groups}, err
		}),
		filtered("GET /v1/operations", func(ctx context.Context, f engine.Filter) (any, error) {
			if f != (engine.Filter{Before: f.Before, Limit: f.Limit}) {
				return nil, Bad(errors.New("want before and limit alone"))
			}
			ops, err := q.Operations(ctx, f.Before, f.Limit+1)
			ops, before := Cut(ops, f.Limit, func(op *engine.Operation) int64 { return op.Seq })
			return OperationsAnswer{ops, before}, err
		}),
		{Pattern: "GET /v1/count", Query: true, Do: func(r *http.Request) (any, error) {
			f, err := parseFilter(r)
			if err == nil && f.Limit != 0 {
				err = Bad(errors.New("limit: a count has none"))
			}
			if err != nil {
				return nil, err
			}
			return q.Count(r.Context(), f)
		}},
	}
}

// changes are the calls that change a queue.
func changes(q Queue) []Route {
	return []Route{
		selecting("replay", func(ctx context.Context, f engine.Filter, s Selection) (int, error) {
			return q.Replay(ctx, f, engine.Change{Retransform: s.Retransform})
		}),
		selecting("delete", func(ctx context.Context, f engine.Filter, _ Selection) (int, error) { return q.Delete(ctx, f) }),
		posted("POST /v1/deliveries/move", func(ctx context.Context, h Handover) (int, error) {
			if h.From == "" || h.To == "" {
				return 0, Bad(errors.New("want from and to, each the name or the identity of a webhook"))
			}
			return q.Move(ctx, h.From, h.To)
		}),
		lanes("enable", func(ctx context.Context, c LaneCall) (LaneAnswer, error) { return q.Enable(ctx, c.Webhook) }),
		lanes("disable", func(ctx context.Context, c LaneCall) (LaneAnswer, error) { return q.Disable(ctx, c.Webhook, c.Reason) }),
		lanes("pause", func(ctx context.Context, c LaneCall) (LaneAnswer, error) {
			rest, err := ParseRest(c.Rest)
			if err != nil {
				return LaneAnswer{}, fmt.Errorf("rest: %w", err)
			}
			return q.Pause(ctx, c.Webhook, rest, c.Reason)
		}),
	}
}

// parseFilter decodes the filter in a request's query.
func parseFilter(r *http.Request) (engine.Filter, error) {
	query, err := Values(r.URL.RawQuery)
	if err != nil {
		return engine.Filter{}, err
	}
	return ParseCall(query)
}

// filtered makes a route with a filter in its query, whose limit is that of a page.
func filtered(pattern string, do func(context.Context, engine.Filter) (any, error)) Route {
	return Route{Pattern: pattern, Query: true, Do: func(r *http.Request) (any, error) {
		f, err := parseFilter(r)
		if f.Limit = cmp.Or(f.Limit, defaultLimit); err == nil && f.Limit > maxLimit {
			err = Bad(fmt.Errorf("limit: want up to %d, got %d", maxLimit, f.Limit))
		}
		if err != nil {
			return nil, err
		}
		return do(r.Context(), f)
	}}
}

// Posted makes a route with a value in its body, which has up to limit bytes.
func Posted[T any](pattern string, limit int64, do func(context.Context, T) (any, error)) Route {
	return Route{Pattern: pattern, Do: func(r *http.Request) (any, error) {
		var given T
		if err := Read(r, limit, &given); err != nil {
			return nil, err
		}
		return do(r.Context(), given)
	}}
}

// posted makes a route that changes deliveries. do returns how many.
func posted[T any](pattern string, do func(context.Context, T) (int, error)) Route {
	return Posted(pattern, MaxCall, func(ctx context.Context, given T) (any, error) {
		n, err := do(ctx, given)
		return CountAnswer{n}, err
	})
}
