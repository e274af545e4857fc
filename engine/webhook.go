package engine

import (
	"errors"
	"net/netip"
	"sync"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/internal/sender"
	"github.com/awf-project/awf-hook/filters"
	"github.com/awf-project/awf-hook/transforms"
)

// webhook is a configured webhook, compiled.
type webhook struct {
	config.Webhook
	filter *filters.Filter
	chain  transforms.Chain
	lane   *lane
	engine *Engine

	filterFailed sync.Once // a filter's run-time error is said once
}

// newWebhook compiles a webhook that was checked before. It may reach the addresses of allow whatever else holds.
func newWebhook(cfg config.Webhook, e *Engine, allow []netip.Prefix) *webhook {
	w := &webhook{Webhook: cfg, engine: e}
	w.filter, _ = compileFilter(&cfg)
	w.chain, _ = transforms.Compile(cfg.Transform)
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
	w.lane = newLane(w, sender.New(target, e.options.Transport))
	return w
}

func compileFilter(cfg *config.Webhook) (*filters.Filter, config.Errors) {
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
	program, err := expression.CompileBool(cfg.Filter.Value)
	if at := (*expression.Error)(nil); errors.As(err, &at) {
		mistakes = append(mistakes, cfg.Filter.Fail(at.Line, at.Col, at.Message))
	}
	return filters.New(globs, program), mistakes
}

// wants says whether the webhook gets the event. An expression that fails at run time does not match.
func (w *webhook) wants(in *expression.Input) bool {
	match, err := w.filter.Match(in)
	if err != nil {
		w.filterFailed.Do(func() {
			w.engine.log.Warn("filter failed, no match", "webhook", w.Name, "event", in.Event().Type, "err", err)
		})
	}
	return match
}
