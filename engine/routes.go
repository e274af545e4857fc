package engine

import (
	"cmp"
	"net/netip"
	"path/filepath"
	"slices"
	"sync"

	"github.com/awf-project/awf-hook/engine/config"
)

// routes says which webhooks hold for the events of a workflow: those of the settings, and its definition's own.
type routes struct {
	engine    *Engine
	workflows *config.Workflows // nil if definitions are left out
	settings  []*webhook
	allow     []netip.Prefix // the user's network.allow

	mu          sync.Mutex
	definitions map[string]route    // by the definition's file
	own         map[string]*webhook // the definitions' webhooks by identity
	strange     map[string]bool     // identities in the queue that are not ours
	files       []string            // the settings that were read, absolute
}

// route is what holds for the workflow of one definition, compiled.
type route struct {
	found    *config.Found
	webhooks []*webhook
}

func newRoutes(e *Engine, cfg *config.Config, webhooks []compiled) *routes {
	r := &routes{engine: e, workflows: cfg.Workflows, allow: cfg.Allow, definitions: map[string]route{}, own: map[string]*webhook{}, strange: map[string]bool{}}
	for _, file := range cfg.Files {
		if abs, err := filepath.Abs(file); err == nil {
			r.files = append(r.files, abs)
		}
	}
	for _, w := range webhooks {
		r.settings = append(r.settings, r.open(w))
	}
	return r
}

// open starts the lane of a webhook.
func (r *routes) open(c compiled) *webhook {
	w := newWebhook(c, r.engine, r.allow)
	r.engine.lanes.add(w.lane)
	return w
}

// of returns the webhooks for a workflow's events.
func (r *routes) of(workflow string) []*webhook {
	if r.workflows == nil || workflow == "" {
		return r.settings
	}
	found := r.workflows.Lookup(workflow)
	if found == nil {
		return r.settings
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	known := r.definitions[found.File]
	if known.found == found {
		return known.webhooks
	}
	known = route{found, r.compile(workflow, found)}
	r.definitions[found.File] = known
	return known.webhooks
}

// compile opens a definition's webhooks. A definition with mistakes has none: that is said, and harms no other workflow.
func (r *routes) compile(workflow string, found *config.Found) []*webhook {
	var own []compiled
	err := found.Err
	if err == nil {
		var mistakes config.Errors
		if own, mistakes = compile(found.Own, r.engine.modules, r.engine.log); len(mistakes) > 0 {
			err = mistakes
		}
	}
	if err != nil {
		for i := range own {
			own[i].chain.Close()
		}
		r.engine.log.Error("the workflow's own webhooks are off", "workflow", workflow, "err", err)
		return r.settings
	}
	bySettings := map[string]*webhook{}
	for _, w := range r.settings {
		bySettings[w.Identity] = w
	}
	ofDefinition := map[string]*webhook{}
	for i := range own {
		if !own[i].Enabled {
			own[i].chain.Close()
			continue
		}
		w := r.open(own[i])
		if old := r.own[w.Identity]; old != nil {
			r.engine.lanes.retire(old.lane)
		}
		r.own[w.Identity], ofDefinition[w.Identity] = w, w
	}
	var webhooks []*webhook
	for _, cfg := range found.Webhooks {
		webhooks = append(webhooks, cmp.Or(bySettings[cfg.Identity], ofDefinition[cfg.Identity]))
	}
	return webhooks
}

// adopt opens the webhook of an identity that has deliveries in the queue, if a workflow's definition has it; nil if not.
// A webhook that is gone from a file that was read leaves its deliveries where they are: that is said once.
func (r *routes) adopt(identity string) *lane {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.strange[identity] {
		return nil
	}
	if r.workflows != nil {
		for _, found := range r.workflows.All() {
			isOurs := func(w config.Webhook) bool { return w.Identity == identity && w.Enabled }
			if found.Err != nil || !slices.ContainsFunc(found.Own, isOurs) || r.workflows.Lookup(found.Name) != found {
				continue
			}
			if r.definitions[found.File].found != found {
				r.definitions[found.File] = route{found, r.compile(found.Name, found)}
			}
			if w := r.own[identity]; w != nil {
				return w.lane
			}
		}
	}
	if len(r.strange) < maxStrange {
		r.strange[identity] = true
	}
	if slices.Contains(r.files, fileOf(identity)) {
		r.engine.log.Warn("deliveries wait for a webhook that is not in its file any more", "webhook", identity)
	}
	return nil
}

// maxStrange is how many webhooks of other configurations are remembered, so that they are not looked for again.
const maxStrange = 10_000
