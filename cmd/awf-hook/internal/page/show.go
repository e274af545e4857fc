package page

import (
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/api"
	"github.com/awf-project/awf-hook/cmd/awf-hook/internal/view"
	"github.com/awf-project/awf-hook/engine"
	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
)

func (p *Page) overview(r *http.Request) (*shown, error) {
	o, err := p.desk.Overview(r.Context())
	return &shown{View: "overview", Title: "Overview", Nav: "overview", Live: true, Data: o}, err
}

// listed is a list of deliveries and its filter.
type listed struct {
	*view.List
	Filter   engine.Filter
	Query    url.Values // the filter as in the address
	Groups   []api.Group
	Webhooks []view.Webhook
	States   []delivery.State
	Types    []string
	Since    string
}

// eventTypes are the choices in the filter.
var eventTypes = []string{event.WorkflowStart, event.WorkflowEnd, event.WorkflowError, event.WorkflowCancel,
	event.StepStart, event.StepComplete}

func (p *Page) deliveries(r *http.Request) (*shown, error) {
	v := r.URL.Query()
	f, err := view.ParseFilter(v)
	if err != nil {
		return nil, err
	}
	l := &listed{Filter: f, Query: view.Address(f), States: delivery.States, Types: eventTypes, Since: v.Get("since")}
	if l.Since != "" {
		l.Query.Set("since", l.Since) // as typed: "1h" stays "1h"
	}
	if l.List, err = p.desk.Deliveries(r.Context(), f); err != nil {
		return nil, err
	}
	if f.State == delivery.IsDead && f.Before == 0 {
		if l.Groups, err = p.desk.Groups(r.Context(), f); err != nil {
			return nil, err
		}
	}
	o, err := p.desk.Overview(r.Context())
	if err != nil {
		return nil, err
	}
	l.Webhooks = o.Webhooks
	return &shown{View: "deliveries", Title: "Deliveries", Nav: "deliveries", Live: f.Before == 0, Data: l}, nil
}

// one is a delivery and its drawings.
type one struct {
	*view.Delivery
	Message *message // as its receiver shows it; nil if we cannot draw it
	Made    string   // its body, with JSON indented
	Copies  []copied
	Why     []engine.Explanation
	Wait    time.Time // when the next attempt is due; zero if there is none
	Lane    *view.Webhook
}

// copied is a text to copy.
type copied struct{ What, ID, Text string }

