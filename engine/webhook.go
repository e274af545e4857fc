package engine

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/delivery"
	"github.com/awf-project/awf-hook/engine/event"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/engine/internal/lane"
	"github.com/awf-project/awf-hook/engine/internal/sender"
	"github.com/awf-project/awf-hook/engine/trace"
	"github.com/awf-project/awf-hook/transforms"
)

// webhook is a configured webhook, ready to deliver.
type webhook struct {
	compiled
	sender *sender.Sender
	log    *slog.Logger
	random func() float64 // chooses within the jitter
	envs   expression.Envs
	shared bool // other machines deliver for it too

	timer  transforms.Timer  // of steps; nil for none
	record func(*trace.Span) // see Observer; nil for none

	faultSaid  atomic.Bool // a failure of the user's own code was logged
	notRunSaid atomic.Bool // a module that could not run was logged
}

// newWebhook makes a webhook from a compiled one. It may always reach the addresses in allow.
func newWebhook(c compiled, opts *Options, allow []netip.Prefix) *webhook {
	w := &webhook{compiled: c, log: opts.Logger, random: opts.Random, record: opts.Observer.Span, shared: config.IsDatabase(opts.Queue)}
	cfg := &w.Webhook
	if told := opts.Observer.Transformed; told != nil {
		w.timer = func(kind string, took time.Duration, err error) { told(cfg.Name, kind, took, transforms.Reason(err)) }
	}
	target := sender.Webhook{
		URL:         cfg.URL.Reveal(),
		Signing:     cfg.Signing,
		Custom:      cfg.Custom,
		Timeout:     cfg.Timeout,
		MaxInFlight: cfg.MaxInFlight,
		UserAgent:   "awf-hook/" + opts.Version,
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
	w.sender = sender.New(target, opts.Transport)
	return w
}

// leaseSlack is how much longer a third of a lease is than an attempt's timeout. An attempt begins in the first third of
// its lease, so the lease outlasts it.
const leaseSlack = 10 * time.Second

// lane returns the options of the lane that delivers for the webhook.
func (w *webhook) lane() lane.Options {
	l := delivery.Lane{Webhook: w.Identity, Lease: 3 * (w.Timeout + leaseSlack), Total: w.MaxTotal, Shared: w.shared}
	l.Rate, l.Burst = w.rate()
	return lane.Options{Name: w.Name, Lane: l, MaxInFlight: w.MaxInFlight, Attempt: w.attempt, Close: w.close}
}

// rate returns the attempts per second, 0 for no limit, and the burst. The configuration decides, else the format's
// own limits.
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
	w.sender.Close()
	w.chain.Close()
}

// sayFault logs the first failure of the user's own code in a webhook. The report counts the others.
func (w *webhook) sayFault(ev *event.Event, reason string) {
	level := slog.LevelDebug
	if w.faultSaid.CompareAndSwap(false, true) {
		level = slog.LevelWarn
	}
	w.log.LogAttrs(context.Background(), level, w.Name+": dead: "+reason+" (further ones are counted)",
		slog.String("delivery", delivery.ID(ev.ID, w.Identity)), slog.String("event", ev.Type))
}
