package engine

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/internal/sender"
	"github.com/awf-project/awf-hook/filters"
	"github.com/awf-project/awf-hook/transforms/format"
)

// Check compiles the globs, expressions and transforms of all webhooks. It reports their mistakes, and warns about
// what is allowed but unwise. It uses only Logger and ModuleCache of the options.
func Check(cfg *config.Config, opts Options) (mistakes, warnings config.Errors) {
	modules := newModules(&opts)
	all, mistakes := compiler{modules, opts.Logger, cfg.Secrets()}.all(context.Background(), cfg.All())
	for i := range all {
		warnings = slices.Concat(warnings, all[i].warnings, all[i].unwise(cfg.Allow), all[i].unlikely())
	}
	closeChains(all)
	_ = closeModules(modules) // a compilation that is still running does no harm
	return mistakes, warnings
}

// unlikely warns about globs that match no event that AWF is known to write.
func (c *compiled) unlikely() config.Errors {
	var warnings config.Errors
	for _, text := range c.Events {
		glob, err := filters.ParseGlob(text.Value)
		if why := filters.Unlikely(glob); err == nil && why != "" {
			warning := text.Fail(1, 0, "event.unknown", why)
			warning.Warning = true
			warnings = append(warnings, warning)
		}
	}
	return warnings
}

// unwise warns about a URL that no attempt can reach, a URL that belongs to another receiver than the format's, and
// expired secrets.
func (w *compiled) unwise(allow []netip.Prefix) config.Errors {
	if w.URL.Host() == "" || !w.Enabled { // the host is empty when its variables are unknown
		return nil
	}
	var warnings config.Errors
	warn := func(code, why string) {
		if why != "" {
			warning := w.FailURL(code, why)
			warning.Warning = true
			warnings = append(warnings, warning)
		}
	}
	guard := sender.Guard{Trusted: w.Origin == config.UserFile, Allow: allow}
	if err := guard.CheckHost(w.URL.Host()); err != nil {
		warn("url.guard", err.Error())
	}
	switch {
	case w.format != nil:
		why := w.format.Receiver.Policy.CheckURL(w.URL.Reveal())
		warn("url.receiver", cmp.Or(format.CheckHost(w.URL.Reveal(), w.format.Receiver.Name), why))
	case len(w.Transform) == 0:
		warn("url.receiver", format.CheckHost(w.URL.Reveal(), ""))
	}
	holds := func(s config.SigningSecret) bool { return s.NotAfter.IsZero() || time.Now().Before(s.NotAfter) }
	if len(w.Secrets) > 0 && !slices.ContainsFunc(w.Secrets, holds) {
		warn("secret.expired", "the time of all its secrets is over: no request can be signed")
	}
	return warnings
}
