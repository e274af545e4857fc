package engine

import (
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/awf-project/awf-hook/engine/config"
	"github.com/awf-project/awf-hook/engine/expression"
	"github.com/awf-project/awf-hook/filters"
	"github.com/awf-project/awf-hook/transforms"
	"github.com/awf-project/awf-hook/transforms/format"
)

// compiled is a configured webhook with what its expressions and transforms became.
type compiled struct {
	config.Webhook
	filter  *filters.Filter
	chain   transforms.Chain
	orderBy *expression.Program // nil for no order
	format  *format.Format      // the last step of the chain; nil if that is something else
}

// Check reports the mistakes in webhooks' globs, expressions and transforms, which the config package does not look into,
// and what is not wrong but unwise. Of the options the logger and the cache of modules hold.
func Check(webhooks []config.Webhook, opts Options) (mistakes, warnings config.Errors) {
	modules := newModules(&opts)
	all, mistakes := compile(webhooks, modules, opts.Logger)
	for i := range all {
		if warning := all[i].checkURL(); warning != nil {
			warnings = append(warnings, warning)
		}
		all[i].chain.Close()
	}
	_ = closeModules(modules) // a compilation that goes on harms nobody
	return mistakes, warnings
}

// compile compiles webhooks, as many at a time as there are processors: a module may take a second. Their chains must be closed even where there
// are mistakes. Without modules wasm steps are not looked into.
func compile(webhooks []config.Webhook, modules *transforms.Modules, log *slog.Logger) ([]compiled, config.Errors) {
	all, errs := make([]compiled, len(webhooks)), make([]config.Errors, len(webhooks))
	var next atomic.Int64
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(webhooks)) {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(webhooks)); i = next.Add(1) - 1 {
				all[i].Webhook = webhooks[i]
				errs[i] = all[i].compile(modules, log)
			}
		})
	}
	working.Wait()
	mistakes := slices.Concat(errs...)
	mistakes.Sort()
	return all, mistakes
}

func (c *compiled) compile(modules *transforms.Modules, log *slog.Logger) config.Errors {
	var errs [3]config.Errors
	c.filter, errs[0] = compileFilter(&c.Webhook)
	c.orderBy, errs[1] = compileOrderBy(&c.Webhook)
	c.chain, errs[2] = transforms.Compile(context.Background(), c.Transform, modules, c.logger(log))
	if n := len(c.chain); n > 0 {
		if f, isFormat := c.chain[n-1].Step.(*transforms.Format); isFormat && f != nil {
			c.format = f.Format
		}
	}
	return slices.Concat(errs[:]...)
}

// checkURL warns of a URL that is not one of its format's receiver; nil for none.
func (c *compiled) checkURL() *config.Error {
	if c.format == nil || c.URL.Host() == "" {
		return nil
	}
	what := c.format.Kind.Policy.CheckURL(c.URL.Reveal())
	if what == "" {
		return nil
	}
	warning := c.Webhook.FailURL(what)
	warning.Warning = true
	return warning
}

func newModules(opts *Options) *transforms.Modules {
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return transforms.NewModules(opts.ModuleCache, opts.Logger)
}

// moduleClose is for how long a compilation that was given up is waited for.
const moduleClose = 10 * time.Second

func closeModules(m *transforms.Modules) error {
	ctx, cancel := context.WithTimeout(context.Background(), moduleClose)
	defer cancel()
	return m.Close(ctx)
}
