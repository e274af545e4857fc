package api

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
)

// Selection says which deliveries a call changes.
type Selection struct {
	Filter map[string]string `json:"filter"` // parameters as in GET /v1/deliveries
	All    bool              `json:"all,omitzero"`

	Retransform bool `json:"retransform,omitzero"` // for a replay: make the bodies again
}

// selecting makes a route that changes selected deliveries.
func selecting(verb string, do func(context.Context, engine.Filter, Selection) (int, error)) Route {
	return posted("POST /v1/deliveries/"+verb, func(ctx context.Context, s Selection) (int, error) {
		f, err := s.filter()
		if err == nil && s.Retransform && verb != "replay" {
			err = Bad(errors.New("retransform goes with a replay"))
		}
		if err != nil {
			return 0, err
		}
		return do(ctx, f, s)
	})
}

// filter decodes which deliveries are meant. A request for all of them must say so, and nothing about it is guessed.
func (s Selection) filter() (f engine.Filter, err error) {
	query := url.Values{}
	for name, value := range s.Filter {
		query.Set(name, value)
	}
	if f, err = ParseQuery(query); err == nil {
		switch {
		case f == (engine.Filter{}) && !s.All:
			return f, Bad(errors.New(`want a filter, or "all": true`))
		case s.All && len(s.Filter) > 0:
			return f, Bad(errors.New(`want a filter or "all": true, got both`))
		}
		if err = WholeID(f); err == nil {
			err = refuseEmpty(query)
		}
	}
	if err != nil {
		err = Bad(fmt.Errorf("filter: %w", err))
	}
	return f, err
}

// Handover says which webhook's deliveries go to which other webhook. Each is an identity, or a name that only one webhook has.
type Handover struct {
	From string `json:"from"`
	To   string `json:"to"`
}

// LaneCall says which webhook's lanes to open, close or pause.
type LaneCall struct {
	Webhook string `json:"webhook"` // its name, or its identity
	Reason  string `json:"reason,omitempty"`
	Rest    string `json:"rest,omitempty"` // the length of a pause: "30m", "2h"
}

// lanes makes a route that changes the lanes of a webhook.
func lanes(verb string, do func(context.Context, LaneCall) (LaneAnswer, error)) Route {
	return Posted("POST /v1/webhooks/"+verb, MaxCall, func(ctx context.Context, c LaneCall) (any, error) {
		switch {
		case c.Webhook == "":
			return nil, Bad(errors.New("want webhook, its name or its identity"))
		case c.Rest != "" && verb != "pause":
			return nil, Bad(errors.New("rest goes with a pause"))
		case c.Reason != "" && verb == "enable":
			return nil, Bad(errors.New("reason goes with disable and pause"))
		}
		return do(ctx, c)
	})
}

// ParseRest parses the length of a pause.
func ParseRest(text string) (time.Duration, error) {
	rest, err := config.ParseDuration(text)
	if err != nil || rest <= 0 || rest > engine.MaxPause {
		return 0, Bad(fmt.Errorf("want a duration up to %.0fh, like 30m", engine.MaxPause.Hours()))
	}
	return rest, nil
}
