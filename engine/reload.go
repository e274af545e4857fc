package engine

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"slices"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/internal/route"
	"github.com/awf-project/awf-hook/transforms"
)

// webhooks holds the webhooks that one configuration opened.
type webhooks struct {
	config   *config.Config
	settings []*webhook
	own      map[string]bool // identities of definitions' webhooks; guarded by Engine.opening
}

// Reload replaces the configuration. If the new one has mistakes, Reload returns [config.Errors] and changes nothing.
// Deliveries that were accepted before are delivered: attempts in flight end under the old configuration, later
// attempts use the new one. An unchanged webhook keeps its connections. A webhook with the same identity keeps its
// pause, its rate and its waiting deliveries. Settings of the queue take effect at the next Open.
func (e *Engine) Reload(cfg *config.Config) error {
	e.reloading.Lock()
	defer e.reloading.Unlock()
	if err := prepare(cfg, e.opts.Queue); err != nil {
		return err
	}
	settings, err := compiler{e.modules, e.log, cfg.Secrets()}.settings(cfg)
	if err != nil {
		return err
	}
	if !e.enter() {
		closeChains(settings)
		return ErrClosed
	}
	defer e.running.Done()
	e.routes.Swap(e.openAll(cfg, settings))
	e.digest.Store(cfg.Digest())
	return nil
}

// Config returns the current configuration.
func (e *Engine) Config() *config.Config {
	e.opening.Lock()
	defer e.opening.Unlock()
	return e.current.config
}

// Name returns a webhook's name from its identity: the name in the configuration, else the part after the file.
func (e *Engine) Name(identity string) string {
	if name, ours := e.lanes.Name(identity); ours {
		return name
	}
	return nameOf(identity)
}

// Webhooks lists the names of the current configuration's webhooks. It includes those of a definition once its
// workflow has run.
func (e *Engine) Webhooks() []string { return e.lanes.Names() }

// Mistakes returns the mistakes in the definitions that were looked up; nil for none. The settings have none, since Open
// and Reload refuse them.
func (e *Engine) Mistakes() error { return errors.Join(e.routes.Mistakes()...) }

// Warnings reports what is allowed but unwise in the active webhooks of the settings.
func (e *Engine) Warnings() (warnings config.Errors) {
	e.opening.Lock()
	defer e.opening.Unlock()
	for _, w := range e.current.settings {
		warnings = slices.Concat(warnings, w.warnings, w.unwise(e.current.config.Allow), w.unlikely())
	}
	return warnings
}

// prepare refuses a configuration that was read without its variables, and gives its webhooks their identities in a shared queue.
func prepare(cfg *config.Config, queue string) error {
	if err := cfg.Unread(); err != nil {
		return err
	}
	if !config.IsDatabase(queue) {
		return nil
	}
	return cfg.Share()
}

// openAll opens the lanes of the settings' webhooks, ends the lanes of removed webhooks, and returns the routes. The
// lanes of a definition open when its workflow runs, or when it has waiting deliveries.
func (e *Engine) openAll(cfg *config.Config, settings []compiled) route.Options[*webhook] {
	e.opening.Lock()
	defer e.opening.Unlock()
	before, now := e.current, &webhooks{config: cfg, own: map[string]bool{}}
	gone := map[string]bool{}
	for _, w := range before.settings {
		gone[w.Identity] = true
	}
	for identity := range before.own {
		gone[identity] = true
	}
	for i := range settings {
		delete(gone, settings[i].Identity)
		now.settings = append(now.settings, e.keepOrOpen(before, now, &settings[i]))
	}
	for identity := range gone {
		e.lanes.Remove(identity)
	}
	if e.current = now; before.config != nil && !before.config.Queue.Equal(cfg.Queue) {
		e.log.Warn("the configuration's queue has changed: restart awf-hook to use it")
	}
	o := route.Options[*webhook]{
		Settings: now.settings, Workflows: cfg.Workflows, Log: e.log,
		Identity: func(w *webhook) string { return w.Identity },
		Open:     func(ctx context.Context, own []config.Webhook) ([]*webhook, error) { return e.openOwn(ctx, now, own) },
	}
	for _, file := range cfg.Files {
		if abs, err := filepath.Abs(file); err == nil && !cfg.OnlyServer {
			o.Files = append(o.Files, abs)
		}
	}
	return o
}

// keepOrOpen returns the earlier configuration's webhook if it is equal, else it opens a new one.
func (e *Engine) keepOrOpen(before, now *webhooks, c *compiled) *webhook {
	for _, old := range before.settings {
		if old.Identity == c.Identity && slices.Equal(before.config.Allow, now.config.Allow) && old.equals(c) {
			c.chain.Close()
			return old
		}
	}
	w := newWebhook(*c, &e.opts, now.config.Allow)
	e.notices.asksFor(w)
	e.lanes.Add(w.lane())
	return w
}

// equals reports whether two webhooks are configured alike. A webhook with a module never is: the module's file may
// have changed.
func (w *compiled) equals(c *compiled) bool {
	isWasm := func(s transforms.Named) bool {
		_, is := s.Step.(*transforms.Wasm)
		return is
	}
	return !slices.ContainsFunc(c.chain, isWasm) && reflect.DeepEqual(w.Webhook, c.Webhook)
}

// openOwn opens the webhooks of a definition.
func (e *Engine) openOwn(ctx context.Context, now *webhooks, own []config.Webhook) (list []*webhook, err error) {
	all, mistakes := compiler{e.modules, e.log, now.config.Secrets()}.all(ctx, own)
	if len(mistakes) > 0 {
		closeChains(all)
		return nil, mistakes
	}
	e.opening.Lock()
	defer e.opening.Unlock()
	for i := range all {
		if !all[i].Enabled {
			all[i].chain.Close()
			continue
		}
		w := newWebhook(all[i], &e.opts, now.config.Allow)
		list = append(list, w)
		e.notices.asksFor(w)
		if e.current != now { // deliveries wait until the current configuration opens the webhook
			w.close()
			continue
		}
		now.own[w.Identity] = true
		e.lanes.Add(w.lane())
	}
	return list, nil
}
