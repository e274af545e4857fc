package engine

import (
	"errors"
	"net/netip"
	"sync/atomic"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/internal/queue"
	"github.com/awf-project/awf-hook/engine/internal/sender"
	"github.com/awf-project/awf-hook/filters"
	"github.com/awf-project/awf-hook/transforms"
)

// webhook is a configured webhook, compiled.
type webhook struct {
	compiled
	lane   *lane
	engine *Engine

	faultSaid atomic.Bool // a fault of the user's own code was said
}

// newWebhook makes a webhook of a compiled one. It may reach the addresses of allow whatever else holds.
func newWebhook(c compiled, e *Engine, allow []netip.Prefix) *webhook {
	w := &webhook{compiled: c, engine: e}
	cfg := &w.Webhook
	target := sender.Webhook{
		URL:         cfg.URL.Reveal(),
		Signing:     cfg.Signing,
		Custom:      cfg.Custom,
		Timeout:     cfg.Timeout,
		MaxInFlight: cfg.MaxInFlight,
		UserAgent:   "awf-hook/" + e.options.Version,
		Trusted:     cfg.Origin == config.UserFile,
		Allow:       allow,
		TLS:         cfg.TLS.Client(),
	}
	for _, s := range cfg.Secrets {
		target.Secrets = append(target.Secrets, sender.Secret{Value: s.Reveal(), NotBefore: s.NotBefore, NotAfter: s.NotAfter})
	}
	for _, h := range cfg.Headers {
		target.Headers = append(target.Headers, [2]string{h.Name, h.Value.Reveal()})
	}
	for _, known := range cfg.Known {
		target.Known = append(target.Known, known.Reveal())
	}
	target.Known = append(target.Known, with(cfg)...)
	if w.format != nil {
		target.Receiver, target.Method = w.format.Judge, w.format.Receiver.Policy.Method
	}
	w.lane = newLane(w, sender.New(target, e.options.Transport))
	return w
}

// rate is how many attempts a second the receiver gets, 0 for no bound, and how many of them at once: as the configuration says,
// else as its format knows it.
func (w *webhook) rate() (perSecond float64, burst int) {
	if w.Rate.Per == 0 && w.format != nil && w.format.Receiver.Policy.Rate.N > 0 {
		r := w.format.Receiver.Policy.Rate
		return float64(r.N) / r.Per.Seconds(), max(1, r.Burst)
	}
	perSecond = w.Rate.PerSecond()
	return perSecond, max(1, int(perSecond/10))
}

// close closes connections and modules, after the last attempt.
func (w *webhook) close() {
	w.lane.sender.Close()
	w.chain.Close()
}

func compileFilter(cfg *config.Webhook, by *transforms.Compiler) (*filters.Filter, config.Errors) {
	var mistakes config.Errors
	var globs []filters.Glob
	for _, text := range cfg.Events {
		glob, err := filters.ParseGlob(text.Value)
		if err != nil {
			mistakes = append(mistakes, text.Fail(1, 0, err.Error()))
		}
		globs = append(globs, glob)
	}
	if cfg.Filter.Value == "" {
		return filters.New(globs, nil), mistakes
	}
	program, err := by.Expressions.Bool(cfg.Filter.Value)
	if at := (*expression.Error)(nil); errors.As(err, &at) {
		return filters.New(globs, nil), append(mistakes, cfg.Filter.Fail(at.Line, at.Col, at.Message))
	}
	by.Warn(cfg.Filter, program.Warnings())
	return filters.New(globs, program), mistakes
}

func compileOrderBy(cfg *config.Webhook, by *transforms.Compiler) (*expression.Program, config.Errors) {
	if cfg.OrderBy.Value == "" {
		return nil, nil
	}
	program, err := by.Expressions.Value(cfg.OrderBy.Value)
	if at := (*expression.Error)(nil); errors.As(err, &at) {
		return nil, config.Errors{cfg.OrderBy.Fail(at.Line, at.Col, at.Message)}
	}
	by.Warn(cfg.OrderBy, program.Warnings())
	return program, nil
}

// want is the delivery that the webhook wants of an event; false if it wants none.
// An expression that fails at run time makes a dead letter, which a replay asks again.
func (w *webhook) want(in *expression.Env) (queue.Want, bool) {
	ev := in.Event()
	match, err := w.filter.Match(in)
	if err == nil && !match {
		return queue.Want{}, false
	}
	want := queue.Want{Webhook: w.Identity}
	switch {
	case err != nil:
		err = w.filterError(err)
	case w.orderBy != nil:
		want.OrderKey, err = w.orderKey(in)
	case w.format != nil:
		want.OrderKey = w.format.OrderKey(ev)
	}
	if err != nil {
		want.Dead = w.masker.Text(err.Error())
		w.sayFault(delivery.ID(ev.ID, w.Identity), ev, want.Dead)
		return want, true
	}
	want.Take = w.lane.mayTake(ev.Size())
	return want, true
}

// orderKey is the value of order_by; "" where it is missing.
func (w *webhook) orderKey(in *expression.Env) (string, error) {
	value, err := w.orderBy.Value(in)
	if err == nil && value != nil {
		var key string
		if key, err = expression.Text(value); err == nil {
			return key, nil
		}
	}
	if err != nil {
		err = w.OrderBy.Fail(1, 0, err.Error())
	}
	return "", err
}