func (p *Page) delivery(r *http.Request) (*shown, error) {
	d, err := p.desk.Delivery(r.Context(), r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	o := &one{Delivery: d, Made: view.Pretty(string(d.Body)), Why: p.desk.Why(r.Context(), d.Whole)}
	if d.State == delivery.Due || d.State == delivery.InFlight {
		o.Wait = d.Due
	}
	request := p.desk.Request(r.Context(), d)
	o.Message = draw(request.Format, string(d.Body))
	o.Copies = []copied{
		{"As curl; fill in what is masked", "curl", curl(request)}, {"As awf-hook verify reads it", "verify", verify(request)},
		{"The event, as awf-hook run reads it", "envelope", d.Envelope},
	}
	all, err := p.desk.Overview(r.Context())
	if err != nil {
		return nil, err
	}
	if at := slices.IndexFunc(all.Webhooks, func(w view.Webhook) bool { return w.LaneStatus.Webhook == d.Identity }); at >= 0 {
		o.Lane = &all.Webhooks[at]
	}
	return &shown{View: "delivery", Title: "Delivery " + d.ID, Nav: "deliveries", Live: true, Data: o}, nil
}

var errAction = api.Bad(errors.New("there is no such action"))

func (p *Page) changeDelivery(r *http.Request) (string, error) {
	ctx, do := r.Context(), r.PostForm.Get("action")
	d, err := p.desk.Delivery(ctx, r.PathValue("id"))
	if err != nil {
		return "", err
	}
	of, to := engine.Filter{ID: d.ID}, "/deliveries/"+d.ID
	n, err := p.desk.Change(ctx, func(q api.Queue) (int, error) {
		switch do {
		case "replay", "retransform":
			if d.State == delivery.IsDelivered {
				of.State = delivery.IsDelivered
			}
			change := engine.Change{Retransform: do == "retransform"}
			do = "replay"
			return q.Replay(ctx, of, change)
		case "send":
			of.State = delivery.Due
			return q.Replay(ctx, of, engine.Change{})
		case "delete":
			to = "/deliveries"
			return q.Delete(ctx, of)
		}
		return 0, errAction
	})
	return did(to, do, n), err
}

// planned is a plan that the user may begin.
type planned struct {
	*view.Plan
	Paces []int
	New   bool
	List  template.URL // leads to its deliveries
}

func orderOf(v url.Values) (o view.Order, err error) {
	pace, err := api.Number("pace", v.Get("pace"))
	if err != nil {
		return o, err
	}
	o = view.Order{What: v.Get("what"), Pace: int(pace), Change: engine.Change{Retransform: v.Get("retransform") != ""}}
	o.Filter, err = view.ParseFilter(v)
	return o, err
}

func (p *Page) plan(r *http.Request) (*shown, error) {
	o, err := orderOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	plan, err := p.desk.Plan(r.Context(), o)
	if err != nil {
		return nil, err
	}
	return &shown{View: "plan", Title: "Plan: " + plan.What, Nav: "deliveries",
		Data: planned{plan, []int{1, 10, 50, 200, 1000}, o.Change.Retransform, template.URL("deliveries?" + plan.Address)}}, nil
}

func (p *Page) begin(r *http.Request) (string, error) {
	v, err := api.Values(r.PostForm.Get("filter"))
	if err != nil {
		return "", err
	}
	for _, key := range []string{"what", "pace", "retransform"} {
		if value := r.PostForm.Get(key); value != "" {
			v.Set(key, value)
		}
	}
	o, err := orderOf(v)
	if err != nil {
		return "", err
	}
	count, err := api.Number("count", r.PostForm.Get("count"))
	if err != nil {
		return "", err
	}
	_, err = p.desk.Begin(r.Context(), o, int(count))
	return did("/changes", "begin", 0), err
}

// lane is a webhook with its configuration.
type lane struct {
	view.Webhook
	Values []config.Value
}

func (p *Page) webhook(r *http.Request) (*shown, error) {
	o, err := p.desk.Overview(r.Context())
	if err != nil {
		return nil, err
	}
	identity := r.URL.Query().Get("id")
	for _, w := range o.Webhooks {
		if w.LaneStatus.Webhook == identity {
			return &shown{View: "webhook", Title: "Webhook " + w.Name, Nav: "overview", Live: true,
				Data: lane{w, p.desk.Values(identity)}}, nil
		}
	}
	return nil, api.Unknown(fmt.Errorf("no webhook has the identity %.200s", identity))
}

func (p *Page) changeWebhook(r *http.Request) (string, error) {
	ctx, form := r.Context(), r.PostForm
	identity, do, why := form.Get("id"), form.Get("action"), strings.TrimSpace(form.Get("why"))
	_, err := p.desk.Change(ctx, func(q api.Queue) (int, error) {
		var changed api.LaneAnswer
		err := errAction
		switch do {
		case "pause":
			var rest time.Duration
			if rest, err = api.ParseRest(form.Get("for")); err == nil {
				changed, err = q.Pause(ctx, identity, rest, why)
			}
		case "enable":
			changed, err = q.Enable(ctx, identity)
		case "disable":
			changed, err = q.Disable(ctx, identity, view.Reason(ctx, why))
		}
		return changed.Count, err
	})
	return did("/webhook?id="+url.QueryEscape(identity), do, 1), err
}

func (p *Page) run(r *http.Request) (*shown, error) {
	run, err := p.desk.RunOf(r.Context(), r.URL.Query().Get("id"))
	return &shown{View: "run", Title: "Run", Nav: "deliveries", Live: true, Data: run}, err
}

// seen is an event with why each webhook wants it or not.
type seen struct {
	*view.EventSeen
	Envelope string
	Why      []engine.Explanation
}

func (p *Page) event(r *http.Request) (*shown, error) {
	found, err := p.desk.Event(r.Context(), r.URL.Query().Get("id"))
	if err != nil {
		return nil, err
	}
	return &shown{View: "event", Title: "Event", Nav: "tail",
		Data: seen{found, view.Pretty(p.desk.Envelope(&found.Event)), p.desk.Why(r.Context(), &found.Event)}}, nil
}

func (p *Page) tail(*http.Request) (*shown, error) {
	return &shown{View: "tail", Title: "Events", Nav: "tail", Live: true, Data: p.desk.Seen.Events()}, nil
}

func (p *Page) config(*http.Request) (*shown, error) {
	return &shown{View: "config", Title: "Configuration", Nav: "config", Data: p.desk.Configuration()}, nil
}

// changed lists the changes that people made, and those under way.
type changed struct {
	Bulks      []view.Bulk
	Operations []engine.Operation
	Next       int64
}

func (p *Page) changes(r *http.Request) (*shown, error) {
	const page = 50
	before, err := api.Number("before", r.URL.Query().Get("before"))
	if err != nil {
		return nil, err
	}
	ops, err := p.desk.Operations(r.Context(), before, page+1)
	if err != nil {
		return nil, err
	}
	var c changed
	c.Operations, c.Next = api.Cut(ops, page, func(op *engine.Operation) int64 { return op.Seq })
	if before == 0 {
		c.Bulks = p.desk.Bulks()
	}
	return &shown{View: "changes", Title: "Changes", Nav: "changes", Live: before == 0, Data: c}, nil
}

func (p *Page) cancel(r *http.Request) (string, error) {
	id, err := api.Number("bulk", r.PostForm.Get("bulk"))
	if err != nil {
		return "", err
	}
	return did("/changes", "cancel", 0), p.desk.Cancel(r.Context(), int(id))
}
